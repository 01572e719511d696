//! What hashes, ids and lengths tell of a record that is hidden: nothing.

use std::collections::HashSet;

use nineflags::ids::RequestId;
use nineflags::rules::card::{Card, Decks, Tactic, Troop};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;
use nineflags::table::copy::{Answer, Copy, Effect, Intent, Proposal};
use nineflags::table::options::TableOptions;
use nineflags::table::record::{Entry, Record, Salt, Start, Tip};
use nineflags::table::seal::{KEY_BYTES, NONCE_BYTES, SealKey};

use crate::model::append::{Leaves, Stream};
use crate::model::dice::Dice;
use crate::model::game::{request, start, table};

/// Requests of one browser whose ids can be guessed.
const GUESSED_IDS: u32 = 60;

/// A game in which the first seat puts two cards back under the decks, as Scout has it.
struct Scouted {
    copy: Copy,
    /// The number of the record that the other seat may not read.
    hidden: u32,
}

fn decks() -> Decks {
    let mut tactics = Tactic::ALL;
    tactics.sort_by_key(|tactic| tactic.to_string() != "Sc");
    Decks { tactics: tactics.into(), ..Decks::shuffled(|bound| bound / 3) }
}

impl Scouted {
    fn played(salted: bool) -> Self {
        let start = Start {
            decks: decks(),
            options: TableOptions::default(),
            nonce: "5f".repeat(32),
            ..start(&mut Dice(7))
        };
        let mut game = Self { copy: Copy::open(table()), hidden: 0 };
        game.take(game.copy.propose_start(&request("start"), start), salted);
        game.ask("x-1", &[format!("{}@0", game.held(Seat::First)), "draw x".to_owned()], salted);
        game.ask("y-1", &[format!("{}@0", game.held(Seat::Second)), "draw t".to_owned()], salted);
        game.ask("x-2", &["Sc".to_owned()], salted);
        for id in ["x-3", "x-4", "x-5"] {
            game.ask(id, &["draw t".to_owned()], salted);
        }
        game.hidden = game.copy.tip().number;
        let [one, two] = [0, 1].map(|place| game.hand(Seat::First)[place]);
        game.ask("x-6", &[format!("return {one} {two}")], salted);
        game
    }

    fn hand(&self, seat: Seat) -> Vec<Card> {
        self.copy.game().expect("a game").hand(seat).collect()
    }

    fn held(&self, seat: Seat) -> Card {
        *self.hand(seat).iter().find(|card| card.troop().is_some()).expect("a troop")
    }

    fn ask(&mut self, id: &str, moves: &[String], salted: bool) {
        let seat = self.copy.game().and_then(nineflags::rules::game::Game::turn).expect("a running game");
        let moves = moves.iter().map(|text| text.parse().expect("a move")).collect();
        let proposal = self.copy.propose(seat, &request(id), &Intent::Moves(moves)).expect("a legal move");
        self.take(proposal, salted);
    }

    fn take(&mut self, proposal: Proposal, salted: bool) {
        let proposal = if salted { self.copy.salted(proposal) } else { proposal };
        assert_eq!(self.copy.outcome(proposal, Answer::Appended { time_ms: 7 }), Effect::Applied);
    }

    fn entry(&self) -> &Entry {
        &self.copy.entries()[self.hidden as usize]
    }

    /// The records that the other seat can think of, and every one it can confirm by what it was sent: all tips, the
    /// commitment, and the ids it can guess.
    fn confirmed(&self) -> (usize, Vec<String>) {
        let entries = self.copy.entries();
        let at = self.hidden as usize;
        let (before, tip) = (&entries[at - 1].hash, &entries[at].hash);
        let ids: Vec<RequestId> = (1..=GUESSED_IDS).map(|id| request(&format!("x-{id}"))).collect();
        let salts = salts_thought_of(&self.copy);
        let mut confirmed = Vec::new();
        let candidates = candidates();
        for record in &candidates {
            let by_id = ids.iter().any(|id| before.next(self.hidden, id, Seat::First, record) == *tip);
            let by_salt =
                salts.iter().any(|salt| before.next_salted(self.hidden, *salt, Seat::First, record) == *tip);
            if by_id || by_salt {
                confirmed.push(record.to_string());
            }
        }
        (candidates.len(), confirmed)
    }
}

/// Every ordered pair of cards put back.
fn candidates() -> Vec<Record> {
    let cards: Vec<Card> = Troop::all().map(Card::from).chain(Tactic::ALL.map(Card::from)).collect();
    let pairs = cards.iter().flat_map(|one| cards.iter().map(move |two| (one, two)));
    let returns = pairs.filter(|(one, two)| one != two).map(|(one, two)| format!("return {one} {two}"));
    returns.map(|text| Record::Move(text.parse::<Move>().expect("a move"))).collect()
}

/// Salts made of what everybody is told.
fn salts_thought_of(copy: &Copy) -> Vec<Salt> {
    let texts = copy.entries().iter().map(|entry| entry.hash.to_string());
    let texts = texts.chain([copy.commitment()[..32].to_owned(), "0".repeat(32), "f".repeat(32)]);
    texts.map(|text| Salt::try_from(text).expect("32 hex digits")).collect()
}

#[test]
fn no_hash_that_the_other_seat_was_sent_tells_the_cards_put_back() {
    let game = Scouted::played(true);
    assert_eq!(game.confirmed(), (70 * 69, Vec::new()));
    // What is sent to the other seat has neither ids nor salts.
    let sent = serde_json::to_string(&game.copy.view(Viewer::Second)).expect("JSON");
    for entry in game.copy.entries() {
        let salt = entry.salt.map(String::from).expect("every record is salted");
        assert!(!sent.contains(&salt) && !sent.contains(&format!("\"{}\"", entry.request)), "{sent}");
    }
}

