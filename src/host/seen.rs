//! Tips that browsers have seen and this chain does not have: the other nodes are asked to heal the stream, and the answer
//! waits as a state of the host, while looks, joins and asks go on.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Facts, Host, Note, Output, Published, Refusal, Safeguard, Task, Ticket};
use crate::ids::AccountId;
use crate::protocol::{NoticeCode, RefusalCode, Update};
use crate::table::copy::{Accepted, Proposal};
use crate::table::record::{Entry, Tip};
use crate::table::seal::SEALED_MAX;

/// How long other nodes may take to heal a stream, and how often it is looked meanwhile.
const HEAL_WITHIN: Duration = Duration::from_millis(500);
const HEAL_LOOK_EVERY: Duration = Duration::from_millis(100);
/// Other nodes are asked once for each tip in this time, ...
const HEAL_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// ... and for so many tips of one table at most.
pub const HEALS_MAX: usize = 4;
/// The stream is read at most once in this time because somebody says that it has more.
const READ_EVERY: Duration = Duration::from_secs(1);

/// A tip that a browser has seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    account: AccountId,
    tip: Tip,
    /// What the cluster had sealed for the browser.
    opened: Vec<(u32, Entry)>,
    pub(super) ticket: Ticket,
    until: Duration,
    /// The stream was read for it.
    is_read: bool,
    /// What the browser gave back is appended.
    is_given_back: bool,
}

/// What is known of tips that were told and are not there.
#[derive(Debug, Default)]
pub(super) struct Heals {
    /// Tips that the other nodes were asked for lately, oldest first.
    asked: VecDeque<(Tip, Duration)>,
    /// Those whose answers wait for it.
    waiting: Vec<Seen>,
    look_at: Option<Duration>,
    read_at: Option<Duration>,
    /// Another node asks for a heal, and the stream was read a moment ago: it is read again later.
    heard: bool,
}

impl Heals {
    /// When the host has to go on with them.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        let heard = self.read_at.filter(|_| self.heard).map(|at| at + READ_EVERY);
        self.look_at.into_iter().chain(heard).min()
    }

    fn may_read(&self, now: Duration) -> bool {
        self.read_at.is_none_or(|at| now.saturating_sub(at) >= READ_EVERY)
    }
}

impl Host {
    /// A browser tells which tip it has seen: it is answered when the chain has that tip, or when it is known that nobody
    /// has. Other nodes are asked for seats only, since all that have the table then read its stream; who watches is
    /// answered by this chain, and who does neither is refused.
    pub(super) fn seen(
        &mut self,
        facts: &Facts,
        account: AccountId,
        tip: Tip,
        opened: Vec<(u32, Entry)>,
        ticket: Ticket,
    ) {
        if !self.is_seated(account) && !self.members.iter().any(|member| member.account == account) {
            let words = "You neither play nor watch at that table.";
            let refusal = Refusal::new(RefusalCode::NotSeated, words);
            return self.out.push(Output::Seen(ticket, Err(refusal)));
        }
        let until = facts.now + HEAL_WITHIN;
        let seen = Seen { account, tip, opened, ticket, until, is_read: false, is_given_back: false };
        self.later(Task::Seen(seen));
    }

    fn is_seated(&self, account: AccountId) -> bool {
        self.chain.seat_of(account).is_some()
    }

    pub(super) fn look_at_seen(&mut self, facts: &Facts, mut seen: Seen) {
        if seen.is_given_back {
            return self.answer_seen(facts, seen);
        }
        let now = facts.now;
        if seen.tip.number > self.chain.tip().number && !seen.is_read && self.heals.may_read(now) {
            self.heals.read_at = Some(now);
            seen.is_read = true;
            return self.read(Some(Task::Seen(seen)));
        }
        seen.until = now + HEAL_WITHIN;
        let ahead =
            usize::try_from(seen.tip.number.saturating_sub(self.chain.tip().number)).unwrap_or(usize::MAX);
        self.heals.asked.retain(|(_, at)| now.saturating_sub(*at) < HEAL_AGAIN_AFTER);
        let is_asked = self.heals.asked.iter().any(|(asked, _)| *asked == seen.tip);
        let is_known = self.chain.has_tip(&seen.tip) || ahead == 0;
        if !self.is_seated(seen.account) || is_known || ahead > SEALED_MAX || is_asked {
            return self.answer_seen(facts, seen);
        }
        if self.heals.asked.len() >= HEALS_MAX {
            let words = "The other servers were asked for that game just now. Try again in ten seconds.";
            let refusal = Refusal::new(RefusalCode::TooMany, words);
            return self.out.push(Output::Seen(seen.ticket, Err(refusal)));
        }
        self.out.push(Output::Publish(Published::Heal));
        self.heals.asked.push_back((seen.tip.clone(), now));
        self.heals.waiting.push(seen);
        self.heals.look_at.get_or_insert(now + HEAL_LOOK_EVERY);
    }

