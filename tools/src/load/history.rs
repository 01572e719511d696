//! When what was accepted, and who was connected where: for a program that does harm meanwhile and asks what it cost.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use nineflags::ids::TableId;

/// Something that happened to a pair.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Which pair.
    pub pair: usize,
    /// When it was told so.
    pub at: Instant,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum What {
    /// A request of moves was answered `done`.
    Accepted {
        /// The table.
        table: TableId,
        /// How many records the game has with it.
        number: u32,
        /// When it was sent, for the last time if it was repeated.
        sent: Instant,
        /// It was said to be unsaved.
        unsaved: bool,
    },
    /// A player was told that the game went back.
    WentBack {
        /// Requests that had been answered `done` without being called unsaved, and were taken back.
        accepted: u32,
        /// Requests that had been called unsaved, and were taken back.
        unsaved: u32,
    },
    /// The player on turn has nothing to play but cards that it drew unsaved, which are shown once they are saved.
    Waits,
    /// A game is over; the next one has not begun.
    Over,
}

/// The history of a run.
#[derive(Debug, Default)]
pub struct History {
    events: Mutex<Vec<Event>>,
    places: Mutex<HashMap<usize, [Option<SocketAddr>; 2]>>,
    wrong_times: Mutex<Vec<RangeInclusive<u64>>>,
}

impl History {
    /// Notes what has just happened to a pair.
    pub fn note(&self, pair: usize, what: What) {
        self.locked().push(Event { pair, at: Instant::now(), what });
    }

    /// Notes where one of the two of a pair is connected now.
    pub fn connected(&self, pair: usize, one: usize, to: SocketAddr) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.entry(pair).or_default()[one % 2] = Some(to);
    }

    /// Where the two of each pair were connected last.
    pub fn places(&self) -> HashMap<usize, [Option<SocketAddr>; 2]> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that a clock of the cluster was wrong: times between these, in milliseconds since 1970, say nothing.
    pub fn distrust(&self, times: RangeInclusive<u64>) {
        self.wrong_times.lock().unwrap_or_else(PoisonError::into_inner).push(times);
    }

    /// Whether all between two times can be told apart by its time.
    pub fn trusts(&self, from_ms: u64, until_ms: u64) -> bool {
        let wrong = self.wrong_times.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.iter().all(|times| *times.end() < from_ms || until_ms < *times.start())
    }

    /// All that happened, in order.
    pub fn events(&self) -> Vec<Event> {
        self.locked().clone()
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
