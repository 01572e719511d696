//! An answer tells no more than a view: for two games that are equal in the asker's view every request is answered alike,
//! byte for byte, and appends the same records or none.

use nineflags::host::decide::{Ready, decide};
use nineflags::host::{Refusal, SeatAsk};
use nineflags::ids::RequestId;
use nineflags::protocol::Update;
use nineflags::rules::card::{Deck, Tactic, Troop};
use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::{Game, Phase};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;
use nineflags::session::parse_moves;
use nineflags::table::copy::{Accepted, Copy, Intent, Proposal};
use nineflags::table::record::Start;

use crate::dice::Dice;
use crate::model;
use crate::model::game::{request, start, table};
use crate::twins::{Played, VIEWERS};

/// Games that are asked for each viewer, and requests for each of them: 108,000 in all.
const GAMES: u64 = 600;
const REQUESTS: usize = 60;

/// What a table answers to the moves of one request, as the asker reads it; and the records that would be appended.
type Answers = fn(&Copy, Option<Seat>, &RequestId, &Asked) -> String;

/// A request as it comes from the wire.
#[derive(Debug)]
enum Asked {
    Moves(Vec<String>),
    Resign,
    Save,
    ClaimWin,
}

/// The way a request takes through the product.
fn product(copy: &Copy, seat: Option<Seat>, id: &RequestId, asked: &Asked) -> String {
    let ask = match asked {
        Asked::Moves(texts) => match parse_moves(texts) {
            Ok(moves) => SeatAsk::Moves(copy.tip(), moves),
            Err(refusal) => return refused(id, refusal),
        },
        Asked::Resign => SeatAsk::Resign,
        Asked::Save => SeatAsk::Save,
        Asked::ClaimWin => SeatAsk::ClaimWin,
    };
    let Some(seat) = seat else { return refused(id, Refusal::not_seated()) };
    match decide(copy, seat, id, &ask, true, true) {
        Ok(proposal) => carried_out(&proposal),
        Err(Ready::Done(tip)) => format!("done before, {}", tip.number),
        Err(Ready::Refused(refusal)) => refused(id, refusal),
    }
}

/// The order of checks of version 0.3.0: all moves of a request are tried on the true game.
fn tried_on_the_true_game(copy: &Copy, seat: Option<Seat>, id: &RequestId, asked: &Asked) -> String {
    let (Asked::Moves(texts), Some(seat)) = (asked, seat) else { return product(copy, seat, id, asked) };
    let Ok(moves) = parse_moves(texts) else { return product(copy, Some(seat), id, asked) };
    let mut game = copy.game().expect("a game").clone();
    match moves.iter().try_for_each(|mv| game.play(seat, *mv)) {
        Ok(()) => format!("{moves:?}"),
        Err(illegal) => illegal.to_string(),
    }
}

fn refused(id: &RequestId, Refusal { code, words, counter }: Refusal) -> String {
    let update = Update::Refused { id: id.clone(), code, words, counter };
    serde_json::to_string(&update).expect("an update is JSON")
}

fn carried_out(proposal: &Proposal) -> String {
    let records = proposal.entries.iter().map(|entry| format!("{} {}", entry.seat, entry.record));
    format!("done, from {}: {:?}", proposal.at.number, records.collect::<Vec<_>>())
}

/// The copy of a game of which the first `saved` moves are in the stream. Moves after them that cannot be made unsaved, since
/// their seat has not seen the card, are left out with all that follow.
fn copy_of(played: &mut Played, saved: usize) -> Copy {
    let mut copy = Copy::open(table());
    let mut start: Start = start(&mut model::dice::Dice(1));
    start.options.rules = played.options;
    start.decks = played.decks.clone();
    let proposal = copy.propose_start(&request("start"), start);
    assert_eq!(copy.accept(0, &proposal.entries), Accepted::Applied(1));
    for (number, (seat, mv)) in played.moves.iter().enumerate() {
        let id = request(&format!("m{number}"));
        let taken = match copy.propose(*seat, &id, &Intent::Moves(vec![*mv])) {
            Ok(proposal) if number < saved => copy.accept(proposal.at.number, &proposal.entries),
            Ok(proposal) => copy.apply_unsaved(proposal, 1_000),
            Err(_) if number >= saved => {
                played.moves.truncate(number);
                break;
            }
            Err(why) => panic!("{mv}: {why:?}"),
        };
        assert_eq!(taken, Accepted::Applied(1));
    }
    copy
}

