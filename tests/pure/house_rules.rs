//! The house rules of the program the vectors come from, one by one: the options that its games are judged by have them. A tie,
//! which goes to whoever claims there, is the judge's own business.

use nineflags::rules::card::{Card, Deck};
use nineflags::rules::game::{Game, Phase};
use nineflags::rules::illegal::Illegal;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags_tools::judge::RULES;

use crate::dice::Dice;
use crate::random_play::RandomPlay;
use crate::scripted::Scripted;
use crate::vectors::parsed;

const FIRST: &str = "r10 r9 r8 r7 r6 r5 r4";
const SECOND: &str = "b10 b9 b8 b7 b6 b5 b4";

fn start(tactics: &str) -> Scripted {
    Scripted::new(RULES, FIRST, SECOND, tactics)
}

#[test]
fn rule_1_claims_only_at_the_start_of_the_turn() {
    let mut table = start("");
    assert!(table.game.claimable().next().is_none(), "nothing to claim in the first turn");
    table.play("r10@0, b10@1, r9@0, b9@1, r8@0");
    assert!(matches!(table.refused("claim 0"), Illegal::ClaimedLate(_)));
    table.play("draw t, b8@1, draw t, claim 0, r7@2");
}

#[test]
fn rule_2_fog_and_mud_lie_on_a_side_and_can_be_moved_to_any_flag_that_is_not_won() {
    let mut table = start("Mu Fo Re De");
    table.play("r10@0, draw x, b10@8, draw x, Mu@0, draw x, Fo@8, draw x");
    assert_eq!(table.legal("Re Mu").len(), 9, "eight other flags, and away");
    table.play("Re Mu@8, draw t");
    assert!(table.flag(8).has(parsed("Mu")) && table.flag(8).has(parsed("Fo")));
    assert_eq!(table.legal("De"), ["De r10", "De Mu"]);
}

#[test]
fn rule_3_a_fourth_card_stays_the_best_three_count_and_the_slot_is_full() {
    let mut table = start("Mu De");
    table.play("r4@0, draw x, b10@8, draw x, Mu@0, b9@8, r10@0, b8@8, r9@0, b7@7, r8@0, De Mu");
    assert_eq!(table.formation(0, Seat::First).as_deref(), Some("wedge 27"));
    table.play("draw t");
    assert!(!table.may("r7@0"));
}

#[test]
fn rule_5_one_leader_in_the_whole_game() {
    let mut table = start("Al De Da");
    table.play("r10@0, draw x, b10@0, draw x, Al@0, draw x, De Al, draw t");
    assert!(table.legal("Da").is_empty());
}

#[test]
fn rule_6_traitor_may_use_the_same_flag_and_redeploy_may_not() {
    let mut table = start("Re Tr");
    table.play("r10@0, draw x, b10@0, draw x");
    assert!(!table.may("Re r10@0") && table.may("Re r10@1") && table.may("Re r10@x"));
    table.play("r9@1, draw t");
    assert!(table.may("Tr r10@0"));
}

#[test]
fn rule_7_and_8_scout_sees_each_card_and_the_last_returned_is_drawn_first() {
    let mut table = start("Sc Al Da");
    table.play("r10@0, draw x, b10@0, Sc, draw x");
    assert_eq!(table.legal("draw"), ["draw t", "draw x"]);
    table.play("draw x, draw t, return Al Da, b9@1, draw x");
    assert_eq!(table.hand(Seat::Second).last(), Some(&parsed::<Card>("Da")));
    let played = table.game.open_view().tactics_played;
    assert_eq!((played.first, played.second), (1, 0));
}

/// Random games in which nobody claims, every position of which is looked at.
fn each_position(mut look: impl FnMut(&Game)) {
    for seed in 0..200 {
        let mut play = RandomPlay::new(RULES, Dice::new(seed));
        play.claims = 0;
        while play.game.turn().is_some() {
            look(&play.game);
            play.step();
        }
    }
}

#[test]
fn rule_9_passing_is_offered_only_when_no_troop_can_be_laid() {
    let (mut choices, mut forced) = (0, 0);
    each_position(|game| {
        let mut moves = Vec::new();
        game.legal_moves(&mut moves);
        let troop = moves.iter().any(|mv| matches!(mv, Move::Place { card, .. } if card.troop().is_some()));
        if game.phase() == Phase::Play {
            assert_eq!(moves.contains(&Move::Pass), !troop);
            choices += u32::from(!troop && moves.len() > 1);
            forced += u32::from(moves == [Move::Pass]);
        }
    });
    assert!(choices > 5 && forced > 100, "{choices} times a choice, {forced} times none");
}

#[test]
fn rule_10_drawing_is_compulsory_while_there_are_cards() {
    each_position(|game| {
        let seat = game.turn().expect("on turn");
        let left = game.left(Deck::Troops) + game.left(Deck::Tactics);
        assert!(left == 0 || game.hand(seat.other()).count() == 7, "who has played has drawn");
        assert!(game.phase() != Phase::End, "turns end by themselves");
    });
}

#[test]
fn rule_11_discarded_troops_are_seen_and_hands_are_not() {
    let mut table = start("Mu De");
    assert_eq!(table.game.unplayed().count(), 60);
    table.play("r10@0, draw x, b10@0, draw x, r9@0, draw t, De r10");
    let unplayed = table.game.unplayed();
    let seen = ["r10", "r9", "b10"].map(|text| !unplayed.contains(parsed(text)));
    assert_eq!((seen, unplayed.count()), ([true; 3], 57));
}
