//! The host of one table: a state machine that alone changes this node's chain of the game, answers who asks, and says what
//! is to be shown. It waits for nothing and reads no clock: whatever takes time is an exchange that it asks for, whose reply
//! is an input. One exchange that may change the chain is in flight at a time; what would change it too waits in a queue,
//! while looks, joins and leaves are answered at once.

mod apart;
mod asks;
mod bench;
mod chain;
mod course;
pub mod decide;
mod refusal;
mod seen;
mod shows;
mod unheard;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::apart::Offered;
use self::asks::Asking;
pub use self::asks::{SAVED_MAX, SAVES_MAX};
use self::course::{Begin, Step};
pub use self::refusal::Refusal;
pub use self::seen::HEALS_MAX;
use self::seen::{Heals, Seen};
use self::unheard::Unheard;
use crate::ids::{AccountId, AccountName, NodeId, RequestId, SessionId, TableId};
use crate::lobby::event::TableNews;
use crate::protocol::{ClosedWhy, Message, TableView, Update};
use crate::rules::moves::Move;
use crate::rules::seat::{BySeat, Seat};
use crate::table::copy::{Answer, Copy, Proposal};
use crate::table::record::{Entry, Tip};

/// How often what failed is tried again.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A table nobody looks at is let go after this time.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// How often it is tried to write what is provisional.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// What may wait while an exchange is in flight; beyond it a request is refused, and what was published is read later.
pub const QUEUE_MAX: usize = 256;

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
    /// What was chosen from an old view is refused.
    Compare,
    /// What a stream lost is appended again.
    Heal,
    /// What differs from a publication is read.
    Gap,
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
    /// The number of the first record that is not durable.
    pub from: u32,
    /// The records from there on; none for those who watch.
    pub kept: Vec<Entry>,
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

/// What waits its turn, or goes on once the stream is read or healed.
#[derive(Debug, Clone)]
enum Task {
    /// The table begins, or goes on.
    Begin(Begin),
    /// A seat's request, as far as it is.
    Ask(Asking),
    /// A browser's tip.
    Seen(Seen),
    /// A publication that may change the chain.
    Heard(Published),
    /// Everything is read again.
    Reload,
    /// What a group holds.
    Compared(Compared),
    /// The deadline has come.
    Due,
    /// It is looked whether the other nodes healed the stream.
    Looks,
    /// What is provisional is written.
    Flush,
}

/// What is in flight and may change the chain: one thing at a time.
#[derive(Debug)]
enum Work {
    /// A seat's request waits for what it has to know first.
    Check(Asking),
    /// A seat's records are appended.
    Append(Asking, Proposal),
    /// The stream is read, ...
    Read(Option<Task>),
    /// ... it is looked whether the game was put away, before its first record is appended again, ...
    Ended(Proposal, Option<Task>),
    /// ... and what it lost is appended again.
    Heal(Proposal, Option<Task>),
    /// A step of the table's course.
    Step(Step),
}

/// What is in flight beside it.
#[derive(Debug)]
enum Errand {
    /// Somebody says something.
    Say(Ticket),
    /// Who is away, and how many watch.
    Presence,
    /// Where the other seat is.
    Where,
    /// So many watch here.
    Watch(u32),
    /// Where the game is whose table is gone.
    Ended,
}

/// The state machine.
#[derive(Debug)]
pub struct Host {
    table: TableId,
    settings: Settings,
    info: TableInfo,
    chain: Copy,
    /// How many records are known to be durable.
    durable: u32,
    members: Vec<Member>,
    /// How many watch here, as the data group was told last.
    bench: u32,
    /// The tip that all members were shown last.
    shown: Tip,
    /// The number of watchers changed since it was shown.
    bench_changed: bool,
    /// When the bench is counted and shown.
    bench_at: Option<Duration>,
    heals: Heals,
    /// What waits for the other seat's node while the backup is away.
    offered: Option<Offered>,
    /// The other seat is at a node that has not told how far it is.
    unheard: Option<Unheard>,
    /// Since when there are provisional records.
    provisional_since: Option<Duration>,
    /// When it is tried next to write them.
    flush_at: Option<Duration>,
    /// The backup is away, and the other nodes were told how far this chain is.
    told_last: bool,
    /// When it is tried next to put the game away.
    finish_at: Option<Duration>,
    /// Since when nobody looks at the table.
    idle_since: Option<Duration>,
    /// Another node has put the game away.
    ended: Option<ClosedWhy>,
    state: Phase,
    /// What came before the table was open.
    early: Vec<Input>,
    queue: VecDeque<Task>,
    /// A publication found no room.
    missed: bool,
    work: Option<(Exchange, Work)>,
    errands: Vec<(Exchange, Errand)>,
    exchanges: Exchange,
    out: Vec<Output>,
}

