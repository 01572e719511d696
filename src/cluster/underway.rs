//! Records appended from this node: which are not known to be saved yet, and how long their publications take.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Deserialize;

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

/// Just enough of a publication to know which records it tells of.
#[derive(Deserialize)]
struct Told {
    kind: String,
    from: Option<u32>,
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

    /// Something was published on a table's channel.
    pub fn heard(&self, table: TableId, payload: &str) {
        if let Slot::Occupied(mut slot) = self.lock().entry(table) {
            let sent = slot.get_mut();
            if let Some(first) = first_told(payload)
                && let Some(place) = sent.unheard.iter().position(|(sent, _)| *sent == first)
            {
                metrics::delivery(sent.unheard.remove(place).1.elapsed());
            }
            if sent.is_settled() {
                slot.remove();
            }
        }
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

/// The first record a publication tells of.
fn first_told(payload: &str) -> Option<u32> {
    serde_json::from_str::<Told>(payload).ok().filter(|told| told.kind == "records")?.from
}
