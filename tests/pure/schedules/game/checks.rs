//! What may never happen, each with words.

use std::collections::HashSet;

use nineflags::host::{Host, Note};
use nineflags::ids::RequestId;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::{View, Viewer};
use nineflags::table::copy::{Copy, Intent};
use nineflags::table::record::{Entry, Hash, Tip};

use super::super::held::{Mover, Place};
use super::super::plan::{Fault, Tally, Without};
use super::super::redis::Offset;
use super::browser::Asked;
use super::{Checked, World, is_over};
use crate::model::append::Stream;
use crate::model::game::table;

/// What is remembered to be judged at the end.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) tally: Tally,
    pub(super) refused: Vec<(Seat, RequestId)>,
    done: Vec<Done>,
    /// Records that were called saved.
    saved: Vec<(u32, Hash)>,
    /// Records that all replicas had at one time.
    durable: HashSet<Hash>,
    /// Records that a stream had at one time.
    had: HashSet<Hash>,
    lost: Vec<Lost>,
    /// The shard came back without all that it had.
    pub(super) wiped: bool,
}

/// A request that was answered as done.
struct Done {
    browser: usize,
    request: RequestId,
    tip: Tip,
    /// The hashes of all records up to its own.
    chain: Vec<Hash>,
    unsaved: bool,
    /// The browser was told that the game went back before it.
    told: bool,
}

/// A record that a stream had once, or a browser saw as unsaved.
struct Lost {
    /// By whom, and the id it gave.
    request: (Seat, RequestId),
    /// The hashes up to the record.
    chain: Vec<Hash>,
    /// The nodes that held it.
    holders: Vec<Place>,
    /// There were some when the stream lost it.
    held: bool,
}

impl Checks {
    /// A node let its table go, at which nobody looked: it holds nothing of it any more.
    pub(super) fn let_go(&mut self, place: Place) {
        for lost in &mut self.lost {
            lost.holders.retain(|holder| *holder != place);
        }
    }

    /// A browser was told that these of its requests no longer count.
    pub(super) fn told(&mut self, browser: usize, gone: impl Fn(&Tip) -> bool) {
        self.tally.told += 1;
        for done in &mut self.done {
            done.told |= done.browser == browser && gone(&done.tip);
        }
    }
}

fn hashes(entries: &[Entry]) -> Vec<Hash> {
    entries.iter().map(|entry| entry.hash.clone()).collect()
}

impl World {
    /// Checks what was just appended to a server's stream.
    pub(super) fn check_append(
        &mut self,
        group: usize,
        server: usize,
        new: &[Entry],
        mover: Option<Mover>,
    ) -> Checked<()> {
        let held = &self.groups[group].server(server).data;
        let stream = &held.stream.entries;
        let before = stream.len() - new.len();
        for (number, entry) in (before..).zip(new) {
            if stream[..before].iter().any(|old| old.is_of(entry.seat, &entry.request)) {
                return Err(format!("request {} was applied twice", entry.request));
            }
            let tip = number.checked_sub(1).map(|last| stream[last].hash.clone()).unwrap_or_default();
            let at = u32::try_from(number).expect("small");
            if entry.hash_after(&tip, at).as_ref() != Some(&entry.hash) {
                return Err(format!("record {number} does not follow those before it"));
            }
            if number > 0 && stream[number - 1].time_ms > entry.time_ms {
                return Err(format!("record {number} is older than the one before it"));
            }
        }
        let live = |mover: &Mover| held.online[mover.seat].is_some_and(|live| live.session == mover.session);
        if mover.is_some_and(|mover| !live(&mover)) {
            return Err("a session appended that was not the live one".to_owned());
        }
        self.checks.had.extend(new.iter().map(|entry| entry.hash.clone()));
        Ok(())
    }

    /// A node of the previous release is given no record of a form that it cannot read.
    pub(super) fn check_read(&self, node: usize, entries: &[Entry]) -> Checked<()> {
        match entries.iter().position(|entry| entry.salt.is_some()) {
            Some(number) if self.nodes[node].is_old => Err(format!(
                "node {node} is of the previous release and cannot read {number} of some records"
            )),
            _ => Ok(()),
        }
    }

