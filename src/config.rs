//! Every flag and environment variable, parsed once.

pub mod archive;

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use self::archive::ArchiveCommand;
use crate::ids::TableId;
use crate::limits::Allowances;
use crate::redis::authorities::Authorities;
use crate::redis::roles::RedisUrls;
use crate::redis::url::{self, RedisUrl};
use crate::setting::{
    ListenAt, announced, log_filter, opened, ops_listen, share, table_id, whole, yes_or_no,
};

/// The longest time that a setting in seconds may give: a week.
const SECS_MAX: u64 = 7 * 24 * 3_600;
/// How the variables of this program begin.
const PREFIX: &str = "NINEFLAGS_";
/// Variables that begin so and are read by others: `scripts/cluster.sh` and `deploy/compose.yaml`.
const OF_OTHERS: [&str; 2] = ["NINEFLAGS_BIN", "NINEFLAGS_PORT"];
/// How the variables of the tests begin.
const OF_TESTS: &str = "NINEFLAGS_TEST_";
/// How many characters a misspelt name may be away from the one that was meant.
const MISSPELT: usize = 3;

/// Nine Flags: a web game server for Battle Line.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Reads the command line and the environment; one that cannot be read is refused on standard error, and gives what to exit
/// with.
pub fn parsed<C: Parser>() -> Result<C, ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    read(&arguments).map_err(|error| {
        // Help and the version are asked for, and are no errors.
        if !error.use_stderr() {
            error.exit();
        }
        #[expect(
            clippy::print_stderr,
            reason = "who wrote the command line reads here what is wrong with it"
        )]
        {
            eprint!("{}", refusal(&error, &arguments));
        }
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
    })
}

/// Reads a command line and the environment.
pub fn read<C: Parser>(arguments: &[OsString]) -> Result<C, clap::Error> {
    let matches = set_variables(C::command()).try_get_matches_from(arguments)?;
    C::from_arg_matches(&matches)
}

/// What is to be told of a command line that cannot be read, without what may be a secret: it repeats no URL.
fn refusal(error: &clap::Error, arguments: &[OsString]) -> String {
    let written = arguments.iter().map(|argument| argument.to_string_lossy().into_owned());
    let variables = std::env::vars_os().map(|(_, value)| value.to_string_lossy().into_owned());
    let texts = written.chain(variables.flat_map(|value| {
        let parts: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
        [value].into_iter().chain(parts)
    }));
    let said = url::without(&error.to_string(), texts);
    // A word too many may be the rest of a URL with a blank in it.
    let has_url = arguments.iter().any(|argument| argument.to_string_lossy().contains("://"));
    let kinds = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand];
    kinds.into_iter().fold(said, |said, kind| match error.get(kind) {
        Some(ContextValue::String(word)) if has_url && !word.starts_with("--") => {
            said.replace(&format!("'{word}'"), "'…'")
        }
        _ => said,
    })
}

/// Counts a variable with nothing in it as one that is not there, as in a line `REDIS_URL=` of an environment file.
fn set_variables(command: clap::Command) -> clap::Command {
    let is_blank = |name: &OsStr| {
        std::env::var_os(name).is_some_and(|value| value.to_str().is_some_and(|text| text.trim().is_empty()))
    };
    let command = command.mut_args(|argument| {
        let takes_values = argument.get_action().takes_values();
        // A number below zero is refused as a number, not as an option that there is not.
        let argument = argument.allow_negative_numbers(takes_values);
        match argument.get_env() {
            Some(name) if is_blank(name) => argument.env(Resettable::Reset),
            _ => argument,
        }
    });
    command.mut_subcommands(set_variables)
}

/// Variables that look like settings of this program and are none, each in a sentence that names the nearest.
pub fn misspelt(variables: impl IntoIterator<Item = String>) -> Vec<String> {
    let known = variables_of(&Cli::command());
    let mut found = Vec::new();
    for name in variables {
        if known.contains(&name) || OF_OTHERS.contains(&name.as_str()) || name.starts_with(OF_TESTS) {
            continue;
        }
        let near = known.iter().map(|known| (strsim::levenshtein(known, &name), known)).min();
        let near = near.filter(|(distance, _)| *distance <= MISSPELT).map(|(_, known)| known);
        match near {
            Some(near) if name.starts_with(PREFIX) || name.ends_with("_URL") || name.ends_with("_URLS") => {
                found.push(format!("{name} is no setting, and is not read: write {near}"));
            }
            None if name.starts_with(PREFIX) => {
                found.push(format!(
                    "{name} is no setting, and is not read: nineflags serve --help lists them"
                ));
            }
            _ => {}
        }
    }
    found
}

