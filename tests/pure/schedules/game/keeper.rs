//! What a table's keeper does at a node: one thing after the other, each until an answer comes or is given up.

use nineflags::table::copy::{Accepted, Answer, Copy, Effect, Proposal, Reconciled};
use nineflags::table::record::{Entry, Tip};

use super::super::held::{Command, Live, Mover, Place, Reply};
use super::super::plan::Without;
use super::super::redis::Deaf;
use super::browser::{Asked, Fate};
use super::unsaved::Reach;
use super::{Checked, World};
use crate::model::game::table;

/// How often one request is proposed again when other records came first.
const PROPOSALS_MAX: u32 = 4;

/// What waits for a keeper.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// A seat asks.
    Ask(Asked),
    /// A browser tells which tip it has seen; after so many looks.
    Seen { browser: usize, session: u32, tip: Tip, looks: u32 },
    /// A session is welcomed.
    Welcome { browser: usize, session: u32 },
    /// Records were published.
    Heard(u32, Vec<Entry>),
    /// Publications were missed.
    Reload,
    /// The store was compared with.
    Compared(Tip, bool),
    /// Another node has records that the shard does not have.
    Unsaved(Place, Tip, Vec<Entry>),
    /// Another node has taken unsaved records, for these seats.
    Took([bool; 2], u32),
    /// Another node lacks records before them.
    Lacks(Tip),
}

/// What a keeper waits for.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Whether the session that asks is the live one.
    Live(Asked, Proposal),
    /// What became of an append.
    Append(Asked, Proposal),
    /// The stream, for what is to be gone on with.
    Read(Option<Task>),
    /// What became of records appended again.
    Heal(Proposal, Option<Task>),
    /// That the game is in the archive, or the table closed.
    PutAway,
}

impl World {
    /// Hands something to a keeper.
    pub(super) fn give(&mut self, node: usize, task: Task) -> Checked<()> {
        self.nodes[node].inbox.push_back(task);
        self.pump(node)
    }

    /// Lets a keeper go on while it waits for nothing.
    pub(super) fn pump(&mut self, node: usize) -> Checked<()> {
        while !self.nodes[node].stopped && self.nodes[node].work.is_none() {
            let Some(task) = self.nodes[node].inbox.pop_front() else { break };
            self.start(node, task)?;
        }
        self.settle_offer(node, false)?;
        self.put_away(node);
        Ok(())
    }

    pub(super) fn wait(&mut self, node: usize, group: usize, command: Command, work: Work) {
        let exchange = self.send(node, group, command);
        self.nodes[node].work = Some((exchange, work));
    }

    pub(super) fn read(&mut self, node: usize, then: Option<Task>) {
        let shard = self.shard();
        self.wait(node, shard, Command::Read, Work::Read(then));
    }

    fn start(&mut self, node: usize, task: Task) -> Checked<()> {
        let Some(copy) = &self.nodes[node].copy else {
            match task {
                Task::Heard(..)
                | Task::Reload
                | Task::Compared(..)
                | Task::Unsaved(..)
                | Task::Took(..)
                | Task::Lacks(_) => {}
                Task::Ask(_) | Task::Seen { .. } | Task::Welcome { .. } => self.read(node, Some(task)),
            }
            return Ok(());
        };
        match task {
            Task::Ask(asked) => self.ask(node, asked),
            Task::Seen { browser, session, tip, looks } => self.seen(node, browser, session, &tip, looks),
            Task::Welcome { browser, session } => self.welcome(node, browser, session),
            Task::Heard(from, entries) => {
                let copy = self.nodes[node].copy.as_mut().expect("it is there");
                match copy.accept(from, &entries) {
                    Accepted::Already => Ok(()),
                    Accepted::Applied(_) => self.show(node),
                    Accepted::Gap | Accepted::Diverged => {
                        self.read(node, None);
                        Ok(())
                    }
                }
            }
            Task::Compared(tip, closed) => {
                if (tip != copy.tip() || closed) && self.plan.without != Without::Reload {
                    self.read(node, None);
                }
                Ok(())
            }
            Task::Reload => {
                self.read(node, None);
                Ok(())
            }
            Task::Unsaved(from, at, entries) => self.heard_unsaved(node, from, &at, &entries),
            Task::Took(seats, number) => self.heard_took(node, seats, number),
            Task::Lacks(tip) => {
                self.heard_lacks(node, &tip);
                Ok(())
            }
        }
    }