    /// A view shows no card of a hand that the last record which a stream ever had did not show: who takes back what came
    /// after it has learned nothing by it.
    pub(super) fn check_hands(&self, entries: &[Entry], viewer: Viewer, view: &View) -> Checked<()> {
        let known = entries.iter().rposition(|entry| self.checks.had.contains(&entry.hash));
        let known = known.map_or(1, |last| last + 1);
        if known == entries.len() {
            return Ok(());
        }
        let before = Copy::from_entries(table(), entries[..known].to_vec());
        let (before, _) = before.ok().and_then(|before| before.view(viewer)).ok_or("no game before")?;
        for seat in Seat::BOTH {
            let shown = |view: &View| view.hands[seat].cards.clone().unwrap_or_default();
            let earlier = shown(&before);
            if shown(view).iter().any(|card| !earlier.contains(card)) {
                return Err(format!("a view for {viewer:?} shows cards of {seat} that no stream has drawn"));
            }
        }
        Ok(())
    }

    /// What was chosen from a view was carried out in that position: a resignation may come later.
    pub(super) fn check_chosen(&self, node: usize, asked: &Asked) -> Checked<()> {
        let seat = self.browsers[asked.browser].seat;
        let entries = self.chain(node).map(Copy::entries).unwrap_or_default();
        let first = entries.iter().position(|entry| entry.is_of(seat, &asked.request));
        let is_resignation = asked.intent == Intent::Moves(vec![Move::Resign]);
        match first {
            Some(first) if first != asked.tip.number as usize && !is_resignation => Err(format!(
                "{} was chosen at {} and carried out at {first}",
                asked.request, asked.tip.number
            )),
            _ => Ok(()),
        }
    }

    pub(super) fn note_done(&mut self, browser: usize, request: RequestId, tip: Tip, unsaved: bool) {
        self.checks.tally.done += 1;
        let place = self.browsers[browser].place.expect("it is connected");
        let chain = self.chain(place.node).expect("it answered");
        let chain = hashes(&chain.entries()[..tip.number as usize]);
        if unsaved {
            self.checks.tally.unsaved += 1;
            let holders = self.holders(chain.len() - 1, &tip.hash);
            let (request, chain) = ((self.browsers[browser].seat, request.clone()), chain.clone());
            self.checks.lost.push(Lost { request, chain, holders, held: false });
        }
        self.checks.done.push(Done { browser, request, tip, chain, unsaved, told: false });
    }

    /// Records of a stream that the primary does not have.
    pub(super) fn note_losses(&mut self, group: usize, before: &Stream) {
        if group != self.shard() {
            return;
        }
        let now = hashes(&self.groups[group].data().stream.entries);
        let had = hashes(&before.entries);
        let common = had.iter().zip(&now).take_while(|(one, other)| one == other).count();
        for number in common..had.len() {
            let holders = self.holders(number, &had[number]);
            let entry = &before.entries[number];
            let request = (entry.seat, entry.request.clone());
            let (chain, held) = (had[..=number].to_vec(), !holders.is_empty());
            self.checks.lost.push(Lost { request, chain, holders, held });
        }
    }

    /// What a node notes: one that threw records away, since the stream has others, holds them no more.
    pub(super) fn noted(&mut self, node: usize, what: &Note) {
        match what {
            Note::WentBack(_) => {
                let place = self.place(node);
                let Some(now) = self.nodes[node].host.as_ref().map(Host::chain) else { return };
                for lost in &mut self.checks.lost {
                    let number = lost.chain.len() - 1;
                    let there = now.entries().get(number).map(|entry| &entry.hash);
                    if there != lost.chain.last() {
                        lost.holders.retain(|holder| *holder != place);
                    }
                }
            }
            Note::Healed(records) => self.checks.tally.healed += records,
            Note::GaveWay => self.checks.tally.gave_way += 1,
            _ => {}
        }
    }

