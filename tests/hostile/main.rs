//! `make hostile`: a node with players, and one attack after the other, from one address and from twenty.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../cluster/harness"]
mod harness {
    pub mod browser;
    pub mod host;
    pub mod node;
    pub mod process;
    pub mod program;
    pub mod redis;
}
mod engine;

use std::process::ExitCode;

use clap::Parser;
use engine::options::Options;
use harness::program::conclude;

/// Attacks a node while others play at it, and says what the players noticed.
#[derive(Parser)]
#[command(name = "hostile")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    let Cli { options } = Cli::parse();
    conclude(options.json, |tell| engine::run(&options, tell), engine::report::Report::is_clean)
}
