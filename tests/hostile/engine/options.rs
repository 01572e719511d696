//! The options of a run.

use std::path::PathBuf;

use clap::Args;

use super::attack::Attack;

/// What is attacked, how and for how long.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How long each attack lasts, and the quiet before it, in seconds.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub secs: u64,
    /// Another program to attack, like that of an earlier release.
    #[arg(long)]
    pub binary: Option<PathBuf>,
    /// Pairs of players.
    #[arg(long, default_value_t = 10)]
    pub pairs: usize,
    /// From how many addresses each attack comes, with commas between them.
    #[arg(long, value_delimiter = ',', default_value = "1,20")]
    pub from: Vec<u8>,
    /// Only these attacks, with commas between them; without it all.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub attacks: Vec<Attack>,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
}
