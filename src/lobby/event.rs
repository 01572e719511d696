//! What nodes tell each other about players and tables.

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, AccountName, SessionId, TableId};
use crate::protocol::{Message, NoticeCode};
use crate::rules::seat::BySeat;

/// A change of the lobby with its place in the order of all of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versioned {
    /// The version after the change; the next one is one higher.
    pub version: u64,
    /// The change.
    pub change: LobbyChange,
}

/// A change of the lobby; taking one in twice does no harm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum LobbyChange {
    /// A player came, or has a new name.
    PlayerIn {
        /// The account of the player who came.
        account: AccountId,
        /// The name.
        name: AccountName,
        /// Whether it is a guest.
        guest: bool,
    },
    /// A player left.
    PlayerOut {
        /// The account of the player who left.
        account: AccountId,
    },
    /// A table started.
    TableIn {
        /// The table that started.
        table: TableId,
        /// Who sits there.
        accounts: BySeat<AccountId>,
        /// Their names.
        names: BySeat<AccountName>,
    },
    /// A table is over.
    TableOut {
        /// The table that is over.
        table: TableId,
    },
    /// Games moved on.
    TablesNews {
        /// Which, and how far.
        rows: Vec<TableNews>,
    },
    /// Watchers came or left.
    Watchers {
        /// Of which table.
        table: TableId,
        /// How many there are.
        count: u32,
    },
}

/// How far a game is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableNews {
    /// Its table.
    pub table: TableId,
    /// How many records it has.
    pub number: u32,
    /// The owners of the flags.
    pub flags: String,
}

/// Something for one player, sent to the node of its session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeEvent {
    /// Whom it is for.
    pub account: AccountId,
    /// What happened to the player.
    pub event: PlayerEvent,
}

/// Something a node is to do, sent to it alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum NodeOrder {
    /// Ask so many of its browsers to reconnect, spread over a time: others take their share.
    Reconnect {
        /// How many.
        sessions: u64,
        /// Over how long.
        spread_ms: u64,
    },
    /// Tell on a channel which tip it holds of a table.
    Report {
        /// Which table.
        table: TableId,
        /// Where to tell it.
        channel: String,
    },
}

/// What comes on a node's channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToNode {
    /// Something for one of its players.
    Event(NodeEvent),
    /// Something for the node itself.
    Order(NodeOrder),
}

/// What can happen to a player.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PlayerEvent {
    /// Another session took over from this one.
    TakenOver {
        /// The older session.
        session: SessionId,
    },
    /// The login has ended, or the account is gone.
    LoggedOut,
    /// The account has a new name or other logins: the session starts again.
    Changed {
        /// The hash of the new login: a session that was opened by it goes on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<String>,
    },
    /// Invites to or by the player changed.
    InvitesChanged,
    /// Saved or finished games changed.
    GamesChanged,
    /// Something to be read once.
    Notice {
        /// For programs.
        code: NoticeCode,
        /// The player it is about.
        name: Option<AccountName>,
        /// For people.
        words: String,
    },
    /// Words from another player.
    Message {
        /// Who wrote; absent if a node of an older version tells it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<AccountId>,
        /// The words.
        #[serde(flatten)]
        message: Message,
    },
    /// A game started for the player.
    Started {
        /// Its table.
        table: TableId,
    },
}
