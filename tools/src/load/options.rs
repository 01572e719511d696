//! The settings of `nineflags-tools load`.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use clap::Parser;
use nineflags::redis::url::HostPort;
use nineflags::setting::{opened, whole};

/// Bots of one kind, at most.
const BOTS_MAX: usize = 100_000;
/// The longest time that an option in seconds may give: a week.
const SECS_MAX: u64 = 7 * 24 * 3_600;
/// The highest number of a process.
const PID_MAX: u32 = i32::MAX.unsigned_abs();
/// Addresses in a row, at most.
const ROW_MAX: i64 = 65_536;

/// What `nineflags-tools load` plays, watches and measures.
#[derive(Debug, Clone, Parser)]
pub struct LoadOptions {
    /// Where to play: the addresses of nodes or balancers, like `http://127.0.0.1:8080`, with commas between them.
    #[arg(long, required = true, value_delimiter = ',')]
    pub to: Vec<Address>,
    /// What people open, where that is another address than those in `--to`: the nodes' `NINEFLAGS_ORIGIN`.
    #[arg(long, value_parser = opened)]
    pub origin: Option<String>,
    /// Pairs of players.
    #[arg(long, default_value_t = 10, value_parser = whole(0..=BOTS_MAX))]
    pub pairs: usize,
    /// Watchers at each table.
    #[arg(long, default_value_t = 0, value_parser = whole(0..=BOTS_MAX))]
    pub watchers: usize,
    /// All watchers at the first pair's table instead.
    #[arg(long)]
    pub watch_one: bool,
    /// Players who only look at the lobby.
    #[arg(long, default_value_t = 0, value_parser = whole(0..=BOTS_MAX))]
    pub idle: usize,
    /// Games of each pair; without it one, or as many as go into `--seconds`.
    #[arg(long, value_parser = whole(1..=u32::MAX))]
    pub games: Option<u32>,
    /// How long a player thinks about a move, on average; 0 is full speed, as fast as a session may ask.
    #[arg(long, default_value_t = 0, value_parser = whole(0..=3_600_000_u64))]
    pub pause_ms: u64,
    /// Give the games up after this time.
    #[arg(long, value_parser = whole(1..=SECS_MAX))]
    pub seconds: Option<u64>,
    /// Give the run up when no record was accepted for so long, the thinking aside.
    #[arg(long, default_value_t = 60, value_parser = whole(1..=SECS_MAX))]
    pub stuck_secs: u64,
    /// Addresses of this machine to connect from, in turn: `127.0.0.1,127.0.0.10-127.0.0.20`.
    #[arg(long, value_delimiter = ',')]
    pub sources: Vec<Sources>,
    /// Processes whose CPU time and memory are measured.
    #[arg(long, value_delimiter = ',', value_parser = whole(1..=PID_MAX))]
    pub pids: Vec<u32>,
    /// Where chance starts, to play the same moves again as far as the decks allow.
    #[arg(long, value_parser = whole(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

impl LoadOptions {
    /// How many games each pair plays, at most.
    pub fn games_most(&self) -> u32 {
        self.games.unwrap_or(if self.seconds.is_some() { u32::MAX } else { 1 })
    }

    /// How many watchers there are in all.
    pub fn watchers_all(&self) -> usize {
        if self.watch_one { self.watchers } else { self.watchers * self.pairs }
    }

    /// How many websockets are open at once.
    pub fn sessions(&self) -> usize {
        self.pairs * 2 + self.watchers_all() + self.idle
    }
}

/// Where a node or a balancer serves, over plain HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Host and port, as in the Host header.
    pub host: String,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let host = text.trim().strip_prefix("http://").map(|host| host.trim_end_matches('/'));
        let host = host.and_then(|host| HostPort::parse(host, Some(80))).filter(|host| host.port > 0);
        let words =
            "write http://HOST:PORT, like http://127.0.0.1:8080: bots speak no TLS, and know no paths";
        host.map(|host| Self { host: host.to_string() }).ok_or_else(|| words.to_owned())
    }
}

/// One address to connect from, or a row of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    first: IpAddr,
    last: IpAddr,
}

impl FromStr for Sources {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (first.trim().parse(), last.trim().parse()) {
            (Ok(IpAddr::V4(one)), Ok(IpAddr::V4(other)))
                if (0..ROW_MAX)
                    .contains(&i64::from(other.to_bits()).saturating_sub(one.to_bits().into())) =>
            {
                Ok(Self { first: one.into(), last: other.into() })
            }
            (Ok(first), Ok(last)) if first == last => Ok(Self { first, last }),
            _ => Err(format!(
                "write an IP address, or a row of at most {ROW_MAX} IPv4 addresses from the lowest to the highest, like \
                 127.0.0.10-127.0.0.20"
            )),
        }
    }
}

impl Sources {
    /// They, in order.
    pub fn all(self) -> Vec<IpAddr> {
        match (self.first, self.last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                (first.to_bits()..=last.to_bits()).map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))).collect()
            }
            (first, _) => vec![first],
        }
    }
}
