//! Connections that many exchanges share at once: an ordinary command never waits for one to be free.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::MultiplexedConnection;

use super::error::StoreError;

/// How many there are to one primary: one long answer does not hold everybody up.
const LINES: usize = 4;

/// A connection that is being opened, or is open: all who want it wait for the same one.
type Opening = Shared<BoxFuture<'static, Result<MultiplexedConnection, StoreError>>>;

/// Shared connections to one primary; each is opened when it is first needed.
#[derive(Default)]
pub struct Lines {
    slots: [Mutex<Option<(u64, Opening)>>; LINES],
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
    /// The next connection in turn; `open` makes one if there is none. It is opened by a task of its own, whoever gives up
    /// waiting, and its fate is that of all who wait.
    pub async fn line<F>(&self, open: impl FnOnce() -> F) -> Result<Line, StoreError>
    where
        F: Future<Output = Result<MultiplexedConnection, StoreError>> + Send + 'static,
    {
        let slot = self.next.fetch_add(1, Ordering::Relaxed) % LINES;
        let (number, opening) = {
            let mut held = self.slot(slot);
            match &*held {
                // One that could not be opened is tried again.
                Some((number, opening)) if !opening.peek().is_some_and(Result::is_err) => {
                    (*number, opening.clone())
                }
                _ => {
                    let number = self.opened.fetch_add(1, Ordering::Relaxed);
                    let opening = tokio::spawn(open());
                    let broken = || StoreError::Unavailable("the connection could not be opened".to_owned());
                    let opening = opening.map(move |opened| opened.unwrap_or_else(|_| Err(broken())));
                    held.insert((number, opening.boxed().shared())).clone()
                }
            }
        };
        Ok(Line { wire: opening.await?, slot, number })
    }

    /// Uses a connection no longer, since it did not answer; those who share it find out for themselves.
    pub fn discard(&self, line: &Line) {
        self.slot(line.slot).take_if(|(number, _)| *number == line.number);
    }

    /// Uses none of them any more: where one was lost, the others most likely were, too, and each would fail once.
    pub fn discard_all(&self) {
        (0..LINES).for_each(|slot| *self.slot(slot) = None);
    }

    fn slot(&self, slot: usize) -> MutexGuard<'_, Option<(u64, Opening)>> {
        self.slots[slot].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
