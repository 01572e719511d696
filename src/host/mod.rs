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
mod io;
mod refusal;
mod seen;
mod shows;
mod unheard;

use std::collections::VecDeque;
use std::time::Duration;

use self::apart::Offered;
use self::asks::Asking;
pub use self::asks::{SAVED_MAX, SAVES_MAX};
use self::course::{Begin, Step};
pub use self::io::{
    Acted, Command, Compared, Exchange, Facts, Input, Member, Mover, Note, Output, Published, Reply,
    Safeguard, Said, SeatAsk, Settings, Shown, Since, TableInfo, Ticket,
};
pub use self::refusal::Refusal;
pub use self::seen::HEALS_MAX;
use self::seen::{Heals, Seen};
use self::shows::LastShown;
use self::unheard::Unheard;
use crate::ids::TableId;
use crate::protocol::ClosedWhy;
use crate::table::copy::{Copy, Proposal};
use crate::table::record::Tip;

/// How often what failed is tried again.
pub const RETRY_EVERY: Duration = Duration::from_secs(1);
/// A table nobody looks at is let go after this time.
const IDLE_AFTER: Duration = Duration::from_secs(5);
/// How long a word that records are durable waits for the next view, which says so, too.
const DURABLE_WITHIN: Duration = Duration::from_millis(100);
/// How often it is tried to write what is provisional.
const FLUSH_EVERY: Duration = Duration::from_millis(500);
/// What may wait while an exchange is in flight; beyond it a request is refused, and what was published is read later.
pub const QUEUE_MAX: usize = 256;

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
    /// When the members are told so, unless a view tells them before.
    durable_at: Option<Duration>,
    members: Vec<Member>,
    /// How many watch here, as the data group was told last.
    bench: u32,
    /// What all members were shown last.
    shown: LastShown,
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
            durable_at: None,
            members: Vec::new(),
            bench: 0,
            shown: LastShown::default(),
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
        [
            self.bench_at,
            self.durable_at,
            self.heals.wake_at(),
            offer_at,
            heard_at,
            flush_at,
            finish_at,
            idle_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn take(&mut self, facts: &Facts, input: Input) {
        match input {
            Input::Open | Input::Reply(..) => {}
            Input::Look(account, ticket) => {
                let shown = self.shown_to(self.chain.seat_of(account), None).map(Box::new);
                self.out.push(Output::View(ticket, shown));
            }
            Input::Join(member, ticket) => self.join(facts, member, ticket),
            Input::Leave(session) => self.leave(facts, session),
            Input::Ask(mover, request, ask, ticket) => self.asked(facts, mover, request, ask, ticket),
            Input::Seen(account, tip, opened, ticket) => self.seen(facts, account, tip, opened, ticket),
            Input::Say(account, request, message, ticket) => self.say(account, request, message, ticket),
            Input::Heard(published) => self.heard(published),
            Input::Watchers(count) => self.watchers(facts, count),
            Input::Durable(number) => self.is_durable(facts, number),
            Input::DurableTip(tip) => {
                if self.chain.has_tip(&tip) {
                    self.is_durable(facts, tip.number);
                }
            }
            Input::Missed => self.missed = true,
            Input::Compared(compared) => self.later(Task::Compared(compared)),
            Input::Due => self.later(Task::Due),
            Input::BackupChanged => {
                self.tell_last(facts);
                self.give_reading_up(facts);
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

    /// What reads the stream, or fills it, need not wait for a backup that is away: others wait for it meanwhile. What it
    /// does all the same is seen when the stream is read next.
    fn give_reading_up(&mut self, facts: &Facts) {
        if !facts.is_backup_away {
            return;
        }
        let is_reading = |work: &mut (Exchange, Work)| matches!(work.1, Work::Read(_) | Work::Heal(..));
        if let Some((_, Work::Read(then) | Work::Heal(_, then))) = self.work.take_if(is_reading) {
            self.cannot_go_on(facts, then);
        }
    }

    /// Does what is due.
    fn woken(&mut self, facts: &Facts) {
        self.note(Note::Woken);
        if self.flush_at.is_some_and(|at| at <= facts.now) {
            self.flush_at = Some(facts.now + FLUSH_EVERY);
            self.later(Task::Flush);
        }
        if self.durable_at.is_some_and(|at| at <= facts.now) {
            self.tell_durable();
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
            Work::Ended(proposal, then) => self.looked_for_end(facts, proposal, &reply, then),
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
