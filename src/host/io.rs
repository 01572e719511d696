//! What goes into a host and what comes out of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::ids::{AccountId, AccountName, NodeId, RequestId, SessionId};
use crate::lobby::event::TableNews;
use crate::protocol::{ClosedWhy, Message, TableView, Update};
use crate::rules::flag::FlagIndex;
use crate::rules::moves::Move;
use crate::rules::seat::{BySeat, Seat};
use crate::table::copy::{Answer, Copy, Proposal};
use crate::table::record::{Entry, Tip};

/// Where an answer goes: the driver knows who waits for it.
pub type Ticket = u64;
/// The number of an exchange.
pub type Exchange = u64;

/// What is known of a live table beside its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Who sits there.
    pub accounts: BySeat<AccountId>,
    /// Their names.
    pub names: BySeat<AccountName>,
    /// The text of record 0; empty if a saved game is resumed.
    pub start: String,
    /// A saved game is being resumed.
    pub resume: bool,
    /// Since when a seat's player is away, milliseconds since 1970.
    pub away_since_ms: BySeat<Option<u64>>,
    /// How many watch.
    pub watchers: u32,
    /// The shard of the backup that has its records.
    pub shard: usize,
    /// When it was made, milliseconds since 1970; empty if an older version made it. A saved game is made again.
    pub made_ms: String,
}

/// Who asks for a record: the append is refused unless the session is the live one of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mover {
    /// The account.
    pub account: AccountId,
    /// Its session.
    pub session: SessionId,
}

/// Words said at a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who said them; absent if a node of an older version tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The words.
    pub message: Message,
    /// Whether a player said them, to players; else a watcher, to watchers.
    pub seated: bool,
}

/// What a seat asks of its table.
#[derive(Debug, Clone, PartialEq)]
pub enum SeatAsk {
    /// To make moves chosen from the view at this tip.
    Moves(Tip, Vec<Move>),
    /// To give the game up.
    Resign,
    /// To stop it.
    Save,
    /// To win because the other seat is away.
    ClaimWin,
}

/// What became of a request that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// The tip after its records.
    pub tip: Tip,
    /// The backup does not have them all yet.
    pub unsaved: bool,
}

/// What is published on a table's channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Published {
    /// Records were accepted.
    Records {
        /// The number of the first of them.
        from: u32,
        /// The records.
        entries: Vec<Entry>,
    },
    /// A seat's player came or went.
    Presence,
    /// Somebody said something.
    Said(Said),
    /// A browser has seen records that the stream does not have: whoever has them appends them again.
    Heal,
    /// A node has records that the backup, which is away, does not have.
    Unsaved {
        /// The node.
        node: NodeId,
        /// The tip they follow.
        at: Tip,
        /// The records.
        entries: Vec<Entry>,
    },
    /// A node has so many records now, the unsaved ones of another among them.
    Took {
        /// The other node.
        node: NodeId,
        /// The node that has them.
        by: NodeId,
        /// The seats whose players it serves.
        seats: Vec<Seat>,
        /// How many records.
        number: u32,
    },
    /// A node cannot take unsaved records of another, since it lacks those before them; or it does not know whether there
    /// are any.
    Lacks {
        /// The other node.
        node: NodeId,
        /// How far it is.
        tip: Tip,
        /// The node that asks; version 0.3.0 does not tell.
        #[serde(default)]
        by: Option<NodeId>,
    },
}

/// What a Redis group holds of a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compared {
    /// The tip of its stream, from the group that has it.
    pub tip: Option<Tip>,
    /// The data group has no such table.
    pub is_gone: bool,
    /// Since when a seat's player is away, milliseconds since 1970, from the data group.
    pub away_since_ms: Option<BySeat<Option<u64>>>,
    /// How many watch on the node that asks, by its own word, from the data group.
    pub bench: Option<u32>,
}

