//! Invites: offers of a game, each decided by one script.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::Script;
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
use crate::redis::script::Arg;
use crate::rules::seat::BySeat;
use crate::table::options::TableOptions;

/// A node looks after this time whether a game that was to start did: later than a write is known to be saved or not.
const START_CHECK_MS: u64 = 2_000;
/// Invites one player may have sent at once.
pub const INVITES_SENT_MAX: usize = 10;
/// Invites of strangers that may stand for one player at once: all of them go into each list and welcome.
pub const INVITES_RECEIVED_MAX: usize = 20;
/// The same with those of players it has played with, who find room when strangers have used up theirs.
pub const INVITES_KNOWN_MAX: usize = 30;

static SEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("../../redis/prelude.lua"), include_str!("../../redis/invite_send.lua")))
});
static REMOVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/invite_remove.lua")
    ))
});
static EXPIRE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/invite_expire.lua")
    ))
});
static ACCEPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/logins.lua"),
        include_str!("../../redis/invite_accept.lua")
    ))
});

/// A standing invite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Which it is; nodes of older versions give it none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InviteId>,
    /// The sender's name.
    pub from_name: AccountName,
    /// The receiver's name.
    pub to_name: AccountName,
    /// The rules offered.
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

/// An invite as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it says.
    pub standing: Standing,
    /// Its text: only the very one that was read is accepted.
    pub text: String,
}

/// What became of an invite to be taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is gone.
    Done,
    /// There was none.
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
    Stranger {
        /// The network.
        network: Source,
        /// How many.
        most: u32,
    },
}

/// What became of an invite to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// It stands.
    Sent,
    /// The other's invite stands: accept that one.
    Crossing,
    /// The sender sits at a table.
    YouArePlaying,
    /// The receiver sits at a table.
    Playing,
    /// The receiver is not online.
    NotOnline,
    /// One stands already.
    AlreadyInvited,
    /// Too many of the sender's stand.
    TooMany,
    /// Too many stand for the receiver.
    TooManyReceived,
    /// Too many of the stranger's network do.
    TooManyFromNetwork,
    /// The receiver does not want to hear of the sender.
    Blocked,
}

/// A table to be made of an accepted invite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTable {
    /// Its id: that of the saved game where one is resumed.
    pub table: TableId,
    /// Who will sit there.
    pub accounts: BySeat<AccountId>,
    /// Their names.
    pub names: BySeat<AccountName>,
    /// The text of record 0; empty where a saved game is resumed.
    pub start: String,
}

