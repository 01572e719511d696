//! The course of a game, told in short games: the deal, turns, winning, giving up, and what each tactics card does.

use nineflags::rules::card::{Card, Deck, Tactic};
use nineflags::rules::formation::Formation;
use nineflags::rules::game::{ClaimTiming, EndReason, Ending, Options, Phase, Tactics};
use nineflags::rules::illegal::{Illegal, Next};
use nineflags::rules::seat::Seat;

use crate::brute;
use crate::dice::Dice;
use crate::random_play::RandomPlay;
use crate::scripted::{Scripted, cards, written};
use crate::vectors::parsed;

const FIRST: &str = "r10 r9 r8 g10 g9 g8 y10";
const SECOND: &str = "b1 b2 b3 b4 b5 b6 b7";

fn start(tactics: &str) -> Scripted {
    Scripted::new(Options::default(), FIRST, SECOND, tactics)
}

fn check_formation(text: &str, fog: bool, expected: &str) {
    let cards: Vec<Card> = cards(text).collect();
    let mut flag = nineflags::rules::flag::Flag::default();
    flag.cards.first = cards.iter().copied().collect();
    if cards.len() == 4 {
        flag.environment.second.push(Tactic::Mud);
    }
    if fog {
        flag.environment.second.push(Tactic::Fog);
    }
    assert_eq!(flag.formation(Seat::First).map(written).as_deref(), Some(expected), "{text}");
    assert_eq!(written(brute::formation(&cards, fog)), expected, "{text}, by trying everything");
}

#[test]
fn the_five_formations() {
    for (text, expected) in [
        ("r8 r10 r9", "wedge 27"),
        ("r8 g8 b8", "phalanx 24"),
        ("r1 r10 r3", "battalion 14"),
        ("r4 b6 g5", "skirmish 15"),
        ("r4 b4 g5", "host 13"),
        ("r10 r1 r2", "battalion 13"),
        ("r10 b1 r2", "host 13"),
        ("r4 r6 r5 r7", "wedge 22"),
        ("r4 g4 b4 y4", "phalanx 16"),
        ("r4 r6 r5 r9", "battalion 24"),
        ("r4 r6 r5 g7", "skirmish 22"),
        ("r4 r6 r5 g8", "host 23"),
    ] {
        check_formation(text, false, expected);
    }
    check_formation("r8 r10 r9", true, "host 27");
    check_formation("r8 g8 b8 y8", true, "host 32");
}

#[test]
fn wild_cards_are_at_their_best() {
    for (text, expected) in [
        ("Al r9 r10", "wedge 27"),
        ("Al r1 r2", "wedge 6"),
        ("Al r9 g9", "phalanx 27"),
        ("Al r4 g6", "skirmish 15"),
        ("Al r1 g9", "host 20"),
        ("Co r9 r10", "wedge 27"),
        ("Co g8 r8", "phalanx 24"),
        ("Co r1 r5", "battalion 14"),
        ("Sh r4 r5", "wedge 12"),
        ("Sh r2 g2", "phalanx 6"),
        ("Sh r9 r5", "battalion 17"),
        ("Al Sh r9", "battalion 22"),
        ("Al Co r9", "wedge 27"),
        ("Al Co r8", "phalanx 24"),
        ("Al Co Sh", "battalion 21"),
        ("Al Sh r5 r2", "wedge 14"),
        ("Al Co Sh r1", "battalion 22"),
        ("Co Sh r5 g5", "host 21"),
    ] {
        check_formation(text, false, expected);
    }
    check_formation("Al Co Sh", true, "host 21");
}

#[test]
fn formations_are_compared_by_kind_then_by_sum() {
    let of = |text: &str| -> Formation { brute::formation(&cards(text).collect::<Vec<Card>>(), false) };
    let sorted =
        ["r1 g2 b4", "r9 g10 b7", "r1 g2 b3", "r1 r2 r4", "r1 g1 b1", "r1 r2 r3", "r8 r9 r10"].map(of);
    assert!(sorted.is_sorted() && sorted.windows(2).all(|two| two[0] != two[1]));
}

#[test]
fn the_deal_is_seven_troops_each_and_the_first_seat_begins() {
    let table = start("");
    assert_eq!(table.hand(Seat::First), cards(FIRST).collect::<Vec<Card>>());
    assert_eq!(table.hand(Seat::Second), cards(SECOND).collect::<Vec<Card>>());
    assert_eq!((table.game.left(Deck::Troops), table.game.left(Deck::Tactics)), (46, 10));
    assert_eq!((table.game.turn(), table.game.phase()), (Some(Seat::First), Phase::Play));
}

