//! What a node does once a second, whatever else happens.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{App, balance};
use crate::metrics;
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::store::nodes::NodeState;
use crate::table::record::KINDS;

/// How often that is.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// Sessions that read at one beat what they may have missed, at most: all would come at once after a failover.
const SESSIONS_CAUGHT_UP: usize = 500;

/// Tables compared with the store at each beat, at most.
const TABLES_COMPARED: usize = 250;

/// What is let go at one beat reconnects within this time.
const LET_GO_SPREAD_MS: u64 = 1_000;

/// Beats until the task is dropped.
pub async fn beat(app: Arc<App>) {
    let mut tick = interval(BEAT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pace = balance::Pace::per_min(app.config.rebalance_per_min);
    loop {
        tick.tick().await;
        match once(&app).await {
            Ok(live) => {
                app.sessions.tell_missed(SESSIONS_CAUGHT_UP);
                rebalance(&app, &live, &mut pace);
            }
            Err(error) => tracing::warn!(%error, "a heartbeat failed"),
        }
    }
}

/// Compares some tables after the others with what one group has of them, until the task is dropped: each group by
/// itself, so that one that hangs keeps nobody from the others.
pub async fn look_at_tables(app: Arc<App>, group: Group) {
    let mut tick = interval(BEAT_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut compared = None;
    loop {
        tick.tick().await;
        // There is nothing to learn from a group that is away; its bus has all compared when it is back.
        group.back().await;
        compared = app.tables.compare(&group, compared, TABLES_COMPARED).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "tables could not be compared");
            None
        });
    }
}

/// Lets some sessions go, gently, while this node has more than its part of them.
fn rebalance(app: &App, live: &[NodeState], pace: &mut balance::Pace) {
    let surplus = balance::surplus(app.node, app.sessions.count(), app.sessions.staying(), live);
    let asked = app.sessions.let_go(pace.at_beat(surplus), LET_GO_SPREAD_MS);
    if asked > 0 {
        tracing::info!(asked, "asked browsers to reconnect, since other nodes have fewer");
    }
}

/// One beat: lets old invites lapse, looks which nodes live and what they know, and looks after tables whose deadline has
/// come. Gives the nodes that live.
async fn once(app: &App) -> Result<Vec<NodeState>, StoreError> {
    app.tables.share_secret().await?;
    app.store.invites_expire().await?;
    let (live, _) = app.store.nodes().await?;
    app.tables.set_kinds_known(live.iter().map(|node| node.records).min().unwrap_or(KINDS));
    app.store.set_shards_known(live.iter().map(|node| node.shards).min().unwrap_or(1));
    let own = live.iter().filter(|node| node.version == env!("CARGO_PKG_VERSION"));
    app.elected.store(own.map(|node| node.node).min() == Some(app.node), Ordering::Relaxed);
    let due = app.store.deadlines_take().await?;
    metrics::deadlines_taken(due.len());
    for table in due {
        app.tables.due(table);
    }
    Ok(live)
}