/// What became of an invite to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// Both sit at the table.
    Started,
    /// It does not stand any more.
    NoInvite,
    /// Another one stands than the one that was read.
    Changed,
    /// The accepting player sits at a table.
    YouArePlaying,
    /// The other one does.
    Playing,
    /// The saved game is gone.
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
        let keys = [
            keys::ONLINE.to_owned(),
            keys::invites(to),
            keys::invites(from),
            keys::invites_sent(from),
            keys::seat(from),
            keys::seat(to),
            keys::blocked(to),
            keys::INVITES_BY_TIME.to_owned(),
            keys::words(from, request),
        ];
        let most = u64::try_from(INVITES_SENT_MAX).unwrap_or(u64::MAX);
        let (most_received, network, most_of_network) = match sender {
            Sender::Known => (INVITES_KNOWN_MAX, String::new(), 0),
            Sender::Stranger { network, most } => (INVITES_RECEIVED_MAX, network.to_text(), *most),
        };
        let args: [Arg; 9] = [
            from.to_string().into(),
            to.to_string().into(),
            serde_json::to_string(invite)?.into(),
            lives_ms.into(),
            most.into(),
            REPEATED_SECS.into(),
            u64::try_from(most_received).unwrap_or(u64::MAX).into(),
            network.into(),
            u64::from(most_of_network).into(),
        ];
        let word: String = self.data().settled(self.data().invoke(&SEND, &keys, &args)).await?;
        Ok(match word.as_str() {
            "sent" => Sent::Sent,
            "crossing" => Sent::Crossing,
            "you_are_playing" => Sent::YouArePlaying,
            "playing" => Sent::Playing,
            "not_online" => Sent::NotOnline,
            "already" => Sent::AlreadyInvited,
            "too_many" => Sent::TooMany,
            "too_many_received" => Sent::TooManyReceived,
            "too_many_from_network" => Sent::TooManyFromNetwork,
            "blocked" => Sent::Blocked,
            other => return Err(StoreError::Corrupt(other.to_owned())),
        })
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
        let keys = [
            keys::ONLINE.to_owned(),
            keys::invites(to),
            keys::invites_sent(from),
            keys::INVITES_BY_TIME.to_owned(),
            repeated,
        ];
        let args: [Arg; 6] = [
            from.to_string().into(),
            to.to_string().into(),
            told.to_string().into(),
            serde_json::to_string(notice)?.into(),
            invite.map(|id| id.to_string()).unwrap_or_default().into(),
            REPEATED_SECS.into(),
        ];
        let word: String = self.data().settled(self.data().invoke(&REMOVE, &keys, &args)).await?;
        Ok(match word.as_str() {
            "removed" => Removed::Done,
            "none" => Removed::NoInvite,
            "changed" => Removed::Changed,
            other => return Err(StoreError::Corrupt(other.to_owned())),
        })
    }

    /// Takes lapsed invites away.
    pub async fn invites_expire(&self) -> Result<u32, StoreError> {
        let keys = [keys::ONLINE.to_owned(), keys::INVITES_BY_TIME.to_owned()];
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
        let keys = [
            keys::ONLINE.to_owned(),
            keys::invites(by),
            keys::seat(by),
            keys::seat(from),
            keys::TABLES.to_owned(),
            keys::LOBBY_VERSION.to_owned(),
            keys::table(table.table),
            keys::INVITES_BY_TIME.to_owned(),
            keys::saved(table.table),
            keys::DEADLINES.to_owned(),
        ];
        let shard = u64::try_from(self.shard_for(table.table)).unwrap_or(0);
        let args: [Arg; 12] = [
            by.to_string().into(),
            from.to_string().into(),
            table.table.to_string().into(),
            table.accounts.first.to_string().into(),
            table.names.first.as_str().into(),
            table.accounts.second.to_string().into(),
            table.names.second.as_str().into(),
            table.start.as_str().into(),
            START_CHECK_MS.into(),
            shard.into(),
            millis(GUEST_LIVES).into(),
            offer.into(),
        ];
        let word: String = self.data().settled(self.data().invoke(&ACCEPT, &keys, &args)).await?;
        Ok(match word.as_str() {
            "started" => Started::Started,
            "no_invite" => Started::NoInvite,
            "changed" => Started::Changed,
            "you_are_playing" => Started::YouArePlaying,
            "playing" => Started::Playing,
            "no_saved_game" => Started::NoSavedGame,
            "not_online" => Started::NotOnline,
            other => return Err(StoreError::Corrupt(other.to_owned())),
        })
    }

    /// The invite from one account to another, if it stands.
    pub async fn invite_between(&self, from: AccountId, to: AccountId) -> Result<Option<Offer>, StoreError> {
        let command = redis::cmd("HGET").arg(keys::invites(to)).arg(from.to_string()).to_owned();
        let text: Option<String> = self.data().query(&command).await?;
        let offer = |text: String| Ok(Offer { standing: serde_json::from_str(&text)?, text });
        text.map(offer).transpose()
    }

    /// All invites to and by an account.
    pub async fn invites_of(&self, account: AccountId) -> Result<Invites, StoreError> {
        let mut commands = redis::pipe();
        commands.hgetall(keys::invites(account)).smembers(keys::invites_sent(account));
        let (received, sent): (HashMap<String, String>, Vec<String>) = self.data().pipe(&commands).await?;
        let mut commands = redis::pipe();
        for to in sent.iter().filter_map(|to| to.parse().ok()) {
            commands.hget(keys::invites(to), account.to_string());
        }
        let sent: Vec<Option<String>> = self.data().pipe(&commands).await?;
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
