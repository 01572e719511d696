//! What was said lately, at a table or to a player, for those who come back or missed it.

use super::{Store, keys};
use crate::host::Said;
use crate::ids::{AccountId, RequestId, TableId};
use crate::lobby::event::PlayerEvent;
use crate::protocol::Message;
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};

/// Messages kept for one table.
const KEPT: u64 = 50;
/// A request may be repeated for so long, in seconds.
pub(super) const REPEATED_SECS: u64 = 300;
/// How long they are kept after the last one.
const KEPT_SECS: u64 = 24 * 3_600;
pub(crate) const LETTERS_KEPT: usize = 50;
/// How long they are kept after the last one, in seconds: until a browser whose node died is at another, also where a clock
/// has jumped a minute ahead.
const LETTERS_KEPT_SECS: u64 = 120;

script!(SAY, "talk_say");
script!(LETTER, "prelude", "letter_send");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterSent {
    /// The receiver's node was told, now or by the same request before; when that was, milliseconds since 1970.
    Sent(u64),
    /// The receiver does not want to hear of the sender.
    Blocked,
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
        let args = texts![
            keys::table(table),
            published,
            serde_json::to_string(said)?,
            KEPT,
            KEPT_SECS,
            REPEATED_SECS,
        ];
        self.data().invoke::<u8>(&SAY, &keys, &args).await.map(drop)
    }

    /// Whether a player has not blocked another.
    pub async fn hears(&self, player: AccountId, other: AccountId) -> Result<bool, StoreError> {
        Ok(!self
            .data()
            .query::<bool>(redis::cmd("SISMEMBER").arg(keys::blocked(player)).arg(other.to_string()))
            .await?)
    }

    /// Sends words to a player. When they were sent is told by Redis, whatever the message says.
    pub async fn letter_send(
        &self,
        from: AccountId,
        to: AccountId,
        request: &RequestId,
        message: &Message,
    ) -> Result<LetterSent, StoreError> {
        let keys = texts![keys::ONLINE, keys::blocked(to), keys::words(from, request), keys::letters(to)];
        let event = PlayerEvent::Message { account: Some(from), message: message.clone() };
        let args =
            texts![to, from, serde_json::to_string(&event)?, REPEATED_SECS, LETTERS_KEPT, LETTERS_KEPT_SECS,];
        let answer: Vec<String> = self.data().invoke_durably(&LETTER, &keys, &args).await?;
        let corrupt = || StoreError::Corrupt(answer.join(" "));
        match answer.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["sent", sent_ms] => sent_ms.parse().map(LetterSent::Sent).map_err(|_| corrupt()),
            ["blocked"] => Ok(LetterSent::Blocked),
            ["not_online"] => Ok(LetterSent::NotOnline),
            _ => Err(corrupt()),
        }
    }

    /// The letters an account was sent in the last two minutes, oldest first. One that cannot be read, as of a newer version, is
    /// left out.
    pub async fn letters(&self, to: AccountId) -> Result<Vec<PlayerEvent>, StoreError> {
        let texts: Vec<String> =
            self.data().query(redis::cmd("LRANGE").arg(keys::letters(to)).arg(0).arg(-1)).await?;
        let read = |text: &String| {
            let read = serde_json::from_str(text);
            read.inspect_err(|error| tracing::warn!(account = %to, %error, "a letter cannot be read")).ok()
        };
        Ok(texts.iter().filter_map(read).collect())
    }

    /// Publishes something on a table's channel, which is not kept.
    pub async fn table_publish(&self, table: TableId, published: &str) -> Result<(), StoreError> {
        self.data().query(redis::cmd("PUBLISH").arg(keys::table(table)).arg(published)).await
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
