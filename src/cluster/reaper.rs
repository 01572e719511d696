//! Takes out what a dead node left behind: one node at a time, in small steps, each of which looks whether it is still dead.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::App;
use crate::ids::{AccountId, NodeId, SessionId};
use crate::lobby::dead::Looks;
use crate::metrics;
use crate::redis::error::StoreError;
use crate::store::presence::{Cursor, LEAVING_MAX, LOOKED_AT, Left, OnlineAt};

/// How often it is looked who is dead.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Pause after each step, for everybody else who asks Redis and for every node that hears of it.
const STEP_PAUSE: Duration = Duration::from_millis(10);

/// Looks until the task is dropped.
pub async fn run(app: Arc<App>) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = Looks::default();
    loop {
        tick.tick().await;
        let dead = match app.store.nodes().await {
            Ok((_, lapsed)) => looks.dead(app.node, &lapsed),
            Err(error) => {
                tracing::debug!(%error, "it is not known who is dead");
                looks.unseen();
                Vec::new()
            }
        };
        for node in dead {
            if let Err(error) = reap(&app, node).await {
                tracing::warn!(%node, %error, "what a dead node left behind could not be taken out yet");
            }
        }
    }
}

/// Takes out everything of a dead node, unless it is found alive or another node does it.
async fn reap(app: &App, node: NodeId) -> Result<(), StoreError> {
    if !app.store.reaper_claim(node, app.node).await? {
        return Ok(());
    }
    tracing::info!(%node, "taking out what a dead node left behind");
    let left = Left::Dead { node, abandoned_ms: app.config.abandoned_ms() };
    if clear(app, node, left).await? && app.store.node_forget(node).await? {
        metrics::reaped();
    } else {
        tracing::warn!(%node, "a node that was held to be dead lives, or another one cleans up after it");
    }
    Ok(())
}

/// Takes out what is left of this node, which ends in order.
pub async fn end(app: &App) -> Result<(), StoreError> {
    let left = Left::Gone { abandoned_ms: app.config.abandoned_ms() };
    clear(app, app.node, left).await?;
    app.store.node_end(app.node).await
}

/// Whether this node may go on taking out.
async fn goes_on(app: &App, left: Left) -> Result<bool, StoreError> {
    match left {
        Left::Dead { node, .. } => app.store.reaper_claim(node, app.node).await,
        Left::Gone { .. } => Ok(true),
    }
}

/// Takes out a node's players and watchers; false if a dead one was found alive, or another node does it.
async fn clear(app: &App, node: NodeId, left: Left) -> Result<bool, StoreError> {
    let mut from = Cursor::default();
    loop {
        if !goes_on(app, left).await? {
            return Ok(false);
        }
        let (online, next) = app.store.online_slice(from, LOOKED_AT).await?;
        let of_node = online.iter().filter(|held| held.node == node);
        let of_node: Vec<(AccountId, SessionId)> =
            of_node.map(|OnlineAt { account, session, .. }| (*account, *session)).collect();
        for players in of_node.chunks(LEAVING_MAX) {
            let Some(gone) = app.store.leave_all(players, left).await? else { return Ok(false) };
            metrics::players_taken_out(gone);
            sleep(STEP_PAUSE).await;
        }
        from = next;
        if from.is_at_start() {
            break;
        }
    }
    loop {
        if !goes_on(app, left).await? {
            return Ok(false);
        }
        let (watched, next) = app.store.watched_slice(node, from).await?;
        for (table, _) in watched {
            app.store.table_watchers(table, node, 0).await?;
        }
        from = next;
        if from.is_at_start() {
            return Ok(true);
        }
    }
}
