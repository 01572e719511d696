//! Tools around Nine Flags, built on the server's library, which knows nothing of them.

pub mod bench;
pub mod judge;
pub mod load;

use clap::{Parser, Subcommand, ValueEnum};

use self::bench::options::{BenchOptions, FloorOptions, HoldOptions};
use self::load::options::LoadOptions;

/// Tools around Nine Flags: bots that play and measure, and the judging of games.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of the binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge flags or games given as JSON lines on standard input.
    Judge {
        /// What the lines hold.
        what: Judged,
    },
    /// Play whole games against nodes, measure, and judge what was told.
    Load(Box<LoadOptions>),
    /// Measure what a node costs, beside the bare sockets and other servers.
    Bench(Box<BenchOptions>),
    /// Serve as the floor of `bench`.
    #[command(hide = true)]
    Floor(FloorOptions),
    /// Hold sessions for `bench`.
    #[command(hide = true)]
    Hold(HoldOptions),
}

/// What `nineflags-tools judge` reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Judged {
    /// Flag situations: who may claim.
    Flags,
    /// Whole games: whether every step is by the rules.
    Games,
}
