//! Nodes in Redis: their heartbeats, what dead ones left behind, and orders to one of them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::group::StoreError;
use super::lobby::{Left, Online};
use super::{Store, keys};
use crate::ids::NodeId;
use crate::lobby::event::NodeOrder;
use crate::table::record::Tip;

/// What a node says of itself with every beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeState {
    /// Which node.
    pub node: NodeId,
    /// Where it serves.
    pub address: String,
    /// Its version.
    pub version: String,
    /// The version of the websocket's protocol it speaks.
    pub protocol: u32,
    /// The newest kinds of record it knows: see [`crate::table::record::KINDS`].
    pub records: u32,
    /// How many shards of the backup it knows: new games use those that every node knows.
    pub shards: usize,
    /// Websockets open there.
    pub sessions: u64,
    /// Live copies there.
    pub tables: u64,
    /// It is ending.
    pub draining: bool,
}

/// How far a node's live copy of a table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTip {
    /// Which node.
    pub node: NodeId,
    /// Where it serves.
    pub address: String,
    /// The tip of its copy, if it holds one.
    pub tip: Option<Tip>,
}

impl Store {
    /// Says that a node lives, for so many milliseconds.
    pub async fn heartbeat(&self, state: &NodeState, lives_ms: u64) -> Result<(), StoreError> {
        let key = keys::node(state.node);
        let fields = [
            ("address", state.address.clone()),
            ("version", state.version.clone()),
            ("protocol", state.protocol.to_string()),
            ("records", state.records.to_string()),
            ("shards", state.shards.to_string()),
            ("sessions", state.sessions.to_string()),
            ("tables", state.tables.to_string()),
            ("draining", u8::from(state.draining).to_string()),
        ];
        let mut commands = redis::pipe();
        commands.atomic().hset_multiple(&key, &fields).ignore();
        commands.pexpire(&key, lives_ms.cast_signed()).ignore();
        commands.sadd(keys::NODES, state.node.to_string()).ignore();
        self.data().pipe::<()>(&commands).await
    }

    /// The nodes that live, and the ids of those that should but do not.
    pub async fn nodes(&self) -> Result<(Vec<NodeState>, Vec<NodeId>), StoreError> {
        let ids: Vec<String> = self.data().query(redis::cmd("SMEMBERS").arg(keys::NODES)).await?;
        let mut commands = redis::pipe();
        for id in &ids {
            commands.hgetall(format!("node:{id}"));
        }
        let hashes: Vec<HashMap<String, String>> = self.data().pipe(&commands).await?;
        let (mut live, mut dead) = (Vec::new(), Vec::new());
        for (id, fields) in ids.iter().zip(hashes) {
            let node: NodeId = id.parse()?;
            if fields.is_empty() { dead.push(node) } else { live.push(state_of(node, &fields)) }
        }
        live.sort_by(|one, other| one.address.cmp(&other.address));
        Ok((live, dead))
    }

    /// Takes out the players and watchers of a node that no longer lives; whoever does it first does it, once.
    pub async fn reap(&self, node: NodeId, abandoned_ms: u64) -> Result<(), StoreError> {
        self.clear_node(node, Left::Dead { abandoned_ms }).await
    }

    /// Takes a node out of those that should live: it ends in order.
    pub async fn node_end(&self, node: NodeId, abandoned_ms: u64) -> Result<(), StoreError> {
        self.clear_node(node, Left::Gone { abandoned_ms }).await?;
        self.data().query(redis::cmd("DEL").arg(keys::node(node))).await
    }

    async fn clear_node(&self, node: NodeId, left: Left) -> Result<(), StoreError> {
        let online: HashMap<String, String> =
            self.data().query(redis::cmd("HGETALL").arg(keys::ONLINE)).await?;
        for (account, text) in online {
            let online: Online = serde_json::from_str(&text)?;
            if online.node == node {
                self.leave(account.parse()?, online.session, left).await?;
            }
        }
        let tables: Vec<String> = self.data().query(redis::cmd("SMEMBERS").arg(keys::TABLES)).await?;
        let mut commands = redis::pipe();
        for table in &tables {
            commands.hexists(format!("watchers:{table}"), node.to_string());
        }
        let watched: Vec<bool> = self.data().pipe(&commands).await?;
        for (table, _) in tables.iter().zip(watched).filter(|(_, watched)| *watched) {
            self.table_watchers(table.parse()?, node, 0).await?;
        }
        self.data().query(redis::cmd("SREM").arg(keys::NODES).arg(node.to_string())).await
    }

    /// Tells whoever asked how far the copy of a table is.
    pub async fn report(&self, channel: &str, held: &HeldTip) -> Result<(), StoreError> {
        let command = redis::cmd("PUBLISH").arg(channel).arg(serde_json::to_string(held)?).to_owned();
        self.data().query(&command).await
    }

    /// Gives a node an order; false if it does not hear.
    pub async fn order(&self, node: NodeId, order: &NodeOrder) -> Result<bool, StoreError> {
        let text = serde_json::to_string(order)?;
        let command = redis::cmd("PUBLISH").arg(keys::node(node)).arg(text).to_owned();
        let heard: u64 = self.data().query(&command).await?;
        Ok(heard > 0)
    }
}

/// What a heartbeat holds; a field an older or newer node does not write counts as nothing.
fn state_of(node: NodeId, fields: &HashMap<String, String>) -> NodeState {
    let text = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let small = |name: &str| u32::try_from(number(name)).unwrap_or(u32::MAX);
    NodeState {
        node,
        address: text("address"),
        version: text("version"),
        protocol: small("protocol"),
        records: small("records"),
        // Nodes of the time before there were shards know of one.
        shards: usize::try_from(number("shards").max(1)).unwrap_or(usize::MAX),
        sessions: number("sessions"),
        tables: number("tables"),
        draining: number("draining") == 1,
    }
}
