//! How the chain is kept equal to the stream: what is heard, compared, read again and healed.

use super::{
    Command, Compared, Errand, Facts, Host, Note, Output, Published, Reply, Safeguard, TableInfo, Task, Work,
};
use crate::protocol::{NoticeCode, Update};
use crate::table::copy::{Accepted, Answer, Copy, Proposal, Reconciled};
use crate::table::record::{Entry, Tip};

impl Host {
    /// Something was published. What cannot change the chain is taken in at once.
    pub(super) fn heard(&mut self, published: Published) {
        match published {
            Published::Presence => self.errand(Errand::Presence, Command::Info),
            Published::Said(said) => {
                let seated = said.seated;
                let side = self
                    .members
                    .iter()
                    .filter(|member| self.chain.seat_of(member.account).is_some() == seated);
                let sessions = side.map(|member| member.session).collect();
                self.out.push(Output::Chat(sessions, said));
            }
            published => self.later(Task::Heard(published)),
        }
    }

    /// Takes in a publication that may change the chain.
    pub(super) fn take_in(&mut self, facts: &Facts, published: Published) {
        match published {
            Published::Records { from, entries } => {
                let before = self.chain.accepted();
                match self.chain.accept(from, &entries) {
                    Accepted::Already if self.chain.accepted() == before => {
                        return self.became_provisional(facts);
                    }
                    // What was provisional here is in the stream now, and shows what it reveals.
                    Accepted::Already => self.became_provisional(facts),
                    // Whoever appended them is told by its own line.
                    Accepted::Applied(_) => self.out.push(Output::Settle),
                    Accepted::Gap | Accepted::Diverged => return self.read(Some(Task::Reload)),
                }
                self.show();
            }
            Published::Heal => self.heard_heal(facts),
            Published::Unsaved { node, at, entries } => self.heard_provisional(facts, node, &at, &entries),
            Published::Took { node, by, seats, number } => self.heard_took(facts, node, by, &seats, number),
            Published::Lacks { node, tip, by } => self.heard_lacks(facts, node, by, &tip),
            Published::Presence | Published::Said(_) => {}
        }
    }

    pub(super) fn saw_presence(&mut self, facts: &Facts, info: Option<Box<TableInfo>>) {
        let Some(info) = info else {
            // Another node may have put the game away, and nothing of its end was heard here.
            return self.errand(Errand::Ended, Command::Ended);
        };
        self.info.away_since_ms = info.away_since_ms;
        self.info.watchers = info.watchers;
        self.show();
        if self.unheard.is_some() {
            self.look_for_other(facts);
        }
    }

    /// Takes in what a group holds, where the chain differs: publications that told of it were lost. What was appended
    /// since the store was looked at makes no difference: the chain is then further.
    pub(super) fn compared(&mut self, facts: &Facts, compared: &Compared) {
        if compared.is_gone && !self.errands.iter().any(|(_, errand)| matches!(errand, Errand::Ended)) {
            // Another node has put the game away. Where the stream lost its end, nothing else tells of that here.
            self.errand(Errand::Ended, Command::Ended);
        }
        if let Some(away_since_ms) = compared.away_since_ms
            && self.info.away_since_ms != away_since_ms
        {
            self.info.away_since_ms = away_since_ms;
            self.show();
        }
        if let Some(bench) = compared.bench.filter(|bench| *bench != self.bench) {
            // What is counted here is told again where it was lost.
            self.bench = bench;
            self.count_bench_soon(facts);
        }
        let Some(tip) = &compared.tip else { return };
        let own = self.chain.tip();
        if self.durable < own.number {
            self.out.push(Output::Settle);
        }
        if *tip != own {
            self.read(None);
        }
    }

    /// Reads the stream and makes the chain equal to it; what the stream lost is appended again, and what it undoes is told.
    pub(super) fn read(&mut self, then: Option<Task>) {
        self.work(Work::Read(then), Command::Read);
    }