#[test]
fn a_turn_is_a_play_and_a_draw() {
    let mut table = start("");
    assert_eq!(table.refused("draw t"), Illegal::NotNow(Next::Play { pass: false }));
    assert_eq!(table.refused("end"), Illegal::NotNow(Next::Play { pass: false }));
    table.play("r10@0");
    let draw = Illegal::NotNow(Next::Draw(Deck::BOTH.to_vec()));
    assert_eq!(table.game.play(Seat::First, parsed("g10@0")), Err(draw.clone()), "one card a turn");
    assert_eq!(table.refused("end"), draw, "drawing is compulsory");
    assert_eq!(table.legal("draw"), ["draw t", "draw x"]);
    table.play("draw x");
    assert_eq!(table.game.turn(), Some(Seat::Second));
    assert!(matches!(table.refused("r9@0"), Illegal::NotHeld { .. }));
}

#[test]
fn a_side_has_three_slots_and_four_in_mud() {
    let mut table = start("Mu");
    table.play("r10@0, draw x, b1@1, r9@0, b2@1, r8@0, b3@1, Mu@0, draw t, b4@2, g10@0, b5@2");
    table.play("draw t");
    assert!(!table.may("g9@0") && table.may("g9@1"));
    assert!(!table.may("r9@1"), "a card on the line is not in the hand");
}

#[test]
fn three_adjacent_flags_are_a_breakthrough_at_once() {
    let hand = "r10 r9 r8 y10 y9 y8 g10";
    let mut table = Scripted::with_troops(Options::default(), hand, SECOND, "g9 o1 g8", "");
    table
        .play("r10@4, b1@0, r9@4, b2@0, r8@4, claim 4, draw t, b3@1, y10@5, b4@1, y9@5, b5@1, y8@5, claim 5");
    table.play("draw t, b6@2, g10@6, b7@2, g9@6, draw t, o1@2, g8@6, claim 6");
    let ending = Ending { winner: Some(Seat::First), reason: EndReason::Breakthrough };
    assert_eq!(
        (table.game.ending(), table.game.phase(), table.game.turn()),
        (Some(ending), Phase::Over, None)
    );
}

#[test]
fn five_flags_are_an_envelopment() {
    let mut found = 0;
    for seed in 0..200 {
        let mut play = RandomPlay::new(Options::default(), Dice::new(seed));
        play.finish();
        let Some(Ending { winner: Some(winner), reason: EndReason::Envelopment }) = play.game.ending() else {
            continue;
        };
        let owners = play.game.owners();
        assert_eq!(owners.iter().filter(|owner| **owner == Some(winner)).count(), 5);
        assert!(!owners.windows(3).any(|run| run.iter().all(|owner| *owner == Some(winner))));
        found += 1;
    }
    assert!(found > 20);
}

#[test]
fn either_seat_may_resign_at_any_time() {
    for seat in Seat::BOTH {
        let mut table = start("");
        table.play("r10@0");
        table.game.play(seat, parsed("resign")).expect("always allowed");
        let ending = Ending { winner: Some(seat.other()), reason: EndReason::Resignation };
        assert_eq!(table.game.ending(), Some(ending));
    }
}

#[test]
fn who_is_away_too_long_loses() {
    let mut table = start("");
    table.game.lose_by_absence(Seat::First).expect("the game goes on");
    let ending = Ending { winner: Some(Seat::Second), reason: EndReason::Absence };
    assert_eq!(table.game.ending(), Some(ending));
}

#[test]
fn a_flag_that_is_won_is_closed() {
    let mut table = start("Al");
    table.play("r10@0, draw x, b1@0, r9@0, b2@0, r8@0, claim 0");
    assert!(matches!(table.refused("claim 0"), Illegal::Won(_)), "once only");
    table.play("draw t");
    assert!(!table.may("b3@0") && table.may("b3@1"), "also for the other side, which had room");
    table.play("b3@1, draw t");
    assert!(!table.may("Al@0"));
}

#[test]
fn traitor_takes_a_troop_also_to_the_same_flag() {
    let mut table = start("Sh Tr");
    table.play("r10@0, draw x, b1@0, draw x, Sh@0, draw t");
    assert_eq!(table.legal("Tr").len(), 9, "the one troop, to any flag; Shield Bearers are no troop");
    table.play("Tr r10@0");
    assert_eq!(
        table.flag(0).cards.second.iter().collect::<Vec<Card>>(),
        cards("b1 r10").collect::<Vec<Card>>()
    );
    assert_eq!(table.flag(0).last_placer, Some(Seat::Second));
    assert_eq!(table.game.open_view().guile.second, [Tactic::Traitor]);
}

