//! Every message of the websocket: the only file that is a promise to browsers and bots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, AccountName, InviteId, RequestId, TableId};
use crate::rules::flag::{CounterExample, FlagIndex};
use crate::rules::game::Ending;
use crate::rules::seat::{BySeat, Seat};
use crate::rules::view::{View, ViewChanges, Viewer};
use crate::table::copy::LogLine;
use crate::table::options::TableOptions;
use crate::table::record::Tip;

/// The version of this protocol, also the websocket's subprotocol `nineflags.1`.
pub const VERSION: u32 = 1;

/// What a browser asks. Every request is answered exactly once, by [`Update::Done`] or [`Update::Refused`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Chosen by the browser, new for each request and the same when it is repeated.
    pub id: RequestId,
    /// What is asked.
    #[serde(flatten)]
    pub ask: Ask,
}

/// The kinds of request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Nothing: tells whether the node still answers.
    Ping,
    /// Show this page of the lobby from now on; replaces the page shown before.
    Lobby(LobbyQuery),
    /// Send no more lobby pages.
    LeaveLobby,
    /// Offer a game to an online player.
    Invite {
        /// To whom.
        to: AccountName,
        /// The rules to play by; ignored when a saved game is resumed.
        #[serde(default)]
        options: TableOptions,
        /// The saved game to resume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<TableId>,
    },
    /// Accept an invite: the table starts.
    Accept {
        /// Who sent it.
        from: AccountName,
        /// Which it is: where another one stands by now, the answer is [`RefusalCode::InviteChanged`]. Left out, the one
        /// in the list that was sent last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invite: Option<InviteId>,
    },
    /// Decline an invite.
    Decline {
        /// Who sent it.
        from: AccountName,
        /// Which it is, as for `accept`; left out, whichever stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invite: Option<InviteId>,
    },
    /// Withdraw an invite.
    Withdraw {
        /// To whom it was sent.
        to: AccountName,
        /// Which it is, as for `accept`; left out, whichever stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        invite: Option<InviteId>,
    },
    /// Make one to four moves at the own table, all or none: `r7@3` and `draw t`, say.
    Move {
        /// The table.
        table: TableId,
        /// The tip of the view the moves were chosen from; an old one is refused.
        tip: Tip,
        /// The moves in notation, in order.
        #[schemars(length(min = 1, max = 4))]
        moves: Vec<String>,
    },
    /// Give the game up.
    Resign {
        /// The own table.
        table: TableId,
    },
    /// Stop the game, to be resumed another day.
    Save {
        /// The own table.
        table: TableId,
    },
    /// Drop a saved game from the own list; it is gone once the other player has dropped it, too.
    DropSaved {
        /// The saved game.
        table: TableId,
    },
    /// Claim the win because the other seat has been away too long.
    ClaimWin {
        /// The own table.
        table: TableId,
    },
    /// Watch a table from now on.
    Watch {
        /// The table.
        table: TableId,
    },
    /// Stop watching.
    Unwatch {
        /// The table.
        table: TableId,
    },
    /// Tell the tip last seen of a table, after a reconnect; answered when the node's copy is at least there,
    /// or refused with [`RefusalCode::WentBack`].
    Seen {
        /// The table.
        table: TableId,
        /// The tip seen.
        tip: Tip,
        /// The sealed records that came with views and are not saved as far as the browser knows, oldest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        sealed: Vec<String>,
    },
    /// Send words to an online player.
    Tell {
        /// To whom.
        to: AccountName,
        /// The words.
        text: String,
    },
    /// Send words to the own side of a table: the players, or the watchers.
    Say {
        /// The table.
        table: TableId,
        /// The words.
        text: String,
    },
    /// Hear no more of a player: neither words nor invites.
    Block {
        /// The player who is to be heard no more.
        name: AccountName,
    },
    /// Undo a block.
    Unblock {
        /// The player who is to be heard again.
        name: AccountName,
    },
}

/// Which page of the lobby to show.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct LobbyQuery {
    /// Players or tables.
    pub list: LobbyList,
    /// Only names that contain this, regardless of case; at most 20 characters.
    #[serde(default)]
    pub search: String,
    /// Only players who are free.
    #[serde(default)]
    pub free_only: bool,
    /// Counted from 0; a page has [`LOBBY_PAGE`] rows.
    #[serde(default)]
    pub page: u32,
}

/// Rows on a page of the lobby.
pub const LOBBY_PAGE: usize = 25;

/// The two lists of the lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LobbyList {
    /// Who is online.
    Players,
    /// What is being played.
    Tables,
}

