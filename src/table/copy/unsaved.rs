//! Records that a copy has and the stream does not: applied while the backup is away, written when it is back, or undone.

use super::{Accepted, Broken, Copy, Proposal};
use crate::table::record::{Entry, Tip};

/// What became of a copy that was compared with the whole stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// They were equal.
    Same,
    /// The stream had more, which is applied.
    Applied,
    /// The copy has more: append it.
    Heal {
        /// The stream's tip.
        at: Tip,
        /// The records it lacks.
        entries: Vec<Entry>,
    },
    /// The stream has other records: the copy is made equal to it, and whoever saw the copy has to be told.
    WentBack {
        /// The tip up to which both were the same.
        to: Tip,
        /// The copy's records after it, which no longer count.
        undone: Vec<Entry>,
    },
}

impl Copy {
    /// The records that are not known to be in the stream.
    pub fn unsaved(&self) -> &[Entry] {
        &self.entries[self.accepted..]
    }

    /// The last records, so many at most, and the tip they follow.
    pub fn last(&self, most: u32) -> (Tip, Vec<Entry>) {
        let at =
            self.tip_after(self.entries.len().saturating_sub(usize::try_from(most).unwrap_or(usize::MAX)));
        let entries = self.entries[count(&at)..].to_vec();
        (at, entries)
    }

    /// Applies a proposal that the stream does not have, all of it or nothing.
    pub fn apply_unsaved(&mut self, proposal: Proposal, time_ms: u64) -> Accepted {
        let mut entries = proposal.entries;
        for entry in &mut entries {
            entry.time_ms = time_ms;
        }
        self.take_unsaved(&proposal.at, &entries)
    }

    /// Takes in records that another copy has and the stream does not, from its tip on: all of them or nothing.
    pub fn take_unsaved(&mut self, at: &Tip, entries: &[Entry]) -> Accepted {
        if at.number > self.tip().number {
            return Accepted::Gap;
        }
        if !self.has_tip(at) {
            return Accepted::Diverged;
        }
        let held = &self.entries[count(at)..];
        if held.iter().zip(entries).any(|(held, entry)| held.hash != entry.hash) {
            return Accepted::Diverged;
        }
        let new = entries.get(held.len()..).unwrap_or_default();
        let (before, length) = (self.state.clone(), self.entries.len());
        for entry in new {
            // Nodes' clocks differ, and one record may be stamped by two of them: times of one game never go back.
            let last_ms = self.entries.last().map_or(0, |entry| entry.time_ms);
            if self.push(Entry { time_ms: entry.time_ms.max(last_ms), ..entry.clone() }).is_err() {
                self.entries.truncate(length);
                self.state = before;
                return Accepted::Diverged;
            }
        }
        if new.is_empty() { Accepted::Already } else { Accepted::Applied(new.len()) }
    }

    /// Makes no unsaved record older than the one before it: the stream stamps records anew, and its clock is another.
    pub(super) fn keep_times_in_order(&mut self) {
        let mut last_ms = self.entries[..self.accepted].last().map_or(0, |entry| entry.time_ms);
        for entry in &mut self.entries[self.accepted..] {
            last_ms = last_ms.max(entry.time_ms);
            entry.time_ms = last_ms;
        }
    }

    /// Compares the copy with the stream as it was just read, which is right wherever they differ.
    pub fn reconcile(&mut self, stream: Vec<Entry>) -> Result<Reconciled, Broken> {
        let read = Self::from_entries(self.table, stream)?;
        let (own, at) = (self.tip(), read.tip());
        if own == at {
            *self = read;
            return Ok(Reconciled::Same);
        }
        if self.has_tip(&at) && at.number < own.number {
            self.accept_up_to(count(&at));
            for (held, read) in self.entries.iter_mut().zip(&read.entries) {
                held.time_ms = read.time_ms;
            }
            self.keep_times_in_order();
            let entries = self.unsaved().to_vec();
            return Ok(Reconciled::Heal { at, entries });
        }
        let alike = |(held, read): &(&Entry, &Entry)| held.hash == read.hash;
        let common = self.entries.iter().zip(&read.entries).take_while(alike).count();
        let undone = self.entries.split_off(common);
        *self = read;
        if undone.is_empty() {
            return Ok(Reconciled::Applied);
        }
        Ok(Reconciled::WentBack { to: self.tip_after(common), undone })
    }
}

/// How many records a tip is after.
fn count(tip: &Tip) -> usize {
    usize::try_from(tip.number).unwrap_or(usize::MAX)
}