/// What a host never changes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node.
    pub node: NodeId,
    /// There is no other node: its Redis is its own.
    pub is_only_node: bool,
    /// Absence after which the other seat may claim the win.
    pub away_win_ms: u64,
    /// Absence of both players after which a game is stopped.
    pub abandoned_ms: u64,
    /// How long a table plays on without its backup.
    pub provisional_limit: Duration,
    /// What is left out, to prove that it is needed.
    pub without: Vec<Safeguard>,
}

/// One safeguard of a host, left out by its negative twin in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safeguard {
    /// A request that is there is known again.
    Request,
    /// What a stream lost is appended again.
    Heal,
    /// What ends a game waits for the backup.
    End,
    /// Whoever saw what is undone is told.
    Word,
    /// A seat that comes from another node waits until the other seat's node has told how far it is.
    Hear,
    /// What is played provisionally counts only when the other seat's node has it.
    Consent,
    /// Of two that offer records at once, the first seat's comes first.
    TieBreak,
    /// What a browser gives back is appended again.
    Seal,
    /// A game is put away only when its last record is durable.
    DurableEnd,
}

/// What is so at the moment of an input.
#[expect(clippy::struct_excessive_bools, reason = "each is one fact")]
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// Time since any moment; it never goes back.
    pub now: Duration,
    /// Redis' time, estimated, milliseconds since 1970.
    pub now_ms: u64,
    /// The group of the stream is away.
    pub is_backup_away: bool,
    /// The data group is.
    pub is_data_away: bool,
    /// The two are different groups.
    pub is_apart: bool,
    /// The archive or the data group is another than that of the stream.
    pub ends_apart: bool,
    /// The newest kinds of record that every live node knows.
    pub kinds_known: u32,
    /// A live node is of an older version.
    pub knows_old_nodes: bool,
}

/// What reaches a host.
#[derive(Debug, Clone)]
pub enum Input {
    /// The driver has the table: reads it, and begins it if it has not begun.
    Open,
    /// Somebody wants to see the table once.
    Look(AccountId, Ticket),
    /// A session is shown the table from now on.
    Join(Member, Ticket),
    /// A session is gone, or stops watching.
    Leave(SessionId),
    /// A seat asks.
    Ask(Mover, RequestId, SeatAsk, Ticket),
    /// A browser tells which tip it has seen, and gives records back that the cluster had sealed for it.
    Seen(AccountId, Tip, Vec<(u32, Entry)>, Ticket),
    /// Somebody says something.
    Say(AccountId, RequestId, Message, Ticket),
    /// Something was published on the table's channel.
    Heard(Published),
    /// This many watch, on all nodes.
    Watchers(u32),
    /// So many records appended here are durable.
    Durable(u32),
    /// The stream is durable up to this tip.
    DurableTip(Tip),
    /// Publications were missed.
    Missed,
    /// What a group holds.
    Compared(Compared),
    /// The table's deadline has come.
    Due,
    /// The backup went away or came back.
    BackupChanged,
    /// The time has come that the host asked to be woken at.
    Wake,
    /// An exchange has come to its end.
    Reply(Exchange, Reply),
}

/// A session that looks at a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The session.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// It keeps the view itself: after a whole one it is shown what changed.
    pub keeps_view: bool,
}

/// What is asked of a store.
#[derive(Debug, Clone)]
pub enum Command {
    /// Append to the stream, for a mover or for the node itself, and wait no longer than this.
    Append(Proposal, Option<Mover>, Option<Duration>),
    /// Read the stream.
    Read,
    /// Read what is known of the table.
    Info,
    /// The same once it is known to be on every replica.
    DurableInfo,
    /// Where an account's session is.
    Where(AccountId),
    /// How many saved games two accounts have.
    SavedCounts([AccountId; 2]),
    /// How many watch here, to be counted with the other nodes.
    Watch(u32),
    /// Say words on the channel, and keep them for a while.
    Say(AccountId, RequestId, Said),
    /// Where a game is whose table is gone.
    Ended,
    /// Keep a stream that was to be dropped.
    KeepStream,
    /// The records of the saved game after this many.
    SavedAfter(u32),
    /// Forget the saved game, for the table that it was resumed at.
    Resumed,
    /// Put the finished game into the archive, or the stopped one among the saved games.
    Finish(Box<Copy>),
    /// Have the stream dropped after a while, if it has this tip.
    DropStream(Tip),
    /// Take the table out of the lobby, and free its seats.
    Close,
    /// Set the next deadline.
    Deadline,
}