/// Where a host is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Opening,
    Open,
    Closed,
}

impl Host {
    /// A host that has read nothing yet: its first input is [`Input::Open`].
    pub fn new(table: TableId, settings: Settings, info: TableInfo) -> Self {
        Self {
            table,
            settings,
            info,
            chain: Copy::open(table),
            durable: 0,
            members: Vec::new(),
            bench: 0,
            shown: Tip::default(),
            bench_changed: false,
            bench_at: None,
            heals: Heals::default(),
            offered: None,
            unheard: None,
            provisional_since: None,
            flush_at: None,
            told_last: false,
            finish_at: None,
            idle_since: None,
            ended: None,
            state: Phase::Opening,
            early: Vec::new(),
            queue: VecDeque::new(),
            missed: false,
            work: None,
            errands: Vec::new(),
            exchanges: 0,
            out: Vec::new(),
        }
    }

    /// Takes an input in, and gives what is to be done, in order.
    pub fn handle(&mut self, facts: &Facts, input: Input) -> Vec<Output> {
        match input {
            Input::Open => self.read(Some(Task::Begin(Begin::Read))),
            Input::Reply(exchange, reply) => self.replied(facts, exchange, reply),
            input if self.state == Phase::Opening => self.early.push(input),
            input => self.take(facts, input),
        }
        self.go_on(facts);
        std::mem::take(&mut self.out)
    }

    /// How far the chain is.
    pub fn tip(&self) -> Tip {
        self.chain.tip()
    }

    /// The chain, for whoever judges it.
    pub fn chain(&self) -> &Copy {
        &self.chain
    }

    /// What is known of the table.
    pub fn info(&self) -> &TableInfo {
        &self.info
    }

