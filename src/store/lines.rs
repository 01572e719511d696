//! Connections that many exchanges share at once: an ordinary command never waits for one to be free.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use redis::aio::MultiplexedConnection;
use tokio::sync::Mutex;

use super::error::StoreError;

/// How many there are to one primary: one long answer does not hold everybody up.
const LINES: usize = 4;

/// Shared connections to one primary; each is opened when it is first needed.
#[derive(Default)]
pub struct Lines {
    slots: [Mutex<Option<Line>>; LINES],
    next: AtomicUsize,
    opened: AtomicU64,
}

/// One of them, for one exchange among others.
#[derive(Clone)]
pub struct Line {
    /// Where commands go.
    pub wire: MultiplexedConnection,
    slot: usize,
    number: u64,
}

impl Lines {
    /// The next connection in turn; `open` makes one if there is none.
    pub async fn line<F>(&self, open: impl FnOnce() -> F) -> Result<Line, StoreError>
    where
        F: Future<Output = Result<MultiplexedConnection, StoreError>>,
    {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % LINES;
        let mut held = self.slots[slot].lock().await;
        if let Some(line) = &*held {
            return Ok(line.clone());
        }
        let number = self.opened.fetch_add(1, Ordering::Relaxed);
        let line = Line { wire: open().await?, slot, number };
        Ok(held.insert(line).clone())
    }

    /// Uses a connection no longer, since it did not answer; those who share it find out for themselves.
    pub async fn discard(&self, line: &Line) {
        let mut held = self.slots[line.slot].lock().await;
        if held.as_ref().is_some_and(|held| held.number == line.number) {
            *held = None;
        }
    }
}