/// What a store answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// What the append script answered.
    Appended(Answer),
    /// The stream's records, or those of a saved game.
    Entries(Vec<Entry>),
    /// What is known of the table, and Redis' time.
    Info(Option<Box<TableInfo>>, u64),
    /// Where a session is; nowhere if the account is not online.
    Where(Option<NodeId>),
    /// So many for each.
    Counts([usize; 2]),
    /// So many watch on all nodes.
    Watchers(u32),
    /// Where the game is by now.
    Ended(Option<ClosedWhy>),
    /// It is done; or (false) it was for another to do.
    Done(bool),
    /// Nothing is known of its fate. What may pass is tried again.
    Failed {
        /// Whether trying again may help.
        may_pass: bool,
    },
}

/// What a host wants done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Ask a store, and tell the reply.
    Ask(Exchange, Command),
    /// Publish on the table's channel; nobody waits for it.
    Publish(Published),
    /// Tell a player that it sits here.
    Started(AccountId),
    /// Tell both players that their lists of games changed.
    GamesChanged,
    /// Answer a look.
    View(Ticket, Option<Box<Shown>>),
    /// Answer a seat.
    Act(Ticket, Result<Acted, Refusal>),
    /// Answer a browser that told what it has seen.
    Seen(Ticket, Result<Tip, Refusal>),
    /// Answer who said something.
    Said(Ticket, Result<(), Refusal>),
    /// A session is shown the table. One that is new (the first truth) has its view by now, and is to hear what was said on
    /// its side, the players' or (the second) the watchers'.
    Joined(Ticket, Member, bool, bool),
    /// Show the view of one audience to sessions.
    Show(Vec<SessionId>, Box<Shown>),
    /// Tell sessions something that they must hear.
    Tell(Vec<SessionId>, Box<Update>),
    /// Tell members of one side, unless they do not want to hear the speaker or have no room.
    Chat(Vec<SessionId>, Said),
    /// Tell the lobby how far the table is.
    News(TableNews),
    /// Learn, with other tables, how much of the stream is durable.
    Settle,
    /// So many records are provisional here.
    Provisional(usize),
    /// Something for the metrics and the log.
    Note(Note),
    /// A place at which a test cuts the course off.
    Point(&'static str),
    /// The table is closed, and whoever looked at it was told: the host is at its end.
    Closed,
    /// Nobody looks at the table: the host is at its end.
    Idle,
    /// The table cannot be opened: the host is at its end, and whoever waits is refused.
    Failed,
}

/// A view, and what is not durable of what it shows: a seat's browser keeps that, sealed.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The view, without the sealed records.
    pub view: TableView,
    /// What its members were shown before, where they keep it.
    pub since: Option<Since>,
    /// The number of the first record that is not durable.
    pub from: u32,
    /// The last records of the view that are not durable, but for those that were shown before; none for those who watch.
    pub kept: Vec<Entry>,
}

/// What is new of a view since the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// So many lines of the log stand, and are left out.
    pub lines: u32,
    /// The flags that changed.
    pub flags: Vec<FlagIndex>,
}

/// What operators see of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It was woken though nothing reached it.
    Woken,
    /// All was read again, since publications were missed.
    Reloaded,
    /// So many records were appended again that the stream had lost.
    Healed(usize),
    /// So many records were undone.
    WentBack(usize),
    /// A browser has proved that what it saw is gone.
    LostSeen,
    /// A browser has seen what nobody knows.
    UnknownTip,
    /// A browser gave so many records back.
    GivenBack(usize),
    /// The backup is away: the table plays on.
    PlaysOn,
    /// An offer came to nothing, since other records came first.
    GaveWay,
    /// What was provisional is written, after so long.
    Written(Duration),
    /// Something else, for the log alone.
    Warn(&'static str),
}