    /// Carries out what a seat asks, until it has to wait.
    fn ask(&mut self, node: usize, mut asked: Asked) -> Checked<()> {
        let away = self.nodes[node].away[self.shard()];
        let copy = self.nodes[node].copy.as_ref().expect("it is there");
        let known = copy.has_request(self.browsers[asked.browser].seat, &asked.request);
        if let Some(tip) = known.filter(|_| self.plan.without != Without::Request) {
            let unsaved = tip.number > copy.accepted().number;
            return self.answer(node, &asked, &Fate::Done(tip, unsaved));
        }
        if asked.proposals >= PROPOSALS_MAX {
            return self.answer(node, &asked, &Fate::Refused);
        }
        let unsaved = !copy.unsaved().is_empty();
        let plays_on = (away || unsaved) && self.reach(node) != Reach::Unknown;
        if !away && !plays_on && !asked.read && (unsaved || !copy.has_tip(&asked.tip)) {
            // A browser may have seen more elsewhere; and what was played unsaved comes before anything new.
            asked.read = true;
            self.read(node, Some(Task::Ask(asked)));
            return Ok(());
        }
        if unsaved && !plays_on {
            return self.answer(node, &asked, &Fate::Unknown);
        }
        if asked.tip != copy.tip() {
            return self.answer(node, &asked, &Fate::Refused);
        }
        let seat = self.browsers[asked.browser].seat;
        let Ok(proposal) = copy.propose(seat, &asked.request, &asked.intent) else {
            return self.answer(node, &asked, &Fate::Refused);
        };
        // A game begins, goes on and ends in either format, or changes from one to the other.
        let salted = match self.seed % 4 {
            0 => false,
            1 => copy.tip().number % 8 > 3,
            _ => true,
        };
        let proposal = if salted { copy.salted(proposal) } else { proposal };
        if plays_on {
            return self.ask_unsaved(node, asked, proposal);
        }
        asked.proposals += 1;
        let mover = Mover { seat: asked.browser, session: asked.session };
        if self.plan.apart && self.plan.without != Without::Session {
            self.wait(node, 0, Command::IsLive(mover), Work::Live(asked, proposal));
        } else {
            self.append(node, asked, proposal);
        }
        Ok(())
    }

    fn append(&mut self, node: usize, asked: Asked, proposal: Proposal) {
        let mover = Mover { seat: asked.browser, session: asked.session };
        let (shard, mover) = (self.shard(), (!self.plan.apart).then_some(mover));
        let command = Command::Append(proposal.clone(), mover);
        self.wait(node, shard, command, Work::Append(asked, proposal));
    }

    /// An answer has come.
    pub(super) fn reply(&mut self, node: usize, exchange: u64, reply: Reply) -> Checked<()> {
        let errands = &mut self.nodes[node].errands;
        if let Some(at) = errands.iter().position(|(number, _)| *number == exchange) {
            let (_, mover) = errands.swap_remove(at);
            return self.errand(node, mover, reply);
        }
        match self.nodes[node].work.take() {
            Some((number, work)) if number == exchange => self.go_on(node, work, reply)?,
            other => self.nodes[node].work = other,
        }
        self.pump(node)
    }

    fn errand(&mut self, node: usize, mover: Mover, reply: Reply) -> Checked<()> {
        match reply {
            Reply::Entered(_) => self.entered(node, mover),
            Reply::Compared(tip, online, closed) => {
                if self.plan.without != Without::Session {
                    self.compare_sessions(node, online);
                }
                if !self.plan.apart || online == [None; 2] {
                    return self.give(node, Task::Compared(tip, closed));
                }
                // The data group, which knows whether the table is there.
                if closed { self.give(node, Task::Reload) } else { Ok(()) }
            }
            Reply::Append(_) | Reply::Entries(_) | Reply::Live(_) | Reply::Ok | Reply::Failed(_) => Ok(()),
        }
    }

