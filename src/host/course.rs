//! The course of a table: it begins, is resumed, is looked after when nobody is there, and is put away. Each step may be
//! repeated by any node.

use super::{
    Command, Facts, Host, Note, Output, Phase, RETRY_EVERY, Reply, Safeguard, TableInfo, Task, Work,
};
use crate::ids::RequestId;
use crate::protocol::{ClosedWhy, Update};
use crate::rules::seat::{BySeat, Seat};
use crate::table::copy::{Effect, Intent, Proposal};
use crate::table::record::Record;

/// A step that is in flight.
#[derive(Debug)]
pub(super) enum Step {
    /// It is looked whether the table is on every replica before it begins.
    BeginInfo,
    /// Record 0 is appended.
    Start(Proposal),
    /// The stream of a game that goes on is kept, which may be waiting to be dropped.
    KeepStream,
    /// The records of the saved game are read that the stream lacks.
    SavedAfter,
    /// The record is appended that says that the game goes on.
    Resume(Proposal),
    /// The stream is kept again: whoever was late in putting the game away may have had it end.
    KeepAgain,
    /// The saved game is forgotten.
    Resumed,
    /// Another node was faster: it is looked whether the table is there still.
    Overtaken,
    /// The stream of the overtaken is dropped again.
    DropOvertaken,
    /// It is looked who is away.
    DueInfo,
    /// The game that everybody left is stopped.
    Abandon(Proposal),
    /// The next deadline is set.
    Deadline,
    /// The game is put into the archive or among the saved games, ...
    Finish,
    /// ... its stream is to be dropped, ...
    DropStream,
    /// ... and its table is closed.
    Close,
}

/// Where a beginning goes on once the chain is as the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// The stream was read.
    Read,
    /// Record 0 is there.
    Started,
    /// What the stream lacked is appended.
    Appended,
    /// The stream has all of the saved game.
    Filled,
    /// The record is there that says that the game goes on.
    GoesOn,
}

impl Host {
    /// Brings a table whose start was cut short to its first record, or a saved game back to life, and tells its players.
    pub(super) fn begin(&mut self, facts: &Facts, begin: Begin) {
        match begin {
            Begin::Read if self.chain.tip().number > 0 && !self.info.resume => self.opened(facts),
            // A primary that loses its place takes the table with it: nobody is told of one that is not durable.
            Begin::Read => self.step(Step::BeginInfo, Command::DurableInfo),
            Begin::Started => {
                self.point("start:begun");
                self.tell_started();
                self.opened(facts);
            }
            Begin::Appended => self.read(Some(Task::Begin(Begin::Filled))),
            Begin::Filled => {
                self.point("resume:filled");
                let request = format!("resume-{}", self.chain.tip().number);
                match self.propose_own(facts, &request, &Intent::Resume) {
                    Some(proposal) if self.chain.stopped() => self.append_own(proposal, Step::Resume),
                    _ => self.begin(facts, Begin::GoesOn),
                }
            }
            Begin::GoesOn => self.step(Step::KeepAgain, Command::KeepStream),
        }
    }

    fn opened(&mut self, facts: &Facts) {
        self.state = Phase::Open;
        self.out.push(Output::Settle);
        for input in std::mem::take(&mut self.early) {
            self.take(facts, input);
        }
    }

    /// The table cannot be opened.
    pub(super) fn give_up(&mut self) {
        self.state = Phase::Closed;
        self.out.push(Output::Failed);
    }

