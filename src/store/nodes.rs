//! Nodes in Redis: their heartbeats, what dead ones left behind, and orders to one of them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Store, keys};
use crate::ids::NodeId;
use crate::lobby::event::NodeOrder;
use crate::redis::error::{StoreError, no_answer};
use crate::redis::group::Group;
use crate::redis::primary::Primary;
use crate::redis::script::{script, texts};
use crate::redis::timeouts;
use crate::redis::url::RedisUrl;
use crate::redis::wire::in_time;
use crate::table::record::Tip;

/// Milliseconds that a claim to clean up after a dead node stands without being renewed.
const CLAIM_LIVES_MS: u64 = 5_000;

script!(CLAIM, "reaper_claim");
script!(FORGET, "node_forget");

/// What a node says of itself with every beat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeState {
    pub node: NodeId,
    pub address: String,
    pub version: String,
    /// The version of the websocket's protocol it speaks.
    pub protocol: u32,
    /// The newest kinds of record it knows: see [`crate::table::record::KINDS`].
    pub records: u32,
    /// How many shards of the backup it knows: new games use those that every node knows.
    pub shards: usize,
    pub sessions: u64,
    /// Tables hosted there.
    pub tables: u64,
    pub draining: bool,
}

/// How far a node's chain of a table is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTip {
    pub node: NodeId,
    pub address: String,
    /// The tip, if it has a chain.
    pub tip: Option<Tip>,
}

/// What tells the others that a node lives: a connection of its own, on which nothing else is asked. Others hold the node to be
/// dead when its key has expired.
pub struct Lease {
    group: Group,
    line: Option<(Arc<Primary>, MultiplexedConnection)>,
}

impl Lease {
    /// A lease in the data group at a URL. Nothing of the node's own handle of that group is used: what holds that one up does
    /// not hold this one up.
    pub fn open(url: &RedisUrl) -> Result<Self, StoreError> {
        Ok(Self { group: Group::named("lease", url.clone())?, line: None })
    }

    /// Says that a node lives, for so many milliseconds; true if it had counted as dead before. After an error the next
    /// call connects anew, to another primary if the sentinels name one.
    pub async fn renew(&mut self, state: &NodeState, lives_ms: u64) -> Result<bool, StoreError> {
        let renewed = self.try_renew(state, lives_ms).await;
        if renewed.is_err() {
            self.line = None;
            self.group.doubt();
        }
        renewed
    }

    async fn try_renew(&mut self, state: &NodeState, lives_ms: u64) -> Result<bool, StoreError> {
        let (primary, mut wire) = match self.line.take() {
            Some(line) => line,
            None => in_time(timeouts::FIND, self.connect()).await?,
        };
        let beat = beat(state, lives_ms);
        let added = timeout(timeouts::ANSWER, beat.query_async::<(u64,)>(&mut wire)).await;
        let added = added.map_err(|_| no_answer())?.map_err(StoreError::from);
        let added = added.inspect_err(|error| self.group.weigh(&primary, error))?;
        self.line = Some((primary, wire));
        // The key was there if no field of it is new.
        Ok(added.0 > 0)
    }

    async fn connect(&self) -> Result<(Arc<Primary>, MultiplexedConnection), StoreError> {
        let primary = self.group.primary().await?;
        let wire = self.group.connect(&primary).await?;
        Ok((primary, wire))
    }
}

/// Says that a node lives, for so many milliseconds; answers how many fields of its key are new.
fn beat(state: &NodeState, lives_ms: u64) -> Pipeline {
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
    let hset = commands.atomic().cmd("HSET").arg(&key);
    for (name, value) in fields {
        hset.arg(name).arg(value);
    }
    commands.pexpire(&key, lives_ms.cast_signed()).ignore();
    commands.sadd(keys::NODES, state.node.to_string()).ignore();
    commands
}

impl Store {
    /// Says for the first time that a node lives, for so many milliseconds.
    pub async fn heartbeat(&self, state: &NodeState, lives_ms: u64) -> Result<(), StoreError> {
        self.data().pipe::<(u64,)>(&beat(state, lives_ms)).await.map(drop)
    }

    /// The nodes that live, and the ids of those that should but do not.
    pub async fn nodes(&self) -> Result<(Vec<NodeState>, Vec<NodeId>), StoreError> {
        let ids: Vec<String> = self.data().query(redis::cmd("SMEMBERS").arg(keys::NODES)).await?;
        // What is no node's id, or no hash, concerns no other node.
        let ids: Vec<NodeId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut commands = redis::pipe();
        commands.ignore_errors();
        for id in &ids {
            commands.hgetall(keys::node(*id));
        }
        let hashes: Vec<redis::RedisResult<HashMap<String, String>>> = self.data().pipe(&commands).await?;
        let (mut live, mut dead) = (Vec::new(), Vec::new());
        for (node, fields) in ids.into_iter().zip(hashes) {
            let Ok(fields) = fields else { continue };
            if fields.is_empty() { dead.push(node) } else { live.push(state_of(node, &fields)) }
        }
        live.sort_by(|one, other| one.address.cmp(&other.address));
        Ok((live, dead))
    }

    /// Lets a node clean up after a dead one, for a few seconds; false if that one lives, or another node is at it.
    pub async fn reaper_claim(&self, dead: NodeId, by: NodeId) -> Result<bool, StoreError> {
        let keys = [keys::node(dead), keys::reaper(dead)];
        let args = texts![by, CLAIM_LIVES_MS];
        Ok(self.data().invoke::<u8>(&CLAIM, &keys, &args).await? == 1)
    }

    /// Takes a dead node out of those that should live; false if it lives.
    pub async fn node_forget(&self, dead: NodeId) -> Result<bool, StoreError> {
        let keys = texts![keys::node(dead), keys::NODES, keys::reaper(dead)];
        let args = texts![dead];
        Ok(self.data().invoke::<u8>(&FORGET, &keys, &args).await? == 1)
    }

    /// Has it looked whether nodes live that somebody is said to be at.
    pub async fn nodes_suspect(&self, nodes: &BTreeSet<NodeId>) -> Result<(), StoreError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("SADD");
        command.arg(keys::NODES);
        for node in nodes {
            command.arg(node.to_string());
        }
        self.data().query(&command).await
    }

    /// Takes a node that ends in order out of those that should live; nobody is at it any more.
    pub async fn node_end(&self, node: NodeId) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic().del(keys::node(node)).ignore();
        commands.srem(keys::NODES, node.to_string()).ignore();
        self.data().pipe(&commands).await
    }

    /// Tells whoever asked how far the chain of a table is.
    pub async fn report(&self, channel: &str, held: &HeldTip) -> Result<(), StoreError> {
        self.data().query(redis::cmd("PUBLISH").arg(channel).arg(serde_json::to_string(held)?)).await
    }

    /// Gives a node an order; false if it does not hear.
    pub async fn order(&self, node: NodeId, order: &NodeOrder) -> Result<bool, StoreError> {
        let text = serde_json::to_string(order)?;
        let heard: u64 = self.data().query(redis::cmd("PUBLISH").arg(keys::node(node)).arg(text)).await?;
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
