//! Invites: offers of a game, each decided by one script.

use std::collections::HashMap;

use redis::Cmd;
use serde::{Deserialize, Serialize};

use super::accounts::{Account, GUEST_LIVES};
use super::logins::millis;
use super::talk::REPEATED_SECS;
use super::{Store, keys};
use crate::ids::{AccountId, AccountName, InviteId, RequestId, TableId};
use crate::limits::Source;
use crate::lobby::event::PlayerEvent;
use crate::protocol::{Invite, Invites, NoticeCode};
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};
use crate::rules::seat::BySeat;
use crate::table::options::TableOptions;

/// A node looks after this time whether a game that was to start did: later than a write is known to be durable or not.
const START_CHECK_MS: u64 = 2_000;
/// Invites one player may have sent at once.
pub const INVITES_SENT_MAX: usize = 10;
/// Invites of strangers that may stand for one player at once: all of them go into each list and welcome.
pub const INVITES_RECEIVED_MAX: usize = 20;
/// The same with those of players it has played with, who find room when strangers have used up theirs.
pub const INVITES_KNOWN_MAX: usize = 30;

script!(SEND, "prelude", "invite_send");
script!(REMOVE, "prelude", "invite_remove");
script!(EXPIRE, "prelude", "invite_expire");
script!(ACCEPT, "prelude", "logins", "invite_accept");

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which it is; nodes of older versions give it none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InviteId>,
    pub from_name: AccountName,
    pub to_name: AccountName,
    pub options: TableOptions,
    /// The saved game to resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<TableId>,
    /// When it lapses, milliseconds since 1970; set by the script.
    #[serde(default)]
    pub expires_ms: u64,
}

impl Standing {
    /// Whether it offers the same game as another.
    pub fn has_terms_of(&self, other: &Self) -> bool {
        self.resume == other.resume && (self.resume.is_some() || self.options == other.options)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub standing: Standing,
    /// Its text: only the very one that was read is accepted.
    pub text: String,
}

/// What became of an invite to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Removed {
    #[serde(rename = "removed")]
    Done,
    #[serde(rename = "none")]
    NoInvite,
    /// Another one stands than the one named.
    Changed,
}

/// Who sends an invite, for the room it finds with its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sender {
    /// Somebody who has played with the receiver.
    Known,
    /// Somebody else, of whose network so many invites may stand for it.
    Stranger { network: Source, most: u32 },
}

/// What became of an invite to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    Sent,
    /// The other's invite stands: accept that one.
    Crossing,
    YouArePlaying,
    Playing,
    NotOnline,
    #[serde(rename = "already")]
    AlreadyInvited,
    TooMany,
    TooManyReceived,
    TooManyFromNetwork,
    /// The receiver does not want to hear of the sender.
    Blocked,
}

/// A table to be made of an accepted invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    /// Its id: that of the saved game where one is resumed.
    pub table: TableId,
    pub accounts: BySeat<AccountId>,
    pub names: BySeat<AccountName>,
    /// The text of record 0; empty where a saved game is resumed.
    pub start: String,
}

/// What became of an invite to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Started {
    Started,
    NoInvite,
    /// Another one stands than the one that was read.
    Changed,
    YouArePlaying,
    Playing,
    NoSavedGame,
    /// Whoever sent it is not online: its game would begin without it.
    NotOnline,
}

impl Store {
    /// Sends an invite that stands for `lives_ms`, once for each request.
    pub async fn invite_send(
        &self,
        request: &RequestId,
        from: AccountId,
        to: AccountId,
        invite: &Standing,
        sender: &Sender,
        lives_ms: u64,
    ) -> Result<Sent, StoreError> {
        let keys = texts![
            keys::ONLINE,
            keys::invites(to),
            keys::invites(from),
            keys::invites_sent(from),
            keys::seat(from),
            keys::seat(to),
            keys::blocked(to),
            keys::INVITES_BY_TIME,
            keys::words(from, request),
        ];
        let (most_received, network, most_of_network) = match sender {
            Sender::Known => (INVITES_KNOWN_MAX, String::new(), 0),
            Sender::Stranger { network, most } => (INVITES_RECEIVED_MAX, network.to_text(), *most),
        };
        let args = texts![
            from,
            to,
            serde_json::to_string(invite)?,
            lives_ms,
            INVITES_SENT_MAX,
            REPEATED_SECS,
            most_received,
            network,
            most_of_network,
        ];
        self.data().decide(&SEND, &keys, &args).await
    }

