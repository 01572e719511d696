//! `make chaos`: real nodes, a real Redis group, real faults, and a verdict.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../cluster/harness"]
mod harness {
    pub mod browser;
    pub mod host;
    pub mod namespaces;
    pub mod net;
    pub mod node;
    pub mod process;
    pub mod program;
    pub mod redis;
    pub mod sentinel;
    pub mod switch;
    pub mod tap;
    pub mod trio;
}
mod engine;

use std::process::ExitCode;

use clap::Parser;
use engine::options::Options;
use harness::program::conclude;

/// Breaks a cluster under full play for some minutes, and judges what the players were told.
#[derive(Parser)]
#[command(name = "chaos")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let Cli { options } = Cli::parse();
    let is_good = |report: &engine::report::Report| {
        let bars = report.bars.iter().all(engine::report::Bar::is_met);
        report.is_clean() && (bars || !options.bars)
    };
    conclude(options.json, |tell| engine::run(&options, tell), is_good)
}
