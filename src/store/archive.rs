//! The archive: finished games as JSON, listed by player and by time.

use serde::{Deserialize, Serialize};

use super::group::StoreError;
use super::{Store, keys};
use crate::ids::{AccountId, AccountName, RequestId, TableId};
use crate::protocol::GameRow;
use crate::rules::game::{Ending, Game};
use crate::rules::seat::{BySeat, Seat};
use crate::table::copy::Copy;
use crate::table::options::TableOptions;
use crate::table::record::{Entry, Tip};

/// Games on one page of a list.
pub const GAMES_PAGE: usize = 20;
/// Finished games kept in the list of recent ones.
const RECENT_KEPT: isize = 1_000;

/// A game that is not being played: finished, or saved to be resumed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArchivedGame {
    /// Its id.
    pub table: TableId,
    /// Who played.
    pub accounts: BySeat<AccountId>,
    /// By what names.
    pub names: BySeat<AccountName>,
    /// What was played by.
    pub options: TableOptions,
    /// SHA-256, in hex, of the text of record 0.
    pub commitment: String,
    /// When it started, Redis' time, milliseconds since 1970.
    pub started_ms: u64,
    /// When its last record was accepted.
    pub ended_ms: u64,
    /// How it ended; absent for a saved game.
    pub ending: Option<Ending>,
    /// Whose turn it is, of a saved game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Seat>,
    /// The owners of the flags.
    pub flags: String,
    /// Every record.
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
        self.entries.iter_mut().for_each(|entry| entry.request = RequestId::withheld());
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
            accounts: Some(self.accounts),
            you: None,
            opponent: None,
        }
    }
}

impl Store {
    /// Puts a finished game into the archive, once; may be repeated.
    pub async fn archive_put(&self, game: &ArchivedGame) -> Result<(), StoreError> {
        let id = game.table.to_string();
        let mut commands = redis::pipe();
        commands.atomic().set_nx(keys::archive(game.table), serde_json::to_string(game)?).ignore();
        for account in game.accounts.iter() {
            commands.zadd(keys::archive_by(*account), &id, game.ended_ms).ignore();
        }
        commands.zadd(keys::ARCHIVE_RECENT, &id, game.ended_ms).ignore();
        commands.zremrangebyrank(keys::ARCHIVE_RECENT, 0, -RECENT_KEPT - 1).ignore();
        self.archive().settled(self.archive().pipe(&commands)).await
    }

    /// A finished game.
    pub async fn archive_read(&self, table: TableId) -> Result<Option<ArchivedGame>, StoreError> {
        let text: Option<String> = self.archive().query(redis::cmd("GET").arg(keys::archive(table))).await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// The same for showing it: the near Redis is asked first, which is as good, since a finished game never changes.
    pub async fn archive_show(&self, table: TableId) -> Result<Option<ArchivedGame>, StoreError> {
        let texts = self.archive_texts(&[table]).await?;
        Ok(texts.iter().flatten().next().map(|text| serde_json::from_str(text)).transpose()?)
    }

    /// The texts of finished games, in their order: from the near Redis what it has, from the archive itself the rest.
    async fn archive_texts(&self, tables: &[TableId]) -> Result<Vec<Option<String>>, StoreError> {
        let keys: Vec<String> = tables.iter().map(|table| keys::archive(*table)).collect();
        let mut texts = match self.near() {
            Some(near) => near.texts(&keys).await,
            None => vec![None; keys.len()],
        };
        // One exchange for all of them: Redis may be in another data centre.
        let mut rest = redis::pipe();
        for (key, _) in keys.iter().zip(&texts).filter(|(_, text)| text.is_none()) {
            rest.get(key);
        }
        let rest: Vec<Option<String>> = self.archive().pipe(&rest).await?;
        texts.iter_mut().filter(|text| text.is_none()).zip(rest).for_each(|(text, found)| *text = found);
        Ok(texts)
    }

    /// Some of all finished games, and where to go on; begin with 0, and 0 is the end. A game may come twice.
    pub async fn archive_scan(&self, cursor: u64) -> Result<(u64, Vec<TableId>), StoreError> {
        let scan = redis::cmd("SCAN")
            .arg(cursor)
            .arg("MATCH")
            .arg(keys::ARCHIVE_ALL)
            .arg("COUNT")
            .arg(1_000)
            .to_owned();
        let (next, found): (u64, Vec<String>) = self.archive().query(&scan).await?;
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
        let range = redis::cmd("ZREVRANGE").arg(key).arg(first).arg(first.saturating_add(size)).to_owned();
        let ids: Vec<String> = self.archive().query(&range).await?;
        let tables = ids.iter().take(size).map(|id| id.parse()).collect::<Result<Vec<TableId>, _>>()?;
        let texts = self.archive_texts(&tables).await?;
        let row = |text: &String| serde_json::from_str(text).map(|game: ArchivedGame| game.row());
        let rows = texts.iter().flatten().map(row).collect::<Result<_, _>>()?;
        Ok((rows, ids.len() > size))
    }
}
