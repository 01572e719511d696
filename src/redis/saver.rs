//! The replica wait: one task at a primary, on a connection of its own, asks how far the replicas are (`ROLE`, `WAIT`), for all who wait
//! for a write to be durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::error::{StoreError, no_answer};
use super::group::Group;
use super::primary::{Batch, Primary, Saver};
use super::timeouts;
use super::wire::{Role, role};
use crate::fault::is_without;
use crate::store::keys;

/// Batches that may wait to be durable.
const QUEUE: usize = 4_096;

impl Saver {
    /// Connects, and spawns the task. To be opened before the first write it is to wait for.
    async fn open(group: &Group, primary: Arc<Primary>) -> Result<Self, StoreError> {
        let connection = group.connect(&primary).await?;
        let (batches, queue) = mpsc::channel(QUEUE);
        let (group, waiting) = (group.clone(), VecDeque::new());
        tokio::spawn(Work { group, primary, connection, queue, waiting, stalled: false }.run());
        Ok(Self { batches })
    }
}

impl Group {
    /// Carries out a write, and waits until every replica has it, both in [`timeouts::COMMAND`]. After an error its fate is
    /// unknown, and it may be done again.
    pub async fn settled<T>(
        &self,
        write: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let late = || Err(no_answer().at(self.name()));
        timeout(timeouts::COMMAND, self.write_and_wait(write)).await.unwrap_or_else(|_| late())
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

    /// The one that waits for all writes at a primary.
    pub async fn saver(&self, primary: &Arc<Primary>) -> Result<Saver, StoreError> {
        let open = || {
            let (group, primary) = (self.clone(), Arc::clone(primary));
            async move { Saver::open(&group, primary).await }
        };
        let (number, saver) = primary.saver.get(open).await?;
        if !saver.is_gone() {
            return Ok(saver);
        }
        primary.saver.discard(number);
        Ok(primary.saver.get(open).await?.1)
    }
}

/// What waits until the replicas are where the primary was after it was written.
struct Waiting {
    offset: u64,
    since: Instant,
    within: Duration,
    batch: Batch,
}

struct Work {
    group: Group,
    primary: Arc<Primary>,
    connection: MultiplexedConnection,
    queue: mpsc::Receiver<(Batch, Duration)>,
    /// In the order of their offsets; [`QUEUE`] at most.
    waiting: VecDeque<Waiting>,
    /// The log has been told that replicas do not follow.
    stalled: bool,
}

impl Work {
    async fn run(mut self) {
        let primary = Arc::clone(&self.primary);
        let mut fresh = Vec::new();
        loop {
            if self.waiting.is_empty() {
                tokio::select! {
                    received = self.queue.recv_many(&mut fresh, QUEUE) => if received == 0 { return },
                    () = primary.left() => return,
                }
            }
            while self.waiting.len() + fresh.len() < QUEUE
                && let Ok(batch) = self.queue.try_recv()
            {
                fresh.push(batch);
            }
            if let Err(error) = primary.in_time(self.look(&mut fresh)).await {
                return self.group.weigh(&primary, &error);
            }
        }
    }

    /// Asks how far everybody is; where something still waits, gives the replicas a moment.
    async fn look(&mut self, fresh: &mut Vec<(Batch, Duration)>) -> RedisResult<()> {
        // The offset it tells covers all that was written by now, by whichever connection.
        let Role::Primary { offset, replicas } = role(&mut self.connection).await? else {
            return Err(RedisError::from((ErrorKind::Server(ServerErrorKind::ReadOnly), "no primary")));
        };
        let since = Instant::now();
        self.waiting.extend(fresh.drain(..).map(|(batch, within)| Waiting { offset, since, within, batch }));
        let needed = self.needed(replicas.len());
        let all_have = reached(needed, replicas);
        while let Some(Waiting { batch, .. }) = self.waiting.pop_front_if(|first| first.offset <= all_have) {
            self.stalled = false;
            for (saved, number) in batch {
                saved(number);
            }
        }
        self.forget();
        if self.waiting.is_empty() {
            return Ok(());
        }
        // Has the replicas say at once how far they are, and ends when they are there. It waits for what its own connection wrote
        // (from Redis 7.2 on; before, for all that was written), so that something has to be.
        let mut ask = redis::pipe();
        ask.cmd("SET").arg(keys::WRITE_PROBE).arg("").arg("PX").arg(1).ignore();
        ask.cmd("WAIT").arg(needed).arg(timeouts::WAIT_MS).ignore();
        ask.query_async::<()>(&mut self.connection).await
    }

    /// How many replicas have to have a write.
    fn needed(&self, attached: usize) -> usize {
        // While a replica is promoted the others still follow the old primary: those that only the sentinels know of
        // count too, or what the new primary never had would be called durable. Where there are replicas, one must have it:
        // a primary that sees none may be cut off, and what it alone has is lost when another takes its place.
        let known = self.group.replicas().max(self.group.replicas_known().min(1));
        attached.max(usize::try_from(known).unwrap_or(usize::MAX))
    }

    /// Gives up what has waited for too long.
    fn forget(&mut self) {
        let mut forgotten = 0;
        self.waiting.retain(|waiting| {
            let stays = waiting.since.elapsed() <= waiting.within;
            forgotten += if stays { 0 } else { waiting.batch.len() };
            stays
        });
        if forgotten > 0 && !std::mem::replace(&mut self.stalled, true) {
            tracing::warn!(
                group = self.group.name(),
                writes = forgotten,
                "not every replica follows the primary"
            );
        }
        if self.waiting.front().is_some_and(|first| first.since.elapsed() > timeouts::BEHIND) {
            self.group.doubt();
        }
    }
}

/// Up to where so many of the replicas have everything, by what each has.
fn reached(needed: usize, mut replicas: Vec<u64>) -> u64 {
    // The append-only file has it, since Redis answers only after it is written.
    let Some(last) = needed.checked_sub(1) else { return u64::MAX };
    replicas.sort_unstable_by(|one, other| other.cmp(one));
    replicas.get(last).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::reached;

    #[test]
    fn as_many_replicas_as_are_needed_have_it() {
        assert_eq!(reached(0, vec![]), u64::MAX);
        assert_eq!((reached(1, vec![]), reached(3, vec![9, 9])), (0, 0), "one is missing");
        assert_eq!(
            (reached(1, vec![5, 9, 7]), reached(2, vec![5, 9, 7]), reached(3, vec![5, 9, 7])),
            (9, 7, 5)
        );
    }
}
