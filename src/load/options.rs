//! The settings of `nineflags load`.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use clap::Args;

/// What `nineflags load` plays, watches and measures.
#[derive(Debug, Clone, Args)]
pub struct LoadOptions {
    /// Where to play: the addresses of nodes or balancers, like `http://127.0.0.1:8080`, with commas between them.
    #[arg(long, required = true, value_delimiter = ',')]
    pub to: Vec<Address>,
    /// What people open, where that is another address than those in `--to`: the nodes' `NINEFLAGS_ORIGIN`.
    #[arg(long)]
    pub origin: Option<String>,
    /// Pairs of players.
    #[arg(long, default_value_t = 10)]
    pub pairs: usize,
    /// Watchers at each table.
    #[arg(long, default_value_t = 0)]
    pub watchers: usize,
    /// All watchers at the first pair's table instead.
    #[arg(long)]
    pub watch_one: bool,
    /// Players who only look at the lobby.
    #[arg(long, default_value_t = 0)]
    pub idle: usize,
    /// Games of each pair; without it one, or as many as go into `--seconds`.
    #[arg(long)]
    pub games: Option<u32>,
    /// How long a player thinks about a move, on average; 0 is full speed, as fast as a session may ask.
    #[arg(long, default_value_t = 0)]
    pub pause_ms: u64,
    /// Give the games up after this time.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Give the run up when no record was accepted for so long, the thinking aside.
    #[arg(long, default_value_t = 60)]
    pub stuck_secs: u64,
    /// Addresses of this machine to connect from, in turn: `127.0.0.1,127.0.0.10-127.0.0.20`.
    #[arg(long, value_delimiter = ',')]
    pub sources: Vec<Sources>,
    /// Processes whose CPU time and memory are measured.
    #[arg(long, value_delimiter = ',')]
    pub pids: Vec<u32>,
    /// Where chance starts, to play the same moves again as far as the decks allow.
    #[arg(long)]
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
        let host = text.strip_prefix("http://").ok_or("an address begins with http://")?;
        let host = host.trim_end_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err("an address is http://host:port".to_owned());
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self { host: if has_port { host.to_owned() } else { format!("{host}:80") } })
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
        let address = |text: &str| text.parse::<IpAddr>().map_err(|_| format!("{text} is no IP address"));
        let Some((first, last)) = text.split_once('-') else {
            let one = address(text)?;
            return Ok(Self { first: one, last: one });
        };
        match (address(first)?, address(last)?) {
            (first @ IpAddr::V4(_), last @ IpAddr::V4(_)) if first <= last => Ok(Self { first, last }),
            _ => Err("a row of addresses goes from a lower to a higher IPv4 address".to_owned()),
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
