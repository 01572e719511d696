//! What a seat asks of its table: each request is carried out, or refused and changes nothing.

use std::time::Duration;

use super::apart::{PLAYS_ON_AFTER, Reach};
use super::decide::{Ready, decide, needs_new_view, waits_for_backup};
use super::{
    Acted, Command, Errand, Facts, Host, Mover, Note, Output, QUEUE_MAX, Refusal, Reply, Safeguard, Said,
    SeatAsk, Task, Ticket, Work,
};
use crate::ids::{AccountId, RequestId};
use crate::lobby::event::TableNews;
use crate::protocol::{Message, RefusalCode};
use crate::rules::seat::Seat;
use crate::table::copy::{Answer, Effect, Proposal};
use crate::table::options::Talk;

/// How often one game may be stopped by its players.
pub const SAVES_MAX: usize = 50;
/// Saved games of one account, at most.
pub const SAVED_MAX: usize = 50;
/// How often one request is proposed again when other records came first.
const PROPOSALS_MAX: u32 = 4;

/// A seat's request, as far as it is.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was done for it")]
#[derive(Debug, Clone)]
pub(super) struct Asking {
    pub(super) mover: Mover,
    pub(super) request: RequestId,
    pub(super) ask: SeatAsk,
    pub(super) ticket: Ticket,
    /// How often its records were proposed.
    attempts: u32,
    /// What is provisional was written, as far as it can be.
    is_flushed: bool,
    /// The stream was read, since its browser may have seen more.
    is_read: bool,
    /// What allows it was looked at, for this attempt.
    is_checked: bool,
    /// Its fate is asked of the stream for the last time.
    is_last: bool,
}

impl Host {
    pub(super) fn asked(
        &mut self,
        facts: &Facts,
        mover: Mover,
        request: RequestId,
        ask: SeatAsk,
        ticket: Ticket,
    ) {
        let asking = Asking {
            mover,
            request,
            ask,
            ticket,
            attempts: 0,
            is_flushed: false,
            is_read: false,
            is_checked: false,
            is_last: false,
        };
        if self.queue.len() >= QUEUE_MAX {
            return self.refuse(&asking, Refusal::unavailable());
        }
        let seat = self.chain.seat_of(mover.account);
        let is_new = seat.is_some_and(|seat| self.chain.has_request(seat, &asking.request).is_none());
        if let Some(asking) = if is_new { self.hold(asking) } else { Some(asking) } {
            if self.work.is_none() && self.queue.is_empty() {
                self.carry_out(facts, asking);
            } else {
                self.queue.push_back(Task::Ask(asking));
            }
        }
    }

    /// Carries a request out as far as it goes without waiting.
    pub(super) fn carry_out(&mut self, facts: &Facts, mut asking: Asking) {
        let Some(seat) = self.chain.seat_of(asking.mover.account) else {
            return self.refuse(&asking, Refusal::not_seated());
        };
        let before = self.chain.has_request(seat, &asking.request);
        if asking.is_last {
            return match before {
                Some(tip) => self.done(&asking, tip),
                None => self.refuse(&asking, Refusal::unavailable()),
            };
        }
        if self.plays_on(facts) {
            match self.reach(facts) {
                Reach::Unknown if !asking.is_flushed => {
                    asking.is_flushed = true;
                    if !self.chain.unsaved().is_empty() && !facts.is_backup_away {
                        return self.read(Some(Task::Ask(asking)));
                    }
                }
                Reach::Unknown => {}
                reach => return self.play_on(facts, reach, seat, asking),
            }
            if !self.chain.unsaved().is_empty() {
                return self.refuse(&asking, Refusal::unavailable());
            }
        }
        let is_new = before.is_none();
        if is_new && !asking.is_checked {
            match &asking.ask {
                // Nobody gets another saved game meanwhile: an account sits at one table.
                SeatAsk::Save if asking.attempts == 0 => {
                    let accounts = [seat, seat.other()].map(|seat| self.info.accounts[seat]);
                    return self.work(Work::Check(asking), Command::SavedCounts(accounts));
                }
                SeatAsk::ClaimWin => return self.work(Work::Check(asking), Command::Info),
                // A browser that comes from another node may have seen more than is known here.
                SeatAsk::Moves(tip, _) if !self.chain.has_tip(tip) && !asking.is_read => {
                    asking.is_read = true;
                    return self.read(Some(Task::Ask(asking)));
                }
                SeatAsk::Save | SeatAsk::Moves(..) | SeatAsk::Resign => {}
            }
        }
        self.propose(facts, seat, asking);
    }