    /// Ends sessions that another took over from unheard, and enters those again that the store lost.
    fn compare_sessions(&mut self, node: usize, online: [Option<Live>; 2]) {
        if self.plan.apart && online == [None; 2] {
            return;
        }
        for (seat, live) in online.into_iter().enumerate() {
            let Some(session) = self.nodes[node].sessions[seat].filter(|session| session.entered) else {
                continue;
            };
            match live {
                Some(live) if live.session != session.number => self.take_over(node, session.number),
                Some(_) => {}
                None => {
                    let mover = Mover { seat, session: session.number };
                    let exchange = self.send(node, 0, Command::Enter(mover));
                    self.nodes[node].errands.push((exchange, mover));
                }
            }
        }
    }

    fn go_on(&mut self, node: usize, work: Work, reply: Reply) -> Checked<()> {
        match (work, reply) {
            (work, Reply::Failed(deaf)) => self.failed(node, work, deaf),
            (Work::Live(asked, proposal), Reply::Live(true)) => {
                self.append(node, asked, proposal);
                Ok(())
            }
            (Work::Live(asked, _), Reply::Live(false)) => self.answer(node, &asked, &Fate::NotLive),
            (Work::Append(asked, proposal), Reply::Append(answer)) => {
                self.appended(node, asked, proposal, answer)
            }
            (Work::Read(then), Reply::Entries(entries)) => self.reconcile(node, entries, then),
            (Work::Heal(proposal, then), Reply::Append(answer)) => self.healed(node, &proposal, answer, then),
            (Work::PutAway, Reply::Ok) => {
                self.put_away_step(node);
                Ok(())
            }
            (work, reply) => Err(format!("node {node} waits for {work:?} and got {reply:?}")),
        }
    }

    fn appended(&mut self, node: usize, asked: Asked, proposal: Proposal, answer: Answer) -> Checked<()> {
        let copy = self.nodes[node].copy.as_mut().expect("it is there");
        match copy.outcome(proposal, answer) {
            Effect::Applied => {
                self.show(node)?;
                self.write_aside(node);
                if self.nodes[node].work.is_some() {
                    return self.give(node, Task::Ask(asked));
                }
                self.ask(node, asked)
            }
            Effect::Heal { at, entries } if self.plan.without != Without::Heal => {
                self.heal(node, Proposal { at, entries }, Some(Task::Ask(asked)));
                Ok(())
            }
            Effect::Heal { .. } | Effect::ReadAgain => {
                self.read(node, Some(Task::Ask(asked)));
                Ok(())
            }
            Effect::NotLive => self.answer(node, &asked, &Fate::NotLive),
        }
    }

    pub(super) fn heal(&mut self, node: usize, proposal: Proposal, then: Option<Task>) {
        let shard = self.shard();
        let command = Command::Append(proposal.clone(), None);
        self.wait(node, shard, command, Work::Heal(proposal, then));
    }

    fn healed(
        &mut self,
        node: usize,
        proposal: &Proposal,
        answer: Answer,
        then: Option<Task>,
    ) -> Checked<()> {
        let stream = match answer {
            Answer::Appended { .. } => {
                self.checks.tally.healed += proposal.entries.len();
                proposal.entries.clone()
            }
            // Somebody else did at the same time.
            Answer::Already { missing } | Answer::Conflict { missing } => missing,
            Answer::Behind { .. } | Answer::Diverged | Answer::NotLive => {
                self.read(node, then);
                return Ok(());
            }
        };
        let copy = self.nodes[node].copy.as_mut().expect("it is there");
        match copy.accept(proposal.at.number, &stream) {
            Accepted::Gap | Accepted::Diverged => {
                self.read(node, then);
                return Ok(());
            }
            Accepted::Applied(_) | Accepted::Already => self.show(node)?,
        }
        then.map_or(Ok(()), |task| self.start(node, task))
    }

