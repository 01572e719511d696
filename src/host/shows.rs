//! What seats and bench are shown: whole views, one for each audience.

use super::{Host, Output, Shown};
use crate::ids::SessionId;
use crate::protocol::{TableView, Update, viewer_of};
use crate::rules::seat::Seat;
use crate::table::record::Entry;

impl Host {
    /// Shows every member the whole view.
    pub(super) fn show(&mut self) {
        self.shown = self.chain.tip();
        for seat in [Some(Seat::First), Some(Seat::Second), None] {
            let audience = self.members.iter().filter(|member| self.chain.seat_of(member.account) == seat);
            let sessions: Vec<SessionId> = audience.map(|member| member.session).collect();
            if !sessions.is_empty() {
                self.show_to(seat, sessions);
            }
        }
    }

    /// The same if there is anything newer than what was shown.
    pub(super) fn show_news(&mut self) {
        if self.chain.tip() != self.shown {
            self.show();
        }
    }

    pub(super) fn show_to(&mut self, seat: Option<Seat>, sessions: Vec<SessionId>) {
        if let Some(shown) = self.shown_to(seat) {
            self.out.push(Output::Show(sessions, Box::new(shown)));
        }
    }

    pub(super) fn shown_to(&self, seat: Option<Seat>) -> Option<Shown> {
        let view = self.view(seat)?;
        let from = self.durable.min(self.chain.accepted().number);
        let not_durable = &self.chain.entries()[usize::try_from(from).unwrap_or(usize::MAX)..];
        Some(Shown { view, from, kept: seat.map_or_else(Vec::new, |_| not_durable.to_vec()) })
    }

    pub(super) fn tell_durable(&mut self, number: u32) {
        if number > self.durable {
            self.durable = number;
            self.tell_all(Update::Saved { table: self.table, number });
        }
    }

    pub(super) fn tell_all(&mut self, update: Update) {
        let sessions: Vec<SessionId> = self.members.iter().map(|member| member.session).collect();
        if !sessions.is_empty() {
            self.out.push(Output::Tell(sessions, Box::new(update)));
        }
    }

    fn view(&self, seat: Option<Seat>) -> Option<TableView> {
        let (view, log) = self.chain.view(viewer_of(seat))?;
        let start = self.chain.start()?;
        let time = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.time_ms);
        Some(TableView {
            table: self.table,
            tip: self.chain.tip(),
            saved: self.durable.min(self.chain.accepted().number),
            unsaved: self.chain.tip().number - self.chain.accepted().number,
            names: start.names.clone(),
            away_since_ms: self.info.away_since_ms,
            watchers: self.info.watchers,
            options: start.options,
            commitment: self.chain.commitment().to_owned(),
            started_ms: time(self.chain.entries().first()),
            last_ms: time(self.chain.entries().last()),
            stopped: self.chain.stopped(),
            view,
            log,
            sealed: Vec::new(),
        })
    }
}
