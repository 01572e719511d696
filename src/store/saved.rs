//! Saved games: whole games as JSON, kept until the same two people go on.

use super::archive::ArchivedGame;
use super::group::StoreError;
use super::{Store, keys};
use crate::ids::{AccountId, TableId};
use crate::protocol::GameRow;
use crate::table::record::Entry;

/// Saved games listed for one player, at most.
const LISTED: isize = 50;

impl Store {
    /// Keeps a stopped game; may be repeated.
    pub async fn saved_put(&self, game: &ArchivedGame) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic().set(keys::saved(game.table), serde_json::to_string(game)?).ignore();
        for account in game.accounts.iter() {
            commands.zadd(keys::saved_by(*account), game.table.to_string(), game.ended_ms).ignore();
        }
        self.data().settled(self.data().pipe(&commands)).await
    }

    /// A saved game.
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

    /// Forgets a saved game that is played again; may be repeated.
    pub async fn saved_drop(&self, table: TableId, accounts: [AccountId; 2]) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.atomic().del(keys::saved(table)).ignore();
        for account in accounts {
            commands.zrem(keys::saved_by(account), table.to_string()).ignore();
        }
        self.data().pipe(&commands).await
    }

    /// An account's saved games, newest first.
    pub async fn saved_of(&self, account: AccountId) -> Result<Vec<GameRow>, StoreError> {
        let range = redis::cmd("ZREVRANGE").arg(keys::saved_by(account)).arg(0).arg(LISTED - 1).to_owned();
        let ids: Vec<String> = self.data().query(&range).await?;
        let mut rows = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(game) = self.saved_read(id.parse()?).await? {
                rows.push(game.row());
            }
        }
        Ok(rows)
    }
}