    /// What allows a request was looked at: the records come next. Whoever comes back after the look and before the record
    /// has no part in it: the claim was right when it was made.
    pub(super) fn checked(&mut self, facts: &Facts, mut asking: Asking, reply: Reply) {
        let Some(seat) = self.chain.seat_of(asking.mover.account) else {
            return self.refuse(&asking, Refusal::not_seated());
        };
        asking.is_checked = true;
        let checked = match (&asking.ask, reply) {
            (SeatAsk::ClaimWin, Reply::Info(info, now_ms)) => {
                self.saw_presence(facts, info);
                self.check_away(seat.other(), now_ms)
            }
            (SeatAsk::ClaimWin, _) => Err(Refusal::unavailable()),
            (_, Reply::Counts(counts)) => self.check_room(seat, counts),
            // While the data group is away games are stopped uncounted: where they are too many the oldest goes.
            _ => Ok(()),
        };
        match checked {
            Ok(()) => self.propose(facts, seat, asking),
            Err(refusal) => self.refuse(&asking, refusal),
        }
    }

    fn propose(&mut self, facts: &Facts, seat: Seat, mut asking: Asking) {
        if asking.attempts == PROPOSALS_MAX {
            if let Some(tip) = self.chain.has_request(seat, &asking.request) {
                return self.done(&asking, tip);
            }
            self.show_news();
            return self.refuse(&asking, Refusal::old_tip());
        }
        if asking.ask == SeatAsk::Save
            && self.chain.has_request(seat, &asking.request).is_none()
            && let Err(refusal) = self.check_length()
        {
            return self.refuse(&asking, refusal);
        }
        let known = asking.attempts > 0 || !self.is_without(Safeguard::Request);
        match self.prepare(facts, seat, &asking, known) {
            Ok(proposal) => {
                asking.attempts += 1;
                asking.is_checked = false;
                let may_play_on = self.reach(facts) != Reach::Unknown;
                let command = Command::Append(
                    proposal.clone(),
                    Some(asking.mover),
                    may_play_on.then_some(PLAYS_ON_AFTER),
                );
                self.work(Work::Append(asking, proposal), command);
            }
            Err(Ready::Done(tip)) => self.done(&asking, tip),
            Err(Ready::Refused(refusal)) => self.refuse(&asking, refusal),
        }
    }

    /// What a request would append now, if it is not there already and may be.
    pub(super) fn prepare(
        &mut self,
        facts: &Facts,
        seat: Seat,
        asking: &Asking,
        known: bool,
    ) -> Result<Proposal, Ready> {
        let compares = !self.is_without(Safeguard::Request);
        let decided = decide(&self.chain, seat, &asking.request, &asking.ask, known, compares);
        let proposal = decided.inspect_err(|ready| {
            if needs_new_view(ready) {
                self.show_news();
            }
        })?;
        if !proposal.entries.iter().all(|entry| entry.record.since() <= facts.kinds_known) {
            let words = "That can be done once every server is upgraded: try again in a while.";
            return Err(Ready::Refused(Refusal::new(RefusalCode::Upgrading, words)));
        }
        Ok(self.salted(facts, proposal))
    }

    /// The append of a request was answered, or has no known fate.
    pub(super) fn appended(&mut self, facts: &Facts, mut asking: Asking, proposal: Proposal, reply: Reply) {
        match reply {
            Reply::Appended(answer) => {
                let is_new = matches!(answer, Answer::Appended { .. });
                match self.chain.outcome(proposal, answer) {
                    Effect::Applied => {
                        if is_new {
                            self.news();
                        }
                        self.show();
                        self.carry_out(facts, asking);
                    }
                    Effect::Heal { at, entries } => self.heal(at, entries, Some(Task::Ask(asking))),
                    Effect::ReadAgain => self.read(Some(Task::Ask(asking))),
                    Effect::NotLive => self.refuse(&asking, Refusal::not_live()),
                }
            }
            Reply::Failed { may_pass: false } => self.refuse(&asking, Refusal::unreadable()),
            _ => {
                self.note(Note::Warn("an append has no known fate"));
                let reach = self.reach(facts);
                let seat = self.chain.seat_of(asking.mover.account);
                if let Some(seat) = seat.filter(|_| reach != Reach::Unknown) {
                    return self.play_on(facts, reach, seat, asking);
                }
                // The record may be there: read, so that nobody is shown an old chain for long.
                asking.is_last = true;
                self.read(Some(Task::Ask(asking)));
            }
        }
    }