fn variables_of(command: &clap::Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env());
    let own = own.map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(variables_of)).collect()
}

/// The commands of the binary.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the site.
    Serve(Box<ServeConfig>),
    /// Look inside a running cluster: nodes, players, tables, Redis.
    Inspect(InspectConfig),
    /// Have the nodes with the most sessions ask some browsers to reconnect, so that others take their share.
    Rebalance(RebalanceConfig),
    /// Care for the Redis groups of a cluster.
    Redis {
        /// What to do.
        #[command(subcommand)]
        what: RedisCommand,
    },
    /// Finished games as files: write them, take them in, check them.
    Archive {
        /// What to do.
        #[command(subcommand)]
        what: ArchiveCommand,
    },
}

/// What `nineflags redis` does.
#[derive(Debug, Subcommand)]
pub enum RedisCommand {
    /// Have a replica take the primary's place, in some two seconds and without losing a write: for maintenance.
    Failover {
        /// The group: data, backup-0, backup-1 … or archive.
        group: String,
        /// Where the groups are.
        #[command(flatten)]
        of: StoreAt,
    },
}

/// Where the store of a running cluster is.
#[derive(Debug, Clone, Args)]
pub struct StoreAt {
    /// The Redis that the nodes use.
    #[arg(long, env = "REDIS_URL", hide_env_values = true, global = true)]
    pub redis_url: Option<RedisUrl>,
    /// The Redis groups that keep live games, if others, separated by spaces, in the order the nodes have them.
    #[arg(long, env = "BACKUP_REDIS_URLS", hide_env_values = true, value_delimiter = ' ', global = true)]
    pub backup_redis_urls: Vec<RedisUrl>,
    /// The Redis group that keeps finished games, if another.
    #[arg(long, env = "ARCHIVE_REDIS_URL", hide_env_values = true, global = true)]
    pub archive_redis_url: Option<RedisUrl>,
    /// File with the certificates, in PEM, of the authorities that a Redis or a sentinel which speaks TLS is trusted by; without
    /// it the public ones.
    #[arg(long, env = "NINEFLAGS_REDIS_CA", value_parser = Authorities::read, global = true)]
    pub redis_ca: Option<Authorities>,
    /// Without `REDIS_URL`: the folder of the node whose private Redis it is.
    #[arg(long, env = "NINEFLAGS_DATA", default_value = "./data", global = true)]
    pub data: PathBuf,
}

/// No node with a private Redis runs over a folder.
#[derive(Debug, thiserror::Error)]
#[error("no node runs over {0}: say where its data are with --data, or where Redis is with --redis-url")]
pub struct NoStore(PathBuf);

impl StoreAt {
    /// Where all groups are.
    pub fn urls(&self) -> Result<RedisUrls, NoStore> {
        let urls = RedisUrls::new(self.url()?, &self.backup_redis_urls, self.archive_redis_url.as_ref());
        Ok(urls.trusting(self.redis_ca.as_ref()))
    }

    /// The URL of the data group: as given, or of the private Redis of a running node.
    pub fn url(&self) -> Result<RedisUrl, NoStore> {
        if let Some(url) = self.redis_url.as_ref().filter(|url| !url.is_blank()) {
            return Ok(url.clone());
        }
        let no_store = || NoStore(self.data.clone());
        let socket: &Path = &self.data.join("redis.sock");
        // The node's own path: a longer one to the same socket might be too long for the system.
        let socket = socket.canonicalize().map_err(|_| no_store())?;
        Ok(RedisUrl::unix(&socket))
    }
}

/// The settings of `nineflags inspect`.
#[derive(Debug, Clone, Parser)]
pub struct InspectConfig {
    /// What to show; a summary without it.
    #[command(subcommand)]
    pub what: Option<Shown>,
    /// Where to look.
    #[command(flatten)]
    pub store: StoreAt,
    /// For programs: one JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
    /// Show it again and again until Ctrl-C: each second, or after so many seconds (`--watch=5`).
    #[arg(long, global = true, value_name = "SECS", num_args = 0..=1, require_equals = true,
        default_missing_value = "1", value_parser = whole(1..=86_400_u64))]
    pub watch: Option<u64>,
}

