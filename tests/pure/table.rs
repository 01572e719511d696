//! The live copy of a game without Redis: what it proposes, and what it makes of answers and publications.

use nineflags::ids::AccountId;
use nineflags::rules::illegal::Illegal;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;
use nineflags::table::copy::{Accepted, Answer, Copy, Effect, Intent, Proposal, Refused};
use nineflags::table::record::{Entry, Record, Start, Tip};
use uuid::Uuid;

use crate::model::append::{Leaves, Stream};
use crate::model::dice::Dice;
use crate::model::game::{legal, request, start, table};

/// A copy after `requests` requests, and the stream it stands in.
fn played(requests: usize) -> (Copy, Stream) {
    let (mut copy, mut stream, mut dice) = (Copy::open(table()), Stream::default(), Dice(9));
    let proposal = copy.propose_start(&request("start"), start(&mut dice));
    append(&mut copy, &mut stream, proposal);
    for number in 0..requests {
        let proposal = next(&copy, &format!("r{number}"), &mut dice);
        append(&mut copy, &mut stream, proposal);
    }
    (copy, stream)
}

/// The next moves of the seat on turn, proposed.
fn next(copy: &Copy, id: &str, dice: &mut Dice) -> Proposal {
    let game = copy.game().expect("a game");
    let seat = game.turn().expect("a running game");
    copy.propose(seat, &request(id), &Intent::Moves(legal(game, dice))).expect("legal moves")
}

fn append(copy: &mut Copy, stream: &mut Stream, proposal: Proposal) -> Answer {
    let answer = stream.append(&proposal, true, 1_000 + stream.entries.len() as u64, Leaves::default());
    assert_eq!(copy.outcome(proposal, answer.clone()), Effect::Applied);
    answer
}

fn records(entries: &[Entry]) -> u32 {
    u32::try_from(entries.len()).expect("small")
}

#[test]
fn a_proposal_follows_the_tip_and_changes_nothing() {
    let (copy, _) = played(3);
    let before = copy.tip();
    let proposal = next(&copy, "more", &mut Dice(4));
    assert_eq!(proposal.at, before);
    assert_eq!(copy.tip(), before);
    assert!(copy.has_request(Seat::First, &request("more")).is_none());
    assert!(proposal.entries.iter().all(|entry| entry.time_ms == 0 && entry.request == request("more")));
    let again = next(&copy, "more", &mut Dice(4));
    assert_eq!(proposal, again, "the same request at the same tip is the same proposal, wherever it is made");
}

#[test]
fn moves_are_proposed_all_or_none() {
    let (copy, _) = played(0);
    let place = legal(copy.game().expect("a game"), &mut Dice(2))[0];
    let propose =
        |seat, moves: Vec<Move>| copy.propose(seat, &request("r"), &Intent::Moves(moves)).map(|_| ());
    assert_eq!(propose(Seat::First, vec![place]), Ok(()));
    assert!(matches!(propose(Seat::First, vec![place, place]), Err(Refused::Illegal(_))));
    assert_eq!(propose(Seat::Second, vec![place]), Err(Refused::Illegal(Illegal::NotYourTurn)));
    assert_eq!(propose(Seat::Second, vec![Move::Resign]), Ok(()), "any seat may resign at any time");
}

#[test]
fn before_the_start_nothing_can_be_proposed() {
    let copy = Copy::open(table());
    for intent in [Intent::Save, Intent::Resume, Intent::Absent, Intent::Moves(vec![Move::Resign])] {
        assert_eq!(copy.propose(Seat::First, &request("r"), &intent), Err(Refused::NotRunning));
    }
    assert_eq!((copy.tip(), copy.commitment(), copy.view(Viewer::Watcher)), (Tip::default(), "", None));
}

#[test]
fn appended_records_get_the_time_of_redis() {
    let (copy, stream) = played(2);
    assert_eq!(copy.entries(), stream.entries);
    assert!(copy.entries().iter().all(|entry| entry.time_ms >= 1_000));
}

