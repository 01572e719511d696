//! Keeps this node's mirror of the lobby up to date, beside everything else that the bus hears: no record waits for it.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

use super::App;
use crate::fault;
use crate::lobby::event::{LobbyChange, Versioned};
use crate::lobby::{Applied, Lobby};
use crate::metrics;

/// Changes that may wait; who falls further behind reads the whole lobby again.
pub const CHANGES: usize = 4_096;
/// The whole lobby is read at most once in this time.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Where the bus hands on what it hears of the lobby.
pub struct LobbyLine {
    changes: mpsc::Sender<String>,
    missed: Arc<Notify>,
}

/// The other end.
pub struct LobbyChanges {
    changes: mpsc::Receiver<String>,
    missed: Arc<Notify>,
}

/// Both ends.
pub fn lobby_line() -> (LobbyLine, LobbyChanges) {
    let (sender, changes) = mpsc::channel(CHANGES);
    let missed = Arc::new(Notify::new());
    (LobbyLine { changes: sender, missed: Arc::clone(&missed) }, LobbyChanges { changes, missed })
}

impl LobbyLine {
    /// A change was published.
    pub fn heard(&self, payload: String) {
        if let Err(TrySendError::Full(_)) = self.changes.try_send(payload) {
            self.missed();
        }
    }

    /// Changes may have been missed.
    pub fn missed(&self) {
        self.missed.notify_one();
    }
}

/// Takes changes in until the line is gone, and reads the whole lobby where one was missed.
pub async fn keep(app: Arc<App>, LobbyChanges { mut changes, missed }: LobbyChanges) {
    let mut read_after = Instant::now();
    let mut read_at = None;
    loop {
        tokio::select! {
            payload = changes.recv() => match payload {
                Some(payload) => if take_in(&app, &payload) == Applied::Gap {
                    read_at.get_or_insert_with(|| read_after.max(Instant::now()));
                },
                None => return,
            },
            () = missed.notified() => {
                read_at.get_or_insert_with(|| read_after.max(Instant::now()));
            }
            () = sleep_until(read_at.unwrap_or(read_after)), if read_at.is_some() => {
                // What is published from now on comes after what is read.
                read_after = Instant::now() + READ_EVERY;
                metrics::reload(metrics::Reload::Lobby);
                read_at = match app.store.lobby_read().await {
                    Ok(snapshot) => {
                        app.mirror.load(snapshot);
                        None
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the lobby could not be read");
                        Some(read_after)
                    }
                };
            }
        }
    }
}

/// Just enough of a change to know whether it is news.
#[derive(Deserialize)]
struct OnlyVersion {
    version: u64,
}

fn take_in(app: &App, payload: &str) -> Applied {
    let change = match serde_json::from_str::<Versioned>(payload) {
        Ok(change) => change,
        Err(error) => {
            // A newer node may tell what this one does not know: what it can read is read from the store.
            tracing::debug!(%error, "a change of the lobby could not be read");
            let version = serde_json::from_str::<OnlyVersion>(payload).map(|only| only.version);
            let is_old = version.is_ok_and(|version| version <= app.mirror.with(Lobby::version));
            return if is_old { Applied::Old } else { Applied::Gap };
        }
    };
    let applied = app.mirror.apply(&change);
    if let LobbyChange::Watchers { table, count } = change.change {
        app.tables.watchers(table, count);
    }
    if fault::is_without("gap") { Applied::Changed } else { applied }
}
