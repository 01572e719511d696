//! Answers only when saved: what no node could heal from memory is done when every replica has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::group::{Group, StoreError};
use super::place::COMMAND_TIMEOUT;
use super::primary::no_answer;
use super::saver::is_saved;

/// How long replicas are waited for: less than one exchange may take.
const SETTLE_WITHIN: Duration = Duration::from_millis(1_400);

impl Group {
    /// Carries out a write, and waits until every replica has it, both in [`COMMAND_TIMEOUT`]. After an error its fate is unknown, and it may be
    /// done again.
    pub async fn settled<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let all = timeout(COMMAND_TIMEOUT, self.write_and_wait(write)).await;
        all.unwrap_or_else(|_| Err(no_answer().at(self.name())))
    }

    async fn write_and_wait<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.reachable()?;
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
