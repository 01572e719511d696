//! The keeper of one table: the only task that changes this node's live copy, and that shows it to seats and bench.

mod asks;
mod away;
mod course;
mod refusal;
mod shows;
mod stream;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::away::{Offered, Reply};
pub use self::refusal::Refusal;
use super::tables::Shared;
use crate::ids::{AccountId, AccountName, NodeId, RequestId, SessionId, TableId};
use crate::metrics;
use crate::outbox::Outbox;
use crate::protocol::{Message, TableView, Update};
use crate::rules::moves::Move;
use crate::rules::seat::Seat;
use crate::store::games::{Compared, Mover};
use crate::store::lobby::TableInfo;
use crate::store::talk::Said;
use crate::store::{Group, StoreError};
use crate::table::copy::Copy;
use crate::table::record::{Entry, Tip};

/// How often a table that could not be finished, or lost the bus, is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A table nobody looks at is let go after this time.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// How often one request is proposed again when other records came first.
const PROPOSALS_MAX: u32 = 4;
/// How often, and after what pauses, it is looked whether other nodes have healed a stream.
const HEAL_LOOKS: u32 = 5;
const HEAL_LOOK_EVERY: Duration = Duration::from_millis(100);
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

/// Names of players that a session does not want to hear.
pub type Blocked = Arc<RwLock<Vec<AccountName>>>;

impl Member {
    fn hears(&self, name: &AccountName) -> bool {
        !self.blocked.read().unwrap_or_else(PoisonError::into_inner).contains(name)
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
    /// Shows the table to a session from now on.
    Join(Member, oneshot::Sender<()>),
    /// A session is gone, or stops watching.
    Leave(SessionId),
    /// A seat asks.
    Ask(Mover, RequestId, SeatAsk, Reply),
    /// A browser tells which tip it has seen, and gives sealed records back.
    Seen(AccountId, Tip, Vec<String>, oneshot::Sender<Result<Tip, Refusal>>),
    /// Somebody says something.
    Say(AccountId, Message, oneshot::Sender<Result<(), Refusal>>),
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
        /// They.
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
        /// They.
        entries: Vec<Entry>,
    },
    /// A node has so many records now, the unsaved ones of another among them.
    Took {
        /// The other node.
        node: NodeId,
        /// It.
        by: NodeId,
        /// The seats whose players it serves.
        seats: Vec<Seat>,
        /// How many records.
        number: u32,
    },
    /// A node cannot take unsaved records of another, since it lacks those before them.
    Lacks {
        /// The other node.
        node: NodeId,
        /// How far it is.
        tip: Tip,
    },
}

/// The state of a keeper.
pub struct Keeper {
    table: TableId,
    shared: Arc<Shared>,
    inbox: mpsc::Receiver<ToKeeper>,
    copy: Copy,
    info: TableInfo,
    /// How many records are known to be saved.
    saved: u32,
    /// How many watch on this node.
    bench: u32,
    members: Vec<Member>,
    /// The number of watchers changed since it was shown.
    bench_changed: bool,
    /// What waits for the other seat's node while the backup is away.
    offered: Option<Offered>,
    /// Since when there are records that the backup does not have.
    unsaved_since: Option<Instant>,
    /// The backup is away, and the other nodes were told how far this copy is.
    told_last: bool,
    idle_since: Instant,
}

