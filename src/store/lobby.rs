//! The lobby's data: who is online, what is played, and the heartbeats of nodes.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::Script;
use serde::Deserialize;

use super::accounts::Account;
use super::group::{Arg, Group, StoreError};
use super::logins::LoginHash;
use super::{Store, keys};
use crate::fault;
use crate::ids::{AccountId, AccountName, NodeId, SessionId, TableId};
use crate::lobby::event::{NodeEvent, PlayerEvent, TableNews};
use crate::lobby::{Player, Snapshot, Table};
use crate::protocol::TableRow;
use crate::rules::seat::BySeat;

macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::new(concat!(
                include_str!("../../redis/prelude.lua"),
                include_str!(concat!("../../redis/", $file, ".lua"))
            ))
        });
    };
}

static ENTER: LazyLock<Script> = LazyLock::new(|| {
    let text = concat!(include_str!("../../redis/prelude.lua"), include_str!("../../redis/player_enter.lua"));
    let older = "local older = redis.call('HGET', KEYS[1], ARGV[1])";
    Script::new(&fault::script(text, "session", older, "local older = false"))
});
static REENTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/player_reenter.lua"),
        include_str!("../../redis/player_enter.lua")
    ))
});
script!(CLOSE, "table_close");
script!(NEWS, "tables_news");
script!(WATCHERS, "table_watchers");

/// What the data group knows of a live table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Who sits there.
    pub accounts: BySeat<AccountId>,
    /// Their names.
    pub names: BySeat<AccountName>,
    /// The text of record 0; empty if a saved game is resumed.
    pub start: String,
    /// A saved game is being resumed.
    pub resume: bool,
    /// Since when a seat's player is away, milliseconds since 1970.
    pub away_since_ms: BySeat<Option<u64>>,
    /// How many watch.
    pub watchers: u32,
    /// The shard of the backup that has its records.
    pub shard: usize,
    /// When it was made, milliseconds since 1970; empty if an older version made it. A saved game is made again.
    pub made_ms: String,
    number: u32,
    flags: String,
}

/// A live session, as `online` holds it.
#[derive(Deserialize)]
pub(super) struct Online {
    pub(super) node: NodeId,
    pub(super) session: SessionId,
    pub(super) name: AccountName,
    pub(super) guest: bool,
}

