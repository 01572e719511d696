//! Answers only when saved: what no node could heal from memory is done when every replica has it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::group::{Group, Primary, StoreError};
use super::place::COMMAND_TIMEOUT;
use super::primary::no_answer;
use super::saver::Saver;
use crate::fault::is_without;

/// How long replicas are waited for: less than one exchange may take.
const SETTLE_WITHIN: Duration = Duration::from_millis(1_400);

impl Group {
    /// Carries out a write, and waits until every replica has it, both in [`COMMAND_TIMEOUT`]. After an error its fate is
    /// unknown, and it may be done again.
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
        // Its connection is older than the write: a Redis that was started anew in between cannot confirm it.
        let saver = self.saver(&before).await?;
        let value = write.await?;
        if is_without("settle") {
            return Ok(value);
        }
        // What one primary was given another cannot confirm.
        if !Arc::ptr_eq(&before, &self.primary().await?) {
            return Err(StoreError::Unavailable("the primary is another now".to_owned()));
        }
        let late = || StoreError::Unavailable("not every replica has it yet".to_owned());
        if saver.saved().await { Ok(value) } else { Err(late().at(self.name())) }
    }

    /// The one that waits for all such writes at a primary.
    async fn saver(&self, primary: &Arc<Primary>) -> Result<Saver, StoreError> {
        let open = || {
            let (group, primary) = (self.clone(), Arc::clone(primary));
            async move { Saver::open(&group, primary, SETTLE_WITHIN).await }
        };
        let (number, saver) = primary.saver.get(open).await?;
        if !saver.is_gone() {
            return Ok(saver);
        }
        primary.saver.discard(number);
        Ok(primary.saver.get(open).await?.1)
    }
}