#[test]
fn a_request_that_is_there_is_answered_with_its_tip() {
    let (copy, mut stream) = played(4);
    let made = copy.entries().iter().find(|entry| entry.request == request("r1")).expect("it is there");
    let seat = made.seat;
    let tip = copy.has_request(seat, &request("r1")).expect("it was made");
    assert!(copy.has_tip(&tip) && tip.number < copy.tip().number);
    // Another copy that does not know of it proposes it again at the old tip.
    let (mut other, _) = played(1);
    let mut dice = Dice(9);
    let _ = start(&mut dice);
    let _ = legal(other.game().expect("a game"), &mut dice);
    let again = copy.entries()[other.entries().len()..usize::try_from(tip.number).expect("small")].to_vec();
    let proposal = Proposal { at: other.tip(), entries: again };
    let answer = stream.append(&proposal, true, 0, Leaves::default());
    assert!(matches!(&answer, Answer::Already { missing } if missing.len() > proposal.entries.len()));
    assert_eq!(other.outcome(proposal, answer), Effect::Applied);
    assert_eq!(other.has_request(seat, &request("r1")), Some(tip));
    assert_eq!(other.has_request(seat.other(), &request("r1")), None);
    assert_eq!(other.tip(), copy.tip());
    assert_eq!(stream.tip(), copy.tip(), "nothing was appended twice");
}

#[test]
fn a_conflict_brings_what_came_first() {
    let (mut one, mut stream) = played(2);
    let mut two = one.clone();
    let lost = one.propose(Seat::First, &request("one"), &Intent::Moves(vec![Move::Resign])).expect("legal");
    let won = two.propose(Seat::Second, &request("two"), &Intent::Save).expect("a save");
    append(&mut two, &mut stream, won);
    let answer = stream.append(&lost, true, 5, Leaves::default());
    assert!(matches!(&answer, Answer::Conflict { missing } if missing.len() == 1));
    assert_eq!(one.outcome(lost, answer), Effect::Applied);
    assert_eq!(one.tip(), two.tip());
    assert!(one.has_request(Seat::First, &request("one")).is_none() && one.stopped());
}

#[test]
fn what_the_stream_lost_is_healed_with_its_times() {
    let (mut copy, mut stream) = played(5);
    let whole = stream.entries.clone();
    stream.entries.truncate(whole.len() - 2);
    let proposal = next(&copy, "late", &mut Dice(3));
    let answer = stream.append(&proposal, true, 9_999, Leaves::default());
    let Effect::Heal { at, entries } = copy.outcome(proposal, answer) else { panic!("no heal") };
    assert_eq!((&at, entries.len()), (&stream.tip(), 2));
    append(&mut copy, &mut stream, Proposal { at, entries });
    assert_eq!(stream.entries, whole);
}

#[test]
fn a_stream_that_went_another_way_is_right() {
    let (mut copy, mut stream) = played(5);
    let kept = stream.entries.len() - 2;
    stream.entries.truncate(kept);
    let other = Copy::from_entries(table(), stream.entries.clone()).expect("a game");
    let save = other.propose(Seat::First, &request("save"), &Intent::Save).expect("a save");
    stream.append(&save, true, 7, Leaves::default());
    // Shorter than the copy, and of another chain: behind, but nothing can be healed.
    let proposal = next(&copy, "late", &mut Dice(3));
    let answer = stream.append(&proposal, true, 9_999, Leaves::default());
    assert!(matches!(answer, Answer::Behind { .. }));
    assert_eq!(copy.outcome(proposal.clone(), answer), Effect::ReadAgain);
    assert_eq!(copy.missing_after(&stream.tip()), None);
    // As long as the copy, and of another chain.
    let mut longer = Copy::from_entries(table(), stream.entries.clone()).expect("a game");
    let resume = longer.propose(Seat::First, &request("on"), &Intent::Resume).expect("a stopped game");
    append(&mut longer, &mut stream, resume);
    let answer = stream.append(&proposal, true, 9_999, Leaves::default());
    assert_eq!(answer, Answer::Diverged);
    assert_eq!(copy.outcome(proposal, answer), Effect::ReadAgain);
    assert_eq!(copy.accept(records(&stream.entries) - 2, &stream.entries[kept..]), Accepted::Diverged);
}

#[test]
fn a_mover_that_is_not_live_changes_nothing() {
    let (mut copy, mut stream) = played(2);
    let before = copy.tip();
    let proposal = next(&copy, "r", &mut Dice(3));
    let answer = stream.append(&proposal, false, 9, Leaves::default());
    assert_eq!(copy.outcome(proposal, answer), Effect::NotLive);
    assert_eq!((copy.tip(), stream.tip()), (before.clone(), before));
}

