//! The disputed questions of the rules, D1 to D20, each as a short game.

use nineflags::rules::card::{Card, Deck, Tactic};
use nineflags::rules::game::{ClaimTiming, EndReason, Environment, Game, Options, Phase};
use nineflags::rules::illegal::{Illegal, Next};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags_tools::judge::RULES;

use crate::dice::Dice;
use crate::random_play::RandomPlay;
use crate::scripted::{Scripted, written};
use crate::vectors::parsed;

const FIRST: &str = "r10 r9 r8 r7 r6 r5 r4";
const SECOND: &str = "b10 b9 b8 b7 b6 b5 b4";

fn usual() -> Options {
    Options::default()
}

fn removable() -> Options {
    Options { environment: Environment::Removable, ..Options::default() }
}

fn turn_start() -> Options {
    Options { claim_timing: ClaimTiming::TurnStart, ..Options::default() }
}

fn start(options: Options, tactics: &str) -> Scripted {
    Scripted::new(options, FIRST, SECOND, tactics)
}

#[test]
fn d1_deserter_takes_fog_and_mud_only_where_they_are_removable() {
    for (options, may) in [(usual(), false), (removable(), true), (RULES, true)] {
        let mut table = start(options, "Mu De");
        table.play("r10@0, draw x, b10@8, draw x, Mu@0, draw t");
        assert_eq!((table.may("De Mu"), table.may("De r10")), (may, true));
        if may {
            table.play("De Mu");
            assert_eq!(table.flag(0).slots(), 3);
            assert_eq!(table.game.open_view().discards.first, [parsed::<Card>("Mu")]);
        }
    }
}

#[test]
fn d1_redeploy_takes_fog_and_mud_only_where_they_are_removable() {
    for (options, may) in [(usual(), false), (removable(), true), (RULES, true)] {
        let mut table = start(options, "Mu Fo Re");
        table.play("r10@0, draw x, b10@8, draw x, Mu@0, draw x, Fo@8, draw t");
        assert_eq!(["Re Mu@1", "Re Mu@x"].map(|text| table.may(text)), [may; 2]);
        assert_eq!(["Re r10@1", "Re r10@x"].map(|text| table.may(text)), [true; 2]);
        assert!(!table.may("Re Fo@1"), "the other side's Fog is not one's own");
        if may {
            table.play("Re Mu@1");
            assert_eq!((table.flag(0).slots(), table.flag(1).slots()), (3, 4));
            assert_eq!(table.flag(1).last_placer, None, "Mud takes no slot and decides no tie");
        }
    }
}

#[test]
fn d2_where_mud_leaves_four_cards_the_best_three_count_and_the_side_is_full() {
    let mut table = start(removable(), "Mu De");
    table.play("r4@0, draw x, b10@8, draw x, Mu@0, b9@8, r10@0, b8@8, r9@0, b7@7, r8@0");
    assert_eq!(table.formation(0, Seat::First).as_deref(), Some("battalion 31"));
    table.play("De Mu");
    assert_eq!(table.formation(0, Seat::First).as_deref(), Some("wedge 27"));
    assert_eq!(table.flag(0).cards.first.len(), 4);
    table.play("draw t");
    assert!(!table.may("r7@0") && table.may("r7@1"));
    table.play("claim 0");
}

#[test]
fn d3_claims_come_before_or_after_the_play_or_only_before() {
    let complete = "r10@0, b1@0, r9@0, b2@1, r8@0";
    let hands = |options| Scripted::new(options, FIRST, "b1 b2 b3 b4 b5 b6 b7", "");
    let mut any = hands(usual());
    any.play(complete).play("claim 0, draw t");
    assert_eq!(any.flag(0).owner, Some(Seat::First));

    let mut late = hands(turn_start());
    late.play(complete);
    assert!(matches!(late.refused("claim 0"), Illegal::ClaimedLate(Next::Draw(_))));
    late.play("draw t, b3@2, draw t");
    assert!(late.may("claim 0"), "after the other side's reply");
    late.play("r7@1");
    let why = late.refused("claim 0");
    assert!(matches!(why, Illegal::ClaimedLate(Next::Draw(_))), "after the play it is too late again");

    let mut before = hands(usual());
    before.play(complete).play("b3@2, draw t, claim 0, r7@1");
    assert_eq!(before.flag(0).owner, Some(Seat::First));
}

#[test]
fn d3_nothing_is_claimed_after_the_draw() {
    let mut table = Scripted::new(usual(), FIRST, SECOND, "");
    table.play("r10@0, b10@1, r9@0, b9@1, r8@0, draw t");
    assert_eq!(table.game.play(Seat::First, parsed("claim 0")), Err(Illegal::NotYourTurn));
}

#[test]
fn d4_who_laid_last_loses_a_tie() {
    let mut table = start(usual(), "");
    table.play("r10@0, b10@0, r9@0, b9@0, r8@0, b8@0");
    assert_eq!(table.flag(0).last_placer, Some(Seat::Second));
    let Illegal::NotProved(counter) = table.refused("claim 0") else { panic!("refused with what is better") };
    assert_eq!((counter.mine, counter.missing.len()), (counter.theirs, 0));
    table.play("draw t, claim 0");
    assert_eq!(table.flag(0).owner, Some(Seat::First));
}