    pub(super) fn stepped(&mut self, facts: &Facts, step: Step, reply: Reply) {
        match (step, reply) {
            (Step::BeginInfo, Reply::Info(Some(info), _)) if info.made_ms == self.info.made_ms => {
                self.seated(facts, &info);
            }
            (Step::Start(proposal), Reply::Appended(answer)) => {
                self.appended_own(facts, proposal, answer, Task::Begin(Begin::Started));
            }
            (Step::KeepStream, Reply::Done(_)) => {
                let number = self.chain.tip().number;
                self.step(Step::SavedAfter, Command::SavedAfter(number));
            }
            (Step::SavedAfter, Reply::Entries(entries)) if entries.is_empty() => {
                self.begin(facts, Begin::Filled);
            }
            (Step::SavedAfter, Reply::Entries(entries)) => {
                let at = self.chain.tip();
                self.append_again(Proposal { at, entries }, Some(Task::Begin(Begin::Appended)));
            }
            (Step::Resume(proposal), Reply::Appended(answer)) => {
                self.appended_own(facts, proposal, answer, Task::Begin(Begin::GoesOn));
            }
            (Step::KeepAgain, Reply::Done(_)) => {
                self.point("resume:goes-on");
                self.step(Step::Resumed, Command::Resumed);
            }
            (Step::Resumed, Reply::Done(true)) => {
                self.point("resume:dropped");
                self.info.resume = false;
                self.out.push(Output::GamesChanged);
                self.tell_started();
                self.opened(facts);
            }
            // Another node was faster, and the game was saved again since: its stream is to end again, too.
            (Step::Resumed, Reply::Done(false)) => self.step(Step::Overtaken, Command::Info),
            (Step::Overtaken, Reply::Info(info, _)) if info.is_none() || self.chain.stopped() => {
                let tip = self.chain.tip();
                self.step(Step::DropOvertaken, Command::DropStream(tip));
            }
            (Step::DueInfo, Reply::Info(info, now_ms)) => self.due_at(facts, info, now_ms),
            (Step::Abandon(proposal), Reply::Appended(answer)) => {
                self.appended_own(facts, proposal, answer, Task::Reload);
            }
            (Step::Deadline, Reply::Done(_)) => {}
            (Step::DueInfo | Step::Abandon(_) | Step::Deadline, _) => {
                self.note(Note::Warn("a deadline could not be met yet"));
            }
            (Step::Finish, Reply::Done(true)) => {
                self.point("finish:kept");
                let tip = self.chain.tip();
                self.step(Step::DropStream, Command::DropStream(tip));
            }
            // Another node has put it away, and it may go on by now.
            (Step::Finish, Reply::Done(false)) => self.close(),
            (Step::DropStream, Reply::Done(_)) => {
                self.point("finish:expiring");
                self.step(Step::Close, Command::Close);
            }
            (Step::Close, Reply::Done(_)) => {
                self.point("finish:closed");
                self.close();
            }
            (Step::Finish | Step::DropStream | Step::Close, _) => {
                self.note(Note::Warn("a table could not be put away yet"));
                self.finish_at = Some(facts.now + RETRY_EVERY);
            }
            (
                Step::BeginInfo
                | Step::Start(_)
                | Step::KeepStream
                | Step::SavedAfter
                | Step::Resume(_)
                | Step::KeepAgain
                | Step::Resumed
                | Step::Overtaken
                | Step::DropOvertaken,
                _,
            ) => self.give_up(),
        }
    }

    /// Both seats are taken for certain: the game begins or goes on.
    fn seated(&mut self, facts: &Facts, info: &TableInfo) {
        if self.info.resume {
            self.point("resume:seated");
            return self.step(Step::KeepStream, Command::KeepStream);
        }
        let (Ok(Record::Start(start)), Ok(request)) = (info.start.parse(), "start".parse::<RequestId>())
        else {
            self.note(Note::Warn("a table has no start"));
            return self.give_up();
        };
        self.point("start:seated");
        let proposal = self.chain.propose_start(&request, *start);
        let proposal = self.salted(facts, proposal);
        self.append_own(proposal, Step::Start);
    }

    fn step(&mut self, step: Step, command: Command) {
        self.work(Work::Step(step), command);
    }

    /// A place at which a test cuts the course off.
    fn point(&mut self, name: &'static str) {
        self.out.push(Output::Point(name));
    }

