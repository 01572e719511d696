//! A short `make chaos`: one of each of the worst faults under play breaks no promise, and a broken promise is seen.

use clap::Parser;

use crate::engine;
use crate::engine::options::Options;
use crate::engine::report::Report;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

#[expect(clippy::print_stdout, reason = "what was measured is printed, not asserted")]
fn broken(arguments: &str, variables: &[(&str, &str)]) -> Report {
    let line = format!("chaos {arguments}");
    let mut options = Line::parse_from(line.split_whitespace()).options;
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    options.variables = variables.iter().map(owned).collect();
    let report = engine::run(&options, &|words| println!("{words}")).expect("a run");
    println!("{report}");
    report
}

#[test]
fn machines_that_die_hang_and_hand_over_under_play_break_no_promise() {
    let script =
        "node-kill,primary-kill,debug-sleep,failover,replica-kill,primary-stall,client-kill,node-and-primary";
    let report = broken(&format!("--seed 7 --pairs 6 --pause-ms 80 --quiet-secs 3 --script {script}"), &[]);
    assert!(report.is_clean(), "{report}");
    let Report { play, .. } = &report;
    assert_eq!((play.lost, play.accepted_back), (0, 0), "{report}");
    assert!(play.games_archived >= 6, "games were played to their end: {report}");
}

/// Where no machines can be made, those faults are skipped, as the report says; the others are done all the same.
#[test]
fn machines_that_are_cut_off_and_whose_clocks_jump_break_no_promise() {
    let script = "split,clock-jump,one-way-cut,primary-cut,clock-jump,far-away";
    let report = broken(&format!("--seed 9 --pairs 6 --pause-ms 80 --quiet-secs 3 --script {script}"), &[]);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.play.lost, 0, "{report}");
    assert!(report.play.games_archived >= 6, "games were played to their end: {report}");
}

/// Where the backup is believed after it lost what it had accepted, games go back without a word; where an answer about the
/// lobby or an account does not wait for the replicas, what was done is gone after a failover.
#[cfg(feature = "test-hooks")]
#[test]
fn a_cluster_that_neither_heals_nor_waits_for_its_replicas_is_convicted_of_both() {
    let without = [("NINEFLAGS_TEST_WITHOUT", "heal,settle")];
    let arguments = "--seed 11 --nodes 1 --pairs 4 --pause-ms 50 --quiet-secs 1 --moved-secs 10 --last-secs 5 --script split,split";
    let report = broken(arguments, &without);
    if report.skipped.is_empty() {
        assert_convicted(&report, &["without a word the game went back", "is lost"]);
        assert_convicted(&report, &["was answered as done and is"]);
    }
}

/// At least one violation is in these words.
#[cfg(feature = "test-hooks")]
fn assert_convicted(report: &Report, of: &[&str]) {
    let found = |words: &&str| report.violations.iter().any(|violation| violation.contains(*words));
    assert!(of.iter().any(found), "{report}");
}