impl Keeper {
    /// Reads the table and makes its copy; a table that was just started gets its first record here.
    pub async fn open(
        table: TableId,
        info: TableInfo,
        shared: Arc<Shared>,
        inbox: mpsc::Receiver<ToKeeper>,
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
            bench_changed: false,
            offered: None,
            unsaved_since: None,
            told_last: false,
            idle_since: Instant::now(),
        };
        keeper.read_again().await?;
        keeper.begin().await?;
        keeper.shared.settle(table);
        Ok(keeper)
    }

    /// Serves the table until nobody looks at it or the game is over and put away.
    pub async fn run(mut self) {
        let mut tick = interval(BENCH_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry_at = Instant::now();
        loop {
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.handle(message).await,
                    None => return,
                },
                _ = tick.tick() => {
                    if self.shared.has_missed(self.table) {
                        self.handle(ToKeeper::Reload).await;
                    }
                    self.flush().await;
                    self.tell_last().await;
                    self.settle_offer();
                    self.tell_bench().await;
                }
            }
            if self.is_over() && self.is_settled() && Instant::now() >= retry_at {
                match self.put_away().await {
                    Ok(()) => return self.close(),
                    Err(error) => {
                        tracing::warn!(table = %self.table, %error, "a table could not be put away yet");
                        retry_at = Instant::now() + RETRY_EVERY;
                    }
                }
            }
            if !self.members.is_empty() || !self.copy.unsaved().is_empty() {
                self.idle_since = Instant::now();
            } else if self.idle_since.elapsed() > IDLE_AFTER
                && self.shared.let_go(self.table, &mut self.inbox)
            {
                return;
            }
        }
    }

    async fn handle(&mut self, message: ToKeeper) {
        match message {
            ToKeeper::Look(account, reply) => {
                // Whoever asked may be gone by now; so for all replies here.
                let _ = reply.send(self.view(self.copy.seat_of(account)));
            }
            ToKeeper::Join(member, reply) => {
                self.join(member).await;
                let _ = reply.send(());
            }
            ToKeeper::Leave(session) => self.leave(session),
            ToKeeper::Ask(mover, request, ask, reply) => self.ask(mover, request, ask, reply).await,
            ToKeeper::Seen(account, tip, sealed, reply) => {
                let answer = self.seen(account, &tip, &sealed).await;
                let _ = reply.send(answer);
            }
            ToKeeper::Say(account, message, reply) => {
                let answer = self.say(account, message).await;
                let _ = reply.send(answer);
            }
            ToKeeper::Heard(payload) => self.heard(&payload).await,
            ToKeeper::Watchers(count) => {
                self.bench_changed |= self.info.watchers != count;
                self.info.watchers = count;
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

    async fn join(&mut self, member: Member) {
        let seat = self.copy.seat_of(member.account);
        self.members.retain(|other| other.session != member.session);
        self.show_to(&member);
        // While it is away nobody waits for what was said.
        if !self.shared.store.data().is_away() {
            self.tell_talk(&member, seat.is_some()).await;
        }
        self.members.push(member);
    }

    /// Tells what was said lately on a member's own side.
    async fn tell_talk(&self, member: &Member, seated: bool) {
        match self.shared.store.talk_read(self.table).await {
            Ok(talk) => {
                let own_side = |said: &Said| said.seated == seated && member.hears(&said.message.from);
                for said in talk.into_iter().filter(own_side) {
                    member.outbox.send(text_of(&Update::Message(said.message)));
                }
            }
            Err(error) => tracing::warn!(table = %self.table, %error, "what was said could not be read"),
        }
    }

    /// The group that has its stream.
    fn shard(&self) -> &Group {
        self.shared.store.backup(self.info.shard)
    }

    fn leave(&mut self, session: SessionId) {
        self.members.retain(|member| member.session != session);
    }

    /// Tells the lobby how many watch on this node, if that changed, and shows how many watch in all.
    async fn tell_bench(&mut self) {
        let bench = self.members.iter().filter(|member| self.copy.seat_of(member.account).is_none()).count();
        let count = u32::try_from(bench).unwrap_or(u32::MAX);
        if count != self.bench && !self.shared.store.data().is_away() {
            match self.shared.store.table_watchers(self.table, self.shared.node, count).await {
                Ok(watchers) => {
                    self.bench = count;
                    self.bench_changed |= self.info.watchers != watchers;
                    self.info.watchers = watchers;
                }
                Err(error) => tracing::warn!(table = %self.table, %error, "the bench could not be counted"),
            }
        }
        if std::mem::take(&mut self.bench_changed) {
            self.show();
        }
    }
}

/// An update as it goes on the wire.
pub fn text_of(update: &Update) -> Utf8Bytes {
    serde_json::to_string(update).expect("updates have string keys and finite numbers").into()
}
