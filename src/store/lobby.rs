//! The lobby's data: who is online, what is played, and the heartbeats of nodes.

use std::collections::HashMap;

use redis::Script;
use serde::Deserialize;

use super::accounts::Account;
use super::logins::LoginHash;
use super::{Store, keys};
use crate::host::TableInfo;
use crate::ids::{AccountId, AccountName, NodeId, SessionId, TableId};
use crate::lobby::event::{NodeEvent, PlayerEvent, TableNews};
use crate::lobby::{Player, Snapshot, Table};
use crate::protocol::TableRow;
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::redis::script::{script, texts};
use crate::rules::seat::BySeat;

script!(ENTER, "prelude", "player_enter");
script!(REENTER, "prelude", "player_reenter", "player_enter");
script!(CLOSE, "prelude", "table_close");
script!(NEWS, "prelude", "tables_news");
script!(WATCHERS, "prelude", "table_watchers");

/// What the lobby shows of a live table.
const SHOWN: [&str; 7] = ["first", "second", "first_name", "second_name", "number", "flags", "watchers"];

/// A live session, as `online` holds it.
#[derive(Deserialize)]
pub(super) struct Online {
    pub(super) node: NodeId,
    pub(super) session: SessionId,
    pub(super) name: AccountName,
    pub(super) guest: bool,
    /// Absent for sessions of older versions.
    pub(super) login: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is the live one of its account.
    Live,
    TakenOver,
    LoggedOut,
}

impl Store {
    /// Makes a session the live one of its account, by a login unless a test goes without.
    pub async fn enter(
        &self,
        account: &Account,
        login: Option<&LoginHash>,
        node: NodeId,
        session: SessionId,
    ) -> Result<Entered, StoreError> {
        self.enter_by(&ENTER, account, login, node, session).await
    }

    /// Makes a session the live one again that the store lost.
    pub async fn reenter(
        &self,
        account: &Account,
        login: Option<&LoginHash>,
        node: NodeId,
        session: SessionId,
    ) -> Result<Entered, StoreError> {
        self.enter_by(&REENTER, account, login, node, session).await
    }

    async fn enter_by(
        &self,
        script: &Script,
        account: &Account,
        login: Option<&LoginHash>,
        node: NodeId,
        session: SessionId,
    ) -> Result<Entered, StoreError> {
        let keys = texts![keys::ONLINE, keys::LOBBY_VERSION, keys::seat(account.id)];
        let args = texts![
            account.id,
            node,
            session,
            account.name,
            u8::from(account.guest),
            login.map_or("", LoginHash::as_str),
        ];
        let word: Option<String> = self.data().invoke(script, &keys, &args).await?;
        Ok(match word.as_deref() {
            Some("logged_out") => Entered::LoggedOut,
            Some(_) => Entered::Live,
            None => Entered::TakenOver,
        })
    }

    /// The live table an account sits at.
    pub async fn seat_of(&self, account: AccountId) -> Result<Option<TableId>, StoreError> {
        let table: Option<String> = self.data().query(redis::cmd("GET").arg(keys::seat(account))).await?;
        // A seat at what is no table is none: its player is not kept out.
        let unreadable = |error| tracing::warn!(key = keys::seat(account), %error, "a seat cannot be read");
        Ok(table.and_then(|table| table.parse().map_err(unreadable).ok()))
    }

    pub async fn is_online(&self, account: AccountId) -> Result<bool, StoreError> {
        self.data().query(redis::cmd("HEXISTS").arg(keys::ONLINE).arg(account.to_string())).await
    }

    /// Sends an event to the session of a player; false if the player is not online.
    pub async fn tell(&self, account: AccountId, event: &PlayerEvent) -> Result<bool, StoreError> {
        let online: Option<String> =
            self.data().query(redis::cmd("HGET").arg(keys::ONLINE).arg(account.to_string())).await?;
        let Some(online) = online else { return Ok(false) };
        let online: Online = serde_json::from_str(&online)?;
        let text = serde_json::to_string(&NodeEvent { account, event: event.clone() })?;
        let receivers: u64 =
            self.data().query(redis::cmd("PUBLISH").arg(keys::node(online.node)).arg(text)).await?;
        Ok(receivers > 0)
    }

