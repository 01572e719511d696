//! Hands on what the bus hears: to the mirror of the lobby, to keepers of tables, to sessions, and to the node itself.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::App;
use super::bus::Heard;
use super::tables::table_of;
use crate::fault;
use crate::ids::TableId;
use crate::lobby::Applied;
use crate::lobby::event::{LobbyChange, NodeEvent, NodeOrder, ToNode, Versioned};
use crate::metrics;
use crate::store::nodes::HeldTip;
use crate::store::{Group, keys};

/// Hands on everything from the data group until its bus is gone.
pub async fn run(app: Arc<App>, mut heard: mpsc::Receiver<Heard>) {
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Reload => {
                metrics::reload(metrics::Reload::All);
                reload_lobby(&app).await;
                app.sessions.all_missed();
                compare(&app, app.store.data()).await;
            }
            Heard::Message { channel, payload } => message(&app, &channel, payload).await,
        }
    }
}

/// Hands on records from another group until its bus is gone.
pub async fn run_shard(app: Arc<App>, group: Group, mut heard: mpsc::Receiver<Heard>) {
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Reload => {
                metrics::reload(metrics::Reload::Shard);
                compare(&app, &group).await;
            }
            Heard::Message { channel, payload } => {
                if let Some(table) = table_of(&channel) {
                    app.tables.heard(table, payload);
                }
            }
        }
    }
}

async fn compare(app: &App, group: &Group) {
    if let Err(error) = app.tables.compare(group, None, usize::MAX).await {
        tracing::warn!(%error, "tables could not be compared");
    }
}

async fn message(app: &Arc<App>, channel: &str, payload: String) {
    if channel == keys::LOBBY {
        match serde_json::from_str::<Versioned>(&payload) {
            Ok(change) => lobby_change(app, change).await,
            Err(error) => {
                // A newer node may tell what this one does not know: what it can read is read from the store.
                tracing::debug!(%error, "a change of the lobby could not be read");
                metrics::reload(metrics::Reload::Lobby);
                reload_lobby(app).await;
            }
        }
    } else if let Some(table) = table_of(channel) {
        app.tables.heard(table, payload);
    } else {
        match serde_json::from_str::<ToNode>(&payload) {
            Ok(ToNode::Event(NodeEvent { account, event })) => app.sessions.tell(account, event),
            Ok(ToNode::Order(order)) => carry_out(app, order),
            Err(error) => tracing::warn!(%error, "an event could not be read"),
        }
    }
}

async fn lobby_change(app: &App, change: Versioned) {
    if app.mirror.apply(&change) == Applied::Gap && !fault::is_without("gap") {
        metrics::reload(metrics::Reload::Lobby);
        reload_lobby(app).await;
    }
    if let LobbyChange::Watchers { table, count } = change.change {
        app.tables.watchers(table, count);
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

/// Reads the lobby again, if it could not be read when it should have been.
pub async fn reload_stale_lobby(app: &App) {
    if app.mirror.is_stale() {
        reload_lobby(app).await;
    }
}

async fn reload_lobby(app: &App) {
    match app.store.lobby_read().await {
        Ok(snapshot) => app.mirror.load(snapshot),
        Err(error) => {
            tracing::warn!(%error, "the lobby could not be read");
            app.mirror.set_stale();
        }
    }
}
