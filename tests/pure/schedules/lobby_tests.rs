//! The lobby under the same faults: one live session, both seats or none, every finished game put away once, every mirror
//! equal, and what is left out of it noticed.

use std::ops::Range;

use super::lobby::{LobbyPlan, LobbyTally, LobbyWorld, Without};
use super::plan::Fault;
use super::{TRACED, asked};

/// Everything that can go wrong.
const ALL: LobbyPlan = LobbyPlan { failovers: true, without: Without::Nothing };
/// Nodes alone fail.
const NODES_ONLY: LobbyPlan = LobbyPlan { failovers: false, ..ALL };

fn run(seeds: Range<u64>, plan: LobbyPlan) -> Result<LobbyTally, String> {
    let seeds = asked().map_or(seeds, |seed| seed..seed + 1);
    let mut sum = LobbyTally::default();
    for seed in seeds {
        match LobbyWorld::new(seed, plan, false).run() {
            Ok(tally) => sum += tally,
            Err((why, _)) => {
                let (_, trace) =
                    LobbyWorld::new(seed, plan, true).run().expect_err("a seed repeats its schedule");
                let told = if asked().is_some() { trace.len() } else { TRACED };
                let trace = trace[trace.len().saturating_sub(told)..].join("\n");
                return Err(format!("{trace}\nSEED={seed}: {why}"));
            }
        }
    }
    Ok(sum)
}

fn holds(seeds: Range<u64>, plan: LobbyPlan) -> LobbyTally {
    run(seeds, plan).unwrap_or_else(|why| panic!("{why}\nin {plan:?}"))
}

fn caught(plan: LobbyPlan, without: Without, words: &str) {
    let plan = LobbyPlan { without, ..plan };
    let told = run(1..10_001, plan).expect_err("a lobby with a part left out goes wrong");
    assert!(told.contains(words), "{told}");
}

#[test]
fn the_lobby_stays_whole_while_nodes_fail() {
    let tally = holds(1..15_001, NODES_ONLY);
    assert!(tally.started > 10_000 && tally.archived > 10_000 && tally.reads > 100_000, "{tally:?}");
}

#[test]
fn the_lobby_stays_whole_while_primaries_fail() {
    let tally = holds(20_001..40_001, ALL);
    tally.faults.each_came(&[
        (Fault::Crash, 20_000),
        (Fault::Stop, 20_000),
        (Fault::Deaf, 20_000),
        (Fault::GivenUp, 20_000),
        (Fault::Failover, 10_000),
        (Fault::LostLeave, 500),
        (Fault::LateLease, 20_000),
        (Fault::WrongReap, 500),
    ]);
    assert!(tally.promised > 20_000, "{tally:?}");
    assert!(tally.started > 10_000 && tally.archived > 10_000 && tally.reads > 100_000, "{tally:?}");
}

#[test]
fn a_start_that_does_not_look_who_plays_is_caught() {
    caught(NODES_ONLY, Without::SeatCheck, "sits at");
}

#[test]
fn a_start_that_takes_one_seat_is_caught() {
    caught(NODES_ONLY, Without::BothSeats, "has the seat");
}

#[test]
fn an_old_session_that_takes_out_a_newer_is_caught() {
    caught(NODES_ONLY, Without::LeaveCheck, "took out");
}

#[test]
fn a_start_that_is_answered_before_it_is_saved_is_caught() {
    caught(ALL, Without::Settled, "said to have started and is gone");
}

#[test]
fn an_invite_or_a_block_that_is_answered_before_it_is_saved_is_caught() {
    caught(ALL, Without::SettledAnswers, "was said to be");
}

#[test]
fn a_table_closed_before_its_game_is_kept_is_caught() {
    caught(NODES_ONLY, Without::Order, "is gone");
}

#[test]
fn a_game_put_away_twice_is_caught() {
    caught(NODES_ONLY, Without::Once, "in the archive twice");
}

#[test]
fn a_dead_node_that_nobody_looks_after_is_caught() {
    caught(NODES_ONLY, Without::Reap, "never put away");
}

#[test]
fn a_mirror_that_reads_nothing_after_a_gap_is_caught() {
    caught(NODES_ONLY, Without::Gap, "the mirror of node");
}

#[test]
fn sessions_that_are_never_compared_are_caught() {
    caught(ALL, Without::Compare, "live session");
}

#[test]
fn leaves_that_were_lost_and_are_never_repaired_are_caught() {
    caught(NODES_ONLY, Without::Sweep, "live session");
}

#[test]
fn a_reaper_that_does_not_look_whether_the_node_is_dead_is_caught() {
    caught(NODES_ONLY, Without::DeadCheck, "a node that lives");
}

#[test]
fn a_seed_repeats_its_schedule_step_by_step() {
    for seed in 1..20 {
        let trace = || LobbyWorld::new(seed, ALL, true).traced();
        let (one, other) = (trace(), trace());
        assert!(one.len() > 50, "seed {seed} tells of {} steps", one.len());
        assert_eq!(one, other, "seed {seed}");
    }
}

#[test]
fn one_look_at_leases_has_more_nodes_reaped_that_live() {
    let with = holds(1..5_001, ALL).faults.of(Fault::WrongReap);
    let without = holds(1..5_001, LobbyPlan { without: Without::Looks, ..ALL }).faults.of(Fault::WrongReap);
    assert!(without * 10 > with * 15, "with: {with}, without: {without}");
}
