//! Saved games: whole games as JSON, kept until the same two people go on, and a row of each for lists.

use super::archive::{ArchivedGame, off_thread};
use super::{Store, keys};
use crate::host::TableInfo;
use crate::ids::{AccountId, TableId};
use crate::protocol::{ClosedWhy, GameRow};
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};
use crate::rules::seat::BySeat;
use crate::table::record::Entry;

/// Saved games of one player, at most, with those of tables that everybody left: the oldest goes.
const LISTED: u64 = 100;

/// How long a row is kept that an older version did not store.
const ROW_LIVES_SECS: u64 = 24 * 3_600;

script!(PUT, "prelude", "logins", "saved", "saved_put");
script!(RESUMED, "prelude", "saved", "table_resumed");
script!(REMOVE, "prelude", "saved", "saved_remove");

/// What became of a saved game that somebody does not want any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is not in the list any more.
    Done,
    /// There is no such saved game of this player.
    NotThere,
    Playing,
}

impl Store {
    /// Keeps a stopped game; false if its table was closed or made again since. May be repeated. Where a list is full, as
    /// tables that everybody left can fill it, its oldest game goes.
    pub async fn saved_put(&self, game: &ArchivedGame, made_ms: &str) -> Result<bool, StoreError> {
        let row = if self.writes_new_forms() { serde_json::to_string(&game.row())? } else { String::new() };
        let args = texts![
            game.table,
            game.ended_ms,
            serde_json::to_string(game)?,
            row,
            LISTED,
            game.accounts.first,
            game.accounts.second,
            made_ms,
        ];
        let keys = [keys::saved(game.table), keys::saved_row(game.table), keys::table(game.table)];
        self.data().invoke_durably(&PUT, &keys, &args).await
    }

    pub async fn saved_read(&self, table: TableId) -> Result<Option<ArchivedGame>, StoreError> {
        let text: Option<String> = self.data().query(redis::cmd("GET").arg(keys::saved(table))).await?;
        Ok(text.map(|text| serde_json::from_str(&text)).transpose()?)
    }

    /// The records of a saved game after the first so many, which the backup has already: all it had when the game was
    /// resumed before, or what a shard kept that was away when the game was put away.
    pub async fn saved_after(&self, table: TableId, number: u32) -> Result<Vec<Entry>, StoreError> {
        let known = usize::try_from(number).unwrap_or(usize::MAX);
        match self.saved_read(table).await? {
            Some(game) => Ok(game.entries.into_iter().skip(known).collect()),
            // It is forgotten once it goes on.
            None if known > 0 => Ok(Vec::new()),
            None => Err(StoreError::Corrupt(format!("saved game {table} is gone"))),
        }
    }

    /// Forgets the saved game that goes on at a table; false if the table was closed or made again since. May be repeated.
    pub async fn table_resumed(&self, table: TableId, info: &TableInfo) -> Result<bool, StoreError> {
        let BySeat { first, second } = info.accounts;
        let keys = [
            keys::table(table),
            keys::saved(table),
            keys::saved_row(table),
            keys::saved_by(first),
            keys::saved_by(second),
        ];
        let args = texts![table, info.made_ms];
        self.data().invoke_durably(&RESUMED, &keys, &args).await
    }

    /// Takes a saved game out of one player's list; it is gone once the other does not have it either. May be repeated.
    pub async fn saved_remove(&self, account: AccountId, table: TableId) -> Result<Removed, StoreError> {
        let keys = [keys::saved_by(account), keys::table(table)];
        let args = texts![account, table];
        Ok(match self.data().invoke_durably::<i8>(&REMOVE, &keys, &args).await? {
            -1 => Removed::Playing,
            0 => Removed::NotThere,
            _ => Removed::Done,
        })
    }

    /// Where a game was put away, if it was.
    pub async fn put_away(&self, table: TableId) -> Result<Option<ClosedWhy>, StoreError> {
        let exists = |key: String| redis::cmd("EXISTS").arg(key).to_owned();
        if self.data().query(&exists(keys::saved(table))).await? {
            return Ok(Some(ClosedWhy::Saved));
        }
        let finished: bool = self.archive().query(&exists(keys::archive(table))).await?;
        Ok(finished.then_some(ClosedWhy::Finished))
    }