#[test]
fn the_search_reads_the_cards_put_back_from_a_hash_of_format_1() {
    let game = Scouted::played(false);
    let (_, confirmed) = game.confirmed();
    assert_eq!(confirmed, [game.entry().record.to_string()]);
}

#[test]
fn salts_are_never_equal_and_follow_from_the_nonce_alone() {
    let game = Scouted::played(true);
    let salts: HashSet<String> =
        game.copy.entries().iter().map(|entry| entry.salt.expect("salted").into()).collect();
    assert_eq!(salts.len(), game.copy.entries().len());
    let again = Scouted::played(true);
    assert_eq!(
        again.copy.entries(),
        game.copy.entries(),
        "wherever a request is carried out, its records are the same"
    );
    let at = Tip { number: 3, hash: "0".repeat(32).parse().expect("a hash") };
    assert_ne!(Salt::of("00", &at, Seat::First), Salt::of("01", &at, Seat::First));
    assert_ne!(Salt::of("00", &at, Seat::First), Salt::of("00", &at, Seat::Second));
}

#[test]
fn sealed_returns_are_all_of_one_length() {
    let (game, key) = (Scouted::played(true), SealKey::new(&[3; KEY_BYTES]));
    let length = |record: Record| {
        let entry = Entry { record, ..game.entry().clone() };
        key.seal(table(), game.hidden, &entry, [1; NONCE_BYTES]).len()
    };
    let lengths: HashSet<usize> = candidates().into_iter().map(length).collect();
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}

#[test]
fn a_game_may_change_from_one_format_to_the_other_at_any_record() {
    for salted in [[true, false], [false, true]] {
        let mut game = Scouted::played(salted[0]);
        game.ask("x-7", &["resign".to_owned()], salted[1]);
        let read = Copy::from_entries(table(), game.copy.entries().to_vec()).expect("a sound chain");
        assert_eq!(read.tip(), game.copy.tip());
        let text = serde_json::to_string(game.copy.entries()).expect("JSON");
        assert_eq!(serde_json::from_str::<Vec<Entry>>(&text).expect("records"), game.copy.entries());
    }
}

#[test]
fn a_salt_a_seat_a_number_or_a_record_that_was_changed_breaks_the_chain() {
    let game = Scouted::played(true);
    let broken = |change: &dyn Fn(&mut Entry)| {
        let mut entries = game.copy.entries().to_vec();
        change(&mut entries[game.hidden as usize]);
        Copy::from_entries(table(), entries).expect_err("another record").number
    };
    let (one, two) = match game.entry().record.to_string().split(' ').collect::<Vec<_>>()[..] {
        [_, one, two] => (one.to_owned(), two.to_owned()),
        _ => unreachable!("a return of two cards"),
    };
    let turned: Record = format!("return {two} {one}").parse().expect("a record");
    assert_eq!(broken(&|entry| entry.record = turned.clone()), game.hidden);
    assert_eq!(broken(&|entry| entry.salt = Some(Salt([0; Salt::BYTES]))), game.hidden);
    assert_eq!(broken(&|entry| entry.salt = None), game.hidden);
    assert_eq!(broken(&|entry| entry.seat = Seat::Second), game.hidden);
    // The request's id is not part of it: it may be withheld.
    let mut entries = game.copy.entries().to_vec();
    for entry in &mut entries {
        entry.request = RequestId::withheld();
    }
    assert!(Copy::from_entries(table(), entries).is_ok());
    let mut entries = Scouted::played(false).copy.entries().to_vec();
    entries[4].request = RequestId::withheld();
    let words = Copy::from_entries(table(), entries).expect_err("format 1 needs the id").to_string();
    assert_eq!(words, "record 4: the request id is missing that its hash was made with");
    for text in ["", "00", "zz", &"0".repeat(31), &"0".repeat(33), &"ä".repeat(16), &"g".repeat(32)] {
        assert!(Salt::try_from((*text).to_owned()).is_err(), "{text}");
    }
}

// ---- ids count for the seat that gave them -----------------------------------------------------------------------

#[test]
fn an_id_counts_for_the_seat_that_gave_it() {
    for salted in [true, false] {
        let game = Scouted::played(salted);
        let tip = game.copy.has_request(Seat::First, &request("x-2")).expect("it was made");
        assert!(game.copy.has_tip(&tip));
        assert_eq!(game.copy.has_request(Seat::Second, &request("x-2")), None);
        assert!(game.copy.has_request(Seat::Second, &request("y-1")).is_some());
        // Nobody asked for the start.
        assert_eq!(game.copy.has_request(Seat::First, &request("start")), None);
    }
}

#[test]
fn the_script_answers_already_only_to_the_seat_whose_request_it_was() {
    for salted in [true, false] {
        let game = Scouted::played(salted);
        let mut stream = Stream { entries: game.copy.entries().to_vec() };
        let late = Copy::from_entries(table(), stream.entries[..3].to_vec()).expect("a shorter game");
        let give_up = Intent::Moves(vec![Move::Resign]);
        let ask =
            |seat: Seat, id: &str| late.propose(seat, &request(id), &give_up).expect("legal at any time");
        let mut answer = |proposal| stream.append(&proposal, true, 9, Leaves::default());
        assert!(matches!(answer(ask(Seat::Second, "y-1")), Answer::Already { .. }));
        assert!(matches!(answer(ask(Seat::First, "y-1")), Answer::Conflict { .. }));
        assert!(matches!(answer(ask(Seat::Second, "x-2")), Answer::Conflict { .. }));
    }
}