    /// What the table itself proposes, if the game is such that it can be.
    fn propose_own(&self, facts: &Facts, request: &str, intent: &Intent) -> Option<Proposal> {
        let request: RequestId = request.parse().ok()?;
        let proposal = self.chain.propose(Seat::First, &request, intent).ok()?;
        Some(self.salted(facts, proposal))
    }

    /// Appends a record that no seat asked for.
    fn append_own(&mut self, proposal: Proposal, step: impl FnOnce(Proposal) -> Step) {
        let command = Command::Append(proposal.clone(), None, None);
        self.step(step(proposal), command);
    }

    fn appended_own(
        &mut self,
        facts: &Facts,
        proposal: Proposal,
        answer: crate::table::copy::Answer,
        then: Task,
    ) {
        match self.chain.outcome(proposal, answer) {
            Effect::Applied => self.start(facts, then),
            Effect::Heal { .. } | Effect::ReadAgain | Effect::NotLive => self.read(Some(then)),
        }
    }

    /// Tells the players who are not shown the table here that they sit there. Whoever is not reached is told once more when
    /// it is looked whether the game began.
    fn tell_started(&mut self) {
        let BySeat { first, second } = self.info.accounts;
        for account in [first, second] {
            if !self.members.iter().any(|member| member.account == account) {
                self.out.push(Output::Started(account));
            }
        }
    }

    /// Looks after the table whoever is connected: one with nobody connected for long is saved. A start or an end that was
    /// left half done is seen to by opening the table at all.
    pub(super) fn due(&mut self) {
        if !self.is_over() {
            self.tell_started();
            self.step(Step::DueInfo, Command::Info);
        }
    }

    fn due_at(&mut self, facts: &Facts, info: Option<Box<TableInfo>>, now_ms: u64) {
        self.saw_presence(facts, info);
        let abandoned_ms = self.settings.abandoned_ms;
        let is_away = |seat: Seat| {
            self.info.away_since_ms[seat]
                .is_some_and(|since_ms| now_ms >= since_ms.saturating_add(abandoned_ms))
        };
        if !Seat::BOTH.into_iter().all(is_away) {
            return self.step(Step::Deadline, Command::Deadline);
        }
        let request = format!("abandoned-{}", self.chain.tip().number);
        if let Some(proposal) = self.propose_own(facts, &request, &Intent::Save) {
            self.append_own(proposal, Step::Abandon);
        }
    }

    fn is_over(&self) -> bool {
        self.chain.stopped() || self.chain.game().is_some_and(|game| game.ending().is_some())
    }

    /// Whether the end can be acted on. At a shard apart it must be durable first: a failover there could take an end back
    /// that the archive has already. In the same group the archive's own wait covers it.
    fn is_end_durable(&self, facts: &Facts) -> bool {
        let waits = facts.ends_apart && !self.is_without(Safeguard::DurableEnd);
        self.chain.unsaved().is_empty() && (!waits || self.durable >= self.chain.tip().number)
    }

    /// Puts the game into the archive or among the saved games, frees the seats and clears the backup, once it is over and
    /// its end is durable; what is left undone is done by the next that opens the table. Whether it does so now.
    pub(super) fn finish(&mut self, facts: &Facts) -> bool {
        if !self.is_over() || !self.is_end_durable(facts) {
            self.finish_at = None;
            return false;
        }
        if self.finish_at.is_some_and(|at| at > facts.now) {
            return false;
        }
        self.point("finish:appended");
        self.step(Step::Finish, Command::Finish(Box::new(self.chain.clone())));
        true
    }

    pub(super) fn close(&mut self) {
        let stopped = if self.chain.stopped() { ClosedWhy::Saved } else { ClosedWhy::Finished };
        let why = self.ended.unwrap_or(stopped);
        self.tell_durable();
        self.tell_all(Update::TableClosed { table: self.table, why });
        self.out.push(Output::Provisional(0));
        self.out.push(Output::Closed);
        self.state = Phase::Closed;
    }
}