/// What a node tells a browser.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "update", rename_all = "snake_case")]
pub enum Update {
    /// The first update of every session: all that is needed to draw the page.
    Welcome(Box<Welcome>),
    /// The request was carried out (or had been before).
    Done {
        /// The request.
        id: RequestId,
        /// The table a started game is played at, for an accepted or crossing invite.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<TableId>,
        /// The tip after the moves of the request.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tip: Option<Tip>,
        /// The backup is away and does not have the moves yet: they may be undone, which would be told.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unsaved: bool,
    },
    /// The request was not carried out and changed nothing.
    Refused {
        /// The request.
        id: RequestId,
        /// The reason, for programs.
        code: RefusalCode,
        /// The reason, for people, in English.
        words: String,
        /// Why a claim fails.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        counter: Option<CounterExample>,
    },
    /// The page of the lobby that was asked for, now and whenever it changes (a few times a second at most).
    Lobby(LobbyPage),
    /// All invites sent to and by this player, whenever they change.
    Invites(Invites),
    /// The whole view of a table, whenever anything of it changes.
    Table(Box<TableView>),
    /// What is new at a table since its view before over the same websocket: for a browser that keeps it
    /// (`/socket?tables=changes`).
    TableChanges(Box<TableChanges>),
    /// The records up to this number of a table are saved.
    Saved {
        /// The table.
        table: TableId,
        /// How many records are saved.
        number: u32,
    },
    /// The table is no longer live, or no longer watched; its last view stands.
    TableClosed {
        /// The table.
        table: TableId,
        /// Why it is no longer shown.
        why: ClosedWhy,
    },
    /// Saved and recently finished games of this player, whenever they change.
    Games(Games),
    /// Words from a player.
    Message(Message),
    /// Something the player should read once.
    Notice {
        /// What happened, for programs.
        code: NoticeCode,
        /// What happened, for people, in English.
        words: String,
        /// The player it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<AccountName>,
        /// The table whose game went back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        table: Option<TableId>,
        /// Its last record that still counts, where that is known: everything seen of it after that is undone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tip: Option<Tip>,
    },
    /// Whom this player has blocked, whenever it changes.
    Blocked {
        /// The names.
        names: Vec<AccountName>,
    },
    /// The node is going away: reconnect, to any node, after this time.
    Reconnect {
        /// How long to wait, so that not all come at once.
        delay_ms: u64,
    },
}

/// The first update of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Welcome {
    /// [`VERSION`].
    pub protocol: u32,
    /// The version of the server, for the curious.
    pub server: String,
    /// Redis' time in milliseconds since 1970, so that the browser can show times whatever its own clock says.
    pub now_ms: u64,
    /// The account that opened the session.
    pub you: You,
    /// Invites in both directions.
    pub invites: Invites,
    /// The live table this player has a seat at.
    pub table: Option<Box<TableView>>,
    /// Saved and recent games.
    pub games: Games,
    /// Blocked players.
    pub blocked: Vec<AccountName>,
    /// The first page of the players, which is kept up to date until another is asked for.
    pub lobby: LobbyPage,
    /// The limits a browser should respect.
    pub limits: Limits,
}

/// The account of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct You {
    /// Its id, the same whatever its name is; absent if a node of an older version tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Its name.
    pub name: AccountName,
    /// Whether it is a guest, without a password.
    pub guest: bool,
    /// Of a guest: when it and its login end, Redis' time, milliseconds since 1970, if nobody uses it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
}

/// Limits a browser should know; beyond each there is a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Limits {
    /// Characters of a message.
    pub message_chars: usize,
    /// Tables watched at once.
    pub watched_tables: usize,
    /// Invites sent at once.
    pub invites_sent: usize,
    /// How long an invite stands, in seconds.
    pub invite_secs: u64,
    /// Seconds of absence after which the other side is offered to save.
    pub away_save_secs: u64,
    /// Seconds of absence after which the other side may claim the win.
    pub away_win_secs: u64,
}

/// A page of the lobby.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LobbyPage {
    /// What was asked for; the page number is lowered to the last page there is.
    pub query: LobbyQuery,
    /// Players online.
    pub players: u32,
    /// Live tables.
    pub tables: u32,
    /// Rows that match the search.
    pub matching: u32,
    /// The rows of this page, by name.
    pub rows: LobbyRows,
}

/// The rows of a lobby page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LobbyRows {
    /// Rows of the players' list.
    Players(Vec<PlayerRow>),
    /// Rows of the tables' list.
    Tables(Vec<TableRow>),
}

/// A player in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlayerRow {
    /// The name.
    pub name: AccountName,
    /// Whether it is a guest.
    pub guest: bool,
    /// The table the player has a seat at; free if absent.
    pub table: Option<TableRow>,
}

