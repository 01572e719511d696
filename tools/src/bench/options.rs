//! The settings of `nineflags-tools bench`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use nineflags::setting::whole;

use super::report::Row;

/// What is measured, and how.
#[derive(Debug, Clone, Parser)]
pub struct BenchOptions {
    /// The rows to measure, with commas between them; left out, all.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub rows: Vec<Row>,
    /// The servers to measure; left out, all. Ratios need the others in the same run.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub servers: Vec<Server>,
    /// How often everything is measured: the rounds are interleaved, and of each figure the median counts.
    #[arg(long, default_value_t = 1, value_parser = whole(1..=100_u32))]
    pub rounds: u32,
    /// Percent of the pairs, watchers and sessions that a row names.
    #[arg(long, default_value_t = 100, value_parser = whole(1..=100_usize))]
    pub scale: usize,
    /// Whether everything works, in short: few sessions and seconds, whose figures say little.
    #[arg(long)]
    pub quick: bool,
    /// End with status 1 when a bar is missed.
    #[arg(long)]
    pub bars: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
    /// The node's program; left out, `nineflags` beside this one.
    #[arg(long)]
    pub node: Option<PathBuf>,
    /// The folder of the servers on Node.js, with their packages.
    #[arg(long, default_value = "bench/peers")]
    pub peers: PathBuf,
}

/// The percent of a quick run.
pub(super) const QUICK: usize = 2;

impl BenchOptions {
    /// How many of the sessions that a row names are opened.
    pub fn scaled(&self, count: usize) -> usize {
        let percent = if self.quick { QUICK } else { self.scale };
        // Pairs stay pairs.
        (count * percent / 100).max(4) & !1
    }

    /// Seconds of a part, or of a quick run's.
    pub fn seconds(&self, whole: u64, quick: u64) -> std::time::Duration {
        std::time::Duration::from_secs(if self.quick { quick } else { whole })
    }
}

/// What is measured side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Server {
    /// This project's node.
    Nineflags,
    /// The same sockets in Rust, without rules and storage.
    Floor,
    /// Node.js with bare `ws`.
    Ws,
    /// Node.js with socket.io.
    SocketIo,
    /// Node.js with Colyseus.
    Colyseus,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Nineflags, Self::Floor, Self::Ws, Self::SocketIo, Self::Colyseus];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nineflags => "nineflags",
            Self::Floor => "floor",
            Self::Ws => "ws",
            Self::SocketIo => "socket.io",
            Self::Colyseus => "Colyseus",
        }
    }

    /// Its name on the command line.
    pub fn as_option(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl serde::Serialize for Server {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The floor server, which `bench` starts.
#[derive(Debug, Clone, Parser)]
pub struct FloorOptions {
    /// A Redis from which each that joins has ten values read, as a node's welcome does.
    #[arg(long)]
    pub reads: Option<String>,
}

/// Sessions that only exist, which `bench` has in processes of their own: one may have 20,000 open files.
#[derive(Debug, Clone, Parser)]
pub struct HoldOptions {
    /// Whose they are.
    #[arg(long, value_enum)]
    pub server: Server,
    /// Where it serves: each pair of sessions is at one of these, in turn.
    #[arg(long, required = true, value_delimiter = ',')]
    pub to: Vec<SocketAddr>,
    /// How many.
    #[arg(long)]
    pub sessions: usize,
    /// The number of the first: others have others.
    #[arg(long)]
    pub first: usize,
}
