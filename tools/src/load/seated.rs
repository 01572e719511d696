//! A table a player bot sits at: what it may do there, and what it remembers.

use std::collections::BTreeMap;
use std::sync::Arc;

use nineflags::ids::TableId;
use nineflags::rules::view::View;
use nineflags::table::record::Tip;
use nineflags::table::seal::SEALED_MAX;
use tokio::time::Instant;

use super::choice::{Dice, choose};
use super::frame::TableHeard;
use super::measure::{Flights, Meters};
use super::memory::Witness;

/// A table a bot sits at.
pub struct Seated {
    /// What it remembers.
    pub witness: Witness,
    /// Moves on their way.
    pub flights: Arc<Flights>,
    /// The newest tip.
    pub tip: Tip,
    /// What may be chosen there.
    pub to_choose: Option<Box<View>>,
    /// The end was seen.
    pub over: bool,
    /// The game is to be looked for in the archive, for the seat is gone.
    pub unsure: bool,
    /// When it was last shown.
    pub heard: Instant,
    /// A view that is older than the newest: it stands if the game went back.
    behind: Option<TableHeard>,
    /// Records that are not known to be saved, sealed, by their number; to be given back to whoever has lost them.
    sealed: BTreeMap<u32, String>,
    /// The tip of the last view over this connection.
    shown: Option<Tip>,
    /// Over this connection a view went back, in words, until it is said why.
    fell: Option<String>,
}

impl Seated {
    /// A table that was not shown yet.
    pub fn new(table: TableId, who: &str, flights: Arc<Flights>) -> Self {
        Self {
            witness: Witness::new(table, who),
            flights,
            tip: Tip::default(),
            to_choose: None,
            over: false,
            unsure: false,
            heard: Instant::now(),
            behind: None,
            sealed: BTreeMap::new(),
            shown: None,
            fell: None,
        }
    }

    /// The sealed records it holds, oldest first.
    pub fn sealed(&self) -> Vec<String> {
        self.sealed.values().cloned().collect()
    }

    /// It was told that so many records are saved.
    pub fn hear_saved(&mut self, number: u32) {
        self.witness.hear_saved(number);
        self.sealed.retain(|at, _| *at >= number);
    }

    /// The connection was lost: the next node need not have what this one had, and says so if asked.
    pub fn lose_connection(&mut self) {
        (self.shown, self.fell) = (None, None);
        self.witness.lose_connection();
    }

    /// What it remembers, once it is done with the table.
    pub fn into_witness(mut self) -> Witness {
        self.notice_silence();
        self.witness
    }

    /// A view that went back must have been explained by now.
    fn notice_silence(&mut self) {
        self.witness.faults.extend(self.fell.take());
    }

    fn compare_with_shown(&mut self, tip: &Tip) {
        self.notice_silence();
        let shown = self.shown.replace(tip.clone());
        let Some(shown) = shown.filter(|shown| *shown != *tip && shown.number >= tip.number) else { return };
        self.fell =
            Some(format!("without a word the game went back from {} to {}", words(&shown), words(tip)));
    }

    /// The table.
    pub fn table(&self) -> TableId {
        self.witness.table
    }

    /// Takes a view in; true if it is new and there is something to choose.
    pub fn take(&mut self, heard: TableHeard, meters: &Meters) -> bool {
        self.heard = Instant::now();
        self.compare_with_shown(&heard.tip);
        self.witness.see(heard.seen, &heard.commitment, heard.ending);
        self.witness.hear_how_safe(&heard.tip, heard.unsaved, heard.saved);
        let first = heard.tip.number.saturating_sub(u32::try_from(heard.sealed.len()).unwrap_or(u32::MAX));
        self.sealed.extend((first..).zip(heard.sealed.iter().cloned()));
        while self.sealed.len() > SEALED_MAX {
            self.sealed.pop_first();
        }
        self.hear_saved(heard.saved);
        self.flights.seat_saw(heard.tip.number, heard.seen.viewer, meters);
        if heard.tip == self.tip {
            // Cards that were drawn unsaved are shown once their records are in the stream: who had to wait chooses now.
            let waits = self.to_choose.as_ref().is_some_and(|view| choose(view, &mut Dice::new(1)).is_none());
            if waits {
                self.to_choose = heard.to_choose;
            }
            return waits && self.to_choose.is_some();
        }
        if heard.tip.number < self.tip.number {
            self.behind = Some(heard);
            return false;
        }
        self.behind = None;
        self.tip = heard.tip;
        self.to_choose = heard.to_choose;
        self.over |= heard.ending.is_some();
        self.to_choose.is_some()
    }

    /// It was told that the game went back: to the view that was too old until now, or to the next.
    pub fn went_back(&mut self, to: Option<u32>) {
        (self.shown, self.fell) = (None, None);
        self.sealed.clear();
        self.witness.hear_went_back(to);
        self.over = false;
        (self.tip, self.to_choose) =
            self.behind.take().map_or_else(Default::default, |heard| (heard.tip, heard.to_choose));
    }
}

fn words(tip: &Tip) -> String {
    format!("{} ({:.6})", tip.number, tip.hash.to_string())
}
