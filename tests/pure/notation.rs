//! The notation of cards and moves: what is printed is read again as the same, and nothing else is read at all.

use std::collections::BTreeSet;

use nineflags::rules::card::{Card, Deck, Tactic, Troop};
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;

use crate::choices::all_moves;
use crate::vectors::parsed;

#[test]
fn every_card_is_printed_and_read() {
    let cards: Vec<Card> = Troop::all().map(Card::from).chain(Tactic::ALL.map(Card::from)).collect();
    for card in &cards {
        assert_eq!(parsed::<Card>(&card.to_string()), *card);
        let json = serde_json::to_string(card).expect("JSON");
        assert_eq!(json, format!("\"{card}\""));
        assert_eq!(serde_json::from_str::<Card>(&json).expect("a card"), *card);
    }
    let texts: BTreeSet<String> = cards.iter().map(ToString::to_string).collect();
    assert_eq!(texts.len(), 70);
    assert!(cards.is_sorted(), "troops first, by colour and rank");
    for (text, colour) in ["r7", "o7", "y7", "g7", "b7", "p7"].iter().zip(nineflags::rules::card::Colour::ALL)
    {
        let troop: Troop = parsed(text);
        assert_eq!((troop.colour(), troop.rank()), (colour, 7));
    }
}

#[test]
fn every_move_is_printed_and_read() {
    for mv in all_moves().into_iter().chain([Move::Resign]) {
        let guile = matches!(mv, Move::Place { card, .. } if card.tactic().is_some_and(|tactic| {
            tactic.kind() == nineflags::rules::card::TacticKind::Guile
        }));
        let read = mv.to_string().parse::<Move>();
        assert_eq!(read.ok(), (!guile).then_some(mv), "{mv}");
    }
}

#[test]
fn moves_are_written_as_the_rules_say() {
    let flag = |place| FlagIndex::new(place).expect("a flag");
    for (text, mv) in [
        ("r7@3", Move::Place { card: parsed("r7"), flag: flag(3) }),
        ("Al@0", Move::Place { card: Tactic::Alexander.into(), flag: flag(0) }),
        ("Fo@8", Move::Place { card: Tactic::Fog.into(), flag: flag(8) }),
        ("De g10", Move::Deserter { card: parsed("g10") }),
        ("Tr r7@3", Move::Traitor { card: parsed("r7"), flag: flag(3) }),
        ("Re r7@3", Move::Redeploy { card: parsed("r7"), to: Some(flag(3)) }),
        ("Re Mu@x", Move::Redeploy { card: Tactic::Mud.into(), to: None }),
        ("Sc", Move::Scout),
        ("draw t", Move::Draw(Deck::Troops)),
        ("draw x", Move::Draw(Deck::Tactics)),
        ("return o7 Al", Move::Return { under: parsed("o7"), top: Some(parsed("Al")) }),
        ("return o7", Move::Return { under: parsed("o7"), top: None }),
        ("claim 3", Move::Claim(flag(3))),
        ("pass", Move::Pass),
        ("end", Move::End),
        ("resign", Move::Resign),
    ] {
        assert_eq!((parsed::<Move>(text), mv.to_string().as_str()), (mv, text));
    }
}

#[test]
fn what_is_no_move_is_not_read() {
    for text in [
        "",
        " ",
        "r7",
        "r7@",
        "@3",
        "r7@9",
        "r7@-1",
        "r7@03",
        "r7@x",
        "r7 @3",
        " r7@3",
        "r7@3 ",
        "r7@3\n",
        "R7@3",
        "r07@3",
        "r0@3",
        "r11@3",
        "r+7@3",
        "w7@3",
        "7r@3",
        "r7@3@3",
        "r7@３",
        "r７@3",
        "al@3",
        "AL@3",
        "Alexander@3",
        "Sc@3",
        "Re@3",
        "De@3",
        "Tr@3",
        "De",
        "De ",
        "De  r7",
        "De r7@3",
        "De r7 r8",
        "Tr r7",
        "Tr r7@x",
        "Re r7",
        "Re r7@X",
        "Re x",
        "Sc t",
        "sc",
        "draw",
        "draw ",
        "draw T",
        "draw z",
        "draw t x",
        "draw  t",
        "return",
        "return ",
        "return r7 ",
        "return r7 r8 r9",
        "return  r7",
        "claim",
        "claim 9",
        "claim 10",
        "claim -1",
        "claim 3 4",
        "claim x",
        "pass ",
        "Pass",
        "end now",
        "resign!",
        "ß7@3",
        "rß@3",
        "r7@ß",
        "De ß",
        "return ß ß",
        "\0",
        "r7\0@3",
        "🦀",
    ] {
        assert!(text.parse::<Move>().is_err(), "`{text}` was read");
    }
}

#[test]
fn what_is_no_flag_is_not_read() {
    assert!(["", "9", "-1", "00", "x", "+1"].iter().all(|text| text.parse::<FlagIndex>().is_err()));
    assert!(
        ["9", "255", "256", "-1", "1.5", "\"1\"", "null"]
            .iter()
            .all(|json| serde_json::from_str::<FlagIndex>(json).is_err())
    );
    assert_eq!(serde_json::from_str::<FlagIndex>("8").ok(), FlagIndex::new(8));
}

#[test]
fn returned_cards_are_shown_only_to_who_returned_them() {
    let shown = |text: &str, viewer, revealed| parsed::<Move>(text).seen_by(Seat::First, viewer, revealed);
    for (text, hidden) in [
        ("return r7 g3", "return t t"),
        ("return Al g3", "return t x"),
        ("return g3 Al", "return t x"),
        ("return Al Da", "return x x"),
        ("return g3", "return t"),
        ("return Al", "return x"),
    ] {
        assert_eq!(shown(text, Viewer::First, false), text);
        assert_eq!(shown(text, Viewer::Second, false), hidden);
        assert_eq!(shown(text, Viewer::Watcher, false), hidden);
        assert_eq!(shown(text, Viewer::Watcher, true), text, "after the end");
    }
    for text in ["r7@3", "De r7", "Tr r7@3", "Re r7@x", "Sc", "draw x", "claim 3", "pass", "end", "resign"] {
        assert_eq!(shown(text, Viewer::Second, false), text);
    }
}
