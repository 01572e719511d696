//! The keeper of one table: the only task that changes this node's live copy, and that shows it to seats and bench.

mod asks;
mod away;
mod bench;
mod course;
pub mod decide;
mod refusal;
mod seen;
mod shows;
mod stream;
mod unheard;

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::away::{Offered, Reply};
pub use self::refusal::Refusal;
pub use self::seen::HEALS_MAX;
use self::seen::Heals;
use self::unheard::Unheard;
use super::tables::Shared;
use crate::fault;
use crate::ids::{AccountId, AccountName, NodeId, RequestId, SessionId, TableId};
use crate::metrics;
use crate::outbox::Outbox;
use crate::protocol::{CloseCode, ClosedWhy, Message, TableView, Update};
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::rules::moves::Move;
use crate::rules::seat::Seat;
use crate::store::games::{Compared, Mover};
use crate::store::lobby::TableInfo;
use crate::store::talk::Said;
use crate::table::copy::Copy;
use crate::table::record::{Entry, Tip};

/// How often a table that could not be finished, or lost the bus, is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A table nobody looks at is let go after this time.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// How often one request is proposed again when other records came first.
const PROPOSALS_MAX: u32 = 4;
/// How often it is tried to write what is unsaved, and looked whether an offer was taken.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// How often a bench that changed is counted and shown.
const BENCH_EVERY: Duration = Duration::from_millis(500);

/// A session that looks at a table.
#[derive(Debug, Clone)]
pub struct Member {
    /// The session.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// Where its updates go.
    pub outbox: Outbox,
    /// Whom it does not want to hear; the session keeps it up to date.
    pub blocked: Blocked,
}

/// Players that a session does not want to hear.
#[derive(Debug, Default)]
pub struct BlockedPlayers {
    /// Their accounts.
    pub accounts: HashSet<AccountId>,
    /// The names they have now, for words that a node of an older version tells without the account.
    pub names: Vec<AccountName>,
}

impl BlockedPlayers {
    /// Whether words of a player are heard.
    pub fn hears(&self, account: Option<AccountId>, name: &AccountName) -> bool {
        account.map_or_else(|| !self.names.contains(name), |account| !self.accounts.contains(&account))
    }
}

/// Shared by a session and the tables it looks at.
pub type Blocked = Arc<RwLock<BlockedPlayers>>;

impl Member {
    fn hears(&self, said: &Said) -> bool {
        let blocked = self.blocked.read().unwrap_or_else(PoisonError::into_inner);
        blocked.hears(said.account, &said.message.from)
    }
}

/// What a seat asks of its table.
#[derive(Debug, Clone)]
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

