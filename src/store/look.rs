//! What an operator looks at: who is online and where, what is played, one table in full. Nothing here changes data.

use std::collections::HashMap;

use futures_util::future::join_all;
use redis::Cmd;
use serde::Serialize;

use super::lobby::{Online, online_texts, parse_table};
use super::{Store, keys};
use crate::host::TableInfo;
use crate::ids::{AccountId, AccountName, NodeId, TableId};
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::rules::seat::BySeat;
use crate::table::record::Tip;

/// Keys asked for in one exchange, at most.
const AT_ONCE: usize = 1_000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlayerAt {
    pub name: AccountName,
    pub guest: bool,
    pub account: AccountId,
    pub node: NodeId,
    /// The live table it sits at.
    pub table: Option<TableId>,
}

/// A live table, and where its players are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableAt {
    pub table: TableId,
    pub names: BySeat<AccountName>,
    /// The node of each seat's session; none for who is away.
    pub nodes: BySeat<Option<NodeId>>,
    /// The shard of the backup that has its records.
    pub shard: usize,
    /// Records there; none if the shard does not answer.
    pub records: Option<u64>,
    pub watchers: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    Live,
    /// Stopped, to be resumed.
    Saved,
    Archived,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableInFull {
    /// What the list shows of it.
    #[serde(flatten)]
    pub at: TableAt,
    pub accounts: BySeat<AccountId>,
    pub tip: Tip,
    /// When its first record was accepted, milliseconds since 1970.
    pub started_ms: Option<u64>,
    pub last_ms: Option<u64>,
    /// Since when a seat's player is away.
    pub away_since_ms: BySeat<Option<u64>>,
    /// When a node is to look after it whoever is connected.
    pub deadline_ms: Option<u64>,
    pub resuming: bool,
    pub watchers_by_node: HashMap<String, u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Totals {
    pub players: u64,
    pub tables: u64,
    pub deadlines: u64,
    /// Finished games; none if the archive does not answer.
    pub archived: Option<u64>,
}

impl Store {
    pub async fn totals(&self) -> Result<Totals, StoreError> {
        let mut commands = redis::pipe();
        commands.cmd("HLEN").arg(keys::ONLINE).cmd("SCARD").arg(keys::TABLES);
        commands.cmd("ZCARD").arg(keys::DEADLINES);
        let (players, tables, deadlines) = self.data().pipe(&commands).await?;
        let archived = self.archive().query(redis::cmd("ZCARD").arg(keys::ARCHIVE_RECENT)).await.ok();
        Ok(Totals { players, tables, deadlines, archived })
    }

    /// Everyone online, by name.
    pub async fn players_at(&self) -> Result<Vec<PlayerAt>, StoreError> {
        let online: HashMap<String, String> =
            self.data().query(redis::cmd("HGETALL").arg(keys::ONLINE)).await?;
        let mut players = Vec::with_capacity(online.len());
        for (account, text) in &online {
            let Online { node, name, guest, .. } = serde_json::from_str(text)?;
            players.push(PlayerAt { name, guest, account: account.parse()?, node, table: None });
        }
        players.sort_by_cached_key(|player| player.name.folded());
        for players in players.chunks_mut(AT_ONCE) {
            let seats: Vec<String> = players.iter().map(|player| keys::seat(player.account)).collect();
            let seats: Vec<Option<String>> = self.data().query(redis::cmd("MGET").arg(seats)).await?;
            for (player, seat) in players.iter_mut().zip(seats) {
                player.table = seat.map(|table| table.parse()).transpose()?;
            }
        }
        Ok(players)
    }

    /// Every live table, oldest first.
    pub async fn tables_at(&self) -> Result<Vec<TableAt>, StoreError> {
        let texts: Vec<String> = self.data().query(redis::cmd("SMEMBERS").arg(keys::TABLES)).await?;
        let mut ids: Vec<TableId> = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
        ids.sort_unstable();
        let mut tables = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            tables.extend(self.infos(ids).await?);
        }
        let accounts: Vec<AccountId> =
            tables.iter().flat_map(|(_, info)| [info.accounts.first, info.accounts.second]).collect();
        let nodes = self.nodes_of(&accounts).await?;
        let mut found = Vec::with_capacity(tables.len());
        for ((table, info), nodes) in tables.into_iter().zip(nodes.chunks(2)) {
            let nodes = BySeat { first: nodes[0], second: nodes[1] };
            let (watchers, shard) = (info.watchers, info.shard);
            found.push(TableAt { table, names: info.names, nodes, shard, records: None, watchers });
        }
        self.count_records(&mut found).await;
        Ok(found)
    }

    /// One live table; none if it is not live.
    pub async fn table_in_full(&self, table: TableId) -> Result<Option<TableInFull>, StoreError> {
        let Some(info) = self.table_info(table).await? else { return Ok(None) };
        let mut commands = redis::pipe();
        commands.cmd("ZSCORE").arg(keys::DEADLINES).arg(table.to_string());
        commands.hgetall(keys::watchers(table));
        let (deadline, watchers_by_node): (Option<f64>, HashMap<String, u32>) =
            self.data().pipe(&commands).await?;
        let mut commands = redis::pipe();
        commands.cmd("XRANGE").arg(keys::game(table)).arg("-").arg("+").arg("COUNT").arg(1);
        commands.cmd("XREVRANGE").arg(keys::game(table)).arg("+").arg("-").arg("COUNT").arg(1);
        let (first, last): (Vec<Row>, Vec<Row>) = self.backup(info.shard).pipe(&commands).await?;
        let started_ms = first.first().and_then(time_of);
        let (tip, last_ms) = (last.first().map(tip_of).unwrap_or_default(), last.first().and_then(time_of));
        let nodes = self.nodes_of(&[info.accounts.first, info.accounts.second]).await?;
        let mut at = [TableAt {
            table,
            names: info.names,
            nodes: BySeat { first: nodes[0], second: nodes[1] },
            shard: info.shard,
            records: None,
            watchers: info.watchers,
        }];
        self.count_records(&mut at).await;
        let [at] = at;
        Ok(Some(TableInFull {
            at,
            accounts: info.accounts,
            tip,
            started_ms,
            last_ms,
            away_since_ms: info.away_since_ms,
            deadline_ms: deadline.map(whole),
            resuming: info.resume,
            watchers_by_node,
        }))
    }

    /// Where a game is kept; none if there is no such game.
    pub async fn game_kept(&self, table: TableId) -> Result<Option<Kept>, StoreError> {
        let mut commands = redis::pipe();
        commands.exists(keys::table(table)).exists(keys::saved(table));
        let (live, saved): (bool, bool) = self.data().pipe(&commands).await?;
        let archived = redis::cmd("EXISTS").arg(keys::archive(table)).to_owned();
        Ok(match (live, saved) {
            (true, _) => Some(Kept::Live),
            (false, true) => Some(Kept::Saved),
            (false, false) => self.archive().query::<bool>(&archived).await?.then_some(Kept::Archived),
        })
    }

    async fn infos(&self, ids: &[TableId]) -> Result<Vec<(TableId, TableInfo)>, StoreError> {
        let hashes: Vec<HashMap<String, String>> =
            self.data().each(ids, |id| Cmd::hgetall(keys::table(*id))).await?;
        let live = ids.iter().zip(hashes).filter(|(_, fields)| !fields.is_empty());
        live.map(|(id, fields)| Ok((*id, parse_table(&fields)?))).collect()
    }

    /// The node of each account's session.
    async fn nodes_of(&self, accounts: &[AccountId]) -> Result<Vec<Option<NodeId>>, StoreError> {
        let mut nodes = Vec::with_capacity(accounts.len());
        for accounts in accounts.chunks(AT_ONCE) {
            for text in online_texts(self.data(), accounts).await? {
                let online = text.map(|text| serde_json::from_str::<Online>(&text)).transpose()?;
                nodes.push(online.map(|online| online.node));
            }
        }
        Ok(nodes)
    }

    /// Counts what each shard has; a shard that does not answer leaves its tables uncounted.
    async fn count_records(&self, tables: &mut [TableAt]) {
        let here = |shard: usize| tables.iter().filter(move |at| at.shard == shard).map(|at| at.table);
        let here: Vec<Vec<TableId>> = (0..self.shards().len()).map(|shard| here(shard).collect()).collect();
        let asked = self.shards().iter().zip(here).map(|(shard, here)| count_at(shard, here));
        let counted: HashMap<TableId, u64> =
            join_all(asked).await.into_iter().flat_map(Result::unwrap_or_default).collect();
        for at in tables {
            at.records = counted.get(&at.table).copied();
        }
    }
}

async fn count_at(shard: &Group, tables: Vec<TableId>) -> Result<Vec<(TableId, u64)>, StoreError> {
    let mut counted = Vec::with_capacity(tables.len());
    for tables in tables.chunks(AT_ONCE) {
        let counts: Vec<u64> = shard.each(tables, |table| Cmd::xlen(keys::game(*table))).await?;
        counted.extend(tables.iter().copied().zip(counts));
    }
    Ok(counted)
}

/// An entry of a stream: its id and its fields.
type Row = (String, HashMap<String, String>);

/// The tip after a record. One that cannot be read, which is what an operator may be here for, counts as record 0.
fn tip_of((id, fields): &Row) -> Tip {
    let number = id.split('-').next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    let hash = fields.get("hash").and_then(|hash| hash.parse().ok());
    Tip { number: number + 1, hash: hash.unwrap_or_default() }
}

fn time_of((_, fields): &Row) -> Option<u64> {
    fields.get("time_ms")?.parse().ok()
}

/// A sorted set's score that was a whole number of milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are positive and whole")]
fn whole(score: f64) -> u64 {
    score as u64
}
