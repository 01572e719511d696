//! Compares what the store holds of this node with the sessions and watchers that are here, both ways: a leave may be lost or
//! come before its entry, and a failover may lose an entry.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::App;
use crate::ids::{AccountId, SessionId};
use crate::lobby::Lobby;
use crate::lobby::presence::{Held, Repair, repair};
use crate::metrics;
use crate::redis::error::StoreError;
use crate::store::presence::{Cursor, LEAVING_MAX, Left, OnlineAt};

/// How often a slice of everything is compared, though nothing seems wrong.
const SLICE_EVERY: Duration = Duration::from_secs(1);

/// Sessions compared in one slice, at most, and at least: the store is asked for a few, not for all, while all is well.
const SESSIONS_COMPARED: (usize, usize) = (250, 1_000);
/// Slices of a whole round, unless these limits make it more or less.
const SLICES: usize = 20;

/// How far the comparing is.
#[derive(Default)]
struct Rounds {
    /// Sessions here that are to be looked for in the store.
    sessions: Vec<AccountId>,
    /// How far everyone online was looked at.
    online: Cursor,
    /// How far the live tables were.
    tables: Cursor,
}

/// Compares until the task is dropped: slice by slice, and all at once when something may have been lost.
pub async fn look_after(app: Arc<App>) {
    let mut tick = interval(SLICE_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rounds = Rounds::default();
    let mut doubtful = false;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = app.sessions.doubted() => doubtful = true,
        }
        // There is nothing to learn from a store that is away.
        app.store.data().back().await;
        let compared = if doubtful { all(&app).await } else { rounds.slice(&app).await };
        match compared {
            Ok(()) => doubtful = false,
            Err(error) => tracing::warn!(%error, "who is online here could not be compared"),
        }
    }
}

/// Looks at everyone who is said to be here, and at all watchers. Sessions that the store lost are entered again at the pace of
/// the slices: all at once would be too much for it.
async fn all(app: &App) -> Result<(), StoreError> {
    let (_, most) = SESSIONS_COMPARED;
    let mut online = said_to_be_here(app, Cursor::default(), most).await?;
    while !online.is_at_start() {
        online = said_to_be_here(app, online, most).await?;
    }
    let mut tables = watchers(app, Cursor::default()).await?;
    while !tables.is_at_start() {
        tables = watchers(app, tables).await?;
    }
    Ok(())
}

impl Rounds {
    async fn slice(&mut self, app: &App) -> Result<(), StoreError> {
        if self.sessions.is_empty() {
            self.sessions = app.sessions.entered_here();
        }
        let (least, most) = SESSIONS_COMPARED;
        let slice = (app.sessions.count() / SLICES).clamp(least, most);
        let accounts = self.sessions.split_off(self.sessions.len().saturating_sub(slice));
        if !accounts.is_empty() {
            let held = app.store.entered(&accounts).await?;
            // The word that a login has ended may have been lost: its session looks for itself.
            for (account, session) in app.store.logged_out(held.iter().flatten()).await? {
                app.sessions.missed(account, session);
            }
            set_right(app, accounts.into_iter().zip(held)).await?;
        }
        let online = app.mirror.with(Lobby::size).0;
        self.online = said_to_be_here(app, self.online, (online / SLICES).clamp(least, most)).await?;
        self.tables = watchers(app, self.tables).await?;
        Ok(())
    }
}

/// Looks at a slice of everyone online: who is said to be here, and at nodes that nobody knows.
async fn said_to_be_here(app: &App, from: Cursor, most: usize) -> Result<Cursor, StoreError> {
    let (online, next) = app.store.online_slice(from, most).await?;
    let elsewhere: BTreeSet<_> = online.iter().map(|held| held.node).filter(|at| *at != app.node).collect();
    let here = online.into_iter().filter(|held| held.node == app.node);
    set_right(app, here.map(|held| (held.account, Some(held)))).await?;
    // A node that is dead is taken out with all that is said to be there.
    app.store.nodes_suspect(&elsewhere).await?;
    Ok(next)
}

/// Sets right what differs.
async fn set_right(
    app: &App,
    held: impl Iterator<Item = (AccountId, Option<OnlineAt>)>,
) -> Result<(), StoreError> {
    let mut leaving: Vec<(AccountId, SessionId)> = Vec::new();
    let mut repaired = 0;
    for (account, held) in held {
        let held = held.map(|held| Held { session: held.session, here: held.node == app.node });
        match repair(app.sessions.here(account), held) {
            Repair::Nothing => continue,
            Repair::Leave(session) => leaving.push((account, session)),
            Repair::Reenter(session) => app.sessions.reenter(account, session),
            Repair::Close(session) => app.sessions.taken_over(account, session),
        }
        repaired += 1;
    }
    for leaving in leaving.chunks(LEAVING_MAX) {
        app.store.leave_all(leaving, Left::Gone { abandoned_ms: app.config.abandoned_ms() }).await?;
    }
    if repaired > 0 {
        metrics::presence_repaired(repaired);
        tracing::info!(players = repaired, "set right who is online here");
    }
    Ok(())
}

/// Takes out the watchers that the store counts here of tables nobody here looks at; a table that is here counts its own.
async fn watchers(app: &App, from: Cursor) -> Result<Cursor, StoreError> {
    let (watched, next) = app.store.watched_slice(app.node, from).await?;
    for (table, _) in watched {
        if !app.tables.is_kept(table) {
            app.store.table_watchers(table, app.node, 0).await?;
        }
    }
    Ok(next)
}
