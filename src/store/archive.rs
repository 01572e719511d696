//! The archive: finished games, packed, listed by player and by time.

use std::collections::BTreeMap;

use redis::{Cmd, RedisResult, Value};
use serde::{Deserialize, Serialize};

use super::accounts::GUEST_LIVES;
use super::packed::{self, RECORDS};
use super::{Store, keys};
use crate::ids::{AccountId, AccountName, RequestId, TableId};
use crate::protocol::GameRow;
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::redis::pool::Pool;
use crate::redis::script::{script, texts};
use crate::rules::game::{EndReason, Ending, Game};
use crate::rules::seat::{BySeat, Seat};
use crate::table::copy::Copy;
use crate::table::options::TableOptions;
use crate::table::record::{Entry, Tip};

/// Games on one page of a list.
pub const GAMES_PAGE: usize = 20;
/// Games in the list of recent ones, at most.
const LISTED_RECENT: u64 = 1_000;
/// Finished games in the list of an account, at most: an older one is in no list, and stays under its address.
const LISTED_OF_ACCOUNT: u64 = 10_000;
/// How long a game of a few moves can be looked at.
const BRIEFLY_SECS: u64 = 600;
/// All fields of a packed game.
const WHOLE: [&str; 7] = ["first", "second", "result", "flags", "moves", "ended", RECORDS];

script!(PUT, "archive_put");
script!(PACK, "archive_pack");

/// A game that is not being played: finished, or saved to be resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArchivedGame {
    pub table: TableId,
    pub accounts: BySeat<AccountId>,
    pub names: BySeat<AccountName>,
    pub options: TableOptions,
    /// SHA-256, in hex, of the text of record 0.
    pub commitment: String,
    /// When it started, Redis' time, milliseconds since 1970.
    pub started_ms: u64,
    pub ended_ms: u64,
    /// How it ended; absent for a saved game.
    pub ending: Option<Ending>,
    /// Whose turn it is, of a saved game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Seat>,
    pub flags: String,
    pub entries: Vec<Entry>,
}