/// Any move that can be written, those of the mover's own hand more often than others; also what is none.
fn any_move(game: &Game, seat: Seat, dice: &mut Dice) -> String {
    let hand: Vec<_> = game.hand(seat).collect();
    let troops: Vec<Troop> = Troop::all().collect();
    let flags: Vec<FlagIndex> = FlagIndex::all().collect();
    let card = if dice.happens(1, 2) && !hand.is_empty() {
        dice.pick(&hand)
    } else if dice.happens(1, 3) {
        dice.pick(&Tactic::ALL).into()
    } else {
        dice.pick(&troops).into()
    };
    let other = if hand.is_empty() { card } else { dice.pick(&hand) };
    let flag = dice.pick(&flags);
    match dice.below(16) {
        0..4 => format!("{}", Move::Draw(dice.pick(&Deck::BOTH))),
        4..7 => format!("{card}@{flag}"),
        7 => format!("return {card}"),
        8 | 9 => format!("return {card} {other}"),
        10 => format!("claim {flag}"),
        11 => dice.pick(&["pass", "end", "Sc"]).to_owned(),
        12 => format!("De {card}"),
        13 => format!("Tr {card}@{flag}"),
        14 => {
            if dice.happens(1, 4) {
                format!("Re {card}@x")
            } else {
                format!("Re {card}@{flag}")
            }
        }
        _ => dice.pick(&["resign", "draw", "draw z", "r11@0", "return", "claim 9", "", "r7@3 "]).to_owned(),
    }
}

/// One to four moves, most of them legal one after the other as far as the mover knows, or as the true game goes.
fn any_moves(game: &Game, seat: Seat, dice: &mut Dice) -> Vec<String> {
    let mut game = game.clone();
    let mut legal = Vec::new();
    if dice.happens(1, 8) {
        // Draws, and then what is judged by them.
        let draw = Move::Draw(dice.pick(&Deck::BOTH)).to_string();
        let mut moves = vec![draw; 1 + dice.place(3)];
        moves.push(any_move(&game, seat, dice));
        return moves;
    }
    let count = 1 + dice.place(4);
    (0..count)
        .map(|_| {
            game.legal_moves(&mut legal);
            if legal.is_empty() || dice.happens(1, 4) {
                return any_move(&game, seat, dice);
            }
            let mv = dice.pick(&legal);
            let _ = game.play(seat, mv);
            mv.to_string()
        })
        .collect()
}

fn any_request(copy: &Copy, seat: Option<Seat>, dice: &mut Dice) -> (RequestId, Asked) {
    let game = copy.game().expect("a game");
    let seat = seat.or(game.turn()).unwrap_or(Seat::First);
    let id = if dice.happens(1, 50) { "m0".to_owned() } else { format!("new-{}", dice.below(1_000)) };
    let asked = match dice.below(60) {
        0 => Asked::Resign,
        1 => Asked::Save,
        2 => Asked::ClaimWin,
        3 => Asked::Moves(vec!["draw t".to_owned(); 5 * dice.place(2)]),
        _ => Asked::Moves(any_moves(game, seat, dice)),
    };
    (request(&id), asked)
}

/// All that a viewer is shown of a table, and what the lobby shows of it.
fn shown(copy: &Copy, viewer: Viewer) -> String {
    let shown = copy.view(viewer).expect("a game");
    format!("{} {}", serde_json::to_string(&shown).expect("a view is JSON"), copy.flags())
}

