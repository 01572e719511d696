//! The words of a refused move say which rule forbids it, and what would be allowed instead.

use nineflags::rules::game::{ClaimTiming, Options, Tactics};
use nineflags::rules::illegal::Illegal;
use nineflags::rules::seat::{BySeat, Seat};

use crate::scripted::Scripted;
use crate::vectors::parsed;

const FIRST: &str = "r10 r9 r8 g10 g9 g8 y10";
const SECOND: &str = "b1 b2 b3 b4 b5 b6 b7";

fn check(options: Options, tactics: &str, played: &str, refused: &[(&str, &str)]) {
    let mut table = Scripted::new(options, FIRST, SECOND, tactics);
    if !played.is_empty() {
        table.play(played);
    }
    for (text, words) in refused {
        assert_eq!(table.refused(text).to_string(), *words, "{text}");
    }
}

fn usual(tactics: &str, played: &str, refused: &[(&str, &str)]) {
    check(Options::default(), tactics, played, refused);
}

#[test]
fn what_has_to_be_done_first() {
    usual(
        "",
        "",
        &[
            ("draw t", "That cannot be done now: play a card first."),
            ("b1@0", "You do not hold Blue 1: choose a card in your hand."),
            ("pass", "You cannot pass: you hold a troop, and there is a place for it. Play a card."),
        ],
    );
    usual("", "r10@0", &[("end", "That cannot be done now: draw a card (`draw t` or `draw x`) first.")]);
    let late = Options { claim_timing: ClaimTiming::TurnStart, ..Options::default() };
    let words =
        "At this table flags are claimed before the card is played: draw a card (`draw t` or `draw x`).";
    check(late, "", "r10@0", &[("claim 0", words)]);
    let troops = Options { tactics: Tactics::Off, ..Options::default() };
    check(troops, "", "r10@0", &[("draw x", "The deck of tactics cards is empty: `draw t`.")]);
}

#[test]
fn where_a_card_can_go_and_what_can_be_claimed() {
    let others = "It can go to flags 2, 3, 4, 5, 6, 7, 8 and 9.";
    usual(
        "",
        "r10@0, b1@1, r9@0, b2@1, r8@0, b3@1",
        &[
            ("g10@0", &format!("Green 10 cannot go to flag 1: your side there is full. {others}")),
            ("claim 1", "Flag 2 cannot be claimed yet: your side lacks 3 cards."),
        ],
    );
    usual(
        "",
        "r10@0, b1@1, r9@0, b2@1, r8@0, b3@1, draw t, claim 0",
        &[
            ("claim 0", "Flag 1 has been won already: claim one that nobody has won."),
            ("g10@0", &format!("Green 10 cannot go to flag 1: it has been won. {others}")),
        ],
    );
}

#[test]
fn what_tactics_cards_may_do() {
    let words = "Alexander cannot be played: you have played one tactics card more than the other side. Play a troop.";
    usual("Mu Fo Al Co", "r10@0, draw x, b1@0, draw x, Mu@0, draw x, b2@0, draw x", &[("Al@1", words)]);
    let words = "Darius cannot be played: you have played a leader already. Play another card.";
    usual("Al De Da", "r10@0, draw x, b1@1, draw x, Al@0, draw x, De Al, draw t", &[("Da@1", words)]);
    let words = "Deserter cannot take Red 10: it discards a card of the other side at a flag that nobody has won, \
                 but not Fog or Mud at this table.";
    usual("De", "r10@0, draw x, b1@1, draw t", &[("De r10", words)]);
    let two = "put two cards back (`return r2 Mu`, the last one on top)";
    usual(
        "Sc",
        "r10@0, draw x, b1@1, draw t, Sc, draw t, draw t, draw t",
        &[
            ("claim 0", &format!("That cannot be done now: {two} first.")),
            ("return r9", &format!("Another number of cards goes back: {two}.")),
            ("return r9 r9", "Red 9 is named twice: put back two different cards."),
            ("return r9 b2", "You do not hold Blue 2: choose a card in your hand."),
        ],
    );
}

#[test]
fn what_no_seat_has_seen_yet() {
    let game = Scripted::new(Options::default(), FIRST, SECOND, "").game;
    let [play, draw] = ["r10@0", "draw t"].map(parsed);
    assert_eq!(game.after_request(Seat::First, &[play, draw]).map(|_| ()), Ok(()));
    assert_eq!(game.after_request(Seat::First, &[draw, play]).map(|_| ()), Err(Illegal::AfterDraw));
    let words = Illegal::AfterDraw.to_string();
    assert_eq!(words, "A draw is the last move of a request: send what follows it once you see the card.");
    // The last card of the hand is not shown: whether it is held or not makes no difference.
    let mut unseen = game.with_unseen(BySeat { first: 1, second: 0 });
    for (text, card) in [("y10@0", "Yellow 10"), ("p1@0", "Purple 1")] {
        let words =
            format!("You see no {card} in your hand. A card drawn unsaved is shown once the game is saved.");
        assert_eq!(unseen.play(Seat::First, parsed(text)).map_err(|why| why.to_string()), Err(words));
    }
}