#[test]
fn deserter_takes_morale_cards_too() {
    let mut table = start("Sh De");
    table.play("r10@0, draw x, b1@0, draw x, Sh@0, draw t, De Sh, draw t");
    assert_eq!(table.game.open_view().discards.first, [parsed::<Card>("Sh")]);
    assert_eq!(table.flag(0).cards.first.len(), 1);
}

#[test]
fn redeploy_moves_a_morale_card_and_makes_its_owner_the_last_placer() {
    let mut table = start("Sh Fo Re");
    table.play("r10@0, draw x, b1@0, draw x, Sh@0, draw x, Fo@3, draw t, Re Sh@4");
    assert_eq!(table.flag(4).cards.first.iter().collect::<Vec<Card>>(), cards("Sh").collect::<Vec<Card>>());
    assert_eq!([0, 4].map(|place| table.flag(place).cards.first.len()), [1, 1]);
    assert_eq!([0, 4].map(|place| table.flag(place).last_placer), [Some(Seat::First); 2]);
}

#[test]
fn fog_and_mud_may_lie_at_one_flag() {
    let mut table = start("Mu Fo");
    table.play("r10@0, draw x, b1@0, draw x, Mu@0, draw t, Fo@0, draw t, r9@0, b2@0, r8@0, b3@0, g8@0, b4@0");
    assert_eq!(table.formation(0, Seat::First).as_deref(), Some("host 35"));
    assert_eq!(table.formation(0, Seat::Second).as_deref(), Some("host 10"));
    table.play("draw t, claim 0");
}

#[test]
fn without_tactics_there_is_one_deck() {
    let mut table = Scripted::new(Options { tactics: Tactics::Off, ..Options::default() }, FIRST, SECOND, "");
    table.play("r10@0");
    assert_eq!(table.legal("draw"), ["draw t"]);
    assert!(table.refused("draw x") == Illegal::EmptyDeck(Deck::Tactics));
}

/// A random game to the moment when both decks are empty and a card was played.
fn decks_empty(options: Options) -> Scripted {
    for seed in 0.. {
        let mut play = RandomPlay::new(options, Dice::new(seed));
        play.claims = 0;
        while play.game.turn().is_some() {
            let before = play.game.hand(play.game.turn().expect("on turn")).count();
            let empty = play.game.left(Deck::Troops) + play.game.left(Deck::Tactics) == 0;
            let seat = play.game.turn();
            play.step();
            let seat = seat.expect("on turn");
            if empty && play.game.hand(seat).count() < before {
                return Scripted { game: play.game };
            }
        }
    }
    unreachable!("some game comes to that")
}

#[test]
fn with_both_decks_empty_the_game_goes_on_without_draws() {
    let mut any = decks_empty(Options::default());
    assert_eq!(any.game.phase(), Phase::End, "there is still time to claim");
    let seat = any.seat();
    assert!(any.legal("draw").is_empty());
    any.play("end");
    assert_eq!((any.game.turn(), any.game.phase()), (Some(seat.other()), Phase::Play));

    let options = Options { claim_timing: ClaimTiming::TurnStart, ..Options::default() };
    assert_eq!(decks_empty(options).game.phase(), Phase::Play, "the turn ended by itself");
}

#[test]
fn a_shuffle_keeps_every_card_and_reaches_every_place() {
    let mut dice = Dice::new(1);
    let mut seen = vec![std::collections::BTreeSet::new(); 60];
    for _ in 0..1000 {
        let decks = crate::random_play::decks(&mut dice);
        decks.check().expect("each card once");
        for (place, troop) in decks.troops.iter().enumerate() {
            seen[place].insert(*troop);
        }
    }
    assert!(seen.iter().all(|troops| troops.len() == 60));
}

#[test]
fn decks_with_a_card_missing_or_twice_are_refused() {
    let whole = crate::random_play::decks(&mut Dice::new(1));
    let mut short = whole.clone();
    short.troops.pop();
    let mut twice = whole.clone();
    twice.tactics[0] = twice.tactics[1];
    let mut more = whole.clone();
    more.troops.push(more.troops[0]);
    assert_eq!([whole, short, twice, more].map(|decks| decks.check().is_ok()), [true, false, false, false]);
}
