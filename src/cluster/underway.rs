//! Records appended from this node: which are not known to be saved yet, and how long their publications take.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::ids::TableId;
use crate::metrics;
use crate::redis::error::StoreError;
use crate::table::copy::{Answer, Proposal};

/// Publications of one table that are waited for, at most; the oldest is forgotten, which happens when the bus is down.
const UNHEARD_MAX: usize = 16;

/// For each table what is not saved or not heard yet: a table's keeper appends one after the other.
#[derive(Debug, Default)]
pub struct Underway {
    tables: Mutex<HashMap<TableId, Sent>>,
}

/// What was sent for one table.
#[derive(Debug, Default)]
struct Sent {
    /// The first record that is not known to be saved.
    first_unsaved: u32,
    /// One after the last record sent.
    end: u32,
    /// The first record of each append that was not heard yet, and when it was sent.
    unheard: Vec<(u32, Instant)>,
}

impl Sent {
    fn is_settled(&self) -> bool {
        self.unheard.is_empty() && self.first_unsaved >= self.end
    }
}

impl Underway {
    /// A proposal is sent to the store now; gives when that is.
    pub fn sent(&self, table: TableId, proposal: &Proposal) -> Instant {
        let at = Instant::now();
        let first = proposal.at.number;
        let end = first.saturating_add(u32::try_from(proposal.entries.len()).unwrap_or(u32::MAX));
        let mut tables = self.lock();
        let sent = tables.entry(table).or_default();
        if sent.first_unsaved >= sent.end {
            sent.first_unsaved = first;
        }
        sent.end = end;
        if sent.unheard.len() == UNHEARD_MAX {
            sent.unheard.remove(0);
        }
        sent.unheard.push((first, at));
        at
    }

    /// A group answered what was sent at a time, or did not. Its publication, and that it is saved, may be known already.
    pub fn answered(
        &self,
        group: &str,
        table: TableId,
        proposal: &Proposal,
        at: Instant,
        answer: &Result<Answer, StoreError>,
    ) {
        let (measured, accepted) = match answer {
            Ok(Answer::Appended { .. }) => return metrics::append(proposal.entries.len(), at.elapsed()),
            // Accepted before: nothing is published now.
            Ok(Answer::Already { .. }) => (true, true),
            Ok(_) => (true, false),
            Err(_) => (false, false),
        };
        if measured {
            metrics::append(0, at.elapsed());
        } else {
            metrics::redis_error(group);
        }
        if let Slot::Occupied(mut slot) = self.lock().entry(table) {
            let sent = slot.get_mut();
            sent.unheard.retain(|(_, sent_at)| *sent_at != at);
            sent.end = if accepted { sent.end } else { proposal.at.number };
            if sent.is_settled() {
                slot.remove();
            }
        }
    }

    /// All records of a table up to a number are saved.
    pub fn saved(&self, table: TableId, number: u32) {
        if let Slot::Occupied(mut slot) = self.lock().entry(table) {
            let sent = slot.get_mut();
            sent.first_unsaved = sent.first_unsaved.max(number);
            if sent.is_settled() {
                slot.remove();
            }
        }
    }

    /// Records appended by this node were published on a table's channel, from this number on. Whether that is of no use
    /// here, since whoever appended them is told by the answer: it is when that has no known fate.
    pub fn heard(&self, table: TableId, first: u32) -> bool {
        let mut tables = self.lock();
        let Slot::Occupied(mut slot) = tables.entry(table) else { return false };
        let sent = slot.get_mut();
        let Some(place) = sent.unheard.iter().position(|(sent, _)| *sent == first) else { return false };
        metrics::delivery(sent.unheard.remove(place).1.elapsed());
        if sent.is_settled() {
            slot.remove();
        }
        true
    }

    /// A table is kept here no longer.
    pub fn forget(&self, table: TableId) {
        self.lock().remove(&table);
    }

    /// Records that are not known to be saved.
    pub fn unsaved(&self) -> u64 {
        self.lock().values().map(|sent| u64::from(sent.end.saturating_sub(sent.first_unsaved))).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TableId, Sent>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Underway;
    use crate::ids::TableId;
    use crate::redis::error::StoreError;
    use crate::table::copy::{Answer, Proposal};
    use crate::table::record::Tip;

    #[test]
    fn a_publication_is_of_no_use_unless_its_append_has_no_known_fate() {
        let (underway, table) = (Underway::default(), TableId(Uuid::from_u128(1)));
        let at = |number| Proposal { at: Tip { number, ..Tip::default() }, entries: Vec::new() };
        assert!(!underway.heard(table, 3), "nothing was sent");
        underway.sent(table, &at(3));
        assert!(underway.heard(table, 3), "its answer comes");
        assert!(!underway.heard(table, 3), "the same number again is of another append");
        let sent = underway.sent(table, &at(4));
        let late = Err(StoreError::Unavailable("no answer".to_owned()));
        underway.answered("data", table, &at(4), sent, &late);
        assert!(!underway.heard(table, 4), "nobody knows whether it was appended");
        let sent = underway.sent(table, &at(5));
        underway.answered("data", table, &at(5), sent, &Ok(Answer::Appended { time_ms: 1 }));
        assert!(underway.heard(table, 5), "its answer was there first");
    }
}