    /// Declines an invite, the one with this id or any, telling its sender.
    pub async fn invite_decline(
        &self,
        request: &RequestId,
        by: &Account,
        from: AccountId,
        invite: Option<InviteId>,
    ) -> Result<Removed, StoreError> {
        let notice = PlayerEvent::Notice {
            code: NoticeCode::InviteDeclined,
            name: Some(by.name.clone()),
            words: format!("{} declined your invite.", by.name),
        };
        self.invite_remove(keys::words(by.id, request), (from, by.id), invite, (from, &notice)).await
    }

    /// Withdraws an invite, the one with this id or any, telling its receiver.
    pub async fn invite_withdraw(
        &self,
        request: &RequestId,
        by: &Account,
        to: AccountId,
        invite: Option<InviteId>,
    ) -> Result<Removed, StoreError> {
        let notice = PlayerEvent::Notice {
            code: NoticeCode::InviteWithdrawn,
            name: Some(by.name.clone()),
            words: format!("{} withdrew the invite.", by.name),
        };
        self.invite_remove(keys::words(by.id, request), (by.id, to), invite, (to, &notice)).await
    }

    async fn invite_remove(
        &self,
        repeated: String,
        (from, to): (AccountId, AccountId),
        invite: Option<InviteId>,
        (told, notice): (AccountId, &PlayerEvent),
    ) -> Result<Removed, StoreError> {
        let keys = texts![
            keys::ONLINE,
            keys::invites(to),
            keys::invites_sent(from),
            keys::INVITES_BY_TIME,
            repeated,
        ];
        let args = texts![
            from,
            to,
            told,
            serde_json::to_string(notice)?,
            invite.map(|id| id.to_string()).unwrap_or_default(),
            REPEATED_SECS,
        ];
        self.data().decide(&REMOVE, &keys, &args).await
    }

    pub async fn invites_expire(&self) -> Result<u32, StoreError> {
        let keys = texts![keys::ONLINE, keys::INVITES_BY_TIME];
        self.data().invoke(&EXPIRE, &keys, &[]).await
    }

    /// Accepts an invite as it was read: both take their seats at the new table, or nothing happens.
    pub async fn invite_accept(
        &self,
        by: AccountId,
        from: AccountId,
        offer: &str,
        table: &NewTable,
    ) -> Result<Started, StoreError> {
        let keys = texts![
            keys::ONLINE,
            keys::invites(by),
            keys::seat(by),
            keys::seat(from),
            keys::TABLES,
            keys::LOBBY_VERSION,
            keys::table(table.table),
            keys::INVITES_BY_TIME,
            keys::saved(table.table),
            keys::DEADLINES,
        ];
        let args = texts![
            by,
            from,
            table.table,
            table.accounts.first,
            table.names.first,
            table.accounts.second,
            table.names.second,
            table.start,
            START_CHECK_MS,
            self.shard_for(table.table),
            millis(GUEST_LIVES),
            offer,
        ];
        self.data().decide(&ACCEPT, &keys, &args).await
    }

    /// The invite from one account to another, if it stands.
    pub async fn invite_between(&self, from: AccountId, to: AccountId) -> Result<Option<Offer>, StoreError> {
        let text: Option<String> =
            self.data().query(redis::cmd("HGET").arg(keys::invites(to)).arg(from.to_string())).await?;
        let offer = |text: String| Ok(Offer { standing: serde_json::from_str(&text)?, text });
        text.map(offer).transpose()
    }

    pub async fn invites_of(&self, account: AccountId) -> Result<Invites, StoreError> {
        let mut commands = redis::pipe();
        commands.hgetall(keys::invites(account)).smembers(keys::invites_sent(account));
        let (received, sent): (HashMap<String, String>, Vec<String>) = self.data().pipe(&commands).await?;
        let receivers = sent.iter().filter_map(|to| to.parse().ok());
        let invite = |to| Cmd::hget(keys::invites(to), account.to_string());
        let sent: Vec<Option<String>> = self.data().each(receivers, invite).await?;
        Ok(Invites {
            received: listed(account, received.into_values(), |standing| &standing.from_name),
            sent: listed(account, sent.into_iter().flatten(), |standing| &standing.to_name),
        })
    }
}

/// Invites oldest first. One that cannot be read, as of a newer version, is left out: the others can be answered.
fn listed(
    account: AccountId,
    texts: impl Iterator<Item = String>,
    other: impl Fn(&Standing) -> &AccountName,
) -> Vec<Invite> {
    let standing = texts.filter_map(|text| {
        let read = serde_json::from_str::<Standing>(&text);
        read.inspect_err(|error| tracing::warn!(%account, %error, "an invite cannot be listed")).ok()
    });
    let mut invites: Vec<Invite> = standing
        .map(|standing| Invite {
            id: standing.id,
            name: other(&standing).clone(),
            options: standing.options,
            resume: standing.resume,
            expires_ms: standing.expires_ms,
        })
        .collect();
    invites.sort_by_key(|invite| invite.expires_ms);
    invites
}
