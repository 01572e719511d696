//! This node's mirror of the lobby, and the pages made from it: each page's text is made once for all its readers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};
use tokio::task::spawn_blocking;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::lobby::event::Versioned;
use crate::lobby::lists::Lists;
use crate::lobby::{Applied, Lobby, Snapshot};
use crate::outbox::text_of;
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
    /// One search at a time looks through all names.
    searching: Semaphore,
}

#[derive(Default)]
struct Inner {
    lobby: Lobby,
    /// Counts changes on this node.
    stamp: u64,
    /// What pages are made of, until the next change.
    lists: Option<Arc<Lists>>,
    /// Counts announcements of changes.
    announced: u64,
    /// Pages as they were at the last announcement or later.
    pages: HashMap<LobbyQuery, Utf8Bytes>,
    /// Time spent on making pages since the last announcement.
    spent: Duration,
}

impl Default for Mirror {
    fn default() -> Self {
        Self { inner: Mutex::default(), changed: watch::Sender::new(0), searching: Semaphore::new(1) }
    }
}

impl Mirror {
    /// Takes a published change in; a gap means that the lobby must be read again.
    pub fn apply(&self, change: &Versioned) -> Applied {
        let mut inner = self.lock();
        let applied = inner.lobby.apply(change);
        if applied == Applied::Changed {
            inner.changed();
        }
        applied
    }

    /// Replaces everything by what was read.
    pub fn load(&self, snapshot: Snapshot) {
        let lobby = Lobby::from_snapshot(snapshot);
        let mut inner = self.lock();
        inner.lobby = lobby;
        inner.changed();
    }

    /// Lets `look` see the lobby.
    pub fn with<T>(&self, look: impl FnOnce(&Lobby) -> T) -> T {
        look(&self.lock().lobby)
    }

    /// One page.
    pub fn page(&self, query: &LobbyQuery) -> LobbyPage {
        self.lists().lists.page(query)
    }

    /// One page as an update's text, made once for all who read it. The lobby is not locked while it is made, and a search
    /// is made beside the threads that serve everybody.
    pub async fn page_text(&self, query: &LobbyQuery) -> Utf8Bytes {
        if let Some(text) = self.made(query) {
            return text;
        }
        if query.search.is_empty() {
            return self.make(query, &text_of_page(&self.lists(), query));
        }
        // Nobody closes it.
        let _turn = self.searching.acquire().await;
        if let Some(text) = self.made(query) {
            return text;
        }
        let (lists, asked) = (self.lists(), query.clone());
        let made = spawn_blocking(move || text_of_page(&lists, &asked)).await;
        // The runtime is ending where it was not made.
        made.map_or_else(|_| Utf8Bytes::default(), |made| self.make(query, &made))
    }

    /// A page that was made since the last announcement.
    fn made(&self, query: &LobbyQuery) -> Option<Utf8Bytes> {
        self.lock().pages.get(query).cloned()
    }

    /// Keeps a page for others, unless it is old by now.
    fn make(&self, query: &LobbyQuery, made: &Made) -> Utf8Bytes {
        let mut inner = self.lock();
        inner.spent += made.took;
        if inner.announced == made.announced {
            if inner.pages.len() >= PAGES_KEPT {
                inner.pages.clear();
            }
            inner.pages.insert(query.clone(), made.text.clone());
        }
        made.text.clone()
    }

    /// What pages are made of, as it is now.
    fn lists(&self) -> Seen {
        let mut inner = self.lock();
        let announced = inner.announced;
        let lists = if let Some(lists) = &inner.lists {
            Arc::clone(lists)
        } else {
            let lists = Arc::new(inner.lobby.lists().clone());
            Arc::clone(inner.lists.insert(lists))
        };
        Seen { lists, announced }
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
                inner.announced += 1;
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

impl Inner {
    fn changed(&mut self) {
        self.stamp += 1;
        self.lists = None;
    }
}

/// The lists as they were after an announcement.
struct Seen {
    lists: Arc<Lists>,
    announced: u64,
}

/// A page's text.
struct Made {
    text: Utf8Bytes,
    announced: u64,
    took: Duration,
}

fn text_of_page(seen: &Seen, query: &LobbyQuery) -> Made {
    let began = Instant::now();
    let text = text_of(&Update::Lobby(seen.lists.page(query)));
    Made { text, announced: seen.announced, took: began.elapsed() }
}
