//! One Redis for the time it is the primary of a group, and the connections to it that are shared.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::endpoint::At;
use super::error::{StoreError, no_answer};
use super::slot::Slot;
use super::timeouts;

/// One Redis for the time it is the group's primary.
pub struct Primary {
    pub(super) generation: u64,
    pub(super) at: At,
    /// For ordinary commands.
    pub(super) line: Slot<MultiplexedConnection>,
    /// The replica wait: learns when what was written is durable.
    pub(super) saver: Slot<Saver>,
    pub(super) newest: watch::Receiver<u64>,
}

impl Primary {
    /// Uses no connection any more that was opened until now.
    pub(super) fn discard_all(&self) {
        self.line.clear();
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
        self.until(Instant::now() + timeouts::COMMAND, exchange).await
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

/// Called with the number of records once they are durable.
pub type OnSaved = Box<dyn FnOnce(u32) + Send>;

/// Writes made together, and who waits for each to be durable.
pub type Batch = Vec<(OnSaved, u32)>;

/// Handle of the task that waits, on a connection of its own, for what was written at one primary; it ends when the
/// handles are dropped or the connection is lost, and what was not durable by then is never called so.
#[derive(Clone)]
pub struct Saver {
    pub(super) batches: mpsc::Sender<(Batch, Duration)>,
}

impl Saver {
    /// Whether its connection was lost: what is written from now on needs another.
    pub fn is_gone(&self) -> bool {
        self.batches.is_closed()
    }

    /// Calls each of a batch once everything written so far is durable, if that is so within a time.
    pub fn settle(&self, batch: Batch, within: Duration) {
        if !batch.is_empty() {
            // Where too many wait, or the connection is lost, the next record of the game tells of this one too.
            let _ = self.batches.try_send((batch, within));
        }
    }

    /// Whether everything written so far is durable within [`timeouts::REPLICAS`].
    pub async fn saved(&self) -> bool {
        let (saved, answer) = oneshot::channel();
        let on_saved: OnSaved = Box::new(move |_| {
            // Whoever asked may have given up.
            let _ = saved.send(());
        });
        self.settle(vec![(on_saved, 0)], timeouts::REPLICAS);
        answer.await.is_ok()
    }
}