    /// Has the lists of saved and finished games sent again.
    pub async fn tell_games_changed(&self, accounts: &[AccountId]) -> Result<(), StoreError> {
        for account in accounts {
            self.tell(*account, &PlayerEvent::GamesChanged).await?;
        }
        Ok(())
    }

    /// What is known of a live table.
    pub async fn table_info(&self, table: TableId) -> Result<Option<TableInfo>, StoreError> {
        let fields: HashMap<String, String> =
            self.data().query(redis::cmd("HGETALL").arg(keys::table(table))).await?;
        if fields.is_empty() {
            return Ok(None);
        }
        let info = parse_table(&fields)?;
        let shards = self.shards().len();
        if info.shard >= shards {
            let at = info.shard;
            let words = format!(
                "table {table} is at backup-{at}, but there are {shards} shards: see BACKUP_REDIS_URLS"
            );
            return Err(StoreError::Corrupt(words));
        }
        Ok(Some(info))
    }

    /// Takes a table out of the lobby and frees its seats, unless it was made again since `info` was read; may be
    /// repeated.
    pub async fn table_close(&self, table: TableId, info: &TableInfo) -> Result<(), StoreError> {
        let keys = texts![
            keys::ONLINE,
            keys::LOBBY_VERSION,
            keys::TABLES,
            keys::table(table),
            keys::watchers(table),
            keys::DEADLINES,
        ];
        let args = texts![table, info.made_ms];
        self.data().invoke::<u8>(&CLOSE, &keys, &args).await.map(drop)
    }

    /// Brings the rows of tables up to date.
    pub async fn tables_news(&self, rows: &[TableNews]) -> Result<(), StoreError> {
        let mut keys = vec![keys::LOBBY_VERSION.to_owned()];
        keys.extend(rows.iter().map(|news| keys::table(news.table)));
        let args: Vec<String> =
            rows.iter().flat_map(|news| texts![news.table, news.number, news.flags]).collect();
        self.data().invoke::<u64>(&NEWS, &keys, &args).await.map(drop)
    }

    /// Tells how many watch a table on a node; gives how many watch on all.
    pub async fn table_watchers(&self, table: TableId, node: NodeId, count: u32) -> Result<u32, StoreError> {
        let keys = texts![keys::LOBBY_VERSION, keys::table(table), keys::watchers(table)];
        let args = texts![table, node, count];
        self.data().invoke(&WATCHERS, &keys, &args).await
    }

    pub async fn lobby_read(&self) -> Result<Snapshot, StoreError> {
        let mut commands = redis::pipe();
        // The version first: a change in between is then taken in twice, which does no harm.
        commands.get(keys::LOBBY_VERSION).hgetall(keys::ONLINE).smembers(keys::TABLES);
        let (version, online, ids): (Option<u64>, HashMap<String, String>, Vec<String>) =
            self.data().pipe(&commands).await?;
        let mut players = Vec::with_capacity(online.len());
        for (account, text) in online {
            match player_of(&account, &text) {
                Ok(player) => players.push(player),
                Err(error) => tracing::warn!(account, %error, "a player cannot be listed"),
            }
        }
        let ids: Vec<TableId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut commands = redis::pipe();
        commands.ignore_errors();
        for id in &ids {
            commands.cmd("HMGET").arg(keys::table(*id)).arg(&SHOWN);
        }
        let hashes: Vec<redis::RedisResult<Vec<Option<String>>>> = self.data().pipe(&commands).await?;
        let mut tables = Vec::with_capacity(ids.len());
        for (id, values) in ids.into_iter().zip(hashes) {
            match values.map_err(StoreError::from).and_then(|values| table_of(id, values)) {
                Ok(table) => tables.extend(table),
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => tracing::warn!(table = %id, %error, "a table cannot be listed"),
            }
        }
        Ok(Snapshot { version: version.unwrap_or(0), players, tables })
    }
}

