//! The recorded real games: after every ply the whole position, what is legal, and what could be claimed.

use std::collections::BTreeSet;

use nineflags::rules::card::{Card, Deck, Decks, Tactic, Troop};
use nineflags::rules::flag::{FlagIndex, Verdict};
use nineflags::rules::game::{Game, Phase};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags_tools::judge::RULES;
use serde_json::Value;

use crate::vectors::{folder, json, parsed, recorded, strings};

type Cards = BTreeSet<Card>;

fn cards(value: &Value) -> Cards {
    strings(value).into_iter().map(parsed).collect()
}

fn drawn(ply: &Value) -> Option<Card> {
    ply["got"].as_str().map(parsed)
}

/// The decks as far as the draws show them: cards drawn in order, leaving out those that Scout had put back, then those
/// never drawn in any order.
fn decks(recorded: &Value) -> Decks {
    let first = seat_number(recorded);
    let hands = [first, 1 - first].map(|player| strings(&recorded["hands"][player]));
    let mut order: Vec<Card> = hands.iter().flatten().map(|card| parsed(card)).collect();
    let mut put_back = Cards::new();
    for ply in recorded["plies"].as_array().expect("plies") {
        if ply["k"] == "scout_return" {
            put_back.extend(ply["m"].as_str().expect("cards").split(' ').map(parsed::<Card>));
        } else if let Some(card) = drawn(ply).filter(|card| !put_back.remove(card)) {
            order.push(card);
        }
    }
    let every = Troop::all().map(Card::from).chain(Tactic::ALL.map(Card::from));
    let rest: Vec<Card> = every.filter(|card| !order.contains(card)).collect();
    order.extend(rest);
    Decks {
        troops: order.iter().filter_map(|card| card.troop()).collect(),
        tactics: order.iter().filter_map(|card| card.tactic()).collect(),
    }
}

fn seat_number(recorded: &Value) -> usize {
    usize::from(recorded["first"] == 1)
}

struct Replay {
    game: Game,
    first: usize,
}

impl Replay {
    fn seat(&self, player: usize) -> Seat {
        if player == self.first { Seat::First } else { Seat::Second }
    }

    fn moves(ply: &Value) -> Vec<Move> {
        let text = ply["m"].as_str().expect("a move");
        let kind = ply["k"].as_str().expect("a kind");
        match kind {
            "init" | "pause" => Vec::new(),
            "claim" => text
                .split(' ')
                .skip(1)
                .filter(|flag| !flag.is_empty())
                .map(|f| Move::Claim(parsed(f)))
                .collect(),
            "draw" | "scout_draw" => vec![parsed(&format!("draw {text}"))],
            "scout_return" => vec![parsed(&format!("return {text}"))],
            "play" => match text.strip_prefix("Sc ") {
                Some(deck) => vec![Move::Scout, Move::Draw(parsed(deck))],
                None => vec![parsed(text)],
            },
            "resign" => vec![Move::Resign],
            other => panic!("{other} is not a kind of ply"),
        }
    }

    fn make(&mut self, ply: &Value) {
        let seat = self.seat(usize::from(ply["p"] == 1));
        for mv in Self::moves(ply) {
            self.game.play(seat, mv).unwrap_or_else(|illegal| panic!("{mv}: {illegal}"));
        }
        if let Some(card) = drawn(ply) {
            assert_eq!(self.game.hand(seat).last(), Some(card));
        }
    }

    /// Compares the whole position.
    fn check_position(&self, after: &Value) {
        let view = self.game.open_view();
        let mut left: Cards = Troop::all().map(Card::from).chain(Tactic::ALL.map(Card::from)).collect();
        let mut seen = |found: Cards, expected: &Value| {
            assert_eq!(found, cards(expected));
            left.retain(|card| !found.contains(card));
        };
        for player in [0, 1] {
            let seat = self.seat(player);
            for (flag, expected) in view.flags.iter().zip(after["flags"].as_array().expect("flags")) {
                seen(flag.cards[seat].iter().copied().collect(), &expected["cards"][player]);
                seen(
                    flag.environment[seat].iter().map(|card| Card::from(*card)).collect(),
                    &expected["env"][player],
                );
                let owner = expected["owner"].as_u64().map(|player| self.seat(usize::from(player == 1)));
                assert_eq!(flag.owner, owner);
            }
            seen(self.game.hand(seat).collect(), &after["hands"][player]);
            let guile = view.guile[seat].iter().map(|tactic| Card::from(*tactic));
            seen(view.discards[seat].iter().copied().chain(guile).collect(), &after["discards"][player]);
        }
        let mut decks = cards(&after["troop_deck_set"]);
        assert_eq!(self.game.left(Deck::Troops), decks.len());
        decks.extend(cards(&after["tactic_deck_set"]));
        assert_eq!(left, decks);
        assert_eq!(self.game.left(Deck::Troops) + self.game.left(Deck::Tactics), decks.len());
    }

