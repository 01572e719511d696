//! `make chaos`: real nodes, a real Redis group, real faults, and a verdict.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../cluster/harness"]
mod harness {
    pub mod host;
    pub mod namespaces;
    pub mod net;
    pub mod node;
    pub mod process;
    pub mod redis;
    pub mod sentinel;
    pub mod switch;
    pub mod tap;
    pub mod trio;
}
mod engine;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use engine::options::Options;

/// Breaks a cluster under full play for some minutes, and judges what the players were told.
#[derive(Parser)]
#[command(name = "chaos")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let Cli { options } = Cli::parse();
    let tell = |words: &str| {
        // A closed terminal does not end the run.
        let _ = writeln!(stderr(), "{words}");
    };
    let report = match engine::run(&options, &tell) {
        Ok(report) => report,
        Err(words) => {
            tell(&words);
            return ExitCode::from(2);
        }
    };
    let text = if options.json {
        serde_json::to_string(&report).expect("a report is JSON")
    } else {
        report.to_string()
    };
    // The same.
    let _ = writeln!(stdout(), "{text}");
    let bars = report.bars.iter().all(engine::report::Bar::is_met);
    if report.is_clean() && (bars || !options.bars) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
