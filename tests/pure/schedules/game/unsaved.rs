//! Playing on without the shard: both seats on one node, or when the other seat's node has the records, too.

use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::table::copy::{Accepted, Intent, Proposal};
use nineflags::table::record::{Entry, Tip};

use super::super::held::Place;
use super::super::plan::Without;
use super::browser::{Asked, Fate};
use super::keeper::Task;
use super::lines::Letter;
use super::{Checked, World};

/// Unsaved records of one table at most: then it freezes.
const UNSAVED_MAX: usize = 8;

/// A proposal that is applied once the other seat's node has it.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) asked: Asked,
    proposal: Proposal,
}

/// Who can get a record in while the shard is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Both seats are here: nobody else.
    Here,
    /// The other seat is at another node.
    Apart,
    /// Nobody knows.
    Unknown,
}

impl World {
    /// How the table could play on without its shard.
    pub(super) fn reach(&self, node: usize) -> Reach {
        let known = &self.nodes[node];
        let is_here = |browser: usize| known.sessions[browser].is_some_and(|session| session.entered);
        match [0, 1].map(is_here) {
            [true, true] => Reach::Here,
            _ if !self.plan.apart || known.away[0] => Reach::Unknown,
            _ if self.plan.without == Without::Consent => Reach::Here,
            _ => Reach::Apart,
        }
    }

    /// Carries a request out without the shard.
    pub(super) fn ask_unsaved(&mut self, node: usize, asked: Asked, proposal: Proposal) -> Checked<()> {
        let copy = self.nodes[node].copy.as_ref().expect("it is there");
        let ends = asked.intent == Intent::Moves(vec![Move::Resign]);
        let waits = ends && !self.plan.rivals && self.plan.without != Without::Backs;
        if waits || copy.unsaved().len() >= UNSAVED_MAX {
            return self.answer(node, &asked, &Fate::Unknown);
        }
        match self.reach(node) {
            Reach::Unknown => self.answer(node, &asked, &Fate::Unknown),
            Reach::Here => {
                self.keep_unsaved(node, &asked, proposal)?;
                self.share(node, None);
                Ok(())
            }
            Reach::Apart => {
                if let Some(before) = self.nodes[node].offered.take() {
                    self.answer(node, &before.asked, &Fate::Unknown)?;
                }
                let mut proposal = proposal;
                proposal.entries.iter_mut().for_each(|entry| entry.time_ms = self.now_ms);
                self.share(node, Some(&proposal));
                self.nodes[node].offered = Some(Offer { asked, proposal });
                Ok(())
            }
        }
    }

    fn keep_unsaved(&mut self, node: usize, asked: &Asked, proposal: Proposal) -> Checked<()> {
        let now_ms = self.now_ms;
        let copy = self.nodes[node].copy.as_mut().expect("it is there");
        match copy.apply_unsaved(proposal, now_ms) {
            Accepted::Applied(_) | Accepted::Already => {
                let tip = copy
                    .has_request(self.browsers[asked.browser].seat, &asked.request)
                    .ok_or("an unsaved request is not there")?;
                let unsaved = tip.number > copy.accepted().number;
                self.note(|_| format!("node {node} plays {} unsaved", asked.request));
                self.show(node)?;
                self.answer(node, asked, &Fate::Done(tip, unsaved))
            }
            Accepted::Gap | Accepted::Diverged => self.answer(node, asked, &Fate::Unknown),
        }
    }

    /// Tells the other nodes what is unsaved here, and what is offered.
    fn share(&mut self, node: usize, offered: Option<&Proposal>) {
        let copy = self.nodes[node].copy.as_ref().expect("it is there");
        let (at, mut entries) = (copy.accepted(), copy.unsaved().to_vec());
        entries.extend(offered.into_iter().flat_map(|proposal| proposal.entries.clone()));
        self.tell_unsaved(node, &at, &entries);
    }

    fn tell_unsaved(&mut self, node: usize, at: &Tip, entries: &[Entry]) {
        let from = self.place(node);
        for other in (0..self.nodes.len()).filter(|other| self.plan.apart && *other != node) {
            let (to, at, entries) = (self.place(other), at.clone(), entries.to_vec());
            self.letters.push(Letter::Unsaved { to, from, at, entries });
        }
    }