    /// Makes the copy equal to the stream, or has the stream healed.
    fn reconcile(&mut self, node: usize, stream: Vec<Entry>, then: Option<Task>) -> Checked<()> {
        // `table:{table}` may be gone: the game is over and put away.
        let closed = self.groups[0].data().closed && !self.groups[0].is_away();
        if closed && self.nodes[node].copy.is_none() {
            self.close(node);
            return Ok(());
        }
        let Some(copy) = &mut self.nodes[node].copy else {
            return self.open(node, stream, then);
        };
        let broken = self.plan.without;
        let before = copy.clone();
        match copy.reconcile(stream).map_err(|broken| format!("node {node} read no game: {broken}"))? {
            Reconciled::Same => {}
            Reconciled::Applied => self.show(node)?,
            Reconciled::Heal { at, entries } => {
                let drop_it = broken == Without::Heal;
                let later = broken == Without::Flush && !before.unsaved().is_empty();
                if drop_it || later {
                    let kept = before.entries()[..at.number as usize].to_vec();
                    self.nodes[node].copy = Some(Copy::from_entries(table(), kept).expect("a shorter game"));
                    self.nodes[node].aside = later.then_some((at, entries));
                } else {
                    self.heal(node, Proposal { at, entries }, then);
                    return Ok(());
                }
            }
            Reconciled::WentBack { to, .. } => {
                self.went_back(node, &before);
                if broken != Without::Word {
                    self.tell_went_back(node, &to);
                }
                self.nodes[node].saved = self.nodes[node].saved.min(to.number);
                self.show(node)?;
            }
        }
        if closed {
            self.close(node);
            return Ok(());
        }
        then.map_or(Ok(()), |task| self.start(node, task))
    }

    /// Opens a keeper: a stream without record 0 gets it here.
    fn open(&mut self, node: usize, stream: Vec<Entry>, then: Option<Task>) -> Checked<()> {
        let read = Copy::from_entries(table(), stream);
        let copy = read.map_err(|broken| format!("node {node} read no game: {broken}"))?;
        if copy.tip().number > 0 {
            self.nodes[node].copy = Some(copy);
            return then.map_or(Ok(()), |task| self.start(node, task));
        }
        let entries = self.start.clone();
        let mut copy = Copy::open(table());
        copy.accept(0, &entries);
        self.nodes[node].copy = Some(copy);
        self.heal(node, Proposal { at: Tip::default(), entries }, then);
        Ok(())
    }

    fn write_aside(&mut self, node: usize) {
        if let Some((at, entries)) = self.nodes[node].aside.take() {
            self.heal(node, Proposal { at, entries }, None);
        }
    }

    /// What was waited for has no known fate.
    pub(super) fn give_up(&mut self, node: usize) -> Checked<()> {
        if self.nodes[node].stopped {
            return Ok(());
        }
        if self.nodes[node].work.is_some() && self.dice.chance(400) {
            let shard = self.shard();
            self.nodes[node].away[shard] = self.plan.absences;
        }
        self.nodes[node].errands.clear();
        self.settle_offer(node, true)?;
        self.fail_work(node)?;
        self.pump(node)
    }

    /// The same, because the connection is another.
    pub(super) fn fail_work(&mut self, node: usize) -> Checked<()> {
        match self.nodes[node].work.take() {
            Some((_, work)) => self.failed(node, work, Deaf::NotPrimary),
            None => Ok(()),
        }
    }

    fn failed(&mut self, node: usize, work: Work, deaf: Deaf) -> Checked<()> {
        let shard = self.shard();
        if deaf != Deaf::NotPrimary && !matches!(work, Work::Live(..) | Work::PutAway) {
            self.nodes[node].away[shard] = true;
        }
        let away = self.nodes[node].away[shard];
        match work {
            Work::Append(asked, _) if away && self.reach(node) != Reach::Unknown => self.ask(node, asked),
            Work::Live(asked, _) | Work::Append(asked, _) => self.answer(node, &asked, &Fate::Unknown),
            Work::Read(then) | Work::Heal(_, then) => match then {
                Some(Task::Ask(asked))
                    if away && self.nodes[node].copy.is_some() && self.reach(node) != Reach::Unknown =>
                {
                    self.ask(node, asked)
                }
                Some(Task::Ask(asked)) => self.answer(node, &asked, &Fate::Unknown),
                _ => Ok(()),
            },
            Work::PutAway => {
                // It is begun again: nothing is confirmed across connections.
                self.nodes[node].put_away = 0;
                Ok(())
            }
        }
    }
}
