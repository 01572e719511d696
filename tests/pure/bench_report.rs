//! What `nineflags-tools bench` makes of its measurements: medians, ratios within a round, and verdicts.

use nineflags_tools::bench::options::Server;
use nineflags_tools::bench::report::{Figure, Figures, Report, Row, Sample, Verdict};

const PAIRS: &str = "200 pairs";

fn sample(round: u32, row: Row, case: &'static str, server: Server, figures: &[(Figure, f64)]) -> Sample {
    Sample { round, row, case, server, outcome: Ok(figures.iter().copied().collect::<Figures>()) }
}

fn cpu(round: u32, server: Server, cpu_s: f64) -> Sample {
    sample(round, Row::Moves, PAIRS, server, &[(Figure::ServerCpu, cpu_s)])
}

fn report(samples: Vec<Sample>) -> Report {
    Report::new((3, 100, true), samples)
}

/// The verdict on a case's figure in words.
fn verdict<'a>(report: &'a Report, case: &str, what: &str) -> &'a Verdict {
    let found = report.bars.iter().find(|bar| bar.case == case && bar.what == what);
    found.unwrap_or_else(|| panic!("no bar {what:?} of {case}: {:?}", report.bars))
}

fn check(report: &Report, case: &str, what: &str, value: Option<f64>, met: Option<bool>) {
    let verdict = verdict(report, case, what);
    let is_near = match (verdict.value, value) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        (one, other) => one == other,
    };
    assert!(is_near && verdict.met == met, "{verdict:?}");
}

#[test]
fn a_bar_is_met_up_to_its_number_by_the_median_of_the_rounds() {
    const WHAT: &str = "CPU s per 1,000 moves";
    let of = |values: &[f64]| {
        report((1..).zip(values).map(|(round, value)| cpu(round, Server::Nineflags, *value)).collect())
    };
    check(&of(&[0.055]), PAIRS, WHAT, Some(0.055), Some(true));
    check(&of(&[0.056]), PAIRS, WHAT, Some(0.056), Some(false));
    check(&of(&[9.0, 0.01, 0.05]), PAIRS, WHAT, Some(0.05), Some(true));
    check(&of(&[0.04, 0.08]), PAIRS, WHAT, Some(0.06), Some(false));
    check(&of(&[]), PAIRS, WHAT, None, None);
    check(&of(&[f64::NAN]), PAIRS, WHAT, None, None);
}

#[test]
fn ratios_are_taken_within_a_round() {
    const WHAT: &str = "CPU s per 1,000 moves ÷ socket.io";
    // Twice as dear in each round; the medians of both would say 3 to 2.
    let samples = [(1, 2.0, 1.0), (2, 3.0, 6.0), (3, 8.0, 2.0)].map(|(round, ours, theirs)| {
        [cpu(round, Server::Nineflags, ours), cpu(round, Server::SocketIo, theirs)]
    });
    check(&report(samples.into_iter().flatten().collect()), PAIRS, WHAT, Some(2.0), Some(false));
    let apart = report(vec![cpu(1, Server::Nineflags, 1.0), cpu(2, Server::SocketIo, 2.0)]);
    check(&apart, PAIRS, WHAT, None, None);
    let below = report(vec![cpu(1, Server::Nineflags, 1.0), cpu(1, Server::SocketIo, 2.0)]);
    check(&below, PAIRS, WHAT, Some(0.5), Some(true));
}

#[test]
fn many_pairs_are_compared_with_few() {
    let grown = |case, cpu_s| sample(1, Row::Growth, case, Server::Nineflags, &[(Figure::ServerCpu, cpu_s)]);
    let report = report(vec![
        grown("50 pairs", 0.1),
        grown("5,000 pairs", 0.114),
        grown("50 pairs on three nodes", 0.1),
        grown("5,000 pairs on three nodes", 0.12),
    ]);
    check(&report, "5,000 pairs", "CPU s per 1,000 moves ÷ 50 pairs", Some(1.14), Some(true));
    let three = "CPU s per 1,000 moves ÷ 50 pairs on three nodes";
    check(&report, "5,000 pairs on three nodes", three, Some(1.2), Some(false));
}

#[test]
fn what_could_not_be_measured_misses_its_bar_and_says_why() {
    let failed = Sample { outcome: Err("this server is full".to_owned()), ..cpu(1, Server::Nineflags, 0.0) };
    let report = report(vec![failed, cpu(1, Server::Floor, 0.02)]);
    check(&report, PAIRS, "CPU s per 1,000 moves", None, Some(false));
    let text = report.to_string();
    assert!(
        !report.meets_bars() && text.contains("MISSED") && text.contains("this server is full"),
        "{text}"
    );
}

#[test]
fn nothing_lost_is_a_bar_of_none() {
    let lost = |count| {
        report(vec![sample(1, Row::Overload, "1,000 pairs", Server::Nineflags, &[(Figure::Lost, count)])])
    };
    check(&lost(0.0), "1,000 pairs", "connections lost", Some(0.0), Some(true));
    check(&lost(1.0), "1,000 pairs", "connections lost", Some(1.0), Some(false));
    assert!(lost(0.0).meets_bars() && !lost(1.0).meets_bars());
}

#[test]
fn a_session_s_parts_add_up() {
    let idle = |case, server, figures: &[(Figure, f64)]| sample(1, Row::Idle, case, server, figures);
    let report = report(vec![
        idle("5,000", Server::Nineflags, &[(Figure::Memory, 30.0), (Figure::MemoryWelcomed, 24.0)]),
        idle("5,000", Server::Floor, &[(Figure::Memory, 9.0)]),
        idle("5,000, at another node", Server::Nineflags, &[(Figure::Memory, 0.5)]),
    ]);
    let text = report.to_string();
    let (_, parts) = text.split_once("an idle session is made of").expect("the parts are told");
    let numbers: Vec<f64> = parts
        .lines()
        .skip(1)
        .take(5)
        .map(|line| line.split_whitespace().last().and_then(|word| word.parse().ok()).expect("a number"))
        .collect();
    assert_eq!(numbers, [9.0, 0.5, 14.5, 6.0, 30.0], "{text}");
}

#[test]
fn the_report_tells_ratios_to_people_and_numbers_to_programs() {
    let report = report(vec![cpu(1, Server::Nineflags, 0.15), cpu(1, Server::Floor, 0.015)]);
    let text = report.to_string();
    assert!(text.contains("0.1500") && text.contains("0.0150 (10.00)"), "{text}");
    let json = serde_json::to_value(&report).expect("a report is JSON");
    assert_eq!(json["samples"][1]["server"], "floor");
    assert_eq!(json["samples"][0]["outcome"]["Ok"]["server_cpu"], 0.15);
    assert_eq!(json["bars"].as_array().map(Vec::len), Some(report.bars.len()));
}