#[test]
fn publications_fill_repeat_and_show_gaps() {
    let (_, stream) = played(6);
    let (mut copy, all) = (Copy::open(table()), &stream.entries);
    assert_eq!(copy.accept(0, &all[..3]), Accepted::Applied(3));
    assert_eq!(copy.accept(0, &all[..3]), Accepted::Already);
    assert_eq!(copy.accept(1, &all[1..5]), Accepted::Applied(2));
    assert_eq!(copy.accept(6, &all[6..]), Accepted::Gap);
    assert_eq!(copy.tip().number, 5);
    assert_eq!(copy.accept(5, &all[5..]), Accepted::Applied(all.len() - 5));
    assert_eq!(copy.tip(), stream.tip());
    assert_eq!(copy.accept(0, &[]), Accepted::Already);
}

#[test]
fn records_with_a_wrong_hash_or_move_are_not_taken() {
    let (_, stream) = played(4);
    let mut forged = stream.entries.clone();
    let last = forged.len() - 1;
    forged[last].record = Record::Save;
    let broken = Copy::from_entries(table(), forged.clone()).expect_err("the hash does not follow");
    assert_eq!(broken.number, records(&forged) - 1);
    // With a hash that follows, the rules still have to allow it.
    let before = forged[last - 1].hash.clone();
    let again = forged[last - 1].record.clone();
    forged[last].record = again;
    forged[last].hash = forged[last].hash_after(&before, broken.number).expect("it can be computed");
    assert!(Copy::from_entries(table(), forged).is_err());
    assert!(Copy::from_entries(table(), stream.entries[1..].to_vec()).is_err(), "no start");
}

#[test]
fn a_stopped_game_only_goes_on_by_resuming() {
    let (mut copy, mut stream) = played(3);
    let save = copy.propose(Seat::Second, &request("save"), &Intent::Save).expect("either may save");
    append(&mut copy, &mut stream, save);
    assert!(copy.stopped());
    for intent in [Intent::Save, Intent::Absent, Intent::Moves(vec![Move::Resign])] {
        assert_eq!(copy.propose(Seat::First, &request("r"), &intent), Err(Refused::NotRunning));
    }
    let resume = copy.propose(Seat::First, &request("on"), &Intent::Resume).expect("it can go on");
    append(&mut copy, &mut stream, resume);
    assert!(!copy.stopped());
    assert_eq!(copy.propose(Seat::First, &request("r"), &Intent::Resume), Err(Refused::NotRunning));
    let absent = copy.propose(Seat::First, &request("win"), &Intent::Absent).expect("the other is away");
    append(&mut copy, &mut stream, absent);
    let ending = copy.game().and_then(nineflags::rules::game::Game::ending).expect("over");
    assert_eq!(ending.winner, Some(Seat::First));
    assert_eq!(copy.propose(Seat::Second, &request("s"), &Intent::Save), Err(Refused::NotRunning));
}

#[test]
fn the_commitment_is_the_hash_of_the_first_record() {
    let (copy, stream) = played(0);
    let text = stream.entries[0].record.to_string();
    let parsed: Start = text.parse().expect("record 0");
    assert_eq!(copy.commitment(), parsed.commitment());
    assert_eq!(copy.commitment().len(), 64);
    assert_eq!(Some(&parsed), copy.start());
    assert_eq!(copy.seat_of(parsed.accounts.second), Some(Seat::Second));
    assert_eq!(copy.seat_of(AccountId(Uuid::from_u128(99))), None);
}

#[test]
fn records_are_written_and_read_without_loss() {
    let (_, stream) = played(20);
    let text = serde_json::to_string(&stream.entries).expect("JSON");
    let read: Vec<Entry> = serde_json::from_str(&text).expect("records");
    assert_eq!(read, stream.entries);
    for wrong in ["", "start", "start 2 game=x", "start 1", "saves", "draw q"] {
        assert!(wrong.parse::<Record>().is_err(), "{wrong:?} was read");
    }
    let whole = stream.entries[0].record.to_string();
    for (from, to) in [("talk=everyone", "talk=all"), (" nonce=00ff", ""), (" troops=", " troops=r1,")] {
        assert!(whole.contains(from));
        assert!(whole.replacen(from, to, 1).parse::<Record>().is_err(), "{to:?} was read");
    }
}
