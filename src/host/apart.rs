//! Play while the backup is away: records are applied provisionally where nobody else can get one in first, shown as such,
//! and written in order, before anything new, when it is back.

use std::time::Duration;

use super::asks::Asking;
use super::{Acted, FLUSH_EVERY, Facts, Host, Note, Output, Published, Refusal, Safeguard, Ticket};
use crate::ids::{NodeId, RequestId};
use crate::protocol::RefusalCode;
use crate::rules::seat::Seat;
use crate::table::copy::{Accepted, Proposal};
use crate::table::record::{Entry, Tip};

/// An append without an answer for so long makes a table play on, if it may.
pub(super) const PLAYS_ON_AFTER: Duration = Duration::from_millis(700);
/// How long the node of the other seat may take to have a record, too.
const TAKEN_WITHIN: Duration = Duration::from_millis(1_500);
/// Records told to the other nodes when the backup goes away, at most: the last ones.
const LAST_TOLD: u32 = 8;

/// A proposal that is applied once the other seat's node has it, too.
#[derive(Debug)]
pub(super) struct Offered {
    request: RequestId,
    seat: Seat,
    proposal: Proposal,
    ticket: Ticket,
    until: Duration,
}

impl Offered {
    /// Until when the other node may take it.
    pub(super) fn until(&self) -> Duration {
        self.until
    }
}

/// Who can get a record in while the backup is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Both seats are here: nobody else.
    Here,
    /// The other seat is at another node, which can be asked over the data group.
    Apart,
    /// Nobody knows: the table waits.
    Unknown,
}

impl Host {
    /// How the table could play on without its backup.
    pub(super) fn reach(&self, facts: &Facts) -> Reach {
        let is_all_here = || Seat::BOTH.into_iter().all(|seat| self.is_here(seat));
        if self.settings.is_only_node || self.is_without(Safeguard::Consent) || is_all_here() {
            return Reach::Here;
        }
        if !facts.is_apart || facts.is_data_away { Reach::Unknown } else { Reach::Apart }
    }

    /// Whether a seat's player is at this node.
    pub(super) fn is_here(&self, seat: Seat) -> bool {
        self.members.iter().any(|member| self.chain.seat_of(member.account) == Some(seat))
    }

    /// Whether requests are to be carried out without the backup.
    pub(super) fn plays_on(&self, facts: &Facts) -> bool {
        !self.chain.unsaved().is_empty() || facts.is_backup_away
    }

    /// Whether it has done so for too long.
    fn check_frozen(&self, facts: &Facts) -> Result<(), Refusal> {
        let limit = self.settings.provisional_limit;
        match self.provisional_since {
            Some(since) if facts.now.saturating_sub(since) > limit => {
                let words = format!(
                    "The game has gone on unsaved for {} seconds, and waits now until it can be saved.",
                    limit.as_secs()
                );
                Err(Refusal::new(RefusalCode::Frozen, words))
            }
            _ => Ok(()),
        }
    }

    /// Applies a proposal here and now, although the backup does not have it.
    pub(super) fn keep_provisional(&mut self, facts: &Facts, proposal: Proposal) -> Result<Acted, Refusal> {
        self.check_frozen(facts)?;
        let accepted = self.chain.apply_unsaved(proposal, facts.now_ms);
        if !matches!(accepted, Accepted::Applied(_) | Accepted::Already) {
            return Err(Refusal::unavailable());
        }
        self.became_provisional(facts);
        self.show();
        self.share(facts, None);
        Ok(self.acted_at(self.chain.tip()))
    }

    /// Offers a proposal to the node of the other seat; it is applied here when that node has it.
    pub(super) fn offer(&mut self, facts: &Facts, seat: Seat, asking: Asking, mut proposal: Proposal) {
        if let Err(refusal) = self.check_frozen(facts) {
            return self.refuse(&asking, refusal);
        }
        if let Some(before) = self.offered.take() {
            // The same request again, or one that gives way to a newer one of the same browser.
            self.out.push(Output::Act(before.ticket, Err(Refusal::unavailable())));
        }
        for entry in &mut proposal.entries {
            entry.time_ms = facts.now_ms;
        }
        self.share(facts, Some(&proposal));
        let until = facts.now + TAKEN_WITHIN;
        self.offered =
            Some(Offered { request: asking.request, seat, proposal, ticket: asking.ticket, until });
    }

    /// Tells the other nodes what is provisional here, and what is offered.
    fn share(&mut self, facts: &Facts, offered: Option<&Proposal>) {
        let at = self.chain.accepted();
        let mut entries = self.chain.unsaved().to_vec();
        entries.extend(offered.into_iter().flat_map(|proposal| proposal.entries.clone()));
        self.tell_others(facts, Published::Unsaved { node: self.settings.node, at, entries });
    }

    /// Publishes something that other nodes hear only over a data group apart.
    fn tell_others(&mut self, facts: &Facts, published: Published) {
        if facts.is_apart {
            self.out.push(Output::Publish(published));
        }
    }