/// A live table in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableRow {
    /// Its id.
    pub table: TableId,
    /// Who plays.
    pub names: BySeat<AccountName>,
    /// How many records the game has.
    pub number: u32,
    /// The owner of each of the nine flags: `1`, `2` or `-`, as in `1--2-----`.
    pub flags: String,
    /// How many watch.
    pub watchers: u32,
}

/// Invites of a player.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Invites {
    /// Sent to this player, oldest first; `name` is the sender.
    pub received: Vec<Invite>,
    /// Sent by this player, oldest first; `name` is the receiver.
    pub sent: Vec<Invite>,
}

/// An offer of a game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invite {
    /// Which it is, for `accept`, `decline` and `withdraw`; absent if a server of an older version made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<InviteId>,
    /// The other player.
    pub name: AccountName,
    /// The rules offered.
    pub options: TableOptions,
    /// The saved game to resume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<TableId>,
    /// When it lapses, Redis' time, milliseconds since 1970.
    pub expires_ms: u64,
}

/// Everything one viewer may know of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableView {
    /// The table.
    pub table: TableId,
    /// The tip this view was made at: `view` is after `tip.number` records.
    pub tip: Tip,
    /// How many of these records are saved.
    pub saved: u32,
    /// How many of these records, the last ones, the backup does not have yet because it is away.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsaved: u32,
    /// Who plays.
    pub names: BySeat<AccountName>,
    /// Since when a seat's player is away (Redis' time, milliseconds since 1970); absent while connected.
    pub away_since_ms: BySeat<Option<u64>>,
    /// How many watch.
    pub watchers: u32,
    /// What is played by.
    pub options: TableOptions,
    /// SHA-256, in hex, of the text of record 0: shown at the start, checked in the archived game.
    pub commitment: String,
    /// When the game started, Redis' time, milliseconds since 1970.
    pub started_ms: u64,
    /// When the last record was accepted, Redis' time, milliseconds since 1970.
    pub last_ms: u64,
    /// The game has been stopped and saved.
    pub stopped: bool,
    /// The game.
    pub view: View,
    /// The records after record 0 as this viewer may know them: line `i` is record `i + 1`.
    pub log: Vec<LogLine>,
    /// The last records of the log that are not saved, sealed, for a seat to keep and to give back with `seen`: nobody but
    /// the servers can read or make them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
}

/// What is new at a table since the view before: all else is as it was. Fields are as in [`TableView`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TableChanges {
    /// The table.
    pub table: TableId,
    /// The tip.
    pub tip: Tip,
    /// How many records are saved.
    pub saved: u32,
    /// How many of them the backup does not have; absent for none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unsaved: u32,
    /// Since when a seat's player is away.
    pub away_since_ms: BySeat<Option<u64>>,
    /// How many watch.
    pub watchers: u32,
    /// When the last record was accepted.
    pub last_ms: u64,
    /// The game has been stopped and saved.
    pub stopped: bool,
    /// The game.
    pub view: ViewChanges,
    /// How many lines of the log stand,
    pub log_from: u32,
    /// and those that come after them now.
    pub log: Vec<LogLine>,
    /// The sealed records of these lines that are not saved; absent for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sealed: Vec<String>,
}

impl TableView {
    /// What is new of it, where so many lines of the log were left out and only these flags changed.
    pub fn into_changes(self, log_from: u32, flags: &[FlagIndex]) -> TableChanges {
        TableChanges {
            table: self.table,
            tip: self.tip,
            saved: self.saved,
            unsaved: self.unsaved,
            away_since_ms: self.away_since_ms,
            watchers: self.watchers,
            last_ms: self.last_ms,
            stopped: self.stopped,
            view: self.view.into_changes(flags),
            log_from,
            log: self.log,
            sealed: self.sealed,
        }
    }

    /// The view that these changes make of it; nothing where lines of the log are missing.
    pub fn changed(self, changes: TableChanges) -> Option<Self> {
        let lines = usize::try_from(changes.log_from).ok().filter(|lines| *lines <= self.log.len())?;
        let mut log = self.log;
        log.truncate(lines);
        log.extend(changes.log);
        Some(Self {
            tip: changes.tip,
            saved: changes.saved,
            unsaved: changes.unsaved,
            away_since_ms: changes.away_since_ms,
            watchers: changes.watchers,
            last_ms: changes.last_ms,
            stopped: changes.stopped,
            view: self.view.changed(changes.view),
            log,
            sealed: changes.sealed,
            ..self
        })
    }
}

/// Games of a player that are not being played.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Games {
    /// Stopped games that can be resumed, newest first.
    pub saved: Vec<GameRow>,
    /// The last few finished ones, newest first.
    pub finished: Vec<GameRow>,
    /// The archive does not answer: that no finished ones are here says nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finished_unknown: bool,
}

