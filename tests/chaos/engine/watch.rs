//! What is looked at all the time: whether times mean anything just now, and how many records were healed.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use super::site::{get, ops_of};
use crate::harness::redis::ask_at;
use crate::harness::sentinel::NAME;

/// How often it is looked whether this program gets its turn.
const TURN_EVERY: Duration = Duration::from_millis(50);
/// A turn that comes so much later says that the machine is too busy to time anything.
const LATE: Duration = Duration::from_secs(1);
/// How often the sentinels and the nodes are asked.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How often it is asked who the primary is.
const NAME_EVERY: Duration = Duration::from_millis(50);
/// The counter of healed records.
const HEALED: &str = "nineflags_records_healed_total";

/// What was seen.
#[derive(Debug, Default)]
pub struct Seen {
    /// When times meant nothing, and why.
    pub void: Vec<(Instant, Instant, &'static str)>,
    /// Records healed, and when that was seen.
    pub healed: Vec<(Instant, u64)>,
    /// When most sentinels began to name another primary.
    pub named: Vec<Instant>,
}

/// Looks until it is dropped.
pub struct Watch {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Begins to look at sentinels and nodes.
    pub fn begin(sentinels: &[SocketAddr], nodes: Vec<SocketAddr>) -> Self {
        let mut watch = Self { seen: Arc::default(), stop: Arc::default(), threads: Vec::new() };
        watch.spawn(TURN_EVERY, {
            let mut last = Instant::now();
            move |seen| {
                let now = Instant::now();
                if now.duration_since(last) > TURN_EVERY + LATE {
                    note(seen, |seen| seen.void.push((last, now, "this program did not get its turn")));
                }
                last = now;
            }
        });
        let asked = sentinels.to_vec();
        watch.spawn(ASK_EVERY, move |seen| {
            let begun = Instant::now();
            let is_blind = |sentinel: &SocketAddr| {
                let info: Option<String> = ask_at(*sentinel, &["INFO", "sentinel"]);
                info.is_some_and(|info| info.contains("sentinel_tilt:1"))
            };
            if asked.iter().any(is_blind) {
                // Until the next look, too.
                let until = Instant::now() + ASK_EVERY;
                note(seen, |seen| seen.void.push((begun, until, "a sentinel was blind (tilt)")));
            }
        });
        let mut primary = named(sentinels);
        let asked = sentinels.to_vec();
        watch.spawn(NAME_EVERY, move |seen| {
            let now = named(&asked);
            if now.is_some() && now != primary {
                primary = now;
                note(seen, |seen| seen.named.push(Instant::now()));
            }
        });
        let mut counted: HashMap<SocketAddr, u64> = HashMap::new();
        watch.spawn(ASK_EVERY, move |seen| {
            for node in &nodes {
                let Some(now) = get(ops_of(*node), "/metrics").map(|(_, text)| counter(&text, HEALED)) else {
                    continue;
                };
                let before = counted.insert(*node, now).unwrap_or(0);
                // A node that was started again counts from nothing.
                let new = if now < before { now } else { now - before };
                if new > 0 {
                    note(seen, |seen| seen.healed.push((Instant::now(), new)));
                }
            }
        });
        watch
    }

    fn spawn(&mut self, every: Duration, mut look: impl FnMut(&Mutex<Seen>) + Send + 'static) {
        let (seen, stop) = (Arc::clone(&self.seen), Arc::clone(&self.stop));
        self.threads.push(std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                look(&seen);
                sleep(every);
            }
        }));
    }

    /// Ends, and gives what was seen.
    pub fn end(mut self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("a look does not panic");
        }
        std::mem::take(&mut *self.seen.lock().expect("nobody panics here"))
    }
}

fn note(seen: &Mutex<Seen>, change: impl FnOnce(&mut Seen)) {
    change(&mut seen.lock().expect("nobody panics here"));
}

/// Whom more than half of the sentinels call the primary.
fn named(sentinels: &[SocketAddr]) -> Option<u16> {
    let named = |sentinel: &SocketAddr| {
        let words = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
        let address: Vec<String> = ask_at(*sentinel, &words)?;
        address.get(1)?.parse::<u16>().ok()
    };
    let all: Vec<u16> = sentinels.iter().filter_map(named).collect();
    let votes = |port: u16| all.iter().filter(|other| **other == port).count();
    all.iter().copied().find(|port| votes(*port) * 2 > sentinels.len())
}

/// The sum of a counter in the text of the metrics.
fn counter(text: &str, name: &str) -> u64 {
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
