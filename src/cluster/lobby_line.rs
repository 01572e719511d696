//! Keeps this node's mirror of the lobby up to date, beside everything else that the bus hears: no record waits for it.

use std::sync::Arc;

use serde::Deserialize;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::App;
use crate::lobby::event::{LobbyChange, Versioned};
use crate::lobby::following::Following;
use crate::lobby::{Applied, Lobby};
use crate::metrics;

/// Changes that may wait; who falls further behind reads the whole lobby again.
pub const CHANGES: usize = 4_096;

/// Where the bus hands on what it hears of the lobby.
pub struct LobbyLine {
    changes: mpsc::Sender<Heard>,
    /// Counts the connections that were heard.
    connection: watch::Sender<u64>,
}

/// The other end.
pub struct LobbyChanges {
    changes: mpsc::Receiver<Heard>,
    connection: watch::Receiver<u64>,
}

/// A change, and over which connection it came.
struct Heard {
    connection: u64,
    payload: String,
}

/// Both ends.
pub fn lobby_line() -> (LobbyLine, LobbyChanges) {
    let (sender, changes) = mpsc::channel(CHANGES);
    let (connections, connection) = watch::channel(0);
    (LobbyLine { changes: sender, connection: connections }, LobbyChanges { changes, connection })
}

impl LobbyLine {
    /// A change was published.
    pub fn heard(&self, payload: String) {
        let heard = Heard { connection: *self.connection.borrow(), payload };
        if let Err(TrySendError::Full(_)) = self.changes.try_send(heard) {
            self.missed();
        }
    }

    /// Changes may have been missed.
    pub fn missed(&self) {
        self.connection.send_modify(|connection| *connection += 1);
    }
}

/// Takes changes in until the line is gone, and reads the whole lobby where one was missed.
pub async fn keep(app: Arc<App>, LobbyChanges { mut changes, mut connection }: LobbyChanges) {
    let (start, mut following) = (Instant::now(), Following::default());
    loop {
        let read_at = following.read_at();
        tokio::select! {
            biased;
            missed = connection.changed() => match missed {
                Ok(()) => following.missed(start.elapsed(), *connection.borrow_and_update()),
                Err(_) => return,
            },
            () = sleep_until(start + read_at.unwrap_or_default()), if read_at.is_some() => {
                following.reads(start.elapsed());
                metrics::reload(metrics::Reload::Lobby);
                match app.store.lobby_read().await {
                    Ok(snapshot) => app.mirror.load(snapshot),
                    Err(error) => {
                        tracing::warn!(%error, "the lobby could not be read");
                        following.failed();
                    }
                }
            }
            heard = changes.recv() => match heard {
                Some(heard) if following.counts(heard.connection) => {
                    following.applied(start.elapsed(), take_in(&app, &heard.payload));
                }
                Some(_) => {}
                None => return,
            },
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
    applied
}
