//! `make hostile`: a node with players, and one attack after the other, from one address and from twenty.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../cluster/harness"]
mod harness {
    pub mod browser;
    pub mod host;
    pub mod node;
    pub mod process;
    pub mod redis;
}
mod engine;

use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use engine::options::Options;

/// Attacks a node while others play at it, and says what the players noticed.
#[derive(Parser)]
#[command(name = "hostile")]
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
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
