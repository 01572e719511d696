//! A short `make hostile`: some of the attacks, for a second each, stop nobody's game and leave the node ready.

use clap::Parser;

use crate::attackers;
use crate::attackers::options::Options;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

#[expect(clippy::print_stdout, reason = "what was measured is printed, not asserted")]
#[test]
fn attacks_from_one_address_stop_no_game_and_have_no_node_called_dead() {
    let attacks = "pings,handshakes,bodies,far-tips,letters";
    let line = format!("hostile --secs 2 --pairs 4 --from 1 --attacks {attacks}");
    let options = Line::parse_from(line.split_whitespace()).options;
    let report = attackers::run(&options, &|words| println!("{words}")).expect("a run");
    println!("{report}");
    for row in &report.rows {
        assert!(row.sent > 0 && row.quiet_moves > 0, "{} attacks players who play: {report}", row.attack);
        // The times are for `make hostile`, with the machine for itself; a game that stands still is seen on any.
        assert!(row.moves * 10 >= row.quiet_moves, "{} makes games stand still: {report}", row.attack);
        assert_eq!((row.not_ready, row.reaped), (0, false), "{}: {report}", row.attack);
    }
}

#[test]
fn a_bar_that_is_missed_is_seen() {
    use crate::attackers::attack::Attack;
    use crate::attackers::report::{Report, Row};
    let quiet = Row {
        attack: Attack::Pings,
        addresses: 1,
        quiet_p50_ms: 2.0,
        quiet_p99_ms: 15.0,
        quiet_moves: 100,
        p50_ms: 2.0,
        p99_ms: 34.9,
        moves: 100,
        losses: 0,
        cpu: 0.1,
        memory_mib: 20.0,
        sent: 1_000,
        refused: 900,
        not_ready: 0,
        reaped: false,
    };
    let faults = |change: &dyn Fn(&mut Row)| {
        let mut row = quiet.clone();
        change(&mut row);
        let mut report = Report::default();
        report.add(row);
        report.faults.join("; ")
    };
    assert_eq!(faults(&|_| ()), "");
    assert_eq!(faults(&|row| (row.quiet_p99_ms, row.p99_ms) = (40.0, 79.9)), "");
    assert!(faults(&|row| row.p99_ms = 35.1).contains("at most 35.0 is allowed"));
    assert!(faults(&|row| row.moves = 0).contains("no move"));
    assert!(faults(&|row| row.losses = 1).contains("1 players' connections were lost"));
    assert!(faults(&|row| row.not_ready = 1).contains("readiness failed"));
    assert!(faults(&|row| row.reaped = true).contains("reaped"));
    // Twenty addresses may slow others, but may have nobody called dead.
    assert_eq!(faults(&|row| (row.addresses, row.p99_ms, row.not_ready) = (20, 999.0, 3)), "");
    assert!(faults(&|row| (row.addresses, row.reaped) = (20, true)).contains("reaped"));
}