/// A saved or finished game.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GameRow {
    /// Its id, the same as its table's.
    pub table: TableId,
    /// Who plays or played.
    pub names: BySeat<AccountName>,
    /// How many records it has.
    pub number: u32,
    /// The owner of each flag, as in [`TableRow::flags`].
    pub flags: String,
    /// Whose turn it is, of a saved game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Seat>,
    /// How it ended, of a finished game.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// When it was stopped or ended, Redis' time, milliseconds since 1970.
    pub last_ms: u64,
    /// When a saved game ends, if nobody resumes it and its guests do not come back, Redis' time, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_ms: Option<u64>,
    /// The accounts that play or played, whatever their names are by now: `/api/player/{account}` tells each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accounts: Option<BySeat<AccountId>>,
    /// In the own list: the own seat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<Seat>,
    /// In the own list: the name the other player has now, to be invited by; absent if that account is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opponent: Option<AccountName>,
}

/// Words from a player.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who wrote.
    pub from: AccountName,
    /// To whom, if it was written to a player; the writer gets a copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<AccountName>,
    /// The table it was written at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableId>,
    /// The words.
    pub text: String,
    /// When, Redis' time, milliseconds since 1970.
    pub sent_ms: u64,
}

/// Why a table is no longer shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClosedWhy {
    /// The game ended and is in the archive.
    Finished,
    /// The game was stopped and is among the saved games.
    Saved,
    /// The watcher asked to leave.
    Unwatched,
}

/// What a [`Update::Notice`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NoticeCode {
    /// An invite sent by this player was declined.
    InviteDeclined,
    /// An invite was withdrawn by its sender.
    InviteWithdrawn,
    /// An invite lapsed.
    InviteExpired,
    /// An invite is void because one of the two started another game.
    InviteVoid,
    /// A game started.
    GameStarted,
    /// The game went back to an earlier record.
    WentBack,
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// Not a request this node knows.
    Malformed,
    /// Too many requests in a short time.
    TooMany,
    /// Nobody online has that name.
    NotOnline,
    /// That would be oneself.
    Yourself,
    /// That player sits at a table.
    Playing,
    /// This player sits at a table.
    YouArePlaying,
    /// There is no such invite (any more).
    NoInvite,
    /// Another invite stands by now than the one that was named, on other terms perhaps; the list is sent again.
    InviteChanged,
    /// An invite to that player stands already.
    AlreadyInvited,
    /// Too many invites at once.
    TooManyInvites,
    /// That player does not want to hear of this one.
    Blocked,
    /// Too many players are blocked at once.
    TooManyBlocked,
    /// No such table is live.
    NoTable,
    /// No such saved game of these two.
    NoSavedGame,
    /// The game was saved too often: it has to be played to its end.
    TooManySaves,
    /// One of the two has too many saved games.
    TooManySaved,
    /// This player has no seat there.
    NotSeated,
    /// Not this seat's turn.
    NotYourTurn,
    /// The rules do not allow it.
    Illegal,
    /// The claim cannot be proved; see the counter-example.
    NotProved,
    /// The view the moves were chosen from is old; a new one is on its way.
    OldTip,
    /// The game went back to an earlier record than the browser had seen.
    WentBack,
    /// The other seat has not been away long enough.
    NotAway,
    /// The game is over, or stopped.
    NotRunning,
    /// Too many tables watched at once.
    TooManyWatched,
    /// One cannot watch the table one plays at.
    Seated,
    /// The words are too long, or empty.
    BadText,
    /// Nobody may talk there, or not from this side.
    NoTalk,
    /// Another session of this account is the live one.
    NotLive,
    /// The node cannot reach its store; try again.
    Unavailable,
    /// The game went on unsaved for as long as it may, and waits for its backup; try again.
    Frozen,
    /// Not all nodes know yet what this needs, since they are being upgraded; try again later.
    Upgrading,
}

/// Why a node closed a websocket: the close code of the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[repr(u16)]
pub enum CloseCode {
    /// The node is going away; reconnect to any.
    GoingAway = 1001,
    /// A frame was too large, or not text.
    BadFrame = 4400,
    /// The login has ended.
    LoggedOut = 4401,
    /// Too many requests after being told so.
    Flooding = 4429,
    /// Another session of this account took over.
    TakenOver = 4409,
    /// The browser reads too slowly; reconnect and get a whole view.
    TooSlow = 4408,
    /// The node has no room or no store; reconnect later.
    Unavailable = 4503,
}

/// What of a game a viewer is.
pub fn viewer_of(seat: Option<Seat>) -> Viewer {
    match seat {
        Some(Seat::First) => Viewer::First,
        Some(Seat::Second) => Viewer::Second,
        None => Viewer::Watcher,
    }
}

/// Left out where it is the usual.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}