    /// All replicas have so many writes of a server.
    pub(super) fn note_durable(&mut self, group: usize, server: usize, offset: Offset) {
        if !self.groups[group].is_saved(server, offset, false) {
            return;
        }
        for entry in self.groups[group].shared(server).stream.entries.iter().rev() {
            if !self.checks.durable.insert(entry.hash.clone()) {
                break;
            }
        }
    }

    /// A node tells its browsers that everything up to a record is saved.
    pub(super) fn called_saved(&mut self, node: usize, number: u32) -> Checked<()> {
        let Some(chain) = self.chain(node) else { return Ok(()) };
        let Some(entry) = chain.entries().get(number as usize - 1) else {
            return Err(format!("{number} records are called saved, and are not there"));
        };
        let hash = entry.hash.clone();
        if !self.checks.durable.contains(&hash) && self.plan.without != Without::WaitAll {
            return Err(format!("record {} is called saved, and a replica never had it", number - 1));
        }
        self.checks.tally.saved += 1;
        self.checks.saved.push((number - 1, hash));
        Ok(())
    }

    /// What must hold after every step.
    pub(super) fn check_step(&self) -> Checked<()> {
        let data = self.groups[0].data();
        if data.archive.len() > 1 {
            return Err("a game is in the archive twice".to_owned());
        }
        // A group that came back without its last writes may have lost the archive's, though it was on every replica.
        if data.closed && data.archive.is_empty() && !self.checks.wiped {
            return Err("a table is closed and its game is not in the archive".to_owned());
        }
        if self.checks.wiped {
            return Ok(());
        }
        let stream = &self.groups[self.shard()].data().stream.entries;
        for (number, hash) in self.checks.saved.iter().rev().take(1) {
            if stream.get(*number as usize).is_none_or(|entry| entry.hash != *hash) {
                return Err(format!("record {number} was called saved and is gone"));
            }
        }
        Ok(())
    }

    /// What must hold when all is quiet again.
    pub(super) fn judge(&mut self) -> Checked<Tally> {
        let data = self.groups[0].data();
        let stream = self.groups[self.shard()].data().stream.entries.clone();
        // A shard that lost the end with all that held it, before the table was closed, has the game going on.
        let revived = self.checks.wiped && !data.closed;
        let kept = data.archive.first().cloned().filter(|_| !revived);
        let truth = kept.clone().unwrap_or_else(|| stream.clone());
        let game = Copy::from_entries(table(), truth).map_err(|broken| format!("at the end {broken}"))?;
        let is_kept = kept.is_some() || self.checks.wiped;
        if is_over(&game) && !revived && !(is_kept && data.closed) {
            return Err("the game is over and not put away".to_owned());
        }
        if kept.is_some() && !is_over(&game) {
            return Err("an unfinished game is in the archive".to_owned());
        }
        self.judge_nodes(&game)?;
        self.judge_browsers()?;
        self.judge_saved(&game)?;
        let tally = self.judge_done(&game)?;
        Ok(tally)
    }

    fn judge_nodes(&self, game: &Copy) -> Checked<()> {
        for (number, node) in self.nodes.iter().enumerate() {
            let chain = node.host.as_ref().map(Host::chain);
            if let Some(chain) = chain.filter(|chain| chain.tip() != game.tip()) {
                let (own, there) = (chain.tip().number, game.tip().number);
                return Err(format!("node {number} ends at record {own}, the game at {there}"));
            }
        }
        for seat in (0..2).filter(|seat| !self.browsers[*seat].over) {
            let live = self.groups[0].data().online[seat].map(|live| live.session);
            let held: Vec<u32> =
                self.nodes.iter().filter_map(|node| node.sessions[seat]).map(|held| held.number).collect();
            if held.len() > 1 || held.first().is_some_and(|held| Some(*held) != live) {
                return Err(format!("seat {seat} has the live session {live:?} and the sessions {held:?}"));
            }
        }
        Ok(())
    }