/// What reaches a keeper.
#[derive(Debug)]
pub enum ToKeeper {
    /// Tells the table as an account may see it.
    Look(AccountId, oneshot::Sender<Option<TableView>>),
    /// Shows the table to a session from now on; answered with the bytes sent to it.
    Join(Member, oneshot::Sender<usize>),
    /// A session is gone, or stops watching.
    Leave(SessionId),
    /// A seat asks.
    Ask(Mover, RequestId, SeatAsk, Reply),
    /// A browser tells which tip it has seen, and gives sealed records back.
    Seen(AccountId, Tip, Vec<String>, oneshot::Sender<Result<Tip, Refusal>>),
    /// Somebody says something.
    Say(AccountId, RequestId, Message, oneshot::Sender<Result<(), Refusal>>),
    /// Something was published on the table's channel.
    Heard(String),
    /// This many watch, on all nodes.
    Watchers(u32),
    /// So many records appended here are saved.
    Saved(u32),
    /// The stream is saved up to this tip.
    SavedTip(Tip),
    /// Publications were missed.
    Reload,
    /// What the store holds.
    Compared(Compared),
    /// The table's deadline has come.
    Due,
    /// Tells how far the copy is.
    Tip(oneshot::Sender<Tip>),
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
#[derive(Debug, serde::Serialize, serde::Deserialize)]
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

/// What reaches a keeper, in a queue that is bounded.
#[derive(Debug)]
pub struct Inbox {
    /// One message after the other.
    pub messages: mpsc::Receiver<ToKeeper>,
    /// There was no room for another one: everything is read again.
    pub missed: Arc<Notify>,
}

/// The state of a keeper.
pub struct Keeper {
    table: TableId,
    shared: Arc<Shared>,
    inbox: Inbox,
    copy: Copy,
    info: TableInfo,
    /// How many records are known to be saved.
    saved: u32,
    /// How many watch on this node.
    bench: u32,
    members: Vec<Member>,
    /// The tip that all members were shown last.
    shown: Tip,
    /// The number of watchers changed since it was shown.
    bench_changed: bool,
    /// When the bench is counted and shown: soon after somebody came or left.
    bench_at: Option<Instant>,
    /// Tips that browsers have seen and this copy does not have.
    heals: Heals,
    /// What waits for the other seat's node while the backup is away.
    offered: Option<Offered>,
    /// The other seat is at a node that has not told how far it is.
    unheard: Option<Unheard>,
    /// Since when there are records that the backup does not have.
    unsaved_since: Option<Instant>,
    /// When it is tried next to write them.
    flush_at: Option<Instant>,
    /// The backup is away, and the other nodes were told how far this copy is.
    told_last: bool,
    /// The game is over, and when it is tried next to put it away.
    put_away_at: Option<Instant>,
    /// Since when nobody looks at the table.
    idle_since: Option<Instant>,
    /// Another node has put the game away, and this one heard nothing of its end.
    ended_elsewhere: Option<ClosedWhy>,
}

impl Keeper {
    /// Reads the table and makes its copy; a table that was just started gets its first record here.
    pub async fn open(
        table: TableId,
        info: TableInfo,
        shared: Arc<Shared>,
        inbox: Inbox,
    ) -> Result<Self, StoreError> {
        let mut keeper = Self {
            table,
            shared,
            inbox,
            copy: Copy::open(table),
            info,
            saved: 0,
            bench: 0,
            members: Vec::new(),
            shown: Tip::default(),
            bench_changed: false,
            bench_at: None,
            heals: Heals::default(),
            offered: None,
            unheard: None,
            unsaved_since: None,
            flush_at: None,
            told_last: false,
            put_away_at: None,
            idle_since: None,
            ended_elsewhere: None,
        };
        keeper.read_again().await?;
        keeper.begin().await?;
        keeper.shared.settle(table);
        Ok(keeper)
    }

    /// Serves the table until nobody looks at it or the game is over and put away. A keeper sleeps until something
    /// reaches it or something is due: an idle table costs nothing.
    pub async fn run(mut self) {
        let shard = self.shard().clone();
        loop {
            let wake_at = self.wake_at();
            let told_last = self.told_last;
            tokio::select! {
                message = self.inbox.messages.recv() => match message {
                    Some(message) => self.handle(message).await,
                    None => return,
                },
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {
                    metrics::table_woken();
                    self.woken().await;
                }
                () = self.inbox.missed.notified() => self.handle(ToKeeper::Reload).await,
                () = changed(&shard, told_last) => {
                    self.tell_last().await;
                    self.flush().await;
                }
            }
            if self.ended_elsewhere.is_some() || self.put_away_if_over().await {
                return self.close();
            }
            if self.let_go_if_idle().await {
                return;
            }
        }
    }