#[test]
fn d5_a_formation_that_can_only_be_tied_is_proved() {
    let mut table = start(usual(), "");
    table.play("r10@0, b10@0, r9@0, b9@0, r8@0, claim 0");
}

#[test]
fn d6_discarded_troops_count_as_seen() {
    let hand = "g9 g8 g7 r8 r5 r4 r3";
    let mut table = Scripted::new(usual(), hand, "r10 r9 b8 b7 b6 b5 b4", "Al Da De");
    table.play("g9@0, r10@0, g8@0, r9@0, draw x, g7@0");
    let Illegal::NotProved(counter) = table.refused("claim 0") else { panic!("the red 8 is still out") };
    assert_eq!((written(counter.theirs).as_str(), counter.missing), ("wedge 27", vec![parsed("r8")]));
    table.play("draw x, b8@8, draw x, r8@5, draw t, De r8");
    assert!(!table.game.unplayed().contains(parsed("r8")));
    table.play("draw t, claim 0");
}

#[test]
fn d7_a_second_leader_stays_in_hand_for_ever() {
    for options in [usual(), RULES] {
        let mut table = start(options, "Al De Da");
        table.play("r10@0, draw x, b10@0, draw x, Al@0, draw x, De Al, draw t");
        assert_eq!(table.refused("Da@1"), Illegal::LeaderPlayed(Tactic::Darius));
        assert!(table.legal("Da").is_empty());
    }
}

/// Plays by chance, keeping Scout back, until its holder may play it with so many cards left in both decks.
fn scout_with(left: usize, options: Options) -> Scripted {
    let on_turn_holds_scout = |game: &Game| {
        let seat = game.turn().expect("on turn");
        game.hand(seat).any(|card| card == Tactic::Scout.into())
    };
    for seed in 0.. {
        let mut dice = Dice::new(seed);
        let mut game = RandomPlay::new(options, Dice::new(seed)).game;
        let mut moves = Vec::new();
        while game.turn().is_some() {
            game.legal_moves(&mut moves);
            let scout = moves.contains(&Move::Scout);
            if scout
                && game.left(Deck::Troops) + game.left(Deck::Tactics) == left
                && on_turn_holds_scout(&game)
            {
                return Scripted { game };
            }
            moves.retain(|mv| *mv != Move::Scout);
            if moves.is_empty() || moves == [Move::Pass] {
                break;
            }
            let mv = dice.pick(&moves);
            game.play(game.turn().expect("on turn"), mv).expect("a legal move");
        }
    }
    unreachable!("some game comes to that")
}

fn draw_something(table: &mut Scripted) {
    let draw = table.legal("draw")[0].clone();
    table.play(&draw);
}

#[test]
fn d8_scout_draws_what_there_is_and_returns_all_but_one() {
    let mut two = scout_with(2, usual());
    let seat = two.seat();
    let before = two.hand(seat).len();
    two.play("Sc");
    draw_something(&mut two);
    draw_something(&mut two);
    assert_eq!(two.game.phase(), Phase::ScoutReturn);
    let hand = two.hand(seat);
    two.refused(&format!("return {} {}", hand[0], hand[1]));
    two.play(&format!("return {}", hand[0]));
    assert_eq!(two.hand(seat).len(), before, "one played, one kept");
    assert_eq!(two.game.phase(), Phase::End, "no further draw");

    let mut one = scout_with(1, usual());
    one.play("Sc");
    draw_something(&mut one);
    assert_eq!(one.game.phase(), Phase::End, "nothing is returned");

    let mut last = scout_with(1, turn_start());
    let seat = last.seat();
    last.play("Sc");
    draw_something(&mut last);
    assert_eq!((last.game.phase(), last.game.turn()), (Phase::Play, Some(seat.other())));
}

#[test]
fn d9_d10_scout_shows_each_card_before_the_next_is_chosen_and_returns_on_top() {
    let mut table = start(usual(), "Sc Al Da");
    table.play("r10@0, draw x, b10@0, Sc, draw x");
    assert_eq!(table.hand(Seat::First).last(), Some(&parsed("Al")));
    assert_eq!(table.legal("draw"), ["draw t", "draw x"]);
    table.play("draw x, draw t");
    assert_eq!(table.game.phase(), Phase::ScoutReturn);
    assert_eq!(table.hand(Seat::First).len(), 9);
    table.refused("return Al");
    table.refused("return Al Al");
    table.refused("return Al b9");
    table.play("return Al Da");
    assert_eq!((table.hand(Seat::First).len(), table.game.phase()), (7, Phase::End));
    table.play("b9@0, draw x");
    assert_eq!(table.hand(Seat::Second).last(), Some(&parsed("Da")), "the last one returned is drawn first");
    table.play("r9@0, draw x");
    assert_eq!(table.hand(Seat::First).last(), Some(&parsed("Al")));
}

