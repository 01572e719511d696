//! What was said at a table lately, for those who come back to it.

use serde::{Deserialize, Serialize};

use super::group::StoreError;
use super::{Store, keys};
use crate::ids::{AccountId, RequestId, TableId};
use crate::protocol::Message;

/// Messages kept for one table.
const KEPT: isize = 50;
/// A request may be repeated for so long, in seconds.
const REPEATED_SECS: u64 = 300;
/// How long they are kept after the last one.
const KEPT_SECS: i64 = 24 * 3_600;

/// Words said at a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// They.
    pub message: Message,
    /// Whether a player said them, to players; else a watcher, to watchers.
    pub seated: bool,
}

impl Store {
    /// Publishes words on the table's channel, and keeps them for a while.
    pub async fn talk_say(&self, table: TableId, said: &Said, published: &str) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.rpush(keys::talk(table), serde_json::to_string(said)?).ignore();
        commands.ltrim(keys::talk(table), -KEPT, -1).ignore();
        commands.expire(keys::talk(table), KEPT_SECS).ignore();
        commands.publish(keys::table(table), published).ignore();
        self.data().pipe(&commands).await
    }

    /// Whether words are said for the first time: a request is repeated when its fate is not known.
    pub async fn words_first(&self, account: AccountId, request: &RequestId) -> Result<bool, StoreError> {
        let key = keys::words(account, request);
        let command =
            redis::cmd("SET").arg(key).arg("said").arg("NX").arg("EX").arg(REPEATED_SECS).to_owned();
        let set: Option<String> = self.data().query(&command).await?;
        Ok(set.is_some())
    }

    /// Publishes something on a table's channel, which is not kept.
    pub async fn table_publish(&self, table: TableId, published: &str) -> Result<(), StoreError> {
        let command = redis::cmd("PUBLISH").arg(keys::table(table)).arg(published).to_owned();
        self.data().query(&command).await
    }

    /// The last words at a table, oldest first.
    pub async fn talk_read(&self, table: TableId) -> Result<Vec<Said>, StoreError> {
        let texts: Vec<String> =
            self.data().query(redis::cmd("LRANGE").arg(keys::talk(table)).arg(0).arg(-1)).await?;
        let said: Result<Vec<Said>, serde_json::Error> =
            texts.iter().map(|text| serde_json::from_str(text)).collect();
        Ok(said?)
    }
}
