//! What was said lately, at a table or to a player, for those who come back or missed it.

use std::sync::LazyLock;

use redis::{RedisError, Script};

use super::{Store, keys};
use crate::host::Said;
use crate::ids::{AccountId, RequestId, TableId};
use crate::lobby::event::PlayerEvent;
use crate::protocol::Message;
use crate::redis::error::StoreError;
use crate::redis::script::Arg;

/// Messages kept for one table.
const KEPT: u64 = 50;
/// A request may be repeated for so long, in seconds.
pub(super) const REPEATED_SECS: u64 = 300;
/// How long they are kept after the last one.
const KEPT_SECS: u64 = 24 * 3_600;
/// Letters kept for one player.
pub(crate) const LETTERS_KEPT: usize = 50;
/// How long they are kept after the last one, in seconds: until a browser whose node died is at another, also where a clock
/// has jumped a minute ahead.
const LETTERS_KEPT_SECS: u64 = 120;

static SAY: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("../../redis/talk_say.lua")));
static LETTER: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../../redis/prelude.lua"), include_str!("../../redis/letter_send.lua")))
});

/// What became of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterSent {
    /// The receiver's node was told, now or by the same request before; when that was, milliseconds since 1970.
    Sent(u64),
    /// The receiver does not want to hear of the sender.
    Blocked,
    /// The receiver is not online.
    NotOnline,
}

impl Store {
    /// Publishes words on the table's channel, and keeps them for a while; nothing if the same request said them before.
    pub async fn talk_say(
        &self,
        table: TableId,
        by: AccountId,
        request: &RequestId,
        said: &Said,
        published: &str,
    ) -> Result<(), StoreError> {
        let keys = [keys::talk(table), keys::words(by, request)];
        let args: [Arg; 6] = [
            keys::table(table).into(),
            published.into(),
            serde_json::to_string(said)?.into(),
            KEPT.into(),
            KEPT_SECS.into(),
            REPEATED_SECS.into(),
        ];
        self.data().invoke::<u8>(&SAY, &keys, &args).await.map(drop)
    }

    /// Whether a player has not blocked another.
    pub async fn hears(&self, player: AccountId, other: AccountId) -> Result<bool, StoreError> {
        let command = redis::cmd("SISMEMBER").arg(keys::blocked(player)).arg(other.to_string()).to_owned();
        Ok(!self.data().query::<bool>(&command).await?)
    }

    /// Sends words to a player. When they were sent is told by Redis, whatever the message says.
    pub async fn letter_send(
        &self,
        from: AccountId,
        to: AccountId,
        request: &RequestId,
        message: &Message,
    ) -> Result<LetterSent, StoreError> {
        let keys =
            [keys::ONLINE.to_owned(), keys::blocked(to), keys::words(from, request), keys::letters(to)];
        let event = PlayerEvent::Message { account: Some(from), message: message.clone() };
        let args: [Arg; 6] = [
            to.to_string().into(),
            from.to_string().into(),
            serde_json::to_string(&event)?.into(),
            REPEATED_SECS.into(),
            u64::try_from(LETTERS_KEPT).unwrap_or(u64::MAX).into(),
            LETTERS_KEPT_SECS.into(),
        ];
        let (word, sent_ms): (String, Option<u64>) = {
            let sent = self.data().invoke(&LETTER, &keys, &args);
            let answer: Vec<redis::Value> = self.data().settled(sent).await?;
            let mut answer = answer.into_iter();
            let word = answer.next().map(redis::from_redis_value).transpose().map_err(RedisError::from)?;
            let time = answer.next().map(redis::from_redis_value).transpose().map_err(RedisError::from)?;
            (word.unwrap_or_default(), time)
        };
        Ok(match (word.as_str(), sent_ms) {
            ("sent", Some(sent_ms)) => LetterSent::Sent(sent_ms),
            ("blocked", _) => LetterSent::Blocked,
            ("not_online", _) => LetterSent::NotOnline,
            (other, _) => return Err(StoreError::Corrupt(other.to_owned())),
        })
    }

    /// The letters an account was sent in the last two minutes, oldest first. One that cannot be read, as of a newer version, is
    /// left out.
    pub async fn letters(&self, to: AccountId) -> Result<Vec<PlayerEvent>, StoreError> {
        let command = redis::cmd("LRANGE").arg(keys::letters(to)).arg(0).arg(-1).to_owned();
        let texts: Vec<String> = self.data().query(&command).await?;
        let read = |text: &String| {
            let read = serde_json::from_str(text);
            read.inspect_err(|error| tracing::warn!(account = %to, %error, "a letter cannot be read")).ok()
        };
        Ok(texts.iter().filter_map(read).collect())
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
