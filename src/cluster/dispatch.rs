//! Hands on what the bus hears: to the mirror of the lobby, to keepers of tables, to sessions, and to the node itself.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use super::App;
use super::bus::Heard;
use super::lobby_line::{self, LobbyLine, lobby_line};
use crate::ids::TableId;
use crate::lobby::event::{NodeEvent, NodeOrder, ToNode};
use crate::metrics;
use crate::redis::group::Group;
use crate::store::keys;
use crate::store::nodes::HeldTip;

/// Hands on everything from the data group until its bus is gone. Nothing is waited for here: the lobby and the
/// comparison of tables have tasks of their own.
pub async fn run(app: Arc<App>, mut heard: mpsc::Receiver<Heard>) {
    let mut tasks = JoinSet::new();
    let (lobby, changes) = lobby_line();
    tasks.spawn(lobby_line::keep(Arc::clone(&app), changes));
    let again = compare_whenever(&app, app.store.data(), &mut tasks);
    while let Some(heard) = next(&mut heard, &mut tasks).await {
        match heard {
            Heard::Reload => {
                metrics::reload(metrics::Reload::All);
                lobby.missed();
                app.sessions.all_missed();
                again.notify_one();
            }
            Heard::Message { channel, payload } => message(&app, &lobby, &channel, payload),
        }
    }
}

/// Hands on records from another group until its bus is gone.
pub async fn run_shard(app: Arc<App>, group: Group, mut heard: mpsc::Receiver<Heard>) {
    let mut tasks = JoinSet::new();
    let again = compare_whenever(&app, &group, &mut tasks);
    while let Some(heard) = next(&mut heard, &mut tasks).await {
        match heard {
            Heard::Reload => {
                metrics::reload(metrics::Reload::Shard);
                again.notify_one();
            }
            Heard::Message { channel, payload } => {
                if let Some(table) = keys::table_of(&channel) {
                    app.tables.heard(table, payload);
                }
            }
        }
    }
}

/// What is heard next; nothing once the bus or a task beside it has ended, without which it is no use to go on.
async fn next(heard: &mut mpsc::Receiver<Heard>, tasks: &mut JoinSet<()>) -> Option<Heard> {
    tokio::select! {
        heard = heard.recv() => heard,
        Some(_) = tasks.join_next() => None,
    }
}

/// Compares all tables of a group in a task beside, whenever it is told to.
fn compare_whenever(app: &Arc<App>, group: &Group, tasks: &mut JoinSet<()>) -> Arc<Notify> {
    let again = Arc::new(Notify::new());
    let (app, group, told) = (Arc::clone(app), group.clone(), Arc::clone(&again));
    tasks.spawn(async move {
        loop {
            told.notified().await;
            if let Err(error) = app.tables.compare(&group, None, usize::MAX).await {
                tracing::warn!(%error, "tables could not be compared");
            }
        }
    });
    again
}

fn message(app: &Arc<App>, lobby: &LobbyLine, channel: &str, payload: String) {
    if channel == keys::LOBBY {
        lobby.heard(payload);
    } else if let Some(table) = keys::table_of(channel) {
        app.tables.heard(table, payload);
    } else {
        match serde_json::from_str::<ToNode>(&payload) {
            Ok(ToNode::Event(NodeEvent { account, event })) => app.sessions.tell(account, event),
            Ok(ToNode::Order(order)) => carry_out(app, order),
            Err(error) => tracing::warn!(%error, "an event could not be read"),
        }
    }
}

fn carry_out(app: &Arc<App>, order: NodeOrder) {
    match order {
        NodeOrder::Reconnect { sessions, spread_ms } => {
            let most = usize::try_from(sessions).unwrap_or(usize::MAX);
            let asked = app.sessions.let_go(most, spread_ms);
            tracing::info!(asked, spread_ms, "asked browsers to reconnect, so that others take their share");
        }
        NodeOrder::Report { table, channel } => {
            tokio::spawn(report(Arc::clone(app), table, channel));
        }
    }
}

/// Tells on a channel how far the copy here is.
async fn report(app: Arc<App>, table: TableId, channel: String) {
    let held = HeldTip { node: app.node, address: app.address.clone(), tip: app.tables.tip(table).await };
    if let Err(error) = app.store.report(&channel, &held).await {
        tracing::warn!(%table, %error, "what is held of a table could not be reported");
    }
}
