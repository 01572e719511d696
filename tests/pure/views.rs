//! Views hide what they must: two games that differ only in cards hidden from a viewer look the same to him, byte for
//! byte, after every move.

use nineflags::rules::card::{Card, Troop};
use nineflags::rules::game::{Game, Options};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;

use crate::dice::Dice;
use crate::random_play::RandomPlay;
use crate::twins::{Look, Played, VIEWERS};

/// Games that are played twice for each viewer.
const GAMES: u64 = 700;

fn view(game: &Game, viewer: Viewer) -> String {
    serde_json::to_string(&game.view(viewer, true)).expect("a view is JSON")
}

/// How many games look different from their twins, for a viewer who sees them by `look`.
fn differences(games: u64, viewer: Viewer, look: Look) -> (u64, u64) {
    let (mut different, mut exchanged) = (0, 0);
    for seed in 0..games {
        let mut dice = Dice::new(seed);
        let game = Played::random(seed);
        let twin = game.twin(viewer, &mut dice);
        exchanged += u64::from(game.decks != twin.decks);
        different += u64::from(game.looks(viewer, look) != twin.looks(viewer, look));
    }
    (different, exchanged)
}

fn check_hidden(viewer: Viewer) {
    let (different, exchanged) = differences(GAMES, viewer, view);
    assert_eq!(different, 0, "games that look different although what differs is hidden");
    assert!(exchanged > GAMES * 9 / 10, "the twins are other games: {exchanged}");
}

#[test]
fn the_first_seat_sees_nothing_hidden() {
    check_hidden(Viewer::First);
}

#[test]
fn the_second_seat_sees_nothing_hidden() {
    check_hidden(Viewer::Second);
}

#[test]
fn a_watcher_sees_nothing_hidden() {
    check_hidden(Viewer::Watcher);
}

// ---- leaks that the same comparison must find --------------------------------------------------------------------

fn check_leak(look: Look) {
    for viewer in VIEWERS {
        let (different, _) = differences(40, viewer, look);
        assert!(different > 0, "the leak is seen by {viewer:?}");
    }
}

/// A seat the viewer does not have.
fn across(viewer: Viewer) -> Seat {
    if viewer == Viewer::Second { Seat::First } else { Seat::Second }
}

#[test]
fn a_leaked_hand_is_found() {
    check_leak(|game, viewer| view(game, viewer) + &format!("{:?}", game.hand(across(viewer)).max()));
}

#[test]
fn a_leak_by_what_can_still_be_drawn_is_found() {
    check_leak(|game, viewer| {
        let held = |troop: &Troop| game.hand(across(viewer)).any(|card| card == (*troop).into());
        let left = game.unplayed().iter().filter(|troop| !held(troop)).map(|troop| u32::from(troop.rank()));
        view(game, viewer) + &left.sum::<u32>().to_string()
    });
}

#[test]
fn a_leak_by_the_other_seats_choices_is_found() {
    check_leak(|game, viewer| {
        let other = if across(viewer) == Seat::First { Viewer::First } else { Viewer::Second };
        view(game, viewer) + &serde_json::to_string(&game.view(other, false).choices).expect("JSON")
    });
}

/// What the other seat returned with Scout, in each game and its twin, as `shown` shows it.
fn differing_returns(viewer: Viewer, shown: fn(&(Seat, Move), Viewer) -> String) -> usize {
    let returns = |played: &Played| -> Vec<String> {
        let moves = played.moves.iter().filter(|(_, mv)| matches!(mv, Move::Return { .. }));
        moves.map(|mv| shown(mv, viewer)).collect()
    };
    let differs = |seed: &u64| {
        let game = Played::random(*seed);
        returns(&game) != returns(&game.twin(viewer, &mut Dice::new(*seed)))
    };
    (0..200).filter(differs).count()
}

#[test]
fn a_leak_of_what_scout_returned_is_found() {
    for viewer in VIEWERS {
        assert_eq!(differing_returns(viewer, |(seat, mv), viewer| mv.seen_by(*seat, viewer, false)), 0);
        assert!(differing_returns(viewer, |(_, mv), _| mv.to_string()) > 0, "a leaky text is seen");
    }
}

// ---- what is shown -----------------------------------------------------------------------------------------------

#[test]
fn after_the_end_everyone_sees_everything() {
    for seed in 0..200 {
        let mut play = RandomPlay::new(Options::default(), Dice::new(seed));
        play.finish();
        let game = &play.game;
        for viewer in VIEWERS {
            let mut view = game.view(viewer, true);
            for seat in Seat::BOTH {
                assert_eq!(view.hands[seat].cards, Some(game.hand(seat).collect()));
            }
            view.viewer = Viewer::Watcher;
            assert_eq!(view, game.open_view());
        }
    }
}

#[test]
fn the_backs_of_a_hidden_hand_are_shown() {
    let mut play = RandomPlay::new(Options::default(), Dice::new(8));
    while play.step().is_some() {
        for viewer in VIEWERS {
            let view = play.game.view(viewer, false);
            for seat in Seat::BOTH {
                let hand: Vec<Card> = play.game.hand(seat).collect();
                let troops = hand.iter().filter(|card| card.troop().is_some()).count();
                let shown = &view.hands[seat];
                assert_eq!(
                    (usize::from(shown.troops), usize::from(shown.tactics)),
                    (troops, hand.len() - troops)
                );
                let open = viewer.seat() == Some(seat) || play.game.ending().is_some();
                assert_eq!(shown.cards.is_some(), open);
            }
        }
    }
}

#[test]
fn who_returned_cards_with_scout_knows_them_until_they_are_drawn() {
    let mut known = 0;
    for seed in 0..200 {
        let mut play = RandomPlay::new(Options::default(), Dice::new(seed));
        let mut on_deck: Vec<(Seat, Card)> = Vec::new();
        while let Some((seat, mv)) = play.step() {
            match mv {
                Move::Return { under, top } => {
                    on_deck.extend([Some(under), top].into_iter().flatten().map(|card| (seat, card)));
                }
                Move::Draw(_) => {
                    let drawn = play.game.hand(seat).last();
                    on_deck.retain(|(_, card)| Some(*card) != drawn);
                }
                _ => {}
            }
            if play.game.ending().is_some() {
                break;
            }
            for viewer in VIEWERS {
                let expected: Vec<Card> = on_deck
                    .iter()
                    .filter(|(by, _)| viewer.seat() == Some(*by))
                    .map(|(_, card)| *card)
                    .collect();
                known += expected.len();
                assert_eq!(play.game.view(viewer, false).decks.returned, expected);
            }
        }
    }
    assert!(known > 100);
}
