//! Finished games as they are stored: packed small, read by people, and unpacked as they were.

use std::collections::BTreeMap;

use nineflags::ids::{AccountId, RequestId, TableId};
use nineflags::protocol::viewer_of;
use nineflags::rules::card::Decks;
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::store::archive::ArchivedGame;
use nineflags::store::packed::{pack, row, unpack};
use nineflags::table::copy::{Answer, Copy, Effect, Intent, Proposal};
use nineflags::table::options::TableOptions;
use nineflags::table::record::{Salt, Start};
use nineflags_tools::load::choice::{Dice, choose};

/// How requests are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// As our page does: a run for each tab, and a number.
    Counted,
    /// By random text, as long as it may be.
    Random,
}

/// Which of the records are salted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Salted {
    All,
    None,
    /// From this record on.
    From(u32),
}

fn is_salted(salted: Salted, copy: &Copy) -> bool {
    match salted {
        Salted::All => true,
        Salted::None => false,
        Salted::From(number) => copy.tip().number >= number,
    }
}

fn id(ids: Ids, seat: Seat, number: u64, dice: &mut Dice) -> RequestId {
    let random = |dice: &mut Dice| {
        let digit = |dice: &mut Dice| char::from_digit(u32::try_from(dice.below(36)).expect("small"), 36);
        (0..RequestId::MAX).filter_map(|_| digit(dice)).collect::<String>()
    };
    let text = match (ids, seat) {
        (Ids::Counted, Seat::First) => format!("2k9xq0f13pmz7yt4d8wc6v1b-{number}"),
        (Ids::Counted, Seat::Second) => format!("9zj3v81mx0qk5r7s2n4t6h8p-{number}"),
        (Ids::Random, _) => random(dice),
    };
    text.parse().expect("an id")
}

fn take(copy: &mut Copy, proposal: Proposal, salted: Salted, time_ms: u64) {
    let proposal = if is_salted(salted, copy) { copy.salted(proposal) } else { proposal };
    assert_eq!(copy.outcome(proposal, Answer::Appended { time_ms }), Effect::Applied);
}

/// A whole game of bots.
fn played(seed: u64, ids: Ids, salted: Salted) -> ArchivedGame {
    let mut dice = Dice::new(seed);
    let below = |bound: u32| u32::try_from(dice.below(bound as usize)).expect("small");
    let decks = Decks::shuffled(below);
    let start = Start {
        game: TableId::random(),
        accounts: BySeat { first: AccountId::random(), second: AccountId::random() },
        names: BySeat {
            first: "Guest-123456".parse().expect("a name"),
            second: "Mira".parse().expect("a name"),
        },
        options: TableOptions::default(),
        decks,
        nonce: (0..64)
            .filter_map(|_| char::from_digit(u32::try_from(dice.below(16)).expect("small"), 16))
            .collect(),
    };
    let mut copy = Copy::open(start.game);
    let mut time_ms = 1_790_000_000_000;
    let first = copy.propose_start(&"start".parse().expect("an id"), start);
    take(&mut copy, first, salted, time_ms);
    for number in 0.. {
        let Some(seat) = copy.game().and_then(nineflags::rules::game::Game::turn) else { break };
        let (view, _) = copy.view(viewer_of(Some(seat))).expect("a view");
        let Some(moves) = choose(&view, &mut dice) else { break };
        let moves = moves.iter().map(|text| text.parse().expect("a move")).collect();
        let id = id(ids, seat, number, &mut dice);
        let proposal = copy.propose(seat, &id, &Intent::Moves(moves)).expect("what is offered is legal");
        time_ms += 500 + dice.below(20_000) as u64;
        take(&mut copy, proposal, salted, time_ms);
    }
    ArchivedGame::of(&copy).expect("a game")
}

fn fields(game: &ArchivedGame) -> BTreeMap<String, Vec<u8>> {
    let fields = pack(game).expect("it can be packed");
    fields.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect()
}

fn bytes(game: &ArchivedGame) -> usize {
    pack(game).expect("it can be packed").iter().map(|(name, value)| name.len() + value.len()).sum()
}

