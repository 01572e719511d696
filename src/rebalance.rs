//! `nineflags rebalance`: has the nodes that have more than their part of the sessions let some of them go.

use std::io::Write;

use crate::cluster::balance::{Shift, shifts};
use crate::config::{NoStore, RebalanceConfig};
use crate::lobby::event::NodeOrder;
use crate::redis::error::StoreError;
use crate::store::Store;
use crate::store::nodes::NodeState;

/// Why nothing, or not everything, was ordered.
#[derive(Debug, thiserror::Error)]
pub enum RebalanceError {
    #[error("{0}")]
    Where(#[from] NoStore),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error(transparent)]
    Output(#[from] std::io::Error),
}

/// Orders it, and tells what was ordered, one line for each live node.
pub async fn run(config: RebalanceConfig) -> Result<(), RebalanceError> {
    let store = Store::connect(config.store.urls()?).await?;
    let (nodes, _) = store.nodes().await?;
    let shifts = shifts(&nodes, config.share);
    for node in &nodes {
        let shift = shifts.iter().find(|shift| shift.node == node.node);
        let what = order(&store, shift, config.spread_ms).await?;
        let NodeState { address, sessions, .. } = node;
        writeln!(std::io::stdout(), "{address}: {sessions} sessions, {what}")?;
    }
    Ok(())
}

/// Gives one node its order; tells what became of it.
async fn order(store: &Store, shift: Option<&Shift>, spread_ms: u64) -> Result<String, StoreError> {
    let Some(Shift { node, sessions }) = shift else { return Ok("lets nobody go".to_owned()) };
    let order = NodeOrder::Reconnect { sessions: *sessions, spread_ms };
    let heard = store.order(*node, &order).await?;
    let asks = format!("asks {sessions} to reconnect within {spread_ms} ms");
    Ok(if heard { asks } else { "does not hear".to_owned() })
}