/// What `nineflags inspect` shows.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Shown {
    /// Every node: version, protocol, record kinds, load.
    Nodes,
    /// Everyone online, and on which node.
    Players,
    /// Every live table, and on which nodes its players are.
    Tables,
    /// One table: players, times, and its tip in Redis against the tip each node holds.
    Table {
        /// Its id.
        #[arg(value_parser = table_id)]
        id: TableId,
    },
    /// Every Redis: primary, replicas with their lag, sentinels, memory.
    Redis,
}

/// The settings of `nineflags rebalance`.
#[derive(Debug, Clone, Parser)]
pub struct RebalanceConfig {
    /// Where to look.
    #[command(flatten)]
    pub store: StoreAt,
    /// How much of what a node has above the mean it lets go, from 0 to 1.
    #[arg(long, default_value_t = 0.5, value_parser = share)]
    pub share: f64,
    /// Milliseconds over which browsers are asked to reconnect.
    #[arg(long, default_value_t = 10_000, value_parser = whole(0..=3_600_000_u64))]
    pub spread_ms: u64,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The settings of a node.
#[derive(Debug, Clone, Parser)]
pub struct ServeConfig {
    /// Address or name of this machine to serve on, and the port; port 0 chooses a free one.
    #[arg(long, env = "NINEFLAGS_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: ListenAt,
    /// Address for operators and balancers, `/healthz`, `/readyz` and `/metrics`, answered by a thread of its own: not to be
    /// reached from outside. Without it these are at the address it serves on, where metrics and the reasons of `/readyz`
    /// are told to this machine only.
    #[arg(long, env = "NINEFLAGS_OPS_LISTEN", value_parser = ops_listen)]
    pub ops_listen: Option<String>,
    /// The address other nodes and operators see, `HOST:PORT`; without it the one it serves on.
    #[arg(long, env = "NINEFLAGS_ADDRESS", value_parser = announced)]
    pub address: Option<String>,
    /// Folder of the private Redis; unused with `REDIS_URL`.
    #[arg(long, env = "NINEFLAGS_DATA", default_value = "./data")]
    pub data: PathBuf,
    /// The Redis to use instead of a private one: `redis://…`, `unix://…`, or what three sentinels call the primary:
    /// `redis+sentinel://host:port,host:port,host:port/name?password=…`. Over TLS: `rediss://…`, `rediss+sentinel://…`.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<RedisUrl>,
    /// The Redis groups that keep live games, one URL each, separated by spaces: the shards of the backup. More may be
    /// added at the end; new games use them. Without it the Redis of `REDIS_URL`.
    #[arg(long, env = "BACKUP_REDIS_URLS", hide_env_values = true, value_delimiter = ' ')]
    pub backup_redis_urls: Vec<RedisUrl>,
    /// The Redis group that keeps finished games. Without it the Redis of `REDIS_URL`.
    #[arg(long, env = "ARCHIVE_REDIS_URL", hide_env_values = true)]
    pub archive_redis_url: Option<RedisUrl>,
    /// A Redis of the archive's group in this node's own data centre, `redis://host:port`, primary or replica: finished
    /// games, which never change, are read from it first.
    #[arg(long, env = "ARCHIVE_NEAR_REDIS_URL", hide_env_values = true)]
    pub archive_near_redis_url: Option<RedisUrl>,
    /// File with the certificates, in PEM, of the authorities that a Redis or a sentinel which speaks TLS is trusted by, and no
    /// others. Without it the public ones.
    #[arg(long, env = "NINEFLAGS_REDIS_CA", value_parser = Authorities::read)]
    pub redis_ca: Option<Authorities>,
    /// The address people open, like `https://play.example.org`; checked against the Origin of requests, and an https
    /// one makes cookies Secure. It may be left out where only this machine can connect.
    #[arg(long, env = "NINEFLAGS_ORIGIN", value_parser = opened)]
    pub origin: Option<String>,
    /// Take a browser's address from the last entry of X-Forwarded-For: only behind a balancer that sets it.
    #[arg(long, env = "NINEFLAGS_TRUST_FORWARDED", default_value_t = false, action = clap::ArgAction::Set,
        value_parser = yes_or_no)]
    pub trust_forwarded: bool,
    /// Seconds of absence after which the other seat is offered to save the game.
    #[arg(long, env = "NINEFLAGS_AWAY_SAVE_SECS", default_value_t = 60, value_parser = whole(1..=SECS_MAX))]
    pub away_save_secs: u64,
    /// Seconds of absence after which the other seat may claim the win.
    #[arg(long, env = "NINEFLAGS_AWAY_WIN_SECS", default_value_t = 300, value_parser = whole(1..=SECS_MAX))]
    pub away_win_secs: u64,
    /// Seconds after which a table with nobody connected is saved by itself.
    #[arg(long, env = "NINEFLAGS_ABANDONED_SECS", default_value_t = 600, value_parser = whole(1..=SECS_MAX))]
    pub abandoned_secs: u64,
    /// Seconds a table plays on while the backup is away, before it waits for it.
    #[arg(long, env = "NINEFLAGS_UNSAVED_SECS", default_value_t = 60, value_parser = whole(0..=SECS_MAX))]
    pub unsaved_secs: u64,
    /// Records that a given-up game has at least, to be kept: a shorter one is in no list, and gone after ten minutes.
    #[arg(long, env = "NINEFLAGS_ARCHIVE_MIN_RECORDS", default_value_t = 10, value_parser = whole(0..=2_000_usize))]
    pub archive_min_records: usize,
    /// Seconds an invite stands.
    #[arg(long, env = "NINEFLAGS_INVITE_SECS", default_value_t = 120, value_parser = whole(1..=SECS_MAX))]
    pub invite_secs: u64,
    /// Milliseconds over which browsers are asked to reconnect when the node ends.
    #[arg(long, env = "NINEFLAGS_DRAIN_SPREAD_MS", default_value_t = 3_000, value_parser = whole(0..=3_600_000_u64))]
    pub drain_spread_ms: u64,
    /// Seconds for which a node that was told to end says that it is not ready and serves on: as long as a balancer may take
    /// to notice. They come before the grace.
    #[arg(long, env = "NINEFLAGS_DRAIN_DELAY_SECS", default_value_t = 0, value_parser = whole(0..=3_600_u64))]
    pub drain_delay_secs: u64,
    /// Seconds from then until the node exits whatever is still going on.
    #[arg(long, env = "NINEFLAGS_GRACE_SECS", default_value_t = 10, value_parser = whole(1..=3_600_u64))]
    pub grace_secs: u64,
    /// Browsers a node asks to reconnect each minute while it has a fifth, and at least three, too many; 0 for none.
    #[arg(long, env = "NINEFLAGS_REBALANCE_PER_MIN", default_value_t = 0, value_parser = whole(0..=1_000_000_u32))]
    pub rebalance_per_min: u32,
    /// Limits other than those of the documentation's table, as `NAME=NUMBER` separated by spaces.
    #[arg(long, env = "NINEFLAGS_LIMITS", default_value = "")]
    pub limits: Allowances,
    /// What is logged, as in `info` or `nineflags=debug`.
    #[arg(long, env = "NINEFLAGS_LOG", default_value = "info", value_parser = log_filter)]
    pub log: String,
    /// How lines of the log are written.
    #[arg(long, env = "NINEFLAGS_LOG_FORMAT", value_enum, ignore_case = true, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl ServeConfig {
    /// Where the groups are, of which one is the data group.
    pub fn redis_urls(&self, data: impl Into<RedisUrl>) -> RedisUrls {
        RedisUrls::new(data, &self.backup_redis_urls, self.archive_redis_url.as_ref())
            .with_near(self.archive_near_redis_url.as_ref())
            .trusting(self.redis_ca.as_ref())
    }

    /// Milliseconds after which a table with nobody connected is saved.
    pub fn abandoned_ms(&self) -> u64 {
        self.abandoned_secs.saturating_mul(1_000)
    }

    /// The settings with an empty text counted as one left out, as in a line `REDIS_URL=` of an environment file.
    #[must_use]
    pub fn without_empty(mut self) -> Self {
        self.redis_url = self.redis_url.filter(|url| !url.is_blank());
        self.ops_listen = self.ops_listen.filter(|address| !address.is_empty());
        self.origin = self.origin.filter(|origin| !origin.is_empty());
        self.address = self.address.filter(|address| !address.is_empty());
        self
    }
}