impl ArchivedGame {
    /// The game a copy holds; nothing before record 0.
    pub fn of(copy: &Copy) -> Option<Self> {
        let start = copy.start()?;
        let time = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.time_ms);
        Some(Self {
            table: copy.table(),
            accounts: start.accounts,
            names: start.names.clone(),
            options: start.options,
            commitment: copy.commitment().to_owned(),
            started_ms: time(copy.entries().first()),
            ended_ms: time(copy.entries().last()),
            ending: copy.game().and_then(Game::ending),
            turn: copy.game().and_then(Game::turn),
            flags: copy.flags(),
            entries: copy.entries().to_vec(),
        })
    }

    /// The tip after the records of a seat's request, if they are there and its id is kept.
    pub fn has_request(&self, seat: Seat, request: &RequestId) -> Option<Tip> {
        let last = self.entries.iter().rposition(|entry| entry.is_of(seat, request))?;
        Some(Tip { number: u32::try_from(last + 1).ok()?, hash: self.entries[last].hash.clone() })
    }

    /// The game as anybody may read it: a request's id is nobody's but the asker's.
    #[must_use]
    pub fn without_ids(mut self) -> Self {
        for entry in &mut self.entries {
            entry.request = RequestId::withheld();
        }
        self
    }

    /// The game as a row of a list.
    pub fn row(&self) -> GameRow {
        GameRow {
            table: self.table,
            names: self.names.clone(),
            number: u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
            flags: self.flags.clone(),
            turn: self.turn,
            ending: self.ending,
            last_ms: self.ended_ms,
            expires_ms: None,
            accounts: Some(self.accounts),
            you: None,
            opponent: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For ever, and listed.
    ForEver,
    /// As long as a guest nobody uses, and listed: both who played are guests.
    WithGuests,
    /// Just so long that whoever played can look at it, and in no list: it ended after a few moves.
    Briefly,
}

impl Keep {
    /// Seconds; 0 for ever.
    fn secs(self) -> u64 {
        match self {
            Keep::ForEver => 0,
            Keep::WithGuests => GUEST_LIVES.as_secs(),
            Keep::Briefly => BRIEFLY_SECS,
        }
    }
}

/// What is under the key of a finished game.
pub(super) enum Held {
    Packed(BTreeMap<String, Vec<u8>>),
    /// The whole game as JSON, as versions before 0.4.0 stored it.
    Text(String),
}

impl Held {
    fn game(self, table: TableId) -> Result<ArchivedGame, StoreError> {
        match self {
            Held::Packed(fields) => packed::unpack(table, &fields),
            Held::Text(text) => Ok(serde_json::from_str(&text)?),
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Archive(&'a Group),
    Near(&'a Pool),
}

impl Source<'_> {
    async fn ask(self, commands: &redis::Pipeline) -> Result<Vec<RedisResult<Value>>, StoreError> {
        match self {
            Source::Archive(group) => group.pipe(commands).await,
            Source::Near(near) => near.ask(commands).await,
        }
    }
}

/// What is under the keys of finished games, in their order, with these fields of the packed form: one exchange, and one
/// more if some have the older form.
pub(super) async fn held(
    keys: &[String],
    fields: &[&str],
    of: Source<'_>,
) -> Result<Vec<Option<Held>>, StoreError> {
    let mut commands = redis::pipe();
    commands.ignore_errors();
    for key in keys {
        commands.cmd("HMGET").arg(key).arg(fields);
    }
    let answers = if keys.is_empty() { Vec::new() } else { of.ask(&commands).await? };
    let mut found = Vec::with_capacity(keys.len());
    let mut older = redis::pipe();
    older.ignore_errors();
    let mut at = Vec::new();
    for (key, answer) in keys.iter().zip(answers) {
        found.push(match answer {
            Ok(values) => fields_of(fields, values)?.map(Held::Packed),
            Err(error) if error.code() == Some("WRONGTYPE") => {
                older.get(key);
                at.push(found.len());
                None
            }
            Err(error) => return Err(error.into()),
        });
    }
    let texts = if at.is_empty() { Vec::new() } else { of.ask(&older).await? };
    for (place, text) in at.into_iter().zip(texts) {
        // What is no text either is nothing that can be shown.
        let text = text.ok().and_then(|text| redis::from_redis_value::<Option<String>>(text).ok());
        found[place] = text.flatten().map(Held::Text);
    }
    Ok(found)
}

/// The fields that are there; nothing if none is.
fn fields_of(names: &[&str], values: Value) -> Result<Option<BTreeMap<String, Vec<u8>>>, StoreError> {
    let values: Vec<Option<Vec<u8>>> =
        redis::from_redis_value(values).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    let there = names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?)));
    let there: BTreeMap<String, Vec<u8>> = there.collect();
    Ok(Some(there).filter(|there| !there.is_empty()))
}

impl Store {
    /// Puts a finished game into the archive, once; may be repeated.
    pub async fn archive_put(&self, game: &ArchivedGame, keep: Keep) -> Result<(), StoreError> {
        let is_listed = u8::from(keep != Keep::Briefly);
        let args =
            texts![game.table, game.ended_ms, keep.secs(), is_listed, LISTED_OF_ACCOUNT, LISTED_RECENT];
        let mut args = args.to_vec();
        if self.writes_new_forms() {
            let game = game.clone();
            let fields = off_thread(move || packed::pack(&game)).await?;
            args.push("fields".to_owned());
            args.extend(fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]));
        } else {
            args.extend(["text".to_owned(), serde_json::to_string(game)?]);
        }
        let BySeat { first, second } = game.accounts;
        let keys = texts![
            keys::archive(game.table),
            keys::archive_by(first),
            keys::archive_by(second),
            keys::ARCHIVE_RECENT,
        ];
        self.archive().invoke_durably::<u8>(&PUT, &keys, &args).await.map(drop)
    }

    /// How long a game is to be kept: one that was given up before it had so many records is no game that anybody looks for.
    pub async fn archive_keeps(&self, game: &ArchivedGame, least: usize) -> Result<Keep, StoreError> {
        let given_up = game.ending.is_some_and(|ending| ending.reason == EndReason::Resignation);
        if given_up && game.entries.len() < least {
            return Ok(Keep::Briefly);
        }
        let is_guest = |account: &AccountId| Cmd::hget(keys::account(*account), "guest");
        let guests: Vec<Option<String>> = self.data().each(game.accounts.iter(), is_guest).await?;
        let both = guests.iter().all(|guest| guest.as_deref() == Some("1"));
        Ok(if both { Keep::WithGuests } else { Keep::ForEver })
    }

    pub async fn archive_read(&self, table: TableId) -> Result<Option<ArchivedGame>, StoreError> {
        let keys = [keys::archive(table)];
        let found = held(&keys, &WHOLE, Source::Archive(self.archive())).await?;
        game_of(table, found).await
    }

    /// The same for showing it: the near Redis is asked first, which is as good, since a finished game never changes.
    pub async fn archive_show(&self, table: TableId) -> Result<Option<ArchivedGame>, StoreError> {
        let found = self.archive_held(&[table], &WHOLE).await?;
        game_of(table, found).await
    }

    /// What is under the keys of finished games: from the near Redis what it has, from the archive itself the rest.
    async fn archive_held(
        &self,
        tables: &[TableId],
        fields: &[&str],
    ) -> Result<Vec<Option<Held>>, StoreError> {
        let keys: Vec<String> = tables.iter().map(|table| keys::archive(*table)).collect();
        let mut found = match self.near() {
            Some(near) => near.held(&keys, fields).await,
            None => keys.iter().map(|_| None).collect(),
        };
        let lacking = keys.iter().zip(&found).filter(|(_, held)| held.is_none());
        let lacking: Vec<String> = lacking.map(|(key, _)| key.clone()).collect();
        let rest = held(&lacking, fields, Source::Archive(self.archive())).await?;
        found.iter_mut().filter(|held| held.is_none()).zip(rest).for_each(|(held, found)| *held = found);
        Ok(found)
    }

    /// The rows of finished games that are there, and which are not. One that cannot be understood concerns nobody but
    /// itself.
    async fn archive_rows(&self, tables: &[TableId]) -> Result<(Vec<GameRow>, Vec<TableId>), StoreError> {
        let (mut rows, mut gone) = (Vec::with_capacity(tables.len()), Vec::new());
        for (table, held) in tables.iter().zip(self.archive_held(tables, &packed::ROW_FIELDS).await?) {
            let row = match held {
                None => {
                    gone.push(*table);
                    continue;
                }
                Some(Held::Packed(fields)) => packed::row(*table, &fields),
                Some(Held::Text(text)) => self.archive_pack(*table, text).await,
            };
            match row {
                Ok(row) => rows.push(row),
                Err(error) => tracing::warn!(%table, %error, "a finished game cannot be listed"),
            }
        }
        Ok((rows, gone))
    }

    /// The row of a game in the form of older versions, which is packed now if every node can read that.
    async fn archive_pack(&self, table: TableId, text: String) -> Result<GameRow, StoreError> {
        let (game, text) = off_thread(move || {
            let game: ArchivedGame = serde_json::from_str(&text)?;
            Ok((game, text))
        })
        .await?;
        let row = game.row();
        if !self.writes_new_forms() {
            return Ok(row);
        }
        let packed = off_thread(move || {
            let fields = packed::pack(&game)?;
            let bytes = |value: &String| value.clone().into_bytes();
            let by_name = fields.iter().map(|(name, value)| ((*name).to_owned(), bytes(value))).collect();
            let same = packed::unpack(table, &by_name)?.without_ids() == game.without_ids();
            if same {
                Ok(fields)
            } else {
                Err(StoreError::Corrupt("it would not be the same packed".to_owned()))
            }
        });
        let packed = match packed.await {
            Ok(fields) => {
                let args = fields.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
                let args: Vec<String> = [text].into_iter().chain(args).collect();
                self.archive().invoke::<u8>(&PACK, &[keys::archive(table)], &args).await
            }
            Err(error) => Err(error),
        };
        // It stays as it is, and is read as before.
        packed.inspect_err(|error| tracing::warn!(%table, %error, "a finished game was not packed")).ok();
        Ok(row)
    }

    /// Some of all finished games, and where to go on; begin with 0, and 0 is the end. A game may come twice.
    pub async fn archive_scan(&self, cursor: u64) -> Result<(u64, Vec<TableId>), StoreError> {
        let (next, found): (u64, Vec<String>) = self
            .archive()
            .query(redis::cmd("SCAN").arg(cursor).arg("MATCH").arg(keys::ARCHIVE_ALL).arg("COUNT").arg(1_000))
            .await?;
        let ids = found.iter().filter_map(|key| key.split_once(':')?.1.parse().ok());
        Ok((next, ids.collect()))
    }

    /// A page of an account's finished games, newest first, and whether there are more.
    pub async fn archive_of(
        &self,
        account: AccountId,
        page: usize,
        size: usize,
    ) -> Result<(Vec<GameRow>, bool), StoreError> {
        self.archive_page(&keys::archive_by(account), page, size).await
    }

    /// A page of all recently finished games, newest first, and whether there are more.
    pub async fn archive_recent(&self, page: usize) -> Result<(Vec<GameRow>, bool), StoreError> {
        self.archive_page(keys::ARCHIVE_RECENT, page, GAMES_PAGE).await
    }

    async fn archive_page(
        &self,
        key: &str,
        page: usize,
        size: usize,
    ) -> Result<(Vec<GameRow>, bool), StoreError> {
        let first = page.saturating_mul(size);
        let ids: Vec<String> = self
            .archive()
            .query(redis::cmd("ZREVRANGE").arg(key).arg(first).arg(first.saturating_add(size)))
            .await?;
        // What is no id was put there by nobody of us.
        let tables: Vec<TableId> = ids.iter().take(size).filter_map(|id| id.parse().ok()).collect();
        let (rows, gone) = self.archive_rows(&tables).await?;
        if !gone.is_empty() {
            let gone: Vec<String> = gone.iter().map(ToString::to_string).collect();
            let forget = redis::cmd("ZREM").arg(key).arg(gone).to_owned();
            // It ended with the guests who played it; if its place stays, it is forgotten another time.
            let _: Result<u64, StoreError> = self.archive().query(&forget).await;
        }
        Ok((rows, ids.len() > size))
    }

    /// Keeps an account's finished games for ever, which were to go with the guest it was. May be repeated.
    pub async fn archive_keep(&self, account: AccountId) -> Result<(), StoreError> {
        let ids: Vec<String> =
            self.archive().query(redis::cmd("ZRANGE").arg(keys::archive_by(account)).arg(0).arg(-1)).await?;
        let mut commands = redis::pipe();
        commands.cmd("PERSIST").arg(keys::archive_by(account)).ignore();
        for table in ids.iter().filter_map(|id| id.parse().ok()) {
            commands.cmd("PERSIST").arg(keys::archive(table)).ignore();
        }
        self.archive().pipe(&commands).await
    }
}

async fn game_of(table: TableId, found: Vec<Option<Held>>) -> Result<Option<ArchivedGame>, StoreError> {
    match found.into_iter().next().flatten() {
        Some(held) => off_thread(move || held.game(table)).await.map(Some),
        None => Ok(None),
    }
}

/// Does what takes some milliseconds of a processor where it holds nobody up.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(StoreError::Corrupt(format!("the work was not done: {error}"))))
}
