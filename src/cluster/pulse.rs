//! What the node's workers tell the thread that answers for them: that they do their work, and how much there is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::App;
use crate::fault;
use crate::metrics::{self, Sizes};
use crate::store::nodes::NodeState;

/// How often they do.
const EVERY: Duration = Duration::from_millis(250);

/// What was told last, and when.
pub struct Pulse {
    began: Instant,
    beat_ms: AtomicU64,
    told: Mutex<(NodeState, Sizes)>,
}

impl Pulse {
    /// The pulse of a node that begins.
    pub fn new(app: &App) -> Self {
        Self {
            began: Instant::now(),
            beat_ms: AtomicU64::new(0),
            told: Mutex::new((app.state(), app.sizes())),
        }
    }

    fn beat(&self, app: &App) {
        let told = (app.state(), app.sizes());
        metrics::limited(app.limits.refusals());
        *self.told() = told;
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.beat_ms.store(now_ms, Ordering::Release);
    }

    /// For how long the workers have said nothing.
    pub fn silent_for(&self) -> Duration {
        let beat = Duration::from_millis(self.beat_ms.load(Ordering::Acquire));
        self.began.elapsed().saturating_sub(beat)
    }

    /// What the node says of itself.
    pub fn state(&self) -> NodeState {
        self.told().0.clone()
    }

    /// What there is here.
    pub fn sizes(&self) -> Sizes {
        self.told().1
    }

    fn told(&self) -> MutexGuard<'_, (NodeState, Sizes)> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Beats until the task is dropped.
pub async fn beat(app: Arc<App>, pulse: Arc<Pulse>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tokio::select! {
        () = async { loop { tick.tick().await; pulse.beat(&app); } } => {}
        () = fault::block_workers() => {}
    }
}
