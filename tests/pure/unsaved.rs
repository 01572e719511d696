//! A copy that plays on without its stream: what is applied unsaved is written later, or undone and named.

use nineflags::ids::RequestId;
use nineflags::session::socket::FRAME_MAX;
use nineflags::table::copy::{Accepted, Copy, Intent, Proposal, Reconciled};
use nineflags::table::record::{Entry, Salt, Tip};
use nineflags::table::seal::SEALED_MAX;
use nineflags::table::seal::{KEY_BYTES, NONCE_BYTES, SealKey};

use crate::model::dice::Dice;
use crate::model::game::{legal, request, start, table};

/// Adds what the seat on turn does next to a copy, as accepted by a stream or as unsaved.
fn go_on(copy: &mut Copy, id: &str, dice: &mut Dice, saved: bool) -> Proposal {
    let game = copy.known_game().expect("a game");
    let seat = game.turn().expect("a running game");
    let proposal = copy.propose(seat, &request(id), &Intent::Moves(legal(&game, dice))).expect("legal moves");
    let result = if saved {
        copy.accept(proposal.at.number, &proposal.entries)
    } else {
        copy.apply_unsaved(proposal.clone(), 5_000)
    };
    assert_eq!(result, Accepted::Applied(proposal.entries.len()));
    proposal
}

/// A copy with `saved` requests in the stream and `unsaved` more that are not.
fn played(saved: u32, unsaved: u32) -> Copy {
    let (mut copy, mut dice) = (Copy::open(table()), Dice(5));
    let proposal = copy.propose_start(&request("start"), start(&mut dice));
    copy.accept(0, &proposal.entries);
    for number in 0..saved {
        go_on(&mut copy, &format!("saved-{number}"), &mut dice, true);
    }
    for number in 0..unsaved {
        go_on(&mut copy, &format!("unsaved-{number}"), &mut dice, false);
    }
    copy
}

#[test]
fn what_is_applied_unsaved_is_counted_until_the_stream_has_it() {
    let mut copy = played(2, 2);
    let unsaved = copy.unsaved().to_vec();
    assert!(!unsaved.is_empty());
    assert!(unsaved.iter().all(|entry| entry.time_ms == 5_000));
    assert!(copy.accepted().number < copy.tip().number);
    let mut stamped = unsaved.clone();
    for entry in &mut stamped {
        entry.time_ms = 7_000;
    }
    assert_eq!(copy.accept(copy.accepted().number, &stamped), Accepted::Already);
    assert!(copy.unsaved().is_empty());
    assert_eq!(copy.accepted(), copy.tip());
    assert_eq!(copy.entries().last().map(|entry| entry.time_ms), Some(7_000), "the stream's time counts");
}

#[test]
fn times_of_unsaved_records_never_go_back() {
    let mut copy = played(1, 1);
    let last_ms = copy.entries().last().expect("a record").time_ms;
    let game = copy.known_game().expect("a game");
    let seat = game.turn().expect("a running game");
    let moves = Intent::Moves(legal(&game, &mut Dice(3)));
    let proposal = copy.propose(seat, &request("early"), &moves).expect("legal moves");
    copy.apply_unsaved(proposal, last_ms - 1_000);
    assert_eq!(copy.entries().last().expect("a record").time_ms, last_ms);
}

#[test]
fn times_of_records_that_were_stamped_elsewhere_never_go_back() {
    let mut copy = played(1, 0);
    let last_ms = 9_000;
    let entries: Vec<_> =
        copy.entries().iter().map(|entry| Entry { time_ms: last_ms, ..entry.clone() }).collect();
    assert_eq!(copy.accept(0, &entries), Accepted::Already);
    let game = copy.known_game().expect("a game");
    let seat = game.turn().expect("a running game");
    let moves = Intent::Moves(legal(&game, &mut Dice(3)));
    let proposal = copy.propose(seat, &request("given-back"), &moves).expect("legal moves");
    let older: Vec<_> =
        proposal.entries.iter().map(|entry| Entry { time_ms: last_ms - 19, ..entry.clone() }).collect();
    assert_eq!(copy.accept(proposal.at.number, &older), Accepted::Applied(older.len()));
    assert!(copy.entries().iter().all(|entry| entry.time_ms == last_ms), "as the stream has them");
}

