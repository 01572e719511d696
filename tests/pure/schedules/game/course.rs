//! What a keeper does for a browser that has seen more, and with a game that is over.

use nineflags::table::copy::{Accepted, Proposal};
use nineflags::table::record::Tip;

use super::super::held::Command;
use super::super::plan::Without;
use super::keeper::{Task, Work};
use super::lines::Letter;
use super::{Checked, World, is_over};

/// How often it is looked whether other nodes have healed a stream.
const LOOKS: u32 = 3;

impl World {
    /// A browser tells which tip it has seen.
    pub(super) fn seen(
        &mut self,
        node: usize,
        browser: usize,
        session: u32,
        tip: &Tip,
        looks: u32,
    ) -> Checked<()> {
        let copy = self.nodes[node].copy.as_ref().expect("it is there");
        if copy.has_tip(tip) {
            return self.welcome(node, browser, session);
        }
        if self.nodes[node].away[self.shard()] && tip.number > copy.tip().number {
            // It is asked again; nobody is told anything meanwhile.
            return Ok(());
        }
        let ahead = tip.number > copy.tip().number;
        if looks < LOOKS && (ahead || looks == 0) {
            if looks == 1 {
                self.ask_to_heal(node);
            }
            let again = Task::Seen { browser, session, tip: tip.clone(), looks: looks + 1 };
            if looks == 0 {
                self.read(node, Some(again));
            } else {
                // Everybody else is served between the looks; the same browser's requests come after it.
                self.read(node, None);
                let inbox = std::mem::take(&mut self.nodes[node].inbox);
                let is_own = |task: &Task| matches!(task, Task::Ask(asked) if asked.browser == browser);
                let (own, others): (Vec<Task>, Vec<Task>) = inbox.into_iter().partition(is_own);
                self.nodes[node].inbox.extend(others.into_iter().chain([again]).chain(own));
            }
            return Ok(());
        }
        if let Some(proposal) = self.given_back(node, browser, tip) {
            self.heal(node, proposal, Some(Task::Seen { browser, session, tip: tip.clone(), looks }));
            return Ok(());
        }
        self.note(|_| format!("browser {browser} has seen {tip:?}, which is gone"));
        self.tell_one_went_back(node, browser, session);
        self.welcome(node, browser, session)
    }

    /// The records that only a browser still has, if they follow what is there up to the tip it has seen.
    fn given_back(&self, node: usize, browser: usize, tip: &Tip) -> Option<Proposal> {
        let mut tried = self.nodes[node].copy.clone()?;
        let (at, (from, kept)) = (tried.tip(), &self.browsers[browser].kept);
        let entries = kept.get(at.number.checked_sub(*from)? as usize..)?.to_vec();
        let taken = matches!(tried.take_unsaved(&at, &entries), Accepted::Applied(_));
        let whole = taken && tried.has_tip(tip) && self.plan.without != Without::Sealed;
        whole.then_some(Proposal { at, entries })
    }

    fn ask_to_heal(&mut self, node: usize) {
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            self.letters.push(Letter::HealAsk { to: self.place(other) });
        }
    }

    /// A finished game is put away step by step; each may be repeated by any node.
    pub(super) fn put_away(&mut self, node: usize) {
        let known = &self.nodes[node];
        let Some(copy) = known.copy.as_ref().filter(|copy| is_over(copy)) else { return };
        let saved = known.saved >= copy.tip().number
            || (self.plan.without == Without::SavedEnd && copy.unsaved().is_empty());
        if known.stopped || known.work.is_some() || !saved {
            return;
        }
        let command = match known.put_away {
            0 => Command::Archive(copy.entries().to_vec()),
            _ => Command::Close,
        };
        self.wait(node, 0, command, Work::PutAway);
    }

    pub(super) fn put_away_step(&mut self, node: usize) {
        self.nodes[node].put_away += 1;
        if self.nodes[node].put_away == 2 {
            self.close(node);
        }
    }
}
