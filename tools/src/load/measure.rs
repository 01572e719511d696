//! What is counted and timed while bots play.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use nineflags::rules::view::Viewer;
use serde::Serialize;
use tokio::time::Instant;

/// The longest time that can be told apart, in microseconds.
const LONGEST_US: u64 = 600_000_000;
/// Flights of one table that are followed; older ones never arrived anywhere.
const FLIGHTS_MAX: usize = 32;

/// Times of one kind.
#[derive(Debug)]
pub struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_max(LONGEST_US, 3).expect("the bounds are in order"))
    }
}

impl Times {
    /// Takes a time in.
    pub fn add(&mut self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(LONGEST_US);
        self.0.saturating_record(us.min(LONGEST_US));
    }

    /// What half, nearly all and all of them stayed below.
    pub fn summary(&self) -> Summary {
        let ms = |us: u64| Duration::from_micros(us).as_secs_f64() * 1_000.0;
        Summary {
            count: self.0.len(),
            p50_ms: ms(self.0.value_at_quantile(0.5)),
            p99_ms: ms(self.0.value_at_quantile(0.99)),
            p999_ms: ms(self.0.value_at_quantile(0.999)),
            max_ms: ms(self.0.max()),
        }
    }
}

/// Times of one kind in numbers, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// How many there were.
    pub count: u64,
    /// Half of them were at most this.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1,000.
    pub p999_ms: f64,
    /// The longest of all.
    pub max_ms: f64,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Counts {
    /// Bots that have connected.
    pub arrived: usize,
    /// Records that were answered `done`.
    pub records: u64,
    /// Requests answered.
    pub answers: u64,
    /// Games that began.
    pub games_started: u64,
    /// Games both players were told the end of, or found in the archive.
    pub games_over: u64,
    /// From sending a request to its answer, where no connection was lost in between.
    pub answer: Times,
    /// From sending moves to the view at the other seat.
    pub opponent: Times,
    /// From sending moves to the view at the last watcher.
    pub watcher: Times,
    /// From the loss of a connection until the bot could move again.
    pub recovery: Times,
    /// The same, where the node had asked for it.
    pub moved_over: Times,
    /// The longest any request waited for its answer, over all connections.
    pub longest_wait: Duration,
    /// Connections that were lost.
    pub losses: u64,
    /// Connections given up because the node asked for it.
    pub asked_over: u64,
    /// Attempts to connect that failed.
    pub failed_connects: u64,
    /// Requests sent again.
    pub repeats: u64,
    /// Connections given up because an answer or an expected view did not come.
    pub stalls: u64,
    /// Times a welcome did not have the live table.
    pub lost_seats: u64,
    /// Refusals by code.
    pub refusals: BTreeMap<String, u64>,
    /// Close codes by number.
    pub closes: BTreeMap<u16, u64>,
    /// What broke the rules while it was seen.
    pub faults: Vec<String>,
}

/// The counts of a run, shared by all bots.
#[derive(Debug, Default)]
pub struct Meters(Mutex<Counts>);

impl Meters {
    /// The counts, for a moment.
    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a refusal.
    pub fn refused(&self, code: &str) {
        *self.counts().refusals.entry(code.to_owned()).or_default() += 1;
    }

    /// Takes in what broke the rules.
    pub fn fault(&self, words: String) {
        self.counts().faults.push(words);
    }
}

/// Moves of one table on their way: from the mover to the other seat and the watchers.
#[derive(Debug, Default)]
pub struct Flights(Mutex<Sky>);

#[derive(Debug, Default)]
struct Sky {
    flights: Vec<Flight>,
    watching: u32,
}

#[derive(Debug)]
struct Flight {
    /// How many records the game has once the moves are in.
    number: u32,
    mover: Viewer,
    sent: Instant,
    to_opponent: bool,
    watchers_left: u32,
}

impl Flights {
    fn sky(&self) -> MutexGuard<'_, Sky> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves were sent that bring the game to a number of records.
    pub fn sent(&self, number: u32, mover: Viewer) {
        let mut sky = self.sky();
        let watchers_left = sky.watching;
        sky.flights.retain(|flight| flight.number != number);
        sky.flights.push(Flight { number, mover, sent: Instant::now(), to_opponent: true, watchers_left });
        if sky.flights.len() > FLIGHTS_MAX {
            sky.flights.remove(0);
        }
    }

    /// They were refused.
    pub fn refused(&self, number: u32) {
        self.sky().flights.retain(|flight| flight.number != number);
    }

    /// A seat saw the game at a number of records.
    pub fn seat_saw(&self, number: u32, seat: Viewer, meters: &Meters) {
        let mut sky = self.sky();
        let arrived =
            |flight: &&mut Flight| flight.to_opponent && flight.mover != seat && flight.number <= number;
        for flight in sky.flights.iter_mut().filter(arrived) {
            flight.to_opponent = false;
            meters.counts().opponent.add(flight.sent.elapsed());
        }
        sky.clear();
    }

    /// A watcher begins to watch.
    pub fn watch(&self) {
        self.sky().watching += 1;
    }

    /// A watcher watches no longer; what it had not seen yet is not waited for.
    pub fn unwatch(&self, last: u32) {
        let mut sky = self.sky();
        sky.watching = sky.watching.saturating_sub(1);
        for flight in sky.flights.iter_mut().filter(|flight| flight.number > last) {
            flight.watchers_left = flight.watchers_left.saturating_sub(1);
        }
        sky.clear();
    }

    /// A watcher that had seen `before` records sees the game at `number`.
    pub fn watcher_saw(&self, before: u32, number: u32, meters: &Meters) {
        let mut sky = self.sky();
        let arrived = |flight: &&mut Flight| before < flight.number && flight.number <= number;
        for flight in sky.flights.iter_mut().filter(arrived) {
            if flight.watchers_left == 1 {
                meters.counts().watcher.add(flight.sent.elapsed());
            }
            flight.watchers_left = flight.watchers_left.saturating_sub(1);
        }
        sky.clear();
    }
}

impl Sky {
    fn clear(&mut self) {
        self.flights.retain(|flight| flight.to_opponent || flight.watchers_left > 0);
    }
}
