//! What seats and bench are shown: one view for each audience.

use super::{DURABLE_WITHIN, Facts, Host, Output, Shown, Since};
use crate::ids::SessionId;
use crate::protocol::{TableView, Update, viewer_of};
use crate::rules::flag::{FLAGS, Flag, FlagIndex};
use crate::rules::seat::Seat;
use crate::table::record::{Entry, Tip};

/// What the members of a table were shown last.
#[derive(Debug, Default)]
pub(super) struct LastShown {
    tip: Tip,
    /// The log told what every record is.
    is_open: bool,
    flags: Option<[Flag; FLAGS as usize]>,
}

impl Host {
    /// Shows every member the view: the whole of it, or, to who keeps it, what changed.
    pub(super) fn show(&mut self) {
        let since = self.changes();
        self.shown = LastShown {
            tip: self.chain.tip(),
            is_open: self.chain.is_open(),
            flags: self.chain.game().map(|game| *game.flags()),
        };
        if self.durable <= self.chain.accepted().number {
            self.durable_at = None;
        }
        for seat in [Some(Seat::First), Some(Seat::Second), None] {
            for keeps_view in [true, false] {
                let audience = self.members.iter().filter(|member| {
                    member.keeps_view == keeps_view && self.chain.seat_of(member.account) == seat
                });
                let sessions: Vec<SessionId> = audience.map(|member| member.session).collect();
                if !sessions.is_empty() {
                    self.show_to(seat, sessions, since.clone().filter(|_| keeps_view));
                }
            }
        }
    }

    /// The same if there is anything newer than what was shown.
    pub(super) fn show_news(&mut self) {
        if self.chain.tip() != self.shown.tip {
            self.show();
        }
    }

    /// What changed since all members were shown the table, if what they were shown still stands.
    fn changes(&self) -> Option<Since> {
        let LastShown { tip, is_open, flags } = &self.shown;
        let stands = self.chain.has_tip(tip) && self.chain.is_open() == *is_open;
        let (before, now) = (flags.as_ref().filter(|_| stands)?, self.chain.game()?);
        let flags = FlagIndex::all().filter(|flag| before[flag.place()] != *now.flag(*flag));
        Some(Since { lines: tip.number.checked_sub(1)?, flags: flags.collect() })
    }

    /// Shows the view to sessions.
    pub(super) fn show_to(&mut self, seat: Option<Seat>, sessions: Vec<SessionId>, since: Option<Since>) {
        if let Some(shown) = self.shown_to(seat, since) {
            self.out.push(Output::Show(sessions, Box::new(shown)));
        }
    }

    pub(super) fn shown_to(&self, seat: Option<Seat>, since: Option<Since>) -> Option<Shown> {
        let view = self.view(seat, since.as_ref().map_or(0, |since| since.lines))?;
        let from = self.durable.min(self.chain.accepted().number);
        // Who has the line of a record has its seal, if that was needed.
        let first = since.as_ref().map_or(from, |since| from.max(since.lines + 1));
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let kept = seat.and_then(|_| self.chain.entries().get(first..)).unwrap_or_default();
        Some(Shown { view, since, from, kept: kept.to_vec() })
    }

    /// So many records are durable: the next view says so, or a word of its own if none comes soon.
    pub(super) fn is_durable(&mut self, facts: &Facts, number: u32) {
        if number > self.durable {
            self.durable = number;
            self.durable_at.get_or_insert(facts.now + DURABLE_WITHIN);
        }
    }

    /// Tells the members how many records are durable, where no view has.
    pub(super) fn tell_durable(&mut self) {
        if self.durable_at.take().is_some() {
            self.tell_all(Update::Saved { table: self.table, number: self.durable });
        }
    }

    pub(super) fn tell_all(&mut self, update: Update) {
        let sessions: Vec<SessionId> = self.members.iter().map(|member| member.session).collect();
        if !sessions.is_empty() {
            self.out.push(Output::Tell(sessions, Box::new(update)));
        }
    }

    fn view(&self, seat: Option<Seat>, lines: u32) -> Option<TableView> {
        let (view, log) = self.chain.view_after(viewer_of(seat), lines)?;
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