    /// Another node tells of records that the backup does not have.
    pub(super) fn heard_provisional(&mut self, facts: &Facts, from: NodeId, at: &Tip, entries: &[Entry]) {
        if from == self.settings.node {
            return;
        }
        if entries.is_empty() {
            return self.heard_of(facts, from, at);
        }
        if self.gives_way_to_own(at, entries) {
            return;
        }
        let accepted = self.chain.take_unsaved(at, entries);
        match accepted {
            Accepted::Applied(_) | Accepted::Already => {
                if accepted != Accepted::Already {
                    self.became_provisional(facts);
                    self.show();
                }
                let number = at.number.saturating_add(u32::try_from(entries.len()).unwrap_or(u32::MAX));
                let (by, seats) = (self.settings.node, self.seats_here());
                self.tell_others(facts, Published::Took { node: from, by, seats, number });
            }
            Accepted::Gap => {
                let (tip, by) = (self.chain.tip(), Some(self.settings.node));
                self.out.push(Output::Publish(Published::Lacks { node: from, tip, by }));
            }
            // Whatever the backup takes first is right; the others are told.
            Accepted::Diverged => self.note(Note::Warn("provisional records of two nodes differ")),
        }
        self.settle_offer(facts);
        if accepted != Accepted::Gap {
            let tip = self.chain.tip();
            self.heard_of(facts, from, &tip);
        }
    }

    /// Where both seats offer a record at once, the first seat's comes first on both nodes.
    fn gives_way_to_own(&self, at: &Tip, entries: &[Entry]) -> bool {
        let Some(own) = &self.offered else { return false };
        let Some(behind) = own.proposal.at.number.checked_sub(at.number) else { return false };
        let rival = usize::try_from(behind).ok().and_then(|behind| entries.get(behind));
        let comes_first = own.seat == Seat::First && !self.is_without(Safeguard::TieBreak);
        comes_first && rival.is_some_and(|rival| !rival.is_of(own.seat, &own.request))
    }

    /// A node has the records told of, and these seats with it.
    pub(super) fn heard_took(&mut self, facts: &Facts, of: NodeId, by: NodeId, seats: &[Seat], number: u32) {
        if of != self.settings.node || by == of {
            return;
        }
        let taken = self.offered.as_ref().filter(|own| {
            let end = own.proposal.at.number as usize + own.proposal.entries.len();
            number as usize >= end && seats.contains(&own.seat.other())
        });
        let Some(proposal) = taken.map(|own| own.proposal.clone()) else { return };
        if matches!(self.chain.apply_unsaved(proposal, facts.now_ms), Accepted::Applied(_)) {
            self.became_provisional(facts);
            self.show();
        }
        self.settle_offer(facts);
    }

    /// A node tells how far it is, and asks this one for what comes after that: also where nothing does.
    pub(super) fn heard_lacks(&mut self, facts: &Facts, of: NodeId, by: Option<NodeId>, tip: &Tip) {
        if let Some(by) = by {
            self.heard_of(facts, by, tip);
        }
        if of != self.settings.node || !self.chain.has_tip(tip) {
            return;
        }
        let mut entries = self.chain.missing_after(tip).unwrap_or_default();
        entries.extend(self.offered.iter().flat_map(|own| own.proposal.entries.clone()));
        self.out.push(Output::Publish(Published::Unsaved { node: of, at: tip.clone(), entries }));
    }

    /// Answers an offer that is decided: its records are here, others came first, or nobody answered.
    pub(super) fn settle_offer(&mut self, facts: &Facts) {
        let Some(own) = self.offered.take() else { return };
        let answer = if let Some(tip) = self.chain.has_request(own.seat, &own.request) {
            Ok(self.acted_at(tip))
        } else if own.proposal.at != self.chain.tip() {
            self.note(Note::GaveWay);
            self.show_news();
            Err(Refusal::old_tip())
        } else if facts.now >= own.until {
            Err(Refusal::unavailable())
        } else {
            self.offered = Some(own);
            return;
        };
        self.out.push(Output::Act(own.ticket, answer));
    }

    /// Tells the other nodes, once each time the backup goes away, what it took last: a publication may not have come out.
    pub(super) fn tell_last(&mut self, facts: &Facts) {
        let was_away = std::mem::replace(&mut self.told_last, facts.is_backup_away);
        if was_away || !facts.is_backup_away {
            return;
        }
        let (at, entries) = self.chain.last(LAST_TOLD);
        self.tell_others(facts, Published::Unsaved { node: self.settings.node, at, entries });
    }

    /// Writes what is provisional, if the backup is there; before anything new.
    pub(super) fn flush(&mut self, facts: &Facts) {
        if self.chain.unsaved().is_empty() || facts.is_backup_away {
            return self.settle_offer(facts);
        }
        self.read(None);
    }

    /// Notes since when records are provisional, and for how many of them others wait.
    pub(super) fn became_provisional(&mut self, facts: &Facts) {
        let provisional = self.chain.unsaved().len();
        self.out.push(Output::Provisional(provisional));
        self.flush_at = (provisional > 0).then(|| self.flush_at.unwrap_or(facts.now + FLUSH_EVERY));
        if provisional == 0 {
            if let Some(since) = self.provisional_since.take() {
                self.note(Note::Written(facts.now.saturating_sub(since)));
                self.show();
            }
        } else if self.provisional_since.is_none() {
            self.note(Note::PlaysOn);
            self.provisional_since = Some(facts.now);
        }
    }

    fn seats_here(&self) -> Vec<Seat> {
        self.members.iter().filter_map(|member| self.chain.seat_of(member.account)).collect()
    }
}