/// The same as version 0.3.0 did it: a view of the game as it is, whatever of it is saved.
fn shown_unsaved(copy: &Copy, viewer: Viewer) -> String {
    serde_json::to_string(&copy.game().expect("a game").view(viewer, true)).expect("a view is JSON")
}

/// How many games with unsaved moves, some of which end it, look different from their twins.
fn unsaved_differences(viewer: Viewer, look: fn(&Copy, Viewer) -> String) -> usize {
    let differs = |seed: &u64| {
        let mut dice = Dice::new(*seed);
        let mut played = Played::random_in(*seed, dice.pick(&[Phase::Play, Phase::Draw, Phase::ScoutReturn]));
        let saved = played.moves.len().saturating_sub(dice.place(12));
        if dice.happens(1, 2) {
            played.moves.push((dice.pick(&Seat::BOTH), Move::Resign));
        }
        let one = copy_of(&mut played, saved);
        let other = copy_of(&mut played.twin_saved(viewer, saved, &mut dice), saved);
        let is_open = one.unsaved().is_empty() && one.game().and_then(Game::ending).is_some();
        !is_open && look(&one, viewer) != look(&other, viewer)
    };
    (0..GAMES).filter(differs).count()
}

#[test]
fn unsaved_moves_show_no_card_but_those_that_were_played() {
    for viewer in VIEWERS {
        assert_eq!(unsaved_differences(viewer, shown), 0, "{viewer:?}");
        assert!(
            unsaved_differences(viewer, shown_unsaved) > 20,
            "{viewer:?}: what 0.3.0 showed is convicted"
        );
    }
}

/// What was asked, and how often the two games of a pair answered differently.
#[derive(Debug, Default)]
struct Compared {
    requests: usize,
    carried_out: usize,
    different: Vec<String>,
}

fn compare(viewer: Viewer, games: u64, answers: Answers) -> Compared {
    let mut compared = Compared::default();
    for seed in 0..games {
        let mut dice = Dice::new(seed);
        let phase = dice.pick(&[Phase::Play, Phase::Draw, Phase::ScoutDraw, Phase::ScoutReturn, Phase::End]);
        let mut played = Played::random_in(seed, phase);
        // Now and then the last moves are unsaved, or all of them.
        let unsaved = if dice.happens(1, 3) { dice.place(12) } else { 0 };
        let saved = played.moves.len().saturating_sub(unsaved);
        let one = copy_of(&mut played, saved);
        let other = copy_of(&mut played.twin_saved(viewer, saved, &mut dice), saved);
        for _ in 0..REQUESTS {
            // What is asked may be what the other game would allow: nobody knows in which of them he is.
            let guess = if dice.happens(1, 2) { &one } else { &other };
            let (id, asked) = any_request(guess, viewer.seat(), &mut dice);
            let (first, second) =
                (answers(&one, viewer.seat(), &id, &asked), answers(&other, viewer.seat(), &id, &asked));
            compared.requests += 1;
            compared.carried_out += usize::from(first.starts_with("done"));
            if first != second {
                compared.different.push(format!("game {seed}, {asked:?}: {first} or {second}"));
            }
        }
    }
    compared
}

#[test]
fn equal_views_get_equal_answers() {
    let mut requests = 0;
    for viewer in VIEWERS {
        let compared = compare(viewer, GAMES, product);
        assert!(compared.different.is_empty(), "{viewer:?}: {}", compared.different[0]);
        let least = if viewer == Viewer::Watcher { 0 } else { 1_500 };
        assert!(compared.carried_out >= least, "{viewer:?}: {} carried out", compared.carried_out);
        requests += compared.requests;
    }
    assert!(requests >= 100_000, "{requests}");
}

#[test]
fn requests_that_are_tried_on_the_true_game_are_convicted() {
    for viewer in [Viewer::First, Viewer::Second] {
        let compared = compare(viewer, GAMES / 4, tried_on_the_true_game);
        assert!(compared.different.len() >= 10, "{viewer:?}: {}", compared.different.len());
    }
}
