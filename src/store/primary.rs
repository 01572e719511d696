//! One Redis for the time it is the primary of a group, and the connections to it.

use redis::ConnectionInfo;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::error::StoreError;
use super::lines::{Lines, Slot};
use super::place::COMMAND_TIMEOUT;
use super::saver::Saver;

/// One Redis for the time it is the group's primary.
pub struct Primary {
    pub(super) generation: u64,
    pub(super) info: ConnectionInfo,
    /// For ordinary commands.
    pub(super) lines: Lines,
    /// Learns when what no node could heal is saved.
    pub(super) saver: Slot<Saver>,
    pub(super) newest: watch::Receiver<u64>,
}

/// It did not answer in time.
pub(super) fn no_answer() -> StoreError {
    StoreError::NoAnswer("no answer in time".to_owned())
}

impl Primary {
    /// Uses no connection any more that was opened until now.
    pub(super) fn discard_all(&self) {
        self.lines.discard_all();
        self.saver.clear();
    }

    /// Ends when this is the group's primary no longer: whatever is under way there has no known fate.
    pub async fn left(&self) {
        let mut newest = self.newest.clone();
        // An error means that the group is gone.
        let _ = newest.wait_for(|newest| *newest != self.generation).await;
    }

    /// An exchange that ends in time, and when this is the primary no longer.
    pub async fn in_time<T, E>(&self, exchange: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
        self.until(Instant::now() + COMMAND_TIMEOUT, exchange).await
    }

    /// The same with a deadline.
    pub async fn until<T, E>(
        &self,
        deadline: Instant,
        exchange: impl Future<Output = Result<T, E>>,
    ) -> Result<T, StoreError>
    where
        StoreError: From<E>,
    {
        tokio::select! {
            result = timeout_at(deadline, exchange) => match result {
                Ok(result) => Ok(result?),
                Err(_) => Err(no_answer()),
            },
            () = self.left() => Err(StoreError::Unavailable("the primary is another now".to_owned())),
        }
    }
}