/// A player as `online` holds it.
fn player_of(account: &str, text: &str) -> Result<Player, StoreError> {
    let Online { name, guest, .. } = serde_json::from_str(text)?;
    Ok(Player { account: account.parse()?, name, guest })
}

/// A live table by what is [`SHOWN`] of it; none where it has gone meanwhile.
fn table_of(table: TableId, values: Vec<Option<String>>) -> Result<Option<Table>, StoreError> {
    let told = SHOWN.iter().map(|name| (*name).to_owned()).zip(values);
    let fields: HashMap<String, String> = told.filter_map(|(name, value)| Some((name, value?))).collect();
    if fields.is_empty() {
        return Ok(None);
    }
    let (accounts, names) = seats(&fields)?;
    let flags = required(&fields, "flags")?.to_owned();
    let row = TableRow {
        table,
        names,
        number: small(&fields, "number"),
        flags,
        watchers: small(&fields, "watchers"),
    };
    Ok(Some(Table { accounts, row }))
}

/// What `online` holds of accounts, in their order.
pub(super) async fn online_texts(
    data: &Group,
    accounts: &[AccountId],
) -> Result<Vec<Option<String>>, StoreError> {
    let fields: Vec<String> = accounts.iter().map(ToString::to_string).collect();
    data.query(redis::cmd("HMGET").arg(keys::ONLINE).arg(fields)).await
}

/// The live sessions of accounts, in their order, as the data group has them.
pub(super) async fn live_sessions(
    data: &Group,
    accounts: &[AccountId],
) -> Result<Vec<Option<SessionId>>, StoreError> {
    let texts = online_texts(data, accounts).await?;
    let session = |text: &String| serde_json::from_str(text).map(|online: Online| online.session);
    Ok(texts.iter().map(|text| text.as_ref().map(session).transpose()).collect::<Result<_, _>>()?)
}

/// A live table as its hash holds it.
pub(super) fn parse_table(fields: &HashMap<String, String>) -> Result<TableInfo, StoreError> {
    let (accounts, names) = seats(fields)?;
    Ok(TableInfo {
        accounts,
        names,
        start: required(fields, "start")?.to_owned(),
        resume: required(fields, "resume")? == "1",
        away_since_ms: BySeat { first: number(fields, "away_first"), second: number(fields, "away_second") },
        watchers: small(fields, "watchers"),
        // Tables of the time before there were shards have none.
        shard: number(fields, "shard").and_then(|shard| usize::try_from(shard).ok()).unwrap_or(0),
        made_ms: fields.get("made_ms").cloned().unwrap_or_default(),
    })
}

/// Who sits at a table, and their names.
fn seats(fields: &HashMap<String, String>) -> Result<(BySeat<AccountId>, BySeat<AccountName>), StoreError> {
    let field = |name| required(fields, name);
    let accounts = BySeat { first: field("first")?.parse()?, second: field("second")?.parse()? };
    let names = BySeat { first: field("first_name")?.parse()?, second: field("second_name")?.parse()? };
    Ok((accounts, names))
}

fn required<'a>(fields: &'a HashMap<String, String>, name: &str) -> Result<&'a str, StoreError> {
    let value = fields.get(name).map(String::as_str);
    value.ok_or_else(|| StoreError::Corrupt(format!("a table without {name}")))
}

fn number(fields: &HashMap<String, String>, name: &str) -> Option<u64> {
    fields.get(name)?.parse().ok()
}

fn small(fields: &HashMap<String, String>, name: &str) -> u32 {
    number(fields, name).and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}