#[test]
fn what_is_packed_is_unpacked_as_it_was() {
    for seed in 1..13 {
        for salted in [Salted::All, Salted::None, Salted::From(9)] {
            let game = played(seed, Ids::Counted, salted);
            let again = unpack(game.table, &fields(&game)).expect("it can be unpacked");
            assert_eq!(again.clone().without_ids(), game.clone().without_ids(), "seed {seed}, {salted:?}");
            let copy = Copy::from_entries(game.table, again.entries.clone()).expect("a sound chain");
            assert_eq!(
                ArchivedGame::of(&copy),
                Some(again.clone()),
                "what it says of itself is what its records say"
            );
            let row = row(game.table, &fields(&game)).expect("a row");
            assert_eq!(row, game.row());
            if salted == Salted::None {
                assert_eq!(again, game, "hashes of format 1 need every id");
            }
        }
    }
}

#[test]
fn a_finished_game_is_small_whatever_its_ids_are() {
    for (ids, most) in [(Ids::Counted, 2_000), (Ids::Random, 2_300)] {
        let sizes: Vec<usize> = (1..41).map(|seed| bytes(&played(seed, ids, Salted::All))).collect();
        let largest = sizes.iter().max().expect("games");
        assert!(*largest < most, "{ids:?}: {sizes:?}");
        assert!(sizes.iter().sum::<usize>() / sizes.len() > 500, "they are whole games: {sizes:?}");
    }
}

#[test]
fn the_last_requests_of_each_seat_are_known_again() {
    for ids in [Ids::Counted, Ids::Random] {
        let game = played(5, ids, Salted::All);
        let again = unpack(game.table, &fields(&game)).expect("it can be unpacked");
        for seat in Seat::BOTH {
            let mut own: Vec<&RequestId> = game.entries[1..]
                .iter()
                .filter(|entry| entry.seat == seat)
                .map(|entry| &entry.request)
                .collect();
            own.dedup();
            for request in own.iter().rev().take(4) {
                assert_eq!(again.has_request(seat, request), game.has_request(seat, request));
                assert!(again.has_request(seat, request).is_some());
                assert_eq!(again.has_request(seat.other(), request), None);
            }
        }
    }
}

#[test]
fn salts_that_follow_from_nothing_are_kept() {
    let mut game = played(3, Ids::Counted, Salted::All);
    let mut hash = nineflags::table::record::Hash::default();
    for (number, entry) in (0_u32..).zip(&mut game.entries) {
        entry.salt = Some(Salt([u8::try_from(number % 251).expect("small"); Salt::BYTES]));
        hash = entry.hash_after(&hash, number).expect("it is salted");
        entry.hash = hash.clone();
    }
    let again = unpack(game.table, &fields(&game)).expect("it can be unpacked");
    assert_eq!(again.without_ids(), game.without_ids());
}

#[test]
fn what_was_changed_is_noticed_and_what_is_garbage_is_an_error() {
    let game = played(4, Ids::Counted, Salted::All);
    let whole = fields(&game);
    for name in ["first", "second", "result", "flags", "moves", "ended", "records"] {
        for garbage in [Vec::new(), b"x".to_vec(), vec![0xff, 0xfe], b"AAAA".to_vec(), vec![b'A'; 4_000]] {
            let mut fields = whole.clone();
            fields.insert(name.to_owned(), garbage.clone());
            let read = unpack(game.table, &fields);
            let is_sound = read.is_ok_and(|read| nineflags::archive_files::check(&read).is_ok());
            assert!(!is_sound, "{name}: {garbage:?}");
        }
        let mut fields = whole.clone();
        fields.remove(name);
        assert!(unpack(game.table, &fields).is_err(), "without {name}");
    }
    let records = whole["records"].clone();
    for cut in (0..records.len()).step_by(7) {
        let mut fields = whole.clone();
        fields.insert("records".to_owned(), records[..cut].to_vec());
        let sound = unpack(game.table, &fields).is_ok_and(|read| read == game);
        assert!(!sound, "cut at {cut}");
    }
}

#[test]
fn people_can_read_who_played_and_how_it_ended() {
    let game = played(6, Ids::Counted, Salted::All);
    let fields: BTreeMap<&str, String> = pack(&game).expect("it can be packed").into_iter().collect();
    assert_eq!(fields["first"], format!("Guest-123456 {}", game.accounts.first));
    assert_eq!(fields["second"], format!("Mira {}", game.accounts.second));
    let ending = game.ending.expect("it ended");
    let winner = ending.winner.map_or("nobody".to_owned(), |seat| seat.to_string());
    assert!(fields["result"].starts_with(&format!("{winner} ")), "{}", fields["result"]);
    assert_eq!(fields["flags"], game.flags);
    assert!(fields["ended"].starts_with("2026-") && fields["ended"].ends_with('Z'), "{}", fields["ended"]);
}
