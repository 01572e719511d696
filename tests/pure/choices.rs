//! What a view offers is exactly what the game accepts: every choice is, and nothing else in the whole space of moves.

use std::collections::{BTreeSet, HashSet};

use nineflags::rules::card::{Card, Deck, Tactic, Troop};
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::{Game, Options, Phase};
use nineflags::rules::illegal::Illegal;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::{Choices, Viewer};

use crate::dice::Dice;
use crate::random_play::{RandomPlay, all_options};

fn all_cards() -> Vec<Card> {
    Troop::all().map(Card::from).chain(Tactic::ALL.map(Card::from)).collect()
}

/// Everything that can be written, but for resigning: also with cards that nobody holds, and at flags that are won.
pub fn all_moves() -> Vec<Move> {
    let mut all = vec![Move::Scout, Move::Pass, Move::End];
    all.extend(Deck::BOTH.map(Move::Draw));
    all.extend(FlagIndex::all().map(Move::Claim));
    for card in all_cards() {
        all.push(Move::Deserter { card });
        all.push(Move::Redeploy { card, to: None });
        all.push(Move::Return { under: card, top: None });
        for flag in FlagIndex::all() {
            all.push(Move::Place { card, flag });
            all.push(Move::Traitor { card, flag });
            all.push(Move::Redeploy { card, to: Some(flag) });
        }
        all.extend(all_cards().into_iter().map(|top| Move::Return { under: card, top: Some(top) }));
    }
    all
}

/// The moves that a view offers.
fn offered(choices: &Choices, hand: &[Card]) -> HashSet<Move> {
    let mut moves = HashSet::new();
    let at = |(card, flags): (&Card, &Vec<FlagIndex>)| -> Vec<(Card, FlagIndex)> {
        flags.iter().map(|flag| (*card, *flag)).collect()
    };
    moves.extend(choices.place.iter().flat_map(at).map(|(card, flag)| Move::Place { card, flag }));
    moves.extend(choices.traitor.iter().flat_map(at).map(|(card, flag)| Move::Traitor { card, flag }));
    moves
        .extend(choices.redeploy.iter().flat_map(at).map(|(card, to)| Move::Redeploy { card, to: Some(to) }));
    moves.extend(choices.redeploy.keys().map(|card| Move::Redeploy { card: *card, to: None }));
    moves.extend(choices.deserter.iter().map(|card| Move::Deserter { card: *card }));
    moves.extend(choices.scout.then_some(Move::Scout));
    moves.extend(choices.pass.then_some(Move::Pass));
    moves.extend(choices.end.then_some(Move::End));
    match choices.give_back {
        0 => {}
        1 => moves.extend(hand.iter().map(|card| Move::Return { under: *card, top: None })),
        _ => moves.extend(hand.iter().flat_map(|under| {
            let tops = hand.iter().filter(move |top| *top != under);
            tops.map(|top| Move::Return { under: *under, top: Some(*top) })
        })),
    }
    moves
}

/// Compares everything a view offers in one position with what the game accepts.
fn check(game: &Game, all: &[Move]) {
    let seat = game.turn().expect("a seat on turn");
    let viewer = if seat == Seat::First { Viewer::First } else { Viewer::Second };
    let view = game.view(viewer, true);
    let choices = view.choices.expect("who is on turn has choices");
    let hand: Vec<Card> = game.hand(seat).collect();
    let mut offered = offered(&choices, &hand);
    offered.extend(choices.draw.iter().map(|deck| Move::Draw(*deck)));
    let provable = choices.provable.unwrap_or_default();
    offered.extend(provable.iter().map(|flag| Move::Claim(*flag)));

    let before = format!("{game:?}");
    let mut refused = game.clone();
    for mv in all {
        if offered.remove(mv) {
            let mut after = game.clone();
            after.play(seat, *mv).unwrap_or_else(|illegal| panic!("{mv} was offered: {illegal}\n{before}"));
            check_after(&after, seat, *mv, &choices.draw_after_play, choices.end_after_play);
        } else {
            let illegal = refused.play(seat, *mv).expect_err("what is not offered is refused");
            check_refusal(&illegal, *mv, &choices.claim);
        }
        assert_eq!(refused.play(seat.other(), *mv), Err(Illegal::NotYourTurn), "{mv}");
    }
    assert!(offered.is_empty(), "{offered:?} cannot be written");
    assert!(format!("{refused:?}") == before, "a refused move changes nothing");
    check_list(game, all);
}