    /// Another node tells of records that the shard does not have.
    pub(super) fn heard_unsaved(
        &mut self,
        node: usize,
        from: Place,
        at: &Tip,
        entries: &[Entry],
    ) -> Checked<()> {
        if self.gives_way_to_own(node, at, entries) {
            return Ok(());
        }
        let Some(copy) = &mut self.nodes[node].copy else { return Ok(()) };
        let accepted = copy.take_unsaved(at, entries);
        match accepted {
            Accepted::Applied(_) | Accepted::Already => {
                self.note(|_| format!("node {node} takes unsaved records of {from:?}"));
                let seats = [0, 1].map(|seat| self.nodes[node].sessions[seat].is_some());
                let number = at.number + u32::try_from(entries.len()).expect("few");
                self.letters.push(Letter::Took { to: from, seats, number });
                self.show(node)?;
            }
            Accepted::Gap => {
                let tip = self.nodes[node].copy.as_ref().expect("it is there").tip();
                self.letters.push(Letter::Lacks { to: from, tip });
            }
            // Whatever the shard takes first is right.
            Accepted::Diverged => {}
        }
        self.settle_offer(node, false)
    }

    /// Where both seats offer at once, the first seat's comes first on both nodes.
    fn gives_way_to_own(&self, node: usize, at: &Tip, entries: &[Entry]) -> bool {
        let Some(own) = &self.nodes[node].offered else { return false };
        let Some(behind) = own.proposal.at.number.checked_sub(at.number) else { return false };
        let rival = entries.get(behind as usize);
        let first = self.browsers[own.asked.browser].seat == Seat::First;
        let first = first && self.plan.without != Without::TieBreak;
        first && rival.is_some_and(|rival| !rival.is_of(Seat::First, &own.asked.request))
    }

    /// A node has the records told of, and these seats with it.
    pub(super) fn heard_took(&mut self, node: usize, seats: [bool; 2], number: u32) -> Checked<()> {
        let taken = self.nodes[node].offered.take_if(|own| {
            let end = own.proposal.at.number as usize + own.proposal.entries.len();
            number as usize >= end && seats[1 - own.asked.browser]
        });
        match taken {
            Some(Offer { asked, proposal }) => self.keep_unsaved(node, &asked, proposal),
            None => Ok(()),
        }
    }

    /// A node lacks records before those that were told of.
    pub(super) fn heard_lacks(&mut self, node: usize, tip: &Tip) {
        let known = &self.nodes[node];
        let Some(mut entries) = known.copy.as_ref().and_then(|copy| copy.missing_after(tip)) else { return };
        entries.extend(known.offered.iter().flat_map(|own| own.proposal.entries.clone()));
        self.tell_unsaved(node, tip, &entries);
    }

    /// Answers an offer that is decided, or waited for long enough.
    pub(super) fn settle_offer(&mut self, node: usize, late: bool) -> Checked<()> {
        let known = &self.nodes[node];
        let (Some(own), Some(copy)) = (&known.offered, &known.copy) else { return Ok(()) };
        let fate =
            if let Some(tip) = copy.has_request(self.browsers[own.asked.browser].seat, &own.asked.request) {
                let unsaved = tip.number > copy.accepted().number;
                Fate::Done(tip, unsaved)
            } else if own.proposal.at != copy.tip() {
                Fate::Refused
            } else if late {
                Fate::Unknown
            } else {
                return Ok(());
            };
        self.checks.tally.gave_way += usize::from(matches!(fate, Fate::Refused));
        let own = self.nodes[node].offered.take().expect("it was there");
        self.answer(node, &own.asked, &fate)
    }

    /// Writes what is unsaved, if the shard is there.
    pub(super) fn flush(&mut self, node: usize) -> Checked<()> {
        let known = &self.nodes[node];
        let unsaved = known.copy.as_ref().is_some_and(|copy| !copy.unsaved().is_empty());
        let waits = known.stopped || known.work.is_some() || known.away[self.shard()];
        if unsaved && !waits { self.give(node, Task::Reload) } else { Ok(()) }
    }
}
