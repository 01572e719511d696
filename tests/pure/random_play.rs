//! Whole games of random moves.

use nineflags::rules::card::Decks;
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::{ClaimTiming, Environment, Game, Options, Tactics};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;

use crate::dice::Dice;

/// Both decks in a random order.
pub fn decks(dice: &mut Dice) -> Decks {
    Decks::shuffled(|bound| dice.below(bound))
}

/// A game being played by chance.
pub struct RandomPlay {
    /// The game so far.
    pub game: Game,
    /// The numbers that choose the moves.
    pub dice: Dice,
    /// How often in eight a flag is claimed that could be.
    pub claims: u32,
    moves: Vec<Move>,
}

impl RandomPlay {
    /// A new game.
    pub fn new(options: Options, mut dice: Dice) -> Self {
        let game = Game::start(options, &decks(&mut dice));
        Self { game, dice, claims: 7, moves: Vec::with_capacity(1000) }
    }

    /// Makes one more move; nothing after the end.
    pub fn step(&mut self) -> Option<(Seat, Move)> {
        let seat = self.game.turn()?;
        let mv = self.choose();
        self.game.play(seat, mv).unwrap_or_else(|illegal| panic!("{mv}: {illegal}"));
        Some((seat, mv))
    }

    /// Plays to the end and tells how many moves there were.
    pub fn finish(&mut self) -> usize {
        std::iter::from_fn(|| self.step()).count()
    }

    /// Claims what is proved, as often as it is told; otherwise anything that is legal.
    fn choose(&mut self) -> Move {
        if self.game.may_claim() && self.dice.happens(self.claims, 8) {
            let proved = self.game.claimable().find(|flag: &FlagIndex| self.game.is_proved(*flag));
            if let Some(flag) = proved {
                return Move::Claim(flag);
            }
        }
        self.game.legal_moves(&mut self.moves);
        let mv = self.dice.pick(&self.moves);
        // Traitor and Redeploy have so many targets that they would leave nothing else a chance.
        let common = matches!(mv, Move::Traitor { .. } | Move::Redeploy { .. }) && self.dice.happens(3, 4);
        if common { self.dice.pick(&self.moves) } else { mv }
    }
}

/// The options of tables; the usual ones come first.
pub fn all_options() -> Vec<Options> {
    let mut all = Vec::new();
    for tactics in [Tactics::On, Tactics::Off] {
        for claim_timing in [ClaimTiming::Any, ClaimTiming::TurnStart] {
            for environment in [Environment::Fixed, Environment::Removable] {
                all.push(Options { tactics, claim_timing, environment });
            }
        }
    }
    all
}
