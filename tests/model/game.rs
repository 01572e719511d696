//! A table to test with, and legal moves at it.

use nineflags::ids::{AccountId, RequestId, TableId};
use nineflags::rules::card::{Card, Decks};
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::{Game, Options, Phase, Tactics};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::table::options::TableOptions;
use nineflags::table::record::Start;
use uuid::Uuid;

use super::dice::Dice;

/// The table's id.
pub fn table() -> TableId {
    TableId(Uuid::from_u128(0x7ab1_e000))
}

/// A request id.
pub fn request(text: &str) -> RequestId {
    text.parse().expect("a request id")
}

/// Record 0 of a game of troops only between Ann and Mira.
pub fn start(dice: &mut Dice) -> Start {
    let rules = Options { tactics: Tactics::Off, ..Options::default() };
    Start {
        game: table(),
        accounts: BySeat { first: AccountId(Uuid::from_u128(1)), second: AccountId(Uuid::from_u128(2)) },
        names: BySeat { first: "Ann".parse().expect("a name"), second: "Mira".parse().expect("a name") },
        options: TableOptions { rules, ..TableOptions::default() },
        decks: Decks::shuffled(|bound| u32::try_from(dice.below(bound as usize)).expect("small")),
        nonce: "00ff".to_owned(),
    }
}

/// What the seat on turn may do next: one move, or a play with its draw.
pub fn legal(game: &Game, dice: &mut Dice) -> Vec<Move> {
    let Some(seat) = game.turn() else { return Vec::new() };
    if dice.chance(5) {
        return vec![Move::Resign];
    }
    let claims = game.claimable().filter(|flag| game.is_proved(*flag));
    if let Some(flag) = claims.into_iter().next()
        && game.may_claim()
    {
        return vec![Move::Claim(flag)];
    }
    match game.phase() {
        Phase::Play => {
            let hand: Vec<Card> = game.hand(seat).collect();
            let mut plays: Vec<Move> = hand
                .iter()
                .flat_map(|card| FlagIndex::all().map(|flag| Move::Place { card: *card, flag }))
                .filter(|mv| game.clone().play(seat, *mv).is_ok())
                .collect();
            if plays.is_empty() {
                return vec![Move::Pass];
            }
            let mut moves = vec![plays.swap_remove(dice.below(plays.len()))];
            if dice.below(2) == 0 && may(game, seat, &moves, draw()) {
                moves.push(draw());
            }
            moves
        }
        Phase::End => vec![Move::End],
        _ => vec![draw()],
    }
}

fn draw() -> Move {
    "draw t".parse().expect("a move")
}

fn may(game: &Game, seat: Seat, before: &[Move], mv: Move) -> bool {
    let mut game = game.clone();
    before.iter().chain([&mv]).all(|mv| game.play(seat, *mv).is_ok())
}
