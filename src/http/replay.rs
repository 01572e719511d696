//! Replays of finished games: made once, away from the threads that serve players, and kept packed for a while.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::assets::packed;
use crate::ids::TableId;
use crate::rules::view::{View, Viewer};
use crate::store::archive::ArchivedGame;
use crate::table::copy::{Accepted, Copy, LogLine};

/// Views of one answer, at most: far more than any game has that was not stopped again and again.
const VIEWS_MAX: usize = 400;
/// Bytes of packed replays that are kept, at most.
const KEPT_BYTES: usize = 16 * 1024 * 1024;
/// How long a replay may wait for its turn.
const TURN_WITHIN: Duration = Duration::from_secs(5);
/// How hard a replay is compressed: it is made while somebody waits.
const QUALITY: u32 = 4;
/// Bytes that are unpacked at once.
const PACKED_AT_ONCE: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    from: usize,
    to: usize,
}

/// The view after the last record, whichever that is.
const LAST: Range = Range { from: usize::MAX, to: usize::MAX };

impl Default for Range {
    /// All, as far as one answer may go.
    fn default() -> Self {
        Self { from: 0, to: VIEWS_MAX }
    }
}

impl Range {
    /// `none`, `last`, or the numbers of the first and the last record whose views are wanted, as in `20-39`.
    pub fn parse(words: &str) -> Option<Self> {
        match words {
            "none" => Some(Self { from: 0, to: 0 }),
            "last" => Some(LAST),
            words => {
                let (from, last) = words.split_once('-')?;
                let (from, last): (usize, usize) = (from.parse().ok()?, last.parse().ok()?);
                let to = last.checked_add(1)?;
                (from < to).then_some(Self { from, to: to.min(from.saturating_add(VIEWS_MAX)) })
            }
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.from, self.to)
    }
}

#[derive(Serialize)]
struct GamePage<'a> {
    #[serde(flatten)]
    game: &'a ArchivedGame,
    /// The number of the record that the first of the views comes after; left out where that is the first.
    #[serde(skip_serializing_if = "is_first")]
    views_from: usize,
    views: Vec<View>,
    log: Vec<LogLine>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_first(from: &usize) -> bool {
    *from == 0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoReplay {
    Broken,
    /// As many are being made as may be.
    Busy,
}

pub struct Replays {
    /// One for each processor.
    permits: Arc<Semaphore>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    packed: HashMap<(TableId, Range), Bytes>,
    /// The oldest first.
    order: VecDeque<(TableId, Range)>,
    bytes: usize,
}

impl Default for Replays {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { permits: Arc::new(Semaphore::new(processors)), kept: Mutex::default() }
    }
}

impl Replays {
    /// A replay that is kept, packed.
    pub fn kept(&self, table: TableId, range: Range) -> Option<Bytes> {
        self.lock().packed.get(&(table, range)).cloned()
    }

    /// Makes the replay of a game, packed, and keeps it.
    pub async fn make(&self, game: ArchivedGame, range: Range) -> Result<Bytes, NoReplay> {
        let table = game.table;
        let made = self.in_turn(move || made(game, range)).await?;
        self.keep(table, range, made.clone());
        Ok(made)
    }

    /// A packed replay as JSON, for whoever does not read brotli.
    pub async fn unpack(&self, replay: Bytes) -> Result<Bytes, NoReplay> {
        self.in_turn(move || unpacked(&replay)).await
    }

    /// Does what takes a processor for a while, as many at once as there are processors.
    async fn in_turn(
        &self,
        work: impl FnOnce() -> Option<Bytes> + Send + 'static,
    ) -> Result<Bytes, NoReplay> {
        let turn = timeout(TURN_WITHIN, Arc::clone(&self.permits).acquire_owned()).await;
        let permit = turn.ok().and_then(Result::ok).ok_or(NoReplay::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.ok().flatten().ok_or(NoReplay::Broken)
    }

    fn keep(&self, table: TableId, range: Range, replay: Bytes) {
        let mut kept = self.lock();
        let bytes = replay.len();
        if kept.packed.insert((table, range), replay).is_none() {
            kept.order.push_back((table, range));
            kept.bytes += bytes;
        }
        while kept.bytes > KEPT_BYTES
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.bytes -= kept.packed.remove(&oldest).map_or(0, |replay| replay.len());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The replay of a game, packed with brotli; nothing if its records do not make a game.
pub fn made(game: ArchivedGame, range: Range) -> Option<Bytes> {
    packed(replayed(game, range)?.as_bytes(), QUALITY)
}

/// What was packed.
pub fn unpacked(replay: &[u8]) -> Option<Bytes> {
    let mut text = Vec::new();
    brotli::Decompressor::new(replay, PACKED_AT_ONCE).read_to_end(&mut text).ok()?;
    Some(text.into())
}

/// The game as JSON, with the views asked for; all cards are shown, since the game is over.
fn replayed(game: ArchivedGame, range: Range) -> Option<String> {
    let last = game.entries.len().checked_sub(1)?;
    let range = if range == LAST { Range { from: last, to: last + 1 } } else { range };
    let mut copy = Copy::open(game.table);
    let mut views = Vec::new();
    for (number, entry) in (0..).zip(&game.entries) {
        let accepted = copy.accept(u32::try_from(number).ok()?, std::slice::from_ref(entry));
        if accepted != Accepted::Applied(1) {
            return None;
        }
        if (range.from..range.to).contains(&number) {
            views.push(copy.game()?.open_view());
        }
    }
    let (_, log) = copy.view(Viewer::Watcher)?;
    let page = GamePage { game: &game.without_ids(), views_from: range.from, views, log };
    serde_json::to_string(&page).ok()
}