    pub(super) fn was_read(&mut self, facts: &Facts, reply: Reply, then: Option<Task>) {
        let Reply::Entries(entries) = reply else { return self.cannot_go_on(facts, then) };
        let accepted = self.chain.accepted().number;
        match self.chain.reconcile(entries.clone()) {
            Err(_) => {
                self.note(Note::Warn("what the stream holds is no game"));
                return self.cannot_go_on(facts, then);
            }
            Ok(Reconciled::Same | Reconciled::Applied) => {}
            // What the stream never had is no loss.
            Ok(Reconciled::Heal { at, entries }) if at.number >= accepted => {
                return self.append_again(Proposal { at, entries }, then);
            }
            Ok(Reconciled::Heal { .. }) if self.is_without(Safeguard::Heal) => {
                // The chain becomes what the stream has left.
                self.chain = Copy::open(self.table);
                self.chain.accept(0, &entries);
            }
            Ok(Reconciled::Heal { at, entries }) => return self.heal(at, entries, then),
            Ok(Reconciled::WentBack { to, undone }) => self.tell_went_back(&to, &undone),
        }
        self.caught_up(facts, then);
    }

    /// The chain is as the stream.
    fn caught_up(&mut self, facts: &Facts, then: Option<Task>) {
        self.became_provisional(facts);
        if self.durable < self.chain.accepted().number {
            // Whoever was to tell may have lost its connection.
            self.out.push(Output::Settle);
        }
        self.show_news();
        self.settle_offer(facts);
        if let Some(task) = then {
            self.start(facts, task);
        }
    }

    pub(super) fn cannot_go_on(&mut self, facts: &Facts, then: Option<Task>) {
        if let Some(task) = then {
            self.fail(facts, task);
        }
    }

    /// Tells everybody at the table that records they saw do not count, before they see what does.
    fn tell_went_back(&mut self, to: &Tip, undone: &[Entry]) {
        self.note(Note::WentBack(undone.len()));
        // What was durable after it was of another chain.
        self.durable = self.durable.min(to.number);
        if self.is_without(Safeguard::Word) {
            return;
        }
        let words = format!(
            "The game went back to move {}: another record was saved first, so {} that had not been saved {}.",
            to.number.saturating_sub(1),
            if undone.len() == 1 { "one record".to_owned() } else { format!("{} records", undone.len()) },
            if undone.len() == 1 { "is undone" } else { "are undone" },
        );
        let (table, tip) = (Some(self.table), Some(to.clone()));
        self.tell_all(Update::Notice { code: NoticeCode::WentBack, words, name: None, table, tip });
        self.show();
    }

    /// Appends records again that the stream lost, each with the time it had. The stream of a game that was put away is
    /// dropped after a while: there is nothing to heal.
    pub(super) fn heal(&mut self, at: Tip, entries: Vec<Entry>, then: Option<Task>) {
        let proposal = Proposal { at, entries };
        if proposal.at.number == 0 {
            self.work(Work::Ended(proposal, then), Command::Ended);
        } else {
            self.heal_now(proposal, then);
        }
    }

    pub(super) fn looked_for_end(
        &mut self,
        facts: &Facts,
        proposal: Proposal,
        reply: &Reply,
        then: Option<Task>,
    ) {
        // A table that cannot be looked for is thought to be there.
        if let Reply::Ended(Some(why)) = reply {
            self.ended = Some(*why);
            return self.cannot_go_on(facts, then);
        }
        self.heal_now(proposal, then);
    }

    fn heal_now(&mut self, proposal: Proposal, then: Option<Task>) {
        self.note(Note::Healed(proposal.entries.len()));
        self.append_again(proposal, then);
    }

    pub(super) fn append_again(&mut self, proposal: Proposal, then: Option<Task>) {
        let command = Command::Append(proposal.clone(), None, None);
        self.work(Work::Heal(proposal, then), command);
    }

    pub(super) fn healed(&mut self, facts: &Facts, proposal: &Proposal, reply: Reply, then: Option<Task>) {
        let Reply::Appended(answer) = reply else { return self.cannot_go_on(facts, then) };
        let accepted = match answer {
            Answer::Appended { .. } => self.chain.accept(proposal.at.number, &proposal.entries),
            // Somebody else healed at the same time.
            Answer::Already { missing } | Answer::Conflict { missing } => {
                self.chain.accept(proposal.at.number, &missing)
            }
            Answer::Behind { .. } | Answer::Diverged | Answer::NotLive => Accepted::Diverged,
        };
        match accepted {
            Accepted::Applied(_) | Accepted::Already => self.caught_up(facts, then),
            // The stream changed while it was healed.
            Accepted::Gap | Accepted::Diverged => self.cannot_go_on(facts, then),
        }
    }
}
