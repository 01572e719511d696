//! What a viewer may see of a copy: the game, and its records in notation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Copy;
use crate::rules::seat::Seat;
use crate::rules::view::{View, Viewer};
use crate::table::record::{Entry, Record};

/// A record as a viewer may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// Whose record.
    pub seat: Seat,
    /// The record in notation: a move, `save`, `resume` or `absent`. Cards returned by Scout are shown as their decks,
    /// `return t x`, to those who may not know them.
    pub text: String,
}

impl Copy {
    /// What a viewer may see: the game, and the records after the first. Records that the stream never had show no card but
    /// those that were played: what was drawn is face down, and an end opens no hand.
    pub fn view(&self, viewer: Viewer) -> Option<(View, Vec<LogLine>)> {
        self.view_after(viewer, 0)
    }

    /// Whether the log tells everybody what each record is: the game is over for certain.
    pub fn is_open(&self) -> bool {
        self.shown == self.entries.len() && self.game().is_some_and(|game| game.ending().is_some())
    }

    /// The same view with the log's lines after so many.
    pub fn view_after(&self, viewer: Viewer, lines: u32) -> Option<(View, Vec<LogLine>)> {
        let state = self.state.as_ref()?;
        let hints = state.start.options.claim_hints;
        let provisional = self.shown < self.entries.len();
        let view = if provisional {
            state.game.with_unseen(self.unseen()).provisional_view(viewer, hints)
        } else {
            state.game.view(viewer, hints)
        };
        let revealed = self.is_open();
        let line = |entry: &Entry| LogLine {
            seat: entry.seat,
            text: match &entry.record {
                Record::Move(mv) => mv.seen_by(entry.seat, viewer, revealed),
                other => other.to_string(),
            },
        };
        let first = 1 + usize::try_from(lines).unwrap_or(self.entries.len());
        Some((view, self.entries.iter().skip(first).map(line).collect()))
    }
}