    /// The next time at which something is due, if nothing reaches the keeper before.
    fn wake_at(&self) -> Option<Instant> {
        let offer_at = self.offered.as_ref().map(Offered::until);
        let heard_at = self.unheard.as_ref().map(Unheard::wake_at);
        let flush_at = self.flush_at.filter(|_| !self.copy.unsaved().is_empty());
        let idle_at = self.idle_since.map(|since| since + IDLE_AFTER);
        [self.bench_at, self.heals.wake_at(), offer_at, heard_at, flush_at, self.put_away_at, idle_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    async fn woken(&mut self) {
        let now = Instant::now();
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush_at = Some(now + FLUSH_EVERY);
            self.flush().await;
        }
        self.settle_offer();
        self.go_on_hearing().await;
        self.look_for_heals().await;
        if self.bench_at.is_some_and(|at| at <= now) {
            self.bench_at = None;
            self.tell_bench().await;
        }
    }

    /// Puts the game away once it is over and its end is safe; true when the keeper is at its end.
    async fn put_away_if_over(&mut self) -> bool {
        if !self.is_over() || !self.is_settled() {
            self.put_away_at = None;
            return false;
        }
        if self.put_away_at.is_some_and(|at| at > Instant::now()) {
            return false;
        }
        match self.put_away().await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(table = %self.table, %error, "a table could not be put away yet");
                self.put_away_at = Some(Instant::now() + RETRY_EVERY);
                false
            }
        }
    }

    /// Ends a keeper at which nobody has looked for a while; true when it is at its end.
    async fn let_go_if_idle(&mut self) -> bool {
        if !self.members.is_empty() || !self.copy.unsaved().is_empty() || self.heals.wake_at().is_some() {
            self.idle_since = None;
            return false;
        }
        let since = *self.idle_since.get_or_insert_with(Instant::now);
        if since.elapsed() < IDLE_AFTER {
            return false;
        }
        // The last count of the bench is told before: nobody else would.
        self.tell_bench().await;
        if self.bench != 0 {
            self.idle_since = Some(Instant::now());
            return false;
        }
        self.shared.let_go(self.table, &mut self.inbox.messages)
    }

    async fn handle(&mut self, message: ToKeeper) {
        match message {
            ToKeeper::Look(account, reply) => {
                // Whoever asked may be gone by now; so for all replies here.
                let _ = reply.send(self.view(self.copy.seat_of(account)));
            }
            ToKeeper::Join(member, reply) => {
                let bytes = self.join(member).await;
                let _ = reply.send(bytes);
            }
            ToKeeper::Leave(session) => self.leave(session),
            ToKeeper::Ask(mover, request, ask, reply) => self.ask(mover, request, ask, reply).await,
            ToKeeper::Seen(account, tip, sealed, reply) => self.seen(account, tip, sealed, reply).await,
            ToKeeper::Say(account, request, message, reply) => {
                fault::panic_at("keeper");
                let answer = self.say(account, &request, message).await;
                let _ = reply.send(answer);
            }
            ToKeeper::Heard(payload) => self.heard(&payload).await,
            ToKeeper::Watchers(count) => {
                self.watchers(count);
            }
            ToKeeper::Saved(number) => self.tell_saved(number),
            ToKeeper::SavedTip(tip) => {
                if self.copy.has_tip(&tip) {
                    self.tell_saved(tip.number);
                }
            }
            ToKeeper::Reload => {
                metrics::reload(metrics::Reload::Table);
                if let Err(error) = self.reload().await {
                    tracing::warn!(table = %self.table, %error, "a table could not be read again");
                }
                self.show();
            }
            ToKeeper::Compared(compared) => self.compared(compared).await,
            ToKeeper::Due => {
                if let Err(error) = self.due().await {
                    tracing::warn!(table = %self.table, %error, "a deadline could not be met yet");
                }
            }
            ToKeeper::Tip(reply) => {
                let _ = reply.send(self.copy.tip());
            }
        }
    }

    /// The group that has its stream.
    fn shard(&self) -> &Group {
        self.shared.store.backup(self.info.shard)
    }
}

/// A keeper that panics leaves nobody at a table that will never move: its browsers come again, and another is opened.
impl Drop for Keeper {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for member in &self.members {
                member.outbox.close(CloseCode::Unavailable);
            }
        }
    }
}

/// Ends when a group goes away, or is back if it is known to be away.
async fn changed(group: &Group, is_away: bool) {
    if is_away { group.back().await } else { group.away().await }
}

/// An update as it goes on the wire.
pub fn text_of(update: &Update) -> Utf8Bytes {
    serde_json::to_string(update).expect("updates have string keys and finite numbers").into()
}
