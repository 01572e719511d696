//! Reads what is shown: from Redis, from each Redis of a group, and from the live nodes themselves.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::time::{Instant, timeout, timeout_at};

use crate::cluster::bus::{Bus, Heard};
use crate::config::Shown;
use crate::ids::{NodeId, TableId};
use crate::lobby::event::NodeOrder;
use crate::redis::error::StoreError;
use crate::redis::health::{self, GroupHealth};
use crate::redis::roles::RedisUrls;
use crate::rules::seat::BySeat;
use crate::store::look::{Kept, PlayerAt, TableAt, TableInFull, Totals};
use crate::store::nodes::{HeldTip, NodeState};
use crate::store::{Store, keys};
use crate::table::record::Tip;

/// How long the live nodes may take to say what they hold.
const REPORT_WITHIN: Duration = Duration::from_secs(1);
/// How long it may take to hear a channel.
const HEAR_WITHIN: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("what the nodes hold cannot be heard: {0}")]
    Bus(String),
    #[error("there is no game {0}: it is not live, not saved and not finished")]
    NoGame(TableId),
}

/// What is shown at one time; what was not asked for is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Inspected {
    /// Redis' time, milliseconds since 1970; left out where only the health of Redis is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Nodes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub players: Option<Vec<PlayerLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<Vec<TableLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<TableSeen>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Vec<GroupHealth>>,
}

/// The nodes that live, and those that should.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Nodes {
    /// By address.
    pub live: Vec<NodeState>,
    /// Their hearts have stopped, and they are not cleaned up after yet.
    pub dead: Vec<NodeId>,
}

/// A player, and the address of its node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlayerLine {
    #[serde(flatten)]
    pub at: PlayerAt,
    /// Where its node serves; none if the node is dead.
    pub address: Option<String>,
}

/// A table, and the addresses of its players' nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableLine {
    #[serde(flatten)]
    pub at: TableAt,
    pub addresses: BySeat<Option<String>>,
}

/// One game, wherever it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableSeen {
    pub table: TableId,
    pub kept: Kept,
    /// All of it, while it is live.
    pub live: Option<Live>,
}

/// A live table, and what each node holds of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Live {
    #[serde(flatten)]
    pub known: TableInFull,
    pub addresses: BySeat<Option<String>>,
    /// The most records that a node has and the backup has not.
    pub unsaved: u32,
    /// What each live node holds.
    pub held: Vec<Held>,
}

/// What a node holds of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    pub node: NodeId,
    pub address: String,
    pub tip: Option<Tip>,
    /// How that compares with the stream.
    pub compared: Compared,
}

/// A chain against the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    Same,
    /// The chain lacks so many records; they were accepted a moment ago, or the node missed them.
    Behind(u32),
    /// The chain has so many records more: they are not in the backup.
    Ahead(u32),
    /// As many records, but not the same ones.
    Differs,
    /// The node has no chain.
    #[serde(rename = "no_copy")]
    NoChain,
    Silent,
}

impl Compared {
    fn of(held: Option<&Tip>, stream: &Tip) -> Self {
        let Some(held) = held else { return Compared::NoChain };
        match held.number.cmp(&stream.number) {
            std::cmp::Ordering::Less => Compared::Behind(stream.number - held.number),
            std::cmp::Ordering::Greater => Compared::Ahead(held.number - stream.number),
            std::cmp::Ordering::Equal if held.hash == stream.hash => Compared::Same,
            std::cmp::Ordering::Equal => Compared::Differs,
        }
    }
}

/// Reads for one inspection after the other.
pub struct Reader {
    urls: RedisUrls,
    /// Connected when it is first needed: how Redis is can be told while it cannot be used.
    store: Option<Store>,
}

impl Reader {
    /// A reader of what is in the groups at these URLs.
    pub fn new(urls: &RedisUrls) -> Self {
        Self { urls: urls.clone(), store: None }
    }

    /// What was asked for, as it is now.
    pub async fn read(&mut self, what: &Option<Shown>) -> Result<Inspected, ReadError> {
        if let Some(Shown::Redis) = what {
            return Ok(Inspected { redis: Some(self.redis().await?), ..Inspected::default() });
        }
        let store = match &self.store {
            Some(store) => store.clone(),
            None => self.store.insert(Store::connect(self.urls.clone()).await?).clone(),
        };
        let empty = Inspected { now_ms: Some(store.now_ms().await?), ..Inspected::default() };
        Ok(match what {
            None => Inspected {
                totals: Some(store.totals().await?),
                nodes: Some(nodes(&store).await?),
                redis: Some(self.redis().await?),
                ..empty
            },
            Some(Shown::Nodes) => Inspected { nodes: Some(nodes(&store).await?), ..empty },
            Some(Shown::Players) => Inspected { players: Some(players(&store).await?), ..empty },
            Some(Shown::Tables) => Inspected { tables: Some(tables(&store).await?), ..empty },
            Some(Shown::Table { id }) => Inspected { table: Some(self.table(&store, *id).await?), ..empty },
            Some(Shown::Redis) => empty,
        })
    }