    /// The stream cannot be read on the way: the request may be there all the same.
    pub(super) fn cannot_know(&mut self, mut asking: Asking) {
        asking.is_last = true;
        let seat = self.chain.seat_of(asking.mover.account);
        match seat.and_then(|seat| self.chain.has_request(seat, &asking.request)) {
            Some(tip) => self.done(&asking, tip),
            None => self.refuse(&asking, Refusal::unavailable()),
        }
    }

    /// Carries a request out without the backup, if nobody else can get a record in meanwhile.
    fn play_on(&mut self, facts: &Facts, reach: Reach, seat: Seat, asking: Asking) {
        let known = !self.is_without(Safeguard::Request);
        match self.prepare(facts, seat, &asking, known) {
            Err(Ready::Done(tip)) => self.done(&asking, tip),
            Err(Ready::Refused(refusal)) => self.refuse(&asking, refusal),
            Ok(_) if waits_for_backup(&asking.ask) && !self.is_without(Safeguard::End) => {
                self.refuse(&asking, Refusal::unavailable());
            }
            Ok(proposal) if reach == Reach::Apart => self.offer(facts, seat, asking, proposal),
            Ok(proposal) => {
                let kept = self.keep_provisional(facts, proposal);
                self.out.push(Output::Act(asking.ticket, kept));
            }
        }
    }

    pub(super) fn done(&mut self, asking: &Asking, tip: crate::table::record::Tip) {
        let acted = self.acted_at(tip);
        self.out.push(Output::Act(asking.ticket, Ok(acted)));
    }

    pub(super) fn refuse(&mut self, asking: &Asking, refusal: Refusal) {
        self.out.push(Output::Act(asking.ticket, Err(refusal)));
    }

    /// A request that was carried out up to a tip.
    pub(super) fn acted_at(&self, tip: crate::table::record::Tip) -> Acted {
        let unsaved = tip.number > self.chain.accepted().number;
        Acted { tip, unsaved }
    }

    /// A proposal as it is appended: salted, once every live node knows salted records.
    pub(super) fn salted(&self, facts: &Facts, proposal: Proposal) -> Proposal {
        if facts.knows_old_nodes { proposal } else { self.chain.salted(proposal) }
    }

    /// Has the lobby told, with other tables, how far this one is: the node that appended tells.
    pub(super) fn news(&mut self) {
        let (number, flags) = (self.chain.tip().number, self.chain.flags());
        self.out.push(Output::News(TableNews { table: self.table, number, flags }));
    }

    fn check_away(&self, seat: Seat, now_ms: u64) -> Result<(), Refusal> {
        let limit_ms = self.settings.away_win_ms;
        match self.info.away_since_ms[seat] {
            Some(since_ms) if now_ms.saturating_sub(since_ms) >= limit_ms => Ok(()),
            _ => {
                let secs = Duration::from_millis(limit_ms).as_secs();
                let words = format!("The other player has not been away for {secs} seconds.");
                Err(Refusal::new(RefusalCode::NotAway, words))
            }
        }
    }

    /// Whether the game may be stopped once more.
    fn check_length(&self) -> Result<(), Refusal> {
        if self.chain.saves() >= SAVES_MAX {
            let words =
                format!("A game can be saved {SAVES_MAX} times: this one has to be played to its end.");
            return Err(Refusal::new(RefusalCode::TooManySaves, words));
        }
        Ok(())
    }

    /// Whether both players have room for a saved game.
    fn check_room(&self, seat: Seat, counts: [usize; 2]) -> Result<(), Refusal> {
        for (whose, saved) in [seat, seat.other()].into_iter().zip(counts) {
            if saved >= SAVED_MAX {
                let words = match self.chain.start().filter(|_| whose != seat) {
                    None => format!("You have {SAVED_MAX} saved games: go on with one of them, or drop one."),
                    Some(start) => format!("{} has {SAVED_MAX} saved games already.", start.names[whose]),
                };
                return Err(Refusal::new(RefusalCode::TooManySaved, words));
            }
        }
        Ok(())
    }

    pub(super) fn say(&mut self, account: AccountId, request: RequestId, message: Message, ticket: Ticket) {
        let seated = self.chain.seat_of(account).is_some();
        let talk = self.chain.start().map_or(Talk::Nobody, |start| start.options.talk);
        let allowed = match talk {
            Talk::Everyone => true,
            Talk::Players => seated,
            Talk::Nobody => false,
        };
        if !allowed {
            let refusal = Refusal::new(RefusalCode::NoTalk, "There is no talk at this table from your side.");
            return self.out.push(Output::Said(ticket, Err(refusal)));
        }
        let said = Said { account: Some(account), message, seated };
        self.errand(Errand::Say(ticket), Command::Say(account, request, said));
    }
}