#[test]
fn d11_guile_without_a_target_cannot_be_played() {
    let mut table = start(usual(), "Re De Tr");
    table.play("r10@0, draw x, b10@1, draw x, r9@0, b9@1, draw x, r8@0, claim 0");
    table.play("draw t, b8@1, claim 1, draw t");
    for beginning in ["Re", "De", "Tr"] {
        assert!(table.legal(beginning).is_empty(), "cards at flags that are won cannot be taken");
    }
    assert!(["Re r8@2", "Re r8@x"].iter().all(|text| !table.may(text)));
    table.play("r7@2");
    table.play("draw t");
    assert_eq!(table.legal("De"), ["De r7"]);
    assert_eq!(table.legal("Tr").len(), 7, "one troop, and the flags that are left, its own among them");
}

#[test]
fn d12_redeploy_goes_to_another_flag() {
    let mut table = start(usual(), "Re");
    table.play("r10@0, draw x, b10@0, draw t");
    table.refused("Re r10@0");
    assert_eq!(table.legal("Re").len(), 9, "eight other flags, and away");
    table.play("Re r10@x");
    assert_eq!(table.game.open_view().discards.first, [parsed::<Card>("r10")]);
}

#[test]
fn d13_passing_is_for_who_cannot_lay_a_troop() {
    let mut may_pass = 0;
    for seed in 0..100 {
        let mut play = RandomPlay::new(usual(), Dice::new(seed));
        play.claims = 0;
        while let Some(seat) = play.game.turn() {
            if play.game.phase() == Phase::Play {
                let view = play.game.open_view();
                let troop = view.hands[seat].troops > 0;
                let room = view
                    .flags
                    .iter()
                    .any(|flag| flag.owner.is_none() && flag.cards[seat].len() < usize::from(flag.slots));
                let table = Scripted { game: play.game.clone() };
                assert_eq!(table.may("pass"), !(troop && room));
                may_pass += u32::from(!(troop && room));
            }
            play.step();
        }
    }
    assert!(may_pass > 50);
}

#[test]
fn d14_two_passes_are_a_stand_off() {
    let mut play = RandomPlay::new(usual(), Dice::new(2));
    play.claims = 0;
    play.finish();
    let ending = play.game.ending().expect("it ends");
    assert_eq!(ending.reason, EndReason::StandOff);
    assert!(play.game.owners().iter().any(Option::is_some), "complete sides won their flags");
}

#[test]
fn d15_mud_asks_both_sides_for_a_fourth_card() {
    let mut table = start(usual(), "Mu");
    table.play("r10@0, draw x, b10@0, r9@0, b9@0, r8@0, b8@0, Mu@0");
    assert_eq!(table.formation(0, Seat::First), None);
    assert!(matches!(table.refused("claim 0"), Illegal::Incomplete { lacks: 1, .. }));
    table.play("draw t, b7@0, draw t, r7@0");
    assert_eq!(table.formation(0, Seat::First).as_deref(), Some("wedge 34"), "D16: a formation of four");
}

#[test]
fn d17_nothing_is_claimed_for_a_player() {
    let mut table = Scripted::new(usual(), FIRST, "b1 b3 g8 b7 b6 b5 b4", "");
    table.play("r10@0, b1@0, r9@0, b3@0, r8@0, g8@0, r7@1, b7@1");
    assert!(table.flag(0).is_complete(Seat::First) && table.flag(0).is_complete(Seat::Second));
    assert_eq!(table.flag(0).owner, None);
}

#[test]
fn d18_at_most_one_tactics_card_more_than_the_other_side() {
    let mut table = start(usual(), "Mu Fo Al Co");
    table.play("r10@0, draw x, b10@0, draw x, Mu@0, draw x, b9@0, draw x");
    assert_eq!(table.refused("Al@1"), Illegal::TacticsLimit(Tactic::Alexander));
    table.play("r9@1, draw t, Fo@0, draw t, Al@1, draw t, Co@2, draw t");
    let played = table.game.open_view().tactics_played;
    assert_eq!((played.first, played.second), (2, 2));
}

#[test]
fn d18_a_card_counts_also_after_it_was_discarded() {
    let mut table = start(usual(), "Al De Sh Co");
    table.play("r10@0, draw x, b10@0, draw x, Al@0, draw x, De Al, draw x, Sh@0, draw t, b9@0");
    let played = table.game.open_view().tactics_played;
    assert_eq!((played.first, played.second), (2, 1));
}

#[test]
fn d20_a_refused_claim_costs_nothing_and_shows_only_what_is_public() {
    let mut table = Scripted::new(usual(), "r1 g2 b4 r7 r6 r5 r4", "b10 b9 b8 b7 b6 b5 y4", "");
    table.play("r1@0, b10@0, g2@0, b9@0, b4@0");
    let Illegal::NotProved(counter) = table.refused("claim 0") else { panic!("refused with what is better") };
    assert_eq!(counter.laid, ["b10", "b9"].map(parsed::<Card>));
    assert_eq!(counter.missing, [parsed::<Card>("b8")], "unplayed, whoever holds it");
    assert_eq!(
        (written(counter.mine), written(counter.theirs)),
        ("host 7".to_owned(), "wedge 27".to_owned())
    );
    assert_eq!(table.game.phase(), Phase::Draw, "the turn goes on");
}