#[test]
fn a_stream_that_is_behind_or_empty_is_filled() {
    let mut copy = played(2, 2);
    let (at, entries) = (copy.accepted(), copy.unsaved().to_vec());
    let stream = copy.entries()[..at.number as usize].to_vec();
    assert_eq!(copy.reconcile(stream), Ok(Reconciled::Heal { at, entries }));
    let all = copy.entries().to_vec();
    assert_eq!(copy.reconcile(Vec::new()), Ok(Reconciled::Heal { at: Tip::default(), entries: all.clone() }));
    assert_eq!(copy.unsaved(), all, "an empty stream has none of them");
    assert_eq!(copy.reconcile(all), Ok(Reconciled::Same));
    assert!(copy.unsaved().is_empty());
}

#[test]
fn a_stream_that_is_ahead_is_followed() {
    let (mut copy, ahead) = (played(2, 0), played(3, 0));
    assert_eq!(copy.reconcile(ahead.entries().to_vec()), Ok(Reconciled::Applied));
    assert_eq!((copy.tip(), copy.accepted()), (ahead.tip(), ahead.tip()));
}

#[test]
fn other_records_in_the_stream_undo_the_unsaved_ones_by_name() {
    let mut copy = played(2, 2);
    let (to, undone) = (copy.accepted(), copy.unsaved().to_vec());
    let mut other = played(2, 0);
    go_on(&mut other, "elsewhere", &mut Dice(77), true);
    assert_eq!(copy.reconcile(other.entries().to_vec()), Ok(Reconciled::WentBack { to, undone }));
    assert_eq!(copy.tip(), other.tip());
    assert!(copy.unsaved().is_empty());
}

#[test]
fn a_stream_that_is_no_game_changes_nothing() {
    let mut copy = played(2, 1);
    let before = (copy.tip(), copy.accepted());
    let mut stream = played(3, 0).entries().to_vec();
    stream.swap(1, 2);
    assert!(copy.reconcile(stream).is_err());
    assert_eq!((copy.tip(), copy.accepted()), before);
}

#[test]
fn unsaved_records_of_another_copy_are_taken_whole_or_not_at_all() {
    let sender = played(2, 2);
    let (at, tail) = (sender.accepted(), sender.unsaved().to_vec());
    let mut copy = played(2, 0);
    assert_eq!(copy.take_unsaved(&at, &tail), Accepted::Applied(tail.len()));
    assert_eq!(copy.take_unsaved(&at, &tail), Accepted::Already);
    assert_eq!((copy.tip(), copy.accepted()), (sender.tip(), at.clone()));

    let mut behind = played(1, 0);
    let before = behind.tip();
    assert_eq!(behind.take_unsaved(&at, &tail), Accepted::Gap);
    assert_eq!(behind.tip(), before);

    let mut other = played(2, 0);
    go_on(&mut other, "own", &mut Dice(77), false);
    let before = other.tip();
    assert_eq!(other.take_unsaved(&at, &tail), Accepted::Diverged);
    assert_eq!(other.tip(), before);

    let mut broken = tail.clone();
    let last = broken.last_mut().expect("a record");
    let mut hash = last.hash.to_string();
    hash.replace_range(..1, if hash.starts_with('0') { "1" } else { "0" });
    last.hash = hash.parse().expect("a hash");
    let mut copy = played(2, 0);
    assert_eq!(copy.take_unsaved(&at, &broken), Accepted::Diverged);
    assert_eq!((copy.tip(), copy.game().and_then(nineflags::rules::game::Game::turn)), {
        let same = played(2, 0);
        (same.tip(), same.game().and_then(nineflags::rules::game::Game::turn))
    });
}

#[test]
fn all_that_a_browser_may_give_back_fits_into_one_frame() {
    let key = SealKey::new(&[7; KEY_BYTES]);
    let copy = played(12, 0);
    let longest = copy.entries()[1..].iter().map(|entry| {
        let mut entry = entry.clone();
        entry.request = "r".repeat(RequestId::MAX).parse().expect("an id");
        entry.salt = Some(Salt([0xff; Salt::BYTES]));
        key.seal(table(), u32::MAX, &entry, [0; NONCE_BYTES]).len()
    });
    let start = key.seal(table(), 0, &copy.entries()[0], [0; NONCE_BYTES]).len();
    let all = start + (SEALED_MAX - 1) * (longest.max().expect("records") + 3);
    assert!(all + 512 < FRAME_MAX, "{all} bytes and the rest of the request");
}