    fn judge_browsers(&self) -> Checked<()> {
        for (number, browser) in self.browsers.iter().enumerate() {
            if let Some(open) = &browser.open {
                return Err(format!("request {} of browser {number} was never answered", open.request));
            }
            if !browser.over && !browser.welcomed {
                return Err(format!("browser {number} was never shown the game again"));
            }
            let closed = self.groups[0].data().closed;
            if closed && !browser.over {
                return Err(format!("browser {number} was never told that the table is closed"));
            }
        }
        Ok(())
    }

    fn judge_saved(&self, game: &Copy) -> Checked<()> {
        for (number, hash) in &self.checks.saved {
            let there = game.entries().get(*number as usize).is_some_and(|entry| entry.hash == *hash);
            if !there && !self.checks.wiped {
                return Err(format!("record {number} was called saved and is gone"));
            }
        }
        Ok(())
    }

    /// A request that was done is in the game, or its browser was told that it is gone and nobody could have kept it.
    fn judge_done(&self, game: &Copy) -> Checked<Tally> {
        let mut tally = self.checks.tally;
        for done in &self.checks.done {
            let seat = self.browsers[done.browser].seat;
            // The hash says which records there are; that another request of the seat made the same one is no loss.
            if game.has_tip(&done.tip) {
                continue;
            }
            if !done.unsaved && !self.plan.failovers && !self.plan.absences {
                return Err(format!(
                    "request {} was accepted and is gone without a fault of Redis",
                    done.request
                ));
            }
            tally.lost += 1;
            // Without the step of telling what was seen nobody can know.
            let excused = self.plan.without == Without::Seen || self.browsers[done.browser].over;
            if !done.told && !excused {
                return Err(format!("request {} was done and is gone without a word", done.request));
            }
            tally.held += usize::from(self.explain(game, seat, &done.request)?);
            let follows = game.entries().iter().zip(&done.chain).all(|(entry, hash)| entry.hash == *hash);
            let kept = !matches!(self.plan.without, Without::Seen | Without::Sealed);
            // Where saved records are gone, too, what follows them cannot be given back.
            if follows && kept && !self.checks.wiped {
                return Err(format!(
                    "request {} was done and is gone, and its browser held it",
                    done.request
                ));
            }
        }
        // After a failover a late append may find its tip again; without one a refusal stands.
        if !self.plan.failovers && !self.plan.absences {
            for (seat, request) in &self.checks.refused {
                if game.has_request(*seat, request).is_some() {
                    return Err(format!("request {request} was refused and yet applied"));
                }
            }
        }
        let unsaved = self.checks.done.iter().filter(|done| done.unsaved).count();
        tally.unsaved = unsaved;
        let salted = game.entries().iter().filter(|entry| entry.salt.is_some()).count();
        if salted > 0 && salted < game.entries().len() {
            tally.faults.count(Fault::Mixed);
        }
        tally.records = game.entries().len();
        tally.archived = self.groups[0].data().archive.len();
        Ok(tally)
    }

    /// A record that was answered as done may be gone only with all that held it, or because another got its number.
    /// Whether a node held it when the stream lost it.
    fn explain(&self, game: &Copy, seat: Seat, request: &RequestId) -> Checked<bool> {
        let is_it = |lost: &&Lost| lost.request.0 == seat && lost.request.1 == *request;
        let Some(lost) = self.checks.lost.iter().rev().find(is_it) else {
            // A shard that lost the end of a closed game may be played at until its keepers hear of that.
            if self.checks.wiped && self.groups[0].data().closed {
                return Ok(false);
            }
            return Err(format!("request {request} was done and is gone without a fault of Redis"));
        };
        let other = lost.chain.iter().zip(game.entries()).any(|(one, other)| *one != other.hash);
        if other || !lost.holders.iter().any(|holder| self.alive(*holder)) {
            return Ok(lost.held);
        }
        Err(format!("request {request} was done, is gone, and a node still held it"))
    }
}
