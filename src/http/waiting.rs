//! Connections that are not websockets with a welcome yet: so many for a node and for a source. When there is no room, the
//! one that has waited longest for its browser goes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::limits::{Allowance, Key, Limit, Limits};
use crate::metrics;

/// For so long a connection does not have to go for others: when all come at once, each has the time to ask for something.
const GRACE: Duration = Duration::from_millis(250);
/// How long the node itself may take over one request.
const WORK_MAX: Duration = Duration::from_mins(1);
/// The log is told of full rooms so often, at most.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// All of a node's.
#[derive(Clone)]
pub struct Waiting {
    limits: Limits,
    /// How many there are files for.
    files: usize,
    room: Arc<Mutex<Room>>,
    /// There may be room again.
    freed: Arc<Notify>,
}

#[derive(Default)]
struct Room {
    next: u64,
    all: HashMap<u64, Seat>,
    /// Those that wait for their browser, the longest waiting first: by number, and by source and number.
    idle: BTreeSet<u64>,
    idle_of: BTreeSet<(Key, u64)>,
    of: HashMap<Key, usize>,
    said: Option<Instant>,
}

struct Seat {
    source: Option<Key>,
    /// By when it has to go on; nothing when it has to go.
    until: watch::Sender<Option<Instant>>,
    since: Instant,
}

/// One connection's place, given back when it is dropped.
pub struct Place {
    waiting: Waiting,
    /// Changes each time it begins to wait.
    number: Mutex<u64>,
    stage: Mutex<Stage>,
    until: watch::Receiver<Option<Instant>>,
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// That its browser asks for something.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body, or the node.
    Request,
}

impl Waiting {
    /// An empty one.
    pub fn new(limits: &Limits, files: usize) -> Self {
        Self { limits: limits.clone(), files, room: Arc::default(), freed: Arc::default() }
    }

    /// A place for a new connection, of a source where that is known, which has so long to go on. Where all others are being
    /// served or have just come it waits for one of them, as long at most; nothing where the source has all of its own.
    pub async fn place(&self, source: Option<Key>, within: Duration) -> Option<Place> {
        let latest = Instant::now() + within;
        loop {
            match self.enter(source, within) {
                Err(Limit::WaitingAll) if Instant::now() < latest => {
                    let _ = timeout(GRACE, self.freed.notified()).await;
                }
                Ok(place) => return Some(place),
                Err(limit) => {
                    self.limits.count(limit);
                    return None;
                }
            }
        }
    }

    /// The same at once, or the limit by which there is no room.
    fn enter(&self, source: Option<Key>, within: Duration) -> Result<Place, Limit> {
        let most = |limit| match self.limits.allowance(limit) {
            Allowance::AtOnce(most) | Allowance::Rate { burst: most, .. } => most as usize,
        };
        let mut room = self.room();
        if let Some(source) = source
            && room.of.get(&source).is_some_and(|open| *open >= most(Limit::Waiting))
        {
            let oldest =
                room.idle_of.range((source, 0)..=(source, u64::MAX)).next().map(|(_, number)| *number);
            self.make_room(&mut room, Limit::Waiting, oldest).ok_or(Limit::Waiting)?;
        }
        if room.all.len() >= most(Limit::WaitingAll).min(self.files) {
            let is_old =
                |number: &u64| room.all.get(number).is_some_and(|seat| seat.since.elapsed() >= GRACE);
            let oldest = room.idle.first().copied().filter(is_old);
            self.make_room(&mut room, Limit::WaitingAll, oldest).ok_or(Limit::WaitingAll)?;
        }
        let (sender, until) = watch::channel(Some(Instant::now() + within));
        let number = room.put(Seat { source, until: sender, since: Instant::now() }, true);
        metrics::connections_waiting(room.all.len());
        Ok(Place { waiting: self.clone(), number: Mutex::new(number), stage: Mutex::new(Stage::Idle), until })
    }

    fn make_room(&self, room: &mut Room, limit: Limit, oldest: Option<u64>) -> Option<()> {
        let oldest = oldest?;
        self.limits.count(limit);
        if room.said.is_none_or(|said| said.elapsed() > SAY_EVERY) {
            room.said = Some(Instant::now());
            tracing::warn!(
                limit = limit.line().name,
                "too many connections: those that wait longest are closed"
            );
        }
        let seat = room.take(oldest)?;
        seat.until.send_replace(None);
        Some(())
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn put(&mut self, seat: Seat, idle: bool) -> u64 {
        self.next += 1;
        let number = self.next;
        if idle {
            self.idle.insert(number);
        }
        if let Some(source) = seat.source {
            *self.of.entry(source).or_insert(0) += 1;
            if idle {
                self.idle_of.insert((source, number));
            }
        }
        self.all.insert(number, seat);
        number
    }

    fn take(&mut self, number: u64) -> Option<Seat> {
        let seat = self.all.remove(&number)?;
        self.idle.remove(&number);
        if let Some(source) = seat.source {
            self.idle_of.remove(&(source, number));
            if let Some(open) = self.of.get_mut(&source) {
                *open -= 1;
                if *open == 0 {
                    self.of.remove(&source);
                }
            }
        }
        Some(seat)
    }
}

impl Place {
    /// The browser has to go on within this time, and may have to go for others until it does.
    pub fn waits(&self, within: Duration) {
        *self.stage() = Stage::Idle;
        self.set(within, true);
    }

    /// Something of the browser has come.
    pub fn hears(&self) {
        let mut stage = self.stage();
        if *stage == Stage::Idle {
            *stage = Stage::Head;
        }
    }

    /// The head has come.
    pub fn has_head(&self) {
        *self.stage() = Stage::Request;
    }

    /// Whether a head has begun and the time for it is over.
    pub fn is_head_late(&self) -> bool {
        *self.stage() == Stage::Head && self.left().is_zero()
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node is at work.
    pub fn works(&self) {
        self.set(WORK_MAX, false);
    }

    fn set(&self, within: Duration, idle: bool) {
        let mut room = self.waiting.room();
        let mut number = self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut seat) = room.take(*number) else { return };
        seat.since = Instant::now();
        seat.until.send_replace(Some(seat.since + within));
        *number = room.put(seat, idle);
        if idle {
            self.waiting.freed.notify_one();
        }
    }

    /// How long it may still wait.
    pub fn left(&self) -> Duration {
        let until = *self.until.borrow();
        until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    /// Ends when the connection has to end: its time is over, or others need its place.
    pub async fn over(&self) {
        let mut until = self.until.clone();
        loop {
            let Some(deadline) = *until.borrow_and_update() else { return };
            tokio::select! {
                () = sleep_until(deadline) => return,
                changed = until.changed() => if changed.is_err() { return },
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = *self.number.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = self.waiting.room();
        room.take(number);
        metrics::connections_waiting(room.all.len());
        self.waiting.freed.notify_one();
    }
}