    /// Another node asks for a heal: this chain is compared with the stream, though not more often than it may be.
    pub(super) fn heard_heal(&mut self, facts: &Facts) {
        self.heals.heard = !self.heals.may_read(facts.now);
        if !self.heals.heard {
            self.heals.read_at = Some(facts.now);
            self.read(None);
        }
    }

    /// Looks, in its turn, whether the stream was healed, where the time for that has come.
    pub(super) fn wake_heals(&mut self, facts: &Facts) {
        if self.heals.heard && self.heals.may_read(facts.now) {
            self.later(Task::Heard(Published::Heal));
            self.heals.heard = false;
        }
        if self.heals.look_at.is_some_and(|at| at <= facts.now) {
            self.heals.look_at = None;
            self.read_for_heals();
        }
    }

    fn read_for_heals(&mut self) {
        if self.work.is_none() {
            self.read(Some(Task::Looks));
        } else {
            self.queue.push_back(Task::Looks);
        }
    }

    /// The stream was read: answers those who waited for it or have waited long enough.
    pub(super) fn look_for_heals(&mut self, facts: &Facts) {
        for seen in std::mem::take(&mut self.heals.waiting) {
            if self.chain.has_tip(&seen.tip) || seen.until <= facts.now {
                // One of them may have to append what its browser gave back.
                self.queue.push_front(Task::Seen(Seen { is_given_back: true, ..seen }));
            } else {
                self.heals.waiting.push(seen);
            }
        }
        self.heals.look_at = (!self.heals.waiting.is_empty()).then(|| facts.now + HEAL_LOOK_EVERY);
    }

    pub(super) fn give_heals_up(&mut self) {
        for seen in std::mem::take(&mut self.heals.waiting) {
            self.out.push(Output::Seen(seen.ticket, Err(Refusal::unavailable())));
        }
    }

    /// Answers by what is known by now; what only this browser has is appended again first.
    fn answer_seen(&mut self, facts: &Facts, mut seen: Seen) {
        if self.chain.has_tip(&seen.tip) {
            let tip = self.chain.tip();
            return self.out.push(Output::Seen(seen.ticket, Ok(tip)));
        }
        let is_ahead = seen.tip.number > self.chain.tip().number;
        if is_ahead && facts.is_backup_away {
            return self.out.push(Output::Seen(seen.ticket, Err(Refusal::unavailable())));
        }
        let last = seen.opened.last();
        let is_proved = last.is_some_and(|(number, _)| number.checked_add(1) == Some(seen.tip.number));
        if is_ahead
            && self.is_seated(seen.account)
            && let Some(proposal) = self.given_back(&seen.tip, &seen.opened)
        {
            // Another node may append a part of it at the same time: what is missing then is given back next.
            self.note(Note::GivenBack(proposal.entries.len()));
            seen.is_given_back = true;
            return self.heal(proposal.at, proposal.entries, Some(Task::Seen(seen)));
        }
        let refusal = self.went_back(seen.account, is_proved);
        self.out.push(Output::Seen(seen.ticket, Err(refusal)));
    }

    /// Tells a seat that what it has seen is gone. It counts as a loss where the browser can prove that it was there.
    fn went_back(&mut self, account: AccountId, is_proved: bool) -> Refusal {
        if is_proved {
            self.note(Note::LostSeen);
        } else if self.is_seated(account) {
            self.note(Note::UnknownTip);
        }
        let words = format!("The game went back to move {}.", self.chain.tip().number.saturating_sub(1));
        let own = self.members.iter().filter(|member| member.account == account);
        let sessions = own.map(|member| member.session).collect();
        // What was seen of another chain may have left this one anywhere.
        let (code, table) = (NoticeCode::WentBack, Some(self.table));
        let update = Update::Notice { code, words: words.clone(), name: None, table, tip: None };
        self.out.push(Output::Tell(sessions, Box::new(update)));
        Refusal::new(RefusalCode::WentBack, words)
    }

    /// The records that only a browser still has: nobody but this cluster can have sealed them, and they are taken only if
    /// they follow what is there, up to the tip it has seen.
    fn given_back(&self, tip: &Tip, opened: &[(u32, Entry)]) -> Option<Proposal> {
        if self.is_without(Safeguard::Seal) {
            return None;
        }
        let at = self.chain.tip();
        let entries: Vec<Entry> = (at.number..)
            .zip(opened.iter().skip_while(|(number, _)| *number < at.number))
            .map_while(|(wanted, (number, entry))| (*number == wanted).then(|| entry.clone()))
            .collect();
        let mut tried = self.chain.clone();
        let is_taken =
            !entries.is_empty() && matches!(tried.take_unsaved(&at, &entries), Accepted::Applied(_));
        (is_taken && tried.has_tip(tip)).then_some(Proposal { at, entries })
    }
}