    async fn redis(&self) -> Result<Vec<GroupHealth>, ReadError> {
        let groups = self.urls.groups();
        let asked = groups.iter().map(health::of_group);
        Ok(join_all(asked).await.into_iter().collect::<Result<_, _>>()?)
    }

    async fn table(&self, store: &Store, table: TableId) -> Result<TableSeen, ReadError> {
        // The chains first: what they have then, and the stream has not afterwards, is not on its way but provisional.
        let (nodes, held) = match store.table_info(table).await? {
            Some(_) => self.held(store, table).await?,
            None => Default::default(),
        };
        let Some(known) = store.table_in_full(table).await? else {
            let kept = store.game_kept(table).await?.ok_or(ReadError::NoGame(table))?;
            return Ok(TableSeen { table, kept, live: None });
        };
        let held_by = |node: &NodeState| {
            let report = held.get(&node.node);
            let compared = report.map_or(Compared::Silent, |tip| Compared::of(tip.as_ref(), &known.tip));
            Held { node: node.node, address: node.address.clone(), tip: report.cloned().flatten(), compared }
        };
        let held: Vec<Held> = nodes.iter().map(held_by).collect();
        let unsaved = held.iter().map(|held| match held.compared {
            Compared::Ahead(records) => records,
            _ => 0,
        });
        let unsaved = unsaved.max().unwrap_or(0);
        let addresses = nodes.into_iter().map(|node| (node.node, node.address)).collect();
        let addresses = of_seats(&known.at, &addresses);
        Ok(TableSeen { table, kept: Kept::Live, live: Some(Live { known, addresses, unsaved, held }) })
    }

    /// The live nodes, and what those that answer in time hold of a table.
    async fn held(
        &self,
        store: &Store,
        table: TableId,
    ) -> Result<(Vec<NodeState>, HashMap<NodeId, Option<Tip>>), ReadError> {
        let channel = keys::report(NodeId::random());
        let (_bus, mut heard, listen) = Bus::open(store.data().clone(), vec![channel.clone()]);
        let listen = tokio::spawn(listen);
        let reports = async {
            let is_up = timeout(HEAR_WITHIN, heard.recv()).await;
            if !matches!(is_up, Ok(Some(Heard::Reload))) {
                return Err(ReadError::Bus("no answer in time".to_owned()));
            }
            let (nodes, _) = store.nodes().await?;
            let order = NodeOrder::Report { table, channel };
            let mut awaited = 0;
            for node in &nodes {
                awaited += usize::from(store.order(node.node, &order).await?);
            }
            let (until, mut held) = (Instant::now() + REPORT_WITHIN, HashMap::new());
            while held.len() < awaited {
                let Ok(Some(heard)) = timeout_at(until, heard.recv()).await else { break };
                if let Heard::Message { payload, .. } = heard
                    && let Ok(HeldTip { node, tip, .. }) = serde_json::from_str(&payload)
                {
                    held.insert(node, tip);
                }
            }
            Ok((nodes, held))
        };
        let reports = reports.await;
        listen.abort();
        reports
    }
}

async fn nodes(store: &Store) -> Result<Nodes, ReadError> {
    let (live, dead) = store.nodes().await?;
    Ok(Nodes { live, dead })
}

async fn addresses(store: &Store) -> Result<HashMap<NodeId, String>, ReadError> {
    let (live, _) = store.nodes().await?;
    Ok(live.into_iter().map(|node| (node.node, node.address)).collect())
}

async fn players(store: &Store) -> Result<Vec<PlayerLine>, ReadError> {
    let addresses = addresses(store).await?;
    let players = store.players_at().await?;
    let line = |at: PlayerAt| PlayerLine { address: addresses.get(&at.node).cloned(), at };
    Ok(players.into_iter().map(line).collect())
}

async fn tables(store: &Store) -> Result<Vec<TableLine>, ReadError> {
    let addresses = addresses(store).await?;
    let tables = store.tables_at().await?;
    let line = |at: TableAt| TableLine { addresses: of_seats(&at, &addresses), at };
    Ok(tables.into_iter().map(line).collect())
}

fn of_seats(at: &TableAt, addresses: &HashMap<NodeId, String>) -> BySeat<Option<String>> {
    let of = |node: Option<NodeId>| node.and_then(|node| addresses.get(&node).cloned());
    BySeat { first: of(at.nodes.first), second: of(at.nodes.second) }
}

#[cfg(test)]
mod tests {
    use super::Compared;
    use crate::table::record::Tip;

    #[test]
    fn a_chain_is_compared_with_the_stream() {
        let tip = |number: u32, digit: &str| Tip { number, hash: digit.repeat(32).parse().expect("a hash") };
        let of = |held: Option<Tip>| Compared::of(held.as_ref(), &tip(5, "e"));
        assert_eq!(of(Some(tip(5, "e"))), Compared::Same);
        assert_eq!(of(Some(tip(5, "f"))), Compared::Differs);
        assert_eq!(of(Some(tip(3, "c"))), Compared::Behind(2));
        assert_eq!(of(Some(tip(6, "a"))), Compared::Ahead(1));
        assert_eq!(of(None), Compared::NoChain);
    }
}
