//! Helps sentinels that find no replica good enough, although there is one: they count how long a replica was without its
//! primary from before they noticed, and whoever noticed late, as after a pause, never comes to an end.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::fault::is_without;
use crate::metrics;
use crate::store::care::{At, Care, Survey};

/// How often a group is looked at while all is well.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A primary that is down for so long, with sentinels that answer and a replica that does: an ordinary failover has ended
/// long before, also one that was tried again.
const STUCK_AFTER: Duration = Duration::from_secs(15);
/// How patient the sentinels are made: a replica counts as good for ten times as long.
const PATIENCE_MS: u64 = 10_000;
/// How long all must be well before they are made as patient as they were.
const WELL_FOR: Duration = Duration::from_secs(20);

/// Looks after one group as long as the node runs.
pub async fn watch(name: String, care: Care) {
    let (name, care) = (name.as_str(), &care);
    let mut watch = Watch::default();
    loop {
        sleep(LOOK_EVERY).await;
        let Ok(survey) = care.survey().await else {
            // Without sentinels there is nobody to be helped.
            watch.stuck_since = None;
            continue;
        };
        let state = look(&survey).await;
        if watch.is_stuck(state) {
            help(name, care, &survey, &mut watch).await;
        } else if watch.is_well_again(state) {
            put_back(name, care, &mut watch).await;
        }
    }
}

/// How a group is at one look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The primary answers.
    Well,
    /// It is down, and a replica is there that could take its place.
    Down,
    /// It is down, or not, and nothing can be done here.
    Other,
}

async fn look(survey: &Survey) -> State {
    if survey.primary.is_primary().await.unwrap_or(false) {
        return if survey.is_down { State::Other } else { State::Well };
    }
    let mut answers = false;
    for replica in &survey.replicas {
        answers = answers || replica.at.is_primary().await.is_ok();
    }
    if survey.is_down && answers { State::Down } else { State::Other }
}

/// What one node remembers of a group.
#[derive(Default)]
struct Watch {
    stuck_since: Option<Instant>,
    well_since: Option<Instant>,
    /// How patient each sentinel was that this node made more so.
    before: Vec<(At, u64)>,
}

impl Watch {
    fn is_stuck(&mut self, state: State) -> bool {
        if state != State::Down {
            self.stuck_since = None;
            return false;
        }
        let since = *self.stuck_since.get_or_insert_with(Instant::now);
        self.before.is_empty() && since.elapsed() > STUCK_AFTER && !is_without("watchdog")
    }

    fn is_well_again(&mut self, state: State) -> bool {
        if state != State::Well {
            self.well_since = None;
            return false;
        }
        let since = *self.well_since.get_or_insert_with(Instant::now);
        !self.before.is_empty() && since.elapsed() > WELL_FOR
    }
}

/// Makes every sentinel patient that is not; another node may have been first.
async fn help(name: &str, care: &Care, survey: &Survey, watch: &mut Watch) {
    for (sentinel, ms) in survey.patience.iter().filter(|(_, ms)| (1..PATIENCE_MS).contains(ms)) {
        match care.set_patience(sentinel, PATIENCE_MS).await {
            Ok(()) => watch.before.push((sentinel.clone(), *ms)),
            Err(error) => tracing::warn!(group = name, %sentinel, %error, "a sentinel could not be helped"),
        }
    }
    if !watch.before.is_empty() {
        metrics::sentinels_helped(name);
        tracing::warn!(
            group = name,
            primary = %survey.primary,
            "the sentinels find nobody to take the place of a dead primary: down-after-milliseconds is raised for a while"
        );
    }
}

/// Makes the sentinels as patient as they were, unless somebody else has set another time.
async fn put_back(name: &str, care: &Care, watch: &mut Watch) {
    let Ok(survey) = care.survey().await else { return };
    for (sentinel, ms) in std::mem::take(&mut watch.before) {
        let now = survey.patience.iter().find(|(other, _)| *other == sentinel).map(|(_, ms)| *ms);
        let done = match now {
            Some(PATIENCE_MS) => care.set_patience(&sentinel, ms).await.is_ok(),
            Some(_) => true,
            None => false,
        };
        if !done {
            watch.before.push((sentinel, ms));
        }
    }
    if watch.before.is_empty() {
        tracing::info!(group = name, "down-after-milliseconds is again what it was");
    }
}
