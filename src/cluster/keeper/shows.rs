//! What seats and bench are shown: whole views, each audience's text made once.

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{Keeper, Member, text_of};
use crate::protocol::{TableView, Update, viewer_of};
use crate::rules::seat::Seat;
use crate::table::record::Entry;

impl Keeper {
    /// Sends every member the whole view; each audience's text is made once.
    pub(super) fn show(&mut self) {
        self.shown = self.copy.tip();
        let mut texts: [Option<Utf8Bytes>; 3] = [None, None, None];
        for member in &self.members {
            let seat = self.copy.seat_of(member.account);
            let audience = match seat {
                Some(Seat::First) => 0,
                Some(Seat::Second) => 1,
                None => 2,
            };
            let text = match &texts[audience] {
                Some(text) => text.clone(),
                None => match self.view(seat) {
                    Some(view) => texts[audience].insert(text_of(&Update::Table(Box::new(view)))).clone(),
                    None => return,
                },
            };
            member.outbox.send(text);
        }
    }

    /// The same if there is anything newer than what was shown.
    pub(super) fn show_news(&mut self) {
        if self.copy.tip() != self.shown {
            self.show();
        }
    }

    pub(super) fn show_to(&self, member: &Member) {
        if let Some(view) = self.view(self.copy.seat_of(member.account)) {
            member.outbox.send(text_of(&Update::Table(Box::new(view))));
        }
    }

    pub(super) fn tell_saved(&mut self, number: u32) {
        if number > self.saved {
            self.saved = number;
            let text = text_of(&Update::Saved { table: self.table, number });
            for member in &self.members {
                member.outbox.send(text.clone());
            }
        }
    }

    /// The records that are not saved, for a seat's browser to keep.
    fn sealed(&self) -> Vec<String> {
        let from = self.saved.min(self.copy.accepted().number);
        let unsaved = &self.copy.entries()[usize::try_from(from).unwrap_or(usize::MAX)..];
        self.shared.seals.seal(self.table, from, unsaved)
    }

    pub(super) fn view(&self, seat: Option<Seat>) -> Option<TableView> {
        let (view, log) = self.copy.view(viewer_of(seat))?;
        let start = self.copy.start()?;
        let time = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.time_ms);
        Some(TableView {
            table: self.table,
            tip: self.copy.tip(),
            saved: self.saved.min(self.copy.accepted().number),
            unsaved: self.copy.tip().number - self.copy.accepted().number,
            names: start.names.clone(),
            away_since_ms: self.info.away_since_ms,
            watchers: self.info.watchers,
            options: start.options,
            commitment: self.copy.commitment().to_owned(),
            started_ms: time(self.copy.entries().first()),
            last_ms: time(self.copy.entries().last()),
            stopped: self.copy.stopped(),
            view,
            log,
            sealed: seat.map_or_else(Vec::new, |_| self.sealed()),
        })
    }
}