    /// How many saved games each of two accounts has.
    pub async fn saved_counts(&self, accounts: [AccountId; 2]) -> Result<[usize; 2], StoreError> {
        let [first, second] = accounts.map(keys::saved_by);
        self.data().pipe(redis::pipe().zcard(first).zcard(second)).await
    }

    /// An account's saved games, newest first.
    pub async fn saved_of(&self, account: AccountId) -> Result<Vec<GameRow>, StoreError> {
        let listed: Vec<(String, u64)> = self
            .data()
            .query(
                redis::cmd("ZREVRANGE").arg(keys::saved_by(account)).arg(0).arg(LISTED - 1).arg("WITHSCORES"),
            )
            .await?;
        let tables = listed.iter().filter_map(|(id, stopped_ms)| Some((id.parse().ok()?, *stopped_ms)));
        let (mut rows, gone) = self.saved_rows(&tables.collect::<Vec<_>>()).await?;
        let ends_at = |row: &GameRow| redis::cmd("PEXPIRETIME").arg(keys::saved(row.table)).to_owned();
        let ends: Vec<i64> = self.data().each(&rows, ends_at).await?;
        for (row, ends_ms) in rows.iter_mut().zip(ends) {
            // Older versions keep a game for ever.
            row.expires_ms = u64::try_from(ends_ms).ok();
        }
        if !gone.is_empty() {
            let forget = redis::cmd("ZREM").arg(keys::saved_by(account)).arg(gone).to_owned();
            // Nobody resumed it in time; if its place stays, it is forgotten another time.
            let _: Result<u64, StoreError> = self.data().query(&forget).await;
        }
        Ok(rows)
    }

    /// The rows of saved games that are there, and the ids of those that are not; with each comes when it was stopped. It is
    /// one exchange. A game without a row, or with an old one, as older versions leave it, is read whole and gets one for a
    /// while. One that cannot be understood is not listed, and concerns no other.
    async fn saved_rows(&self, tables: &[(TableId, u64)]) -> Result<(Vec<GameRow>, Vec<String>), StoreError> {
        if tables.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let keys: Vec<String> = tables.iter().map(|(table, _)| keys::saved_row(*table)).collect();
        let texts: Vec<Option<String>> = self.data().query(redis::cmd("MGET").arg(keys)).await?;
        let row = |(text, (_, stopped_ms)): (&Option<String>, &(TableId, u64))| {
            let row: GameRow = serde_json::from_str(text.as_ref()?).ok()?;
            Some(row).filter(|row| *stopped_ms == row.last_ms)
        };
        let mut rows: Vec<Option<GameRow>> = texts.iter().zip(tables).map(row).collect();
        let lacking: Vec<usize> = (0..rows.len()).filter(|place| rows[*place].is_none()).collect();
        if lacking.is_empty() {
            return Ok((rows.into_iter().flatten().collect(), Vec::new()));
        }
        let keys: Vec<String> = lacking.iter().map(|place| keys::saved(tables[*place].0)).collect();
        let whole: Vec<Option<String>> = self.data().query(redis::cmd("MGET").arg(keys)).await?;
        let is_gone: Vec<bool> = whole.iter().map(Option::is_none).collect();
        let made = off_thread(move || {
            let row = |text: Option<String>| {
                let game: Result<ArchivedGame, _> = serde_json::from_str(&text?);
                let game = game.inspect_err(|error| tracing::warn!(%error, "a saved game cannot be listed"));
                game.ok().map(|game| game.row())
            };
            Ok(whole.into_iter().map(row).collect::<Vec<_>>())
        });
        let mut stored = redis::pipe();
        for (place, row) in lacking.iter().zip(made.await?) {
            if let Some(row) = row.as_ref().filter(|_| self.writes_new_forms()) {
                let key = keys::saved_row(tables[*place].0);
                stored.set_ex(key, serde_json::to_string(row)?, ROW_LIVES_SECS).ignore();
            }
            rows[*place] = row;
        }
        self.data().pipe::<()>(&stored).await?;
        let gone = lacking.into_iter().zip(is_gone).filter(|(_, is_gone)| *is_gone);
        let gone = gone.map(|(place, _)| tables[place].0.to_string()).collect();
        Ok((rows.into_iter().flatten().collect(), gone))
    }
}
