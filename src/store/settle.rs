//! Answers only when saved: what no node could heal from memory is done when every replica has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::group::{Group, StoreError};
use super::saver::is_saved;

/// How long replicas are waited for: less than one exchange may take.
const SETTLE_WITHIN: Duration = Duration::from_millis(1_400);

impl Group {
    /// Carries out a write, and waits until every replica has it. After an error its fate is unknown, and it may be
    /// done again.
    pub async fn settled<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let before = self.primary().await?;
        let value = write.await?;
        let primary = self.primary().await?;
        // What one primary was given another cannot confirm.
        if !Arc::ptr_eq(&before, &primary) {
            return Err(StoreError::Unavailable("the primary is another now".to_owned()));
        }
        let late = || StoreError::Unavailable("not every replica has it yet".to_owned());
        let waited = self.with_wire(|mut wire| async move {
            let began = Instant::now();
            while began.elapsed() < SETTLE_WITHIN {
                if is_saved(self, &mut wire).await? {
                    return Ok(true);
                }
            }
            Ok(false)
        });
        if waited.await? { Ok(value) } else { Err(late()) }
    }
}