/// In the play phase the choices already tell what follows the play.
fn check_after(after: &Game, seat: Seat, mv: Move, draw: &[Deck], end_after_play: bool) {
    if after.turn() != Some(seat) || !matches!(mv, Move::Place { .. } | Move::Deserter { .. }) {
        return;
    }
    let decks: Vec<Deck> = Deck::BOTH.into_iter().filter(|deck| after.left(*deck) > 0).collect();
    assert_eq!((draw, end_after_play), (&decks[..], after.phase() == Phase::End));
}

/// A claim that may be tried is refused with a counter-example, any other move without one.
fn check_refusal(illegal: &Illegal, mv: Move, may_be_tried: &[FlagIndex]) {
    match (illegal, mv) {
        (Illegal::NotProved(counter), Move::Claim(flag)) => {
            assert!(counter.flag == flag && may_be_tried.contains(&flag));
        }
        (Illegal::NotProved(_), _) => panic!("{mv} is no claim"),
        (_, Move::Claim(flag)) => assert!(!may_be_tried.contains(&flag), "{illegal}"),
        _ => {}
    }
}

/// The list of legal moves is the same once more, each move once.
fn check_list(game: &Game, all: &[Move]) {
    let mut listed = Vec::new();
    game.legal_moves(&mut listed);
    let once: HashSet<Move> = listed.iter().copied().collect();
    assert_eq!(once.len(), listed.len());
    for mv in all.iter().filter(|mv| !matches!(mv, Move::Claim(_))) {
        let accepted = game.clone().play(game.turn().expect("a seat"), *mv).is_ok();
        assert_eq!(accepted, once.contains(mv), "{mv}");
    }
}

/// Checks some positions of random games, and every rare one.
fn check_positions(options: Options, games: u64) {
    let (all, mut dice, mut phases) = (all_moves(), Dice::new(9), BTreeSet::new());
    for seed in 0..games {
        let mut play = RandomPlay::new(options, Dice::new(seed));
        play.claims = dice.below(9);
        while play.game.turn().is_some() {
            let phase = play.game.phase();
            let rare = matches!(phase, Phase::ScoutReturn | Phase::ScoutDraw | Phase::End);
            if dice.happens(if rare { 4 } else { 1 }, 30) {
                check(&play.game, &all);
                phases.insert(format!("{phase:?}"));
            }
            if play.step().is_none() {
                break;
            }
        }
    }
    eprintln!("{phases:?}");
}

#[test]
fn under_the_usual_rules() {
    check_positions(Options::default(), 240);
}

#[test]
fn under_all_other_options() {
    for options in &all_options()[1..] {
        check_positions(*options, 45);
    }
}

#[test]
fn nobody_else_has_choices() {
    let mut play = RandomPlay::new(Options::default(), Dice::new(3));
    while let Some(turn) = play.game.turn() {
        let other = if turn == Seat::First { Viewer::Second } else { Viewer::First };
        assert!(play.game.view(other, true).choices.is_none());
        assert!(play.game.view(Viewer::Watcher, true).choices.is_none());
        play.step();
    }
    let all = all_moves();
    for viewer in [Viewer::First, Viewer::Second, Viewer::Watcher] {
        assert!(play.game.view(viewer, true).choices.is_none());
    }
    let end = format!("{:?}", play.game);
    for mv in all.into_iter().chain([Move::Resign]) {
        for seat in Seat::BOTH {
            assert_eq!(play.game.play(seat, mv), Err(Illegal::Over));
        }
    }
    assert_eq!(format!("{:?}", play.game), end);
    assert_eq!(play.game.lose_by_absence(Seat::First), Err(Illegal::Over));
}

#[test]
fn hints_are_given_only_if_the_table_gives_them() {
    let mut play = RandomPlay::new(Options::default(), Dice::new(5));
    play.claims = 0;
    let mut hinted = 0;
    while let Some(turn) = play.game.turn() {
        let viewer = if turn == Seat::First { Viewer::First } else { Viewer::Second };
        let [with, without] = [true, false]
            .map(|hints| play.game.view(viewer, hints).choices.expect("who is on turn has choices"));
        assert_eq!(without.provable, None);
        assert_eq!(with.provable.is_some(), play.game.may_claim());
        hinted += with.provable.as_ref().map_or(0, Vec::len);
        assert_eq!(Choices { provable: None, ..with }, without, "nothing else differs");
        play.step();
    }
    assert!(hinted > 0);
}
