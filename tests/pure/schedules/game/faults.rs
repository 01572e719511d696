//! What goes wrong: nodes, Redis groups, subscribers and clocks.

use super::super::held::Place;
use super::super::plan::Fault;
use super::lines::Letter;
use super::{Checked, NODES, Node, World};
use crate::model::append::Stream;

impl World {
    pub(super) fn fault(&mut self) -> Checked<()> {
        match self.dice.below(103) {
            0..=29 => {
                let (browser, node) = (self.dice.below(2), self.dice.below(NODES));
                return self.connect(browser, node);
            }
            30..=41 => {
                let node = self.dice.below(NODES);
                self.crash(node);
            }
            42..=47 => {
                let node = self.dice.below(NODES);
                self.hit(Fault::Deaf);
                self.note(|_| format!("node {node} hears nothing any more"));
                self.nodes[node].deaf = true;
            }
            48..=59 if self.plan.zombies => {
                let node = self.dice.below(NODES);
                return self.stop_or_continue(node);
            }
            60..=79 if self.plan.failovers => {
                let group = self.dice.below(self.groups.len());
                self.fail_over_or_turn(group);
            }
            80..=92 if self.plan.absences => self.leave_or_come_back(),
            93..=99 if self.plan.clocks => {
                self.hit(Fault::Jump);
                let (group, server) = (self.dice.below(self.groups.len()), self.dice.below(3));
                let skew_ms = i64::try_from(self.dice.below(120_000)).expect("small") - 60_000;
                self.groups[group].jump(server, skew_ms);
            }
            100.. => {
                let (node, slow_ms) = (self.dice.below(NODES), 500 + self.dice.below(3_000) as u64);
                self.hit(Fault::Slow);
                self.note(|_| format!("node {node} is slow for {slow_ms} ms"));
                self.nodes[node].slow_until_ms = self.now_ms + slow_ms;
            }
            _ => {}
        }
        Ok(())
    }

    fn crash(&mut self, node: usize) {
        let life = self.nodes[node].life + 1;
        let mut primary = [0; 2];
        for (group, known) in self.groups.iter().enumerate() {
            primary[group] = known.primary();
        }
        self.hit(Fault::Crash);
        let is_old = self.nodes[node].is_old && self.dice.chance(500);
        if self.nodes[node].is_old != is_old {
            self.hit(Fault::Upgrade);
        }
        self.note(|_| format!("node {node} dies, and comes back with the previous release: {is_old}"));
        self.nodes[node] = Node { is_old, ..Node::new(life, primary) };
        for (group, known) in self.groups.iter().enumerate() {
            self.nodes[node].hears[group] = known.line(primary[group]);
        }
    }

    pub(super) fn stop_or_continue(&mut self, node: usize) -> Checked<()> {
        let known = &mut self.nodes[node];
        known.stopped = !known.stopped;
        let stopped = known.stopped;
        self.note(|_| format!("node {node} is stopped: {stopped}"));
        if stopped {
            self.hit(Fault::Stop);
            return Ok(());
        }
        // What browsers left meanwhile is noticed now.
        let place = self.place(node);
        for browser in [0, 1] {
            if self.browsers[browser].place != Some(place) {
                self.leave(node, browser)?;
            }
        }
        self.wake(node)
    }

    fn fail_over_or_turn(&mut self, group: usize) {
        if self.dice.below(3) > 0 {
            let before = self.streams(group);
            self.groups[group].turn_one(&mut self.dice);
            let primaries = self.groups[group].primaries();
            for (_, stream) in before.iter().filter(|(server, _)| !primaries.contains(server)) {
                self.note_losses(group, stream);
            }
            return;
        }
        let stream = self.groups[group].data().stream.clone();
        let dies = self.dice.below(2) == 0;
        if self.groups[group].fail_over(dies, &mut self.dice) {
            self.hit(Fault::Failover);
            self.note(|world| format!("group {group} fails over: {}", world.groups[group].roles()));
            self.note_losses(group, &stream);
            for node in 0..NODES {
                self.letters.push(Letter::Switch { to: self.place(node), group });
            }
        }
    }

    /// The shard goes away, or comes back with its data, behind, or empty.
    fn leave_or_come_back(&mut self) {
        let group = self.shard();
        if !self.groups[group].is_away() {
            self.hit(Fault::Absence);
            self.note(|_| format!("group {group} is away"));
            self.groups[group].leave();
            return;
        }
        let (base, length) =
            (self.groups[group].base(), self.groups[group].length(self.groups[group].primary()));
        let kept = match self.dice.below(4) {
            0 if self.plan.apart => Some(0),
            1 => Some(length.saturating_sub(1 + self.dice.below(4)).max(base)),
            _ => None,
        };
        self.come_back(group, kept);
    }

    /// A group is as it should be, with what its primary has, or only the first so many writes of that.
    pub(super) fn come_back(&mut self, group: usize, kept: Option<usize>) {
        let before = self.streams(group);
        self.groups[group].come_back(kept);
        self.note(|world| format!("group {group} is back: {}", world.groups[group].roles()));
        self.checks.wiped |= kept.is_some();
        for (_, stream) in &before {
            self.note_losses(group, stream);
        }
    }

    /// What each server that takes itself for the primary has.
    fn streams(&self, group: usize) -> Vec<(usize, Stream)> {
        let stream = |server: &usize| self.groups[group].server(*server).data.stream.clone();
        self.groups[group].primaries().iter().map(|server| (*server, stream(server))).collect()
    }

    /// The nodes that hold a record now, by its place and hash.
    pub(super) fn holders(&self, number: usize, hash: &nineflags::table::record::Hash) -> Vec<Place> {
        let holds = |node: &usize| {
            let held = self.chain(*node).and_then(|chain| chain.entries().get(number));
            held.is_some_and(|held| held.hash == *hash)
        };
        (0..NODES).filter(holds).map(|node| self.place(node)).collect()
    }
}
