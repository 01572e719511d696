//! The options of a run.

use clap::Args;

use super::fault::Fault;

/// How long it is quiet between two faults, at least.
pub const REST_LEAST_MS: u64 = 500;

/// Breaks a cluster under full play for some minutes, and judges what the players were told.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// How long faults come.
    #[arg(long, default_value_t = 10.0)]
    pub minutes: f64,
    /// Where chance starts: the same seed draws the same faults.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Pairs of players.
    #[arg(long, default_value_t = 10)]
    pub pairs: usize,
    /// Watchers of each pair.
    #[arg(long, default_value_t = 1)]
    pub watchers: usize,
    /// Nodes.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
    pub nodes: u8,
    /// How long a player thinks about a move, on average.
    #[arg(long, default_value_t = 100)]
    pub pause_ms: u64,
    /// Only these faults, with commas between them; without it all.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub faults: Vec<Fault>,
    /// How often, of a hundred times, a second fault comes while the first is still there.
    #[arg(long, default_value_t = 25)]
    pub overlap: usize,
    /// These faults instead, once each and in this order, whatever the seed.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub script: Vec<Fault>,
    /// How long it is quiet between two faults, at most; half a second at least.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(REST_LEAST_MS + 1..))]
    pub rest_ms: u64,
    /// Seconds of play without a fault at the end.
    #[arg(long, default_value_t = 15)]
    pub quiet_secs: u64,
    /// Seconds that every pair has to move in once all is whole again.
    #[arg(long, default_value_t = 45)]
    pub moved_secs: u64,
    /// Seconds that the last games may take.
    #[arg(long, default_value_t = 120)]
    pub last_secs: u64,
    /// End at the first violation, for a look at what is there.
    #[arg(long)]
    pub stop_at_first: bool,
    /// Fail also when a bar is missed.
    #[arg(long)]
    pub bars: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// Where the logs of the nodes go; without it they are thrown away unless something is wrong.
    #[arg(long)]
    pub logs: Option<std::path::PathBuf>,
    /// More environment variables of the nodes.
    #[arg(skip)]
    pub variables: Vec<(String, String)>,
}

impl Options {
    /// All faults that may come.
    pub fn possible(&self) -> Vec<Fault> {
        if self.script.is_empty() { self.bag() } else { self.script.clone() }
    }

    /// The faults to draw from.
    pub fn bag(&self) -> Vec<Fault> {
        if self.faults.is_empty() { Fault::all() } else { self.faults.clone() }
    }
}
