//! Helps sentinels that find no replica good enough, although there is one: they count how long a replica was without its
//! primary from before they noticed, and whoever noticed late, as after a pause, never comes to an end.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::care::{Care, PATIENCE};
use super::endpoint::At;
use super::sentinel::{Round, Word};
use crate::fault::is_without;
use crate::metrics;

/// How often a group is looked at while all is well.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A primary that is down for so long, with sentinels that answer and a replica that does: an ordinary failover has ended
/// long before, also one that was tried again.
const STUCK_AFTER: Duration = Duration::from_secs(15);
/// How patient the sentinels are made: a replica counts as good for ten times as long.
const PATIENCE_MS: u64 = 10_000;
/// What was set before stands in what is set, in units of this: every node can put it back, whoever raised it and died.
const UNIT_MS: u64 = 10;
/// How long all must be well before they are made as patient as they were.
const WELL_FOR: Duration = Duration::from_secs(20);

/// Looks after one group as long as the node runs.
pub async fn watch(name: String, care: Care) {
    let (name, care) = (name.as_str(), &care);
    let mut watch = Watch::default();
    loop {
        sleep(LOOK_EVERY).await;
        let round = care.survey().await;
        let Ok(newest) = round.newest() else {
            // Without sentinels there is nobody to be helped.
            watch.stuck_since = None;
            continue;
        };
        let state = look(newest).await;
        if watch.is_stuck(state) {
            help(name, care, &round).await;
        } else if watch.is_well_again(state, &round) {
            put_back(name, care, &round).await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Well,
    /// It is down, and a replica is there that could take its place.
    Down,
    /// It is down, or not, and nothing can be done here.
    Other,
}

async fn look(newest: &Word) -> State {
    let is_down = newest.is_down();
    if newest.primary.is_primary().await.unwrap_or(false) {
        return if is_down { State::Other } else { State::Well };
    }
    let mut answers = false;
    for replica in &newest.replicas {
        answers = answers || replica.at.is_primary().await.is_ok();
    }
    if is_down && answers { State::Down } else { State::Other }
}

/// What one node remembers of a group.
#[derive(Default)]
struct Watch {
    stuck_since: Option<Instant>,
    well_since: Option<Instant>,
}

impl Watch {
    fn is_stuck(&mut self, state: State) -> bool {
        if state != State::Down {
            self.stuck_since = None;
            return false;
        }
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        since.elapsed() > STUCK_AFTER && !is_without("watchdog")
    }

    fn is_well_again(&mut self, state: State, round: &Round) -> bool {
        if state != State::Well {
            self.well_since = None;
            return false;
        }
        let since = *self.well_since.get_or_insert_with(Instant::now);
        since.elapsed() > WELL_FOR && round.words().any(|word| before(word.number(PATIENCE)).is_some())
    }
}

/// What a sentinel is set to that is made patient.
fn patient(before_ms: u64) -> u64 {
    PATIENCE_MS + (before_ms / UNIT_MS).max(1)
}

/// What a sentinel was set to before it was made patient, if it was.
fn before(now_ms: u64) -> Option<u64> {
    let units = now_ms.checked_sub(PATIENCE_MS).filter(|units| (1..PATIENCE_MS / UNIT_MS).contains(units))?;
    Some(units * UNIT_MS)
}

/// The sentinels that answer, and how patient each is.
fn patience(round: &Round) -> impl Iterator<Item = (&At, u64)> {
    round.words().map(|word| (&word.sentinel, word.number(PATIENCE)))
}

/// Makes every sentinel patient that is not; another node may have been first.
async fn help(name: &str, care: &Care, round: &Round) {
    let mut helped = false;
    for (sentinel, ms) in patience(round).filter(|(_, ms)| (1..PATIENCE_MS).contains(ms)) {
        match care.set_patience(sentinel, patient(ms)).await {
            Ok(()) => helped = true,
            Err(error) => tracing::warn!(group = name, %sentinel, %error, "a sentinel could not be helped"),
        }
    }
    if helped {
        metrics::sentinels_helped(name);
        tracing::warn!(
            group = name,
            "the sentinels find nobody to take the place of a dead primary: down-after-milliseconds is raised for a while"
        );
    }
}

/// Makes the sentinels as patient as they were, whichever node had made them more so; another time that somebody has set stays.
async fn put_back(name: &str, care: &Care, round: &Round) {
    for (sentinel, ms) in patience(round) {
        let Some(before) = before(ms) else { continue };
        match care.set_patience(sentinel, before).await {
            Ok(()) => tracing::info!(group = name, %sentinel, "down-after-milliseconds is again what it was"),
            Err(error) => tracing::warn!(group = name, %sentinel, %error, "a sentinel is still too patient"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{before, patient};

    #[test]
    fn what_was_set_before_is_known_to_every_node() {
        for ms in [10, 300, 2_000, 9_990] {
            assert_eq!(before(patient(ms)), Some(ms));
        }
        assert_eq!(before(patient(2_345)), Some(2_340));
        for by_hand in [1, 2_000, 10_000, 11_000, 30_000] {
            assert_eq!(before(by_hand), None);
        }
    }
}
