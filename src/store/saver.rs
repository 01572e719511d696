//! Learns when accepted records are saved: one `WAIT` for all replicas covers everything appended before it.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::group::{Group, Primary, StoreError};
use super::place::{Role, role};

/// Called with the number of records once they are saved.
pub type OnSaved = Box<dyn FnOnce(u32) + Send>;

/// Batches that may wait to be saved.
const QUEUE: usize = 4_096;
/// How long `WAIT` waits for the replicas.
const WAIT_MS: u64 = 500;
/// Replicas that stay behind for so long make the primary doubtful.
const DOUBT_AFTER: Duration = Duration::from_secs(1);
/// Records whose replicas stay behind for so long are not called saved; the next ones may be.
const FORGET_AFTER: Duration = Duration::from_mins(1);

type Batch = Vec<(OnSaved, u32)>;

/// Handle of the task that waits, on a connection of its own, for what was appended at one primary; it ends when the
/// handle is dropped or the connection is lost, and what was not saved by then is never called saved.
pub struct Saver {
    batches: mpsc::Sender<Batch>,
}

impl Saver {
    /// Connects, and spawns the task. To be opened before the first append it is to wait for.
    pub async fn open(group: &Group, primary: Arc<Primary>) -> Result<Self, StoreError> {
        let (connection, _) = group.connect(&primary).await?;
        let (batches, queue) = mpsc::channel(QUEUE);
        tokio::spawn(Work { group: group.clone(), primary, connection, queue }.run());
        Ok(Self { batches })
    }

    /// Whether its connection was lost: what is appended from now on needs another.
    pub fn is_gone(&self) -> bool {
        self.batches.is_closed()
    }

    /// Calls each of a batch once everything accepted so far is saved.
    pub fn settle(&self, batch: Batch) {
        if !batch.is_empty() {
            // Where too many wait, or the connection is lost, the next record of the game tells of this one too.
            let _ = self.batches.try_send(batch);
        }
    }
}

struct Work {
    group: Group,
    primary: Arc<Primary>,
    connection: MultiplexedConnection,
    queue: mpsc::Receiver<Batch>,
}

impl Work {
    async fn run(mut self) {
        let mut batches = Vec::new();
        while self.queue.recv_many(&mut batches, QUEUE).await > 0 {
            match self.wait(Instant::now()).await {
                Ok(true) => batches.drain(..).flatten().for_each(|(saved, number)| saved(number)),
                Ok(false) => {
                    tracing::warn!(records = batches.len(), "records are accepted but no replica follows");
                    batches.clear();
                }
                Err(error) => return self.group.weigh(&self.primary, &error),
            }
        }
    }

    /// Waits until all replicas have everything accepted so far; not for ever.
    async fn wait(&mut self, since: Instant) -> Result<bool, StoreError> {
        while since.elapsed() < FORGET_AFTER {
            if self.primary.in_time(is_saved(&self.group, &mut self.connection)).await? {
                return Ok(true);
            }
            if since.elapsed() > DOUBT_AFTER {
                self.group.doubt();
            }
        }
        Ok(false)
    }
}

/// Whether all replicas have, within a moment, everything the primary had been given until now.
pub async fn is_saved(group: &Group, connection: &mut MultiplexedConnection) -> RedisResult<bool> {
    // ROLE tells who follows, and makes WAIT speak of all that was written by now, by whichever connection.
    let attached = match role(connection).await? {
        Role::Primary { replicas } => replicas,
        Role::Other | Role::Sentinel => {
            return Err(RedisError::from((ErrorKind::Server(ServerErrorKind::ReadOnly), "no primary")));
        }
    };
    // While a replica is promoted the others still follow the old primary: those that only the sentinels know of
    // count too, or what the new primary never had would be called saved. Where there are replicas, one must have it:
    // a primary that sees none may be cut off, and what it alone has is lost when another takes its place.
    let needed = attached.max(group.replicas()).max(group.replicas_known().min(1));
    if needed == 0 {
        // The append-only file has it, since Redis answers only after it is written.
        return Ok(true);
    }
    let reached: u64 = redis::cmd("WAIT").arg(needed).arg(WAIT_MS).query_async(connection).await?;
    Ok(reached >= needed)
}
