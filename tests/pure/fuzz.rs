//! Arbitrary input for the notation and for `play`: a bounded number of inputs as a test, any number with `cargo bolero`.

use bolero::check;
use nineflags::rules::card::Card;
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::Game;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;
use nineflags_tools::judge;

use crate::choices::all_moves;
use crate::dice::Dice;
use crate::random_play::{all_options, decks};

/// Pieces of which moves are made, so that chance makes some.
const PIECES: [&str; 36] = [
    "r", "o", "y", "g", "b", "p", "1", "2", "3", "7", "10", "0", "@", "x", "t", " ", "Al", "Da", "Co", "Sh",
    "Fo", "Mu", "Sc", "Re", "De", "Tr", "De ", "Tr ", "Re ", "draw ", "return ", "claim ", "pass", "end",
    "ß", "resign",
];

/// Whatever is read is printed as it was written.
fn read(text: &str) {
    if let Ok(mv) = text.parse::<Move>() {
        assert_eq!(mv.to_string(), text);
    }
    if let Ok(card) = text.parse::<Card>() {
        assert_eq!(card.to_string(), text);
    }
    if let Ok(flag) = text.parse::<FlagIndex>() {
        assert_eq!(flag.to_string(), text);
    }
}

#[test]
fn any_text_is_read_as_what_it_prints_or_refused() {
    check!()
        .with_iterations(20_000)
        .with_max_len(40)
        .for_each(|input: &[u8]| read(&String::from_utf8_lossy(input)));
}

#[test]
fn any_pieces_of_notation_are_read_as_what_they_print_or_refused() {
    check!().with_iterations(50_000).with_max_len(8).for_each(|input: &[u8]| {
        let pieces = input.iter().map(|byte| PIECES[usize::from(*byte) % PIECES.len()]);
        read(&pieces.collect::<String>());
    });
}

#[test]
fn any_line_is_judged_or_refused() {
    check!().with_iterations(5_000).with_max_len(400).for_each(|input: &[u8]| {
        let lines = input.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).count();
        let (mut flags, mut games) = (Vec::new(), Vec::new());
        judge::flags(input, &mut flags).expect("memory can be read and written");
        judge::games(input, &mut games).expect("memory can be read and written");
        for answers in [flags, games] {
            assert_eq!(answers.split(|byte| *byte == b'\n').count(), lines + 1, "one answer a line");
        }
    });
}

#[test]
fn any_sequence_of_moves_is_played_or_refused() {
    let all = all_moves();
    check!().with_iterations(400).with_max_len(1200).for_each(|input: &[u8]| play(input, &all));
}

/// Moves tried in one game.
const MOVES: usize = 300;

/// The first byte chooses the options, the second the decks, each three after that a move: mostly one of those that are
/// legal, else any at all for any seat. A short input goes on with other numbers.
fn play(input: &[u8], all: &[Move]) {
    let seed = input.iter().fold(0, |seed: u64, byte| seed.wrapping_mul(257) + u64::from(*byte) + 1);
    let mut dice = Dice::new(seed);
    let mut bytes = input.iter().copied().chain(std::iter::repeat_with(|| dice.roll().to_le_bytes()[0]));
    let mut number = || usize::from(bytes.next().expect("it never ends"));
    let every = all_options();
    let options = every[number() % every.len()];
    let mut game = Game::start(options, &decks(&mut Dice::new(number() as u64)));
    let (mut legal, flags) = (Vec::new(), FlagIndex::all().collect::<Vec<_>>());
    for _ in 0..MOVES {
        let (kind, number) = (number(), number() << 8 | number());
        game.legal_moves(&mut legal);
        let turn = game.turn().unwrap_or(Seat::First);
        let (seat, mv) = match kind {
            0..180 if !legal.is_empty() => (turn, legal[number % legal.len()]),
            180..200 => (turn, Move::Claim(flags[number % flags.len()])),
            200..=254 => (if kind % 2 == 0 { turn } else { turn.other() }, all[number % all.len()]),
            255 if number % 64 == 0 => (turn.other(), Move::Resign),
            _ => continue,
        };
        let before = format!("{game:?}");
        let over = game.ending().is_some();
        if game.play(seat, mv).is_ok() {
            assert!(!over && (seat == turn || mv == Move::Resign));
        } else {
            assert_eq!(format!("{game:?}"), before);
            assert!(!(legal.contains(&mv) && seat == turn), "{mv} is legal");
        }
    }
    for viewer in [Viewer::First, Viewer::Second, Viewer::Watcher] {
        serde_json::to_string(&game.view(viewer, true)).expect("a view is JSON");
    }
}
