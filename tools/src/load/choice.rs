//! Random but legal play from the choices in a view: no rules are needed.

use nineflags::protocol::viewer_of;
use nineflags::rules::game::{ClaimTiming, Environment, Options, Phase, Tactics};
use nineflags::rules::seat::Seat;
use nineflags::rules::view::{Choices, View};
use nineflags::table::options::TableOptions;

/// A small generator, so that a printed seed repeats what was chosen.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A generator that starts at a seed.
    pub fn new(seed: u64) -> Self {
        // Zero would stay zero, and seeds next to one another should not begin alike.
        let mut dice = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        dice.next();
        dice.next();
        dice
    }

    fn next(&mut self) -> u64 {
        // xorshift64* by Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled".
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `bound`, which is at least 1.
    pub fn below(&mut self, bound: usize) -> usize {
        let high = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX) as usize;
        high % bound.max(1)
    }

    /// A time from half to one and a half of `mean_ms`, in milliseconds.
    pub fn about_ms(&mut self, mean_ms: u64) -> u64 {
        let width = usize::try_from(mean_ms).unwrap_or(usize::MAX - 1) + 1;
        mean_ms / 2 + self.below(width) as u64
    }

    /// One of some things, if there are any.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        if things.is_empty() { None } else { things.get(self.below(things.len())) }
    }
}

/// Options of a table, any that may be offered; claims are hinted at, since a bot can prove nothing by itself.
pub fn options(dice: &mut Dice) -> TableOptions {
    let mut coin = || dice.below(2) == 0;
    let rules = Options {
        tactics: if coin() || coin() { Tactics::On } else { Tactics::Off },
        claim_timing: if coin() { ClaimTiming::Any } else { ClaimTiming::TurnStart },
        environment: if coin() { Environment::Fixed } else { Environment::Removable },
    };
    TableOptions { rules, ..TableOptions::default() }
}

/// The moves of one request, chosen at random; nothing when the viewer is not on turn, or has to wait until what was drawn
/// unsaved is shown.
pub fn choose(view: &View, dice: &mut Dice) -> Option<Vec<String>> {
    let choices = view.choices.as_ref()?;
    if let Some(flag) = choices.provable.iter().flatten().next() {
        return Some(vec![format!("claim {flag}")]);
    }
    match view.phase {
        Phase::Play => play(choices, dice),
        Phase::ScoutDraw | Phase::Draw | Phase::End => {
            let deck = dice.pick(&choices.draw);
            Some(vec![deck.map_or_else(|| "end".to_owned(), |deck| format!("draw {deck}"))])
        }
        Phase::ScoutReturn => {
            let (mut hand, count) = (own_hand(view), usize::from(choices.give_back));
            if hand.len() < count {
                // Cards drawn unsaved are not shown yet.
                return None;
            }
            let cards: Vec<String> = (0..count).map(|_| hand.remove(dice.below(hand.len()))).collect();
            Some(vec![format!("return {}", cards.join(" "))])
        }
        Phase::Over => None,
    }
}

fn own_hand(view: &View) -> Vec<String> {
    let own = Seat::BOTH.into_iter().find(|seat| viewer_of(Some(*seat)) == view.viewer);
    let cards = own.and_then(|seat| view.hands[seat].cards.as_ref());
    cards.into_iter().flatten().map(ToString::to_string).collect()
}

fn play(choices: &Choices, dice: &mut Dice) -> Option<Vec<String>> {
    let mut plays: Vec<String> = Vec::new();
    for (card, flags) in &choices.place {
        plays.extend(flags.iter().map(|flag| format!("{card}@{flag}")));
    }
    plays.extend(choices.deserter.iter().map(|card| format!("De {card}")));
    for (card, flags) in &choices.traitor {
        plays.extend(flags.iter().map(|flag| format!("Tr {card}@{flag}")));
    }
    for (card, flags) in &choices.redeploy {
        plays.extend(flags.iter().map(|flag| format!("Re {card}@{flag}")));
        plays.push(format!("Re {card}@x"));
    }
    if choices.scout && (plays.is_empty() || dice.below(2) == 0) {
        return Some(vec!["Sc".to_owned()]);
    }
    let Some(chosen) = dice.pick(&plays) else { return choices.pass.then(|| vec!["pass".to_owned()]) };
    let mut moves = vec![chosen.clone()];
    // Half of the turns are sent as one request, half step by step.
    if dice.below(2) == 0 {
        if let Some(deck) = dice.pick(&choices.draw_after_play) {
            moves.push(format!("draw {deck}"));
        } else if choices.end_after_play {
            moves.push("end".to_owned());
        }
    }
    Some(moves)
}
