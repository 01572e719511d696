//! This node's mirror of the lobby, and the pages made from it: each page's text is made once for all its readers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::keeper::text_of;
use crate::lobby::event::Versioned;
use crate::lobby::{Applied, Lobby, Snapshot};
use crate::protocol::{LobbyPage, LobbyQuery, Update};

/// The shortest time between two pages sent to one browser.
pub const PAGES_EVERY: Duration = Duration::from_millis(250);
/// Pages are made during one part in so many of a core's time.
const PAGES_SHARE: u32 = 8;
/// Different pages kept as text at a time; beyond this they are made anew.
const PAGES_KEPT: usize = 256;

/// The mirror.
pub struct Mirror {
    inner: Mutex<Inner>,
    changed: watch::Sender<u64>,
    /// It could not be read when it should have been.
    stale: AtomicBool,
}

#[derive(Default)]
struct Inner {
    lobby: Lobby,
    /// Counts changes on this node.
    stamp: u64,
    /// Pages as they were at the last announcement or later.
    pages: HashMap<LobbyQuery, Utf8Bytes>,
    /// Time spent on making pages since the last announcement.
    spent: Duration,
}

impl Default for Mirror {
    fn default() -> Self {
        Self { inner: Mutex::default(), changed: watch::Sender::new(0), stale: AtomicBool::new(false) }
    }
}

impl Mirror {
    /// Takes a published change in; a gap means that the lobby must be read again.
    pub fn apply(&self, change: &Versioned) -> Applied {
        let mut inner = self.lock();
        let applied = inner.lobby.apply(change);
        if applied == Applied::Changed {
            inner.stamp += 1;
        }
        applied
    }

    /// Notes that it has to be read, and could not be.
    pub fn set_stale(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// Whether it has to be read.
    pub fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// Replaces everything by what was read.
    pub fn load(&self, snapshot: Snapshot) {
        self.stale.store(false, Ordering::Relaxed);
        let mut inner = self.lock();
        inner.lobby = Lobby::from_snapshot(snapshot);
        inner.stamp += 1;
    }

    /// Lets `look` see the lobby.
    pub fn with<T>(&self, look: impl FnOnce(&Lobby) -> T) -> T {
        look(&self.lock().lobby)
    }

    /// One page.
    pub fn page(&self, query: &LobbyQuery) -> LobbyPage {
        self.lock().lobby.page(query)
    }

    /// One page as an update's text.
    pub fn page_text(&self, query: &LobbyQuery) -> Utf8Bytes {
        let mut inner = self.lock();
        if let Some(text) = inner.pages.get(query) {
            return text.clone();
        }
        let began = Instant::now();
        let text = text_of(&Update::Lobby(inner.lobby.page(query)));
        inner.spent += began.elapsed();
        if inner.pages.len() >= PAGES_KEPT {
            inner.pages.clear();
        }
        inner.pages.insert(query.clone(), text.clone());
        text
    }

    /// Tells, a few times a second at most, that pages may have changed.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Announces changes to those who wait, if there were any since the last call; gives how long to wait until the
    /// next one, so that making pages takes no more than a bounded share of a core.
    pub fn announce(&self) -> Duration {
        let (stamp, spent) = {
            let mut inner = self.lock();
            if *self.changed.borrow() != inner.stamp {
                inner.pages.clear();
            }
            (inner.stamp, std::mem::take(&mut inner.spent))
        };
        self.changed.send_if_modified(|announced| {
            let news = *announced != stamp;
            *announced = stamp;
            news
        });
        PAGES_EVERY.max(spent * PAGES_SHARE)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