/// What became of a session that enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is the live one of its account.
    Live,
    /// Another one is.
    TakenOver,
    /// Its login has ended.
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
        let keys = [keys::ONLINE.to_owned(), keys::LOBBY_VERSION.to_owned(), keys::seat(account.id)];
        let args: [Arg; 6] = [
            account.id.to_string().into(),
            node.to_string().into(),
            session.to_string().into(),
            account.name.as_str().into(),
            u64::from(account.guest).into(),
            login.map_or("", LoginHash::as_str).into(),
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
        let command = redis::cmd("GET").arg(keys::seat(account)).to_owned();
        let table: Option<String> = self.data().query(&command).await?;
        Ok(table.map(|table| table.parse()).transpose()?)
    }

    /// Whether an account is online.
    pub async fn is_online(&self, account: AccountId) -> Result<bool, StoreError> {
        let command = redis::cmd("HEXISTS").arg(keys::ONLINE).arg(account.to_string()).to_owned();
        self.data().query(&command).await
    }

    /// Sends an event to the session of a player; false if the player is not online.
    pub async fn tell(&self, account: AccountId, event: &PlayerEvent) -> Result<bool, StoreError> {
        let command = redis::cmd("HGET").arg(keys::ONLINE).arg(account.to_string()).to_owned();
        let online: Option<String> = self.data().query(&command).await?;
        let Some(online) = online else { return Ok(false) };
        let online: Online = serde_json::from_str(&online)?;
        let text = serde_json::to_string(&NodeEvent { account, event: event.clone() })?;
        let command = redis::cmd("PUBLISH").arg(keys::node(online.node)).arg(text).to_owned();
        let receivers: u64 = self.data().query(&command).await?;
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
        let command = redis::cmd("HGETALL").arg(keys::table(table)).to_owned();
        let fields: HashMap<String, String> = self.data().query(&command).await?;
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

    /// Tells that a resumed game goes on, so that it is not resumed once more.
    pub async fn table_resumed(&self, table: TableId) -> Result<(), StoreError> {
        let command = redis::cmd("HSET").arg(keys::table(table)).arg("resume").arg("0").to_owned();
        self.data().query(&command).await
    }

    /// Takes a table out of the lobby and frees its seats, unless it was made again since `info` was read; may be
    /// repeated.
    pub async fn table_close(&self, table: TableId, info: &TableInfo) -> Result<(), StoreError> {
        let keys = [
            keys::ONLINE.to_owned(),
            keys::LOBBY_VERSION.to_owned(),
            keys::TABLES.to_owned(),
            keys::table(table),
            keys::watchers(table),
            keys::DEADLINES.to_owned(),
        ];
        let args: [Arg; 2] = [table.to_string().into(), info.made_ms.as_str().into()];
        self.data().invoke::<u8>(&CLOSE, &keys, &args).await.map(drop)
    }

    /// Brings the rows of tables up to date.
    pub async fn tables_news(&self, rows: &[TableNews]) -> Result<(), StoreError> {
        let mut keys = vec![keys::LOBBY_VERSION.to_owned()];
        keys.extend(rows.iter().map(|news| keys::table(news.table)));
        let args: Vec<Arg> = rows
            .iter()
            .flat_map(|news| {
                [
                    Arg::from(news.table.to_string()),
                    Arg::from(u64::from(news.number)),
                    Arg::from(news.flags.as_str()),
                ]
            })
            .collect();
        self.data().invoke::<u64>(&NEWS, &keys, &args).await.map(drop)
    }

    /// Tells how many watch a table on a node; gives how many watch on all.
    pub async fn table_watchers(&self, table: TableId, node: NodeId, count: u32) -> Result<u32, StoreError> {
        let keys = [keys::LOBBY_VERSION.to_owned(), keys::table(table), keys::watchers(table)];
        let args: [Arg; 3] = [table.to_string().into(), node.to_string().into(), u64::from(count).into()];
        self.data().invoke(&WATCHERS, &keys, &args).await
    }

    /// Reads the whole lobby.
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
        let mut commands = redis::pipe();
        commands.ignore_errors();
        for id in &ids {
            commands.hgetall(format!("table:{id}"));
        }
        let hashes: Vec<redis::RedisResult<HashMap<String, String>>> = self.data().pipe(&commands).await?;
        let mut tables = Vec::with_capacity(ids.len());
        for (id, fields) in ids.iter().zip(hashes) {
            match fields.map_err(StoreError::from).and_then(|fields| table_of(id, &fields)) {
                Ok(table) => tables.extend(table),
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => tracing::warn!(table = id, %error, "a table cannot be listed"),
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

/// A live table as its hash holds it; none where it has gone meanwhile.
fn table_of(id: &str, fields: &HashMap<String, String>) -> Result<Option<Table>, StoreError> {
    if fields.is_empty() {
        return Ok(None);
    }
    let TableInfo { accounts, names, watchers, number, flags, .. } = parse_table(fields)?;
    Ok(Some(Table { accounts, row: TableRow { table: id.parse()?, names, number, flags, watchers } }))
}

/// The live sessions of accounts, in their order, as the data group has them.
pub(super) async fn live_sessions(
    data: &Group,
    accounts: &[AccountId],
) -> Result<Vec<Option<SessionId>>, StoreError> {
    let mut command = redis::cmd("HMGET");
    command.arg(keys::ONLINE);
    for account in accounts {
        command.arg(account.to_string());
    }
    let texts: Vec<Option<String>> = data.query(&command).await?;
    let session = |text: &String| serde_json::from_str(text).map(|online: Online| online.session);
    Ok(texts.iter().map(|text| text.as_ref().map(session).transpose()).collect::<Result<_, _>>()?)
}

/// A live table as its hash holds it.
pub(super) fn parse_table(fields: &HashMap<String, String>) -> Result<TableInfo, StoreError> {
    let field = |name: &str| {
        fields
            .get(name)
            .map(String::as_str)
            .ok_or_else(|| StoreError::Corrupt(format!("a table without {name}")))
    };
    let number = |name: &str| fields.get(name).and_then(|text| text.parse::<u64>().ok());
    let small = |name: &str| number(name).and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    Ok(TableInfo {
        accounts: BySeat { first: field("first")?.parse()?, second: field("second")?.parse()? },
        names: BySeat { first: field("first_name")?.parse()?, second: field("second_name")?.parse()? },
        start: field("start")?.to_owned(),
        resume: field("resume")? == "1",
        away_since_ms: BySeat { first: number("away_first"), second: number("away_second") },
        watchers: small("watchers"),
        // Tables of the time before there were shards have none.
        shard: number("shard").and_then(|shard| usize::try_from(shard).ok()).unwrap_or(0),
        made_ms: fields.get("made_ms").cloned().unwrap_or_default(),
        number: small("number"),
        flags: field("flags")?.to_owned(),
    })
}
