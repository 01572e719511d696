//! How a game ends: by flags, by a stand-off, or because a seat is gone.

use std::cmp::Ordering;

use super::game::{EndReason, Ending, Game, Phase};
use super::illegal::Illegal;
use super::seat::{BySeat, Seat};

/// Adjacent flags that win.
const BREAKTHROUGH: usize = 3;
/// Flags anywhere that win.
const ENVELOPMENT: usize = 5;

impl Game {
    /// Ends the game for a seat that was away too long; whether it was is not for the rules to say.
    pub fn lose_by_absence(&mut self, absent: Seat) -> Result<(), Illegal> {
        if self.ending.is_some() {
            return Err(Illegal::Over);
        }
        self.end(Some(absent.other()), EndReason::Absence);
        Ok(())
    }

    /// Neither seat can go on: complete sides win their flags, then more flags win (RULES: D14).
    pub(super) fn stand_off(&mut self) {
        for flag in &mut self.flags {
            if flag.owner.is_none() {
                flag.owner = match (flag.formation(Seat::First), flag.formation(Seat::Second)) {
                    (Some(first), Some(second)) if first == second => flag.last_placer.map(Seat::other),
                    (Some(first), Some(second)) if first > second => Some(Seat::First),
                    (Some(_), None) => Some(Seat::First),
                    (None, None) => None,
                    (Some(_) | None, Some(_)) => Some(Seat::Second),
                };
            }
        }
        let meets = BySeat::make(|seat| self.won_by(seat).is_some());
        let flags = BySeat::make(|seat| self.flags.iter().filter(|flag| flag.owner == Some(seat)).count());
        let winner = match (meets.first, meets.second) {
            (true, false) => Some(Seat::First),
            (false, true) => Some(Seat::Second),
            _ => match flags.first.cmp(&flags.second) {
                Ordering::Greater => Some(Seat::First),
                Ordering::Less => Some(Seat::Second),
                Ordering::Equal => None,
            },
        };
        self.end(winner, EndReason::StandOff);
    }

    /// Which of the two winning conditions a seat's flags meet.
    pub(super) fn won_by(&self, seat: Seat) -> Option<EndReason> {
        let won = self.flags.map(|flag| flag.owner == Some(seat));
        if won.windows(BREAKTHROUGH).any(|run| run.iter().all(|won| *won)) {
            Some(EndReason::Breakthrough)
        } else if won.iter().filter(|won| **won).count() >= ENVELOPMENT {
            Some(EndReason::Envelopment)
        } else {
            None
        }
    }

    pub(super) fn end(&mut self, winner: Option<Seat>, reason: EndReason) {
        self.ending = Some(Ending { winner, reason });
        self.phase = Phase::Over;
    }
}