    fn legal(&self) -> BTreeSet<String> {
        let mut moves = Vec::new();
        self.game.legal_moves(&mut moves);
        let listed = moves.iter().flat_map(|mv| match mv {
            Move::Scout => {
                let decks = Deck::BOTH.into_iter().filter(|deck| self.game.left(*deck) > 0);
                decks.map(|deck| format!("Sc {deck}")).collect()
            }
            Move::Draw(deck) => vec![deck.to_string()],
            // Between two decks only the tactics card first is listed.
            Move::Return { under, top: Some(top) } if under.deck() < top.deck() => Vec::new(),
            Move::Return { under, top: Some(top) } => vec![format!("{under} {top}")],
            other => vec![other.to_string()],
        });
        listed.collect()
    }

    /// Compares who does what next, and all that may be done.
    fn check_next(&self, ply: &Value) {
        let kind = ply["next_k"].as_str().expect("a kind");
        if kind.is_empty() {
            assert!(ply["k"] == "pause" || self.game.ending().is_some());
            return;
        }
        assert_eq!(self.game.turn(), Some(self.seat(usize::from(ply["next_p"] == 1))));
        let phase = match kind {
            "play" | "claim" => Phase::Play,
            "draw" => Phase::Draw,
            "scout_draw" => Phase::ScoutDraw,
            "scout_return" => Phase::ScoutReturn,
            other => panic!("{other} is not a kind of ply"),
        };
        assert_eq!(self.game.phase(), phase);
        if kind == "claim" {
            return self.check_claims(ply["next_claim"].as_array().expect("candidates"));
        }
        let expected = strings(&ply["next_legal"]).into_iter().map(str::to_owned).collect();
        assert_eq!(self.legal(), expected);
    }

    fn check_claims(&self, candidates: &[Value]) {
        let seat = self.game.turn().expect("a seat on turn");
        let flags = candidates.iter().map(|candidate| parsed::<FlagIndex>(&candidate["f"].to_string()));
        assert!(self.game.claimable().eq(flags));
        for candidate in candidates {
            let flag = self.game.flag(parsed(&candidate["f"].to_string()));
            let verdict = match flag.verdict(seat, self.game.unplayed()) {
                Verdict::Yes => "yes",
                Verdict::No => "no",
                Verdict::Tie => "tie",
            };
            assert_eq!(candidate["off"], verdict, "{candidate}");
            let last = usize::from(candidate["last"] == 1);
            assert_eq!(flag.last_placer, Some(self.seat(last)), "{candidate}");
            let formations = [seat, seat.other()].map(|seat| flag.formation(seat));
            let forms = formations.map(|formation| formation.map_or("", |formation| formation.kind.name()));
            let sums = formations.map(|formation| formation.map_or(0, |formation| formation.sum));
            assert_eq!(
                (&candidate["form"], &candidate["sum"]),
                (&serde_json::json!(forms), &serde_json::json!(sums))
            );
        }
    }
}

#[test]
fn every_position_of_the_recorded_games() {
    let Some(folder) = folder() else { return };
    let (mut positions, mut finished) = (0, 0);
    let names = recorded(&folder);
    for name in &names {
        let recorded = json(&folder, name);
        let first = seat_number(&recorded);
        let mut replay = Replay { game: Game::start(RULES, &decks(&recorded)), first };
        for (number, ply) in recorded["plies"].as_array().expect("plies").iter().enumerate() {
            eprintln!("{name}, ply {number}: {}", ply["m"]);
            replay.make(ply);
            replay.check_position(&ply["after"]);
            replay.check_next(ply);
            positions += 1;
        }
        let winner = recorded["winner"].as_u64().map(|player| replay.seat(usize::from(player == 1)));
        assert_eq!(replay.game.ending().and_then(|ending| ending.winner), winner, "{name}");
        finished += usize::from(winner.is_some());
    }
    assert_eq!((names.len(), finished, positions), (7, 4, 585));
}