    /// The next time at which something is due, if nothing reaches the host before.
    pub fn wake_at(&self) -> Option<Duration> {
        if self.state != Phase::Open {
            return None;
        }
        let offer_at = self.offered.as_ref().map(Offered::until);
        let heard_at = self.unheard.as_ref().map(Unheard::wake_at);
        let flush_at = self.flush_at.filter(|_| !self.chain.unsaved().is_empty());
        let idle_at = self.idle_since.map(|since| since + IDLE_AFTER);
        let finish_at = self.finish_at.filter(|_| self.work.is_none());
        [self.bench_at, self.heals.wake_at(), offer_at, heard_at, flush_at, finish_at, idle_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn take(&mut self, facts: &Facts, input: Input) {
        match input {
            Input::Open | Input::Reply(..) => {}
            Input::Look(account, ticket) => {
                let shown = self.shown_to(self.chain.seat_of(account)).map(Box::new);
                self.out.push(Output::View(ticket, shown));
            }
            Input::Join(member, ticket) => self.join(facts, member, ticket),
            Input::Leave(session) => self.leave(facts, session),
            Input::Ask(mover, request, ask, ticket) => self.asked(facts, mover, request, ask, ticket),
            Input::Seen(account, tip, opened, ticket) => self.seen(facts, account, tip, opened, ticket),
            Input::Say(account, request, message, ticket) => self.say(account, request, message, ticket),
            Input::Heard(published) => self.heard(published),
            Input::Watchers(count) => self.watchers(facts, count),
            Input::Durable(number) => self.tell_durable(number),
            Input::DurableTip(tip) => {
                if self.chain.has_tip(&tip) {
                    self.tell_durable(tip.number);
                }
            }
            Input::Missed => self.missed = true,
            Input::Compared(compared) => self.later(Task::Compared(compared)),
            Input::Due => self.later(Task::Due),
            Input::BackupChanged => {
                self.tell_last(facts);
                self.later(Task::Flush);
            }
            Input::Wake => self.woken(facts),
        }
    }

    /// Has something done in its turn. What was published is read where there is no room for it.
    fn later(&mut self, task: Task) {
        if self.queue.len() < QUEUE_MAX {
            self.queue.push_back(task);
        } else {
            self.missed = true;
        }
    }

    /// Does what can be done while nothing is in flight.
    fn go_on(&mut self, facts: &Facts) {
        while self.state == Phase::Open && self.work.is_none() {
            if self.ended.is_some() {
                return self.close();
            }
            if std::mem::take(&mut self.missed) {
                self.out.push(Output::Note(Note::Reloaded));
                self.errand(Errand::Presence, Command::Info);
                self.read(Some(Task::Reload));
            } else if let Some(task) = self.queue.pop_front() {
                self.start(facts, task);
            } else if !self.finish(facts) {
                break;
            }
        }
        if self.state == Phase::Open && self.work.is_none() && self.is_idle(facts) {
            self.state = Phase::Closed;
            self.out.push(Output::Idle);
        }
    }

    /// Starts a task, or goes on with it.
    fn start(&mut self, facts: &Facts, task: Task) {
        match task {
            Task::Begin(begin) => self.begin(facts, begin),
            Task::Ask(asking) => self.carry_out(facts, asking),
            Task::Seen(seen) => self.look_at_seen(facts, seen),
            Task::Heard(published) => self.take_in(facts, published),
            Task::Reload => self.show(),
            Task::Compared(compared) => self.compared(facts, &compared),
            Task::Due => self.due(),
            Task::Looks => self.look_for_heals(facts),
            Task::Flush => self.flush(facts),
        }
    }

    /// A task cannot go on: nothing is known of the store.
    fn fail(&mut self, facts: &Facts, task: Task) {
        match task {
            Task::Begin(_) => self.give_up(),
            Task::Ask(asking) => self.cannot_know(asking),
            Task::Seen(seen) => self.out.push(Output::Seen(seen.ticket, Err(Refusal::unavailable()))),
            Task::Looks => self.give_heals_up(),
            Task::Flush => self.settle_offer(facts),
            Task::Heard(_) | Task::Reload | Task::Compared(_) | Task::Due => {
                self.note(Note::Warn("a table could not be read again"));
            }
        }
    }

    /// Does what is due.
    fn woken(&mut self, facts: &Facts) {
        self.note(Note::Woken);
        if self.flush_at.is_some_and(|at| at <= facts.now) {
            self.flush_at = Some(facts.now + FLUSH_EVERY);
            self.later(Task::Flush);
        }
        self.settle_offer(facts);
        self.go_on_hearing(facts);
        self.wake_heals(facts);
        if self.bench_at.is_some_and(|at| at <= facts.now) {
            self.bench_at = None;
            self.tell_bench(facts);
        }
    }

    fn replied(&mut self, facts: &Facts, exchange: Exchange, reply: Reply) {
        if let Some(at) = self.errands.iter().position(|(number, _)| *number == exchange) {
            let (_, errand) = self.errands.swap_remove(at);
            return self.errand_done(facts, errand, reply);
        }
        // Of an exchange that nobody waits for any more.
        let Some((_, work)) = self.work.take_if(|(number, _)| *number == exchange) else { return };
        match work {
            Work::Check(asking) => self.checked(facts, asking, reply),
            Work::Append(asking, proposal) => self.appended(facts, asking, proposal, reply),
            Work::Read(then) => self.was_read(facts, reply, then),
            Work::Ended(proposal, then) => self.looked_for_end(facts, proposal, reply, then),
            Work::Heal(proposal, then) => self.healed(facts, &proposal, reply, then),
            Work::Step(step) => self.stepped(facts, step, reply),
        }
    }

    fn errand_done(&mut self, facts: &Facts, errand: Errand, reply: Reply) {
        match (errand, reply) {
            (Errand::Say(ticket), Reply::Done(_)) => self.out.push(Output::Said(ticket, Ok(()))),
            (Errand::Say(ticket), _) => self.out.push(Output::Said(ticket, Err(Refusal::unavailable()))),
            (Errand::Presence, Reply::Info(info, _)) => self.saw_presence(facts, info),
            (Errand::Presence, _) => self.note(Note::Warn("presence could not be read")),
            (Errand::Ended, Reply::Ended(Some(why))) => self.ended = Some(why),
            (Errand::Ended, _) => self.note(Note::Warn("a table is gone, and its game is not put away")),
            (Errand::Where, reply) => self.found(facts, &reply),
            (Errand::Watch(count), reply) => self.counted(facts, count, &reply),
        }
    }

    fn work(&mut self, work: Work, command: Command) {
        self.exchanges += 1;
        self.work = Some((self.exchanges, work));
        self.out.push(Output::Ask(self.exchanges, command));
    }

    fn errand(&mut self, errand: Errand, command: Command) {
        self.exchanges += 1;
        self.errands.push((self.exchanges, errand));
        self.out.push(Output::Ask(self.exchanges, command));
    }

    fn note(&mut self, note: Note) {
        self.out.push(Output::Note(note));
    }

    fn is_without(&self, safeguard: Safeguard) -> bool {
        self.settings.without.contains(&safeguard)
    }
}
