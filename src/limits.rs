//! Every rate and number a node allows, on one page: what is charged, to whom, how much, and what is refused.
//!
//! A rate is a token bucket for each key (an account, a source, a receiver). Buckets belong to the node and outlive
//! websockets; one that is full again is forgotten. A source is an IPv4 address or an IPv6 /64; a /64 also draws on the
//! bucket of its /48, which is [`WIDE`] times as large. Loopback is charged like any other address.

mod buckets;
mod source;

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::fmt;
use std::hash::BuildHasher;
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use self::buckets::Buckets;
pub use self::source::Source;
use crate::ids::AccountId;

/// How much larger than a /64's bucket that of its /48 is.
pub const WIDE: u32 = 8;
/// Parts of the map of buckets, each behind a lock of its own.
const SHARDS: usize = 16;

/// How much of something may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// A token bucket: `burst` at once, refilled by `refill` in every `secs`.
    Rate {
        /// Tokens of a full bucket.
        burst: u32,
        /// Tokens that come back in each period.
        refill: u32,
        /// The period, in seconds.
        secs: u32,
    },
    /// So many at the same time.
    AtOnce(u32),
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtOnce(most) => write!(f, "{most} at once"),
            Self::Rate { burst, refill, secs } => {
                let period = match secs {
                    1 => "a second",
                    60 => "a minute",
                    _ => "an hour",
                };
                write!(f, "{burst} at once, {refill} {period}")
            }
        }
    }
}

/// One line of the page.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Its name in `NINEFLAGS_LIMITS` and in the metric `nineflags_limited_total`.
    pub name: &'static str,
    /// What is charged, to whom.
    pub what: &'static str,
    /// How much is allowed, unless the setting says otherwise.
    pub allowance: Allowance,
    /// The words of the refusal.
    pub refusal: &'static str,
}

macro_rules! page {
    ($($(#[$doc:meta])* $limit:ident $name:literal $allowance:expr, $what:literal, $refusal:literal;)*) => {
        /// What is limited.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit { $(#[doc = $what] $limit),* }

        /// All of them, in the order of the page.
        pub const ALL: &[Limit] = &[$(Limit::$limit),*];

        impl Limit {
            /// Its line of the page.
            pub const fn line(self) -> Line {
                match self {
                    $(Limit::$limit => Line {
                        name: $name, what: $what, allowance: $allowance, refusal: $refusal,
                    }),*
                }
            }
        }
    };
}

const fn rate(burst: u32, refill: u32, secs: u32) -> Allowance {
    Allowance::Rate { burst, refill, secs }
}

use Allowance::AtOnce;

page! {
    Requests "requests_per_account_second" rate(60, 20, 1),
        "Requests and ping frames of an account over its websockets.", "Too many requests.";
    RequestsFrom "requests_per_source_second" rate(600, 200, 1),
        "Requests and ping frames from a source over all its websockets.", "Too many requests from your address.";
    Http "http_per_source_second" rate(600, 60, 1),
        "HTTP requests from a source, but for health; 16 cookies more count as another one.", "Too many requests from your address.";
    Health "health_per_source_second" rate(2_000, 200, 1),
        "`/healthz` and `/readyz` asked from a source at the address that the node serves on.", "Too many requests from your address.";
    Reads "reads_per_source_second" rate(100, 20, 1),
        "Reads of players and games over HTTP from a source.", "Too many requests from your address.";
    Replays "replays_per_source_minute" rate(30, 60, 60),
        "Replays fetched from a source.", "Too many replays from your address.";
    ReplaysAtOnce "replays_per_source" AtOnce(4),
        "Replays being made for a source.", "Your address is being given other replays just now.";
    Waiting "connections_per_source" AtOnce(64),
        "Connections from a source that are not websockets with a welcome yet.", "Too many connections from your address.";
    WaitingAll "connections_waiting" AtOnce(4_096),
        "Connections of the node that are not websockets with a welcome yet; the one that has waited longest goes.",
        "The server has too many connections.";
    Opens "websockets_opened_per_account_minute" rate(10, 30, 60),
        "Websockets opened by an account.", "You connect too often.";
    OpensFrom "websockets_opened_per_source_minute" rate(100, 200, 60),
        "Websockets opened from a source.", "Too many connections from your address.";
    Websockets "websockets_per_source" AtOnce(200),
        "Websockets open from a source.", "Too many connections from your address.";
    Accounts "logins_per_source_minute" rate(60, 60, 60),
        "Requests about accounts (log-in, sign-up, guest, password) from a source, counted for the whole cluster.",
        "Too many attempts.";
    Guests "guests_per_source_hour" rate(60, 240, 3_600),
        "Guests made from a source, counted for the whole cluster.", "Too many guests from your address.";
    SignUps "signups_per_source_hour" rate(30, 60, 3_600),
        "Accounts made from a source, counted for the whole cluster.", "Too many new accounts from your address.";
    Passwords "passwords_per_name_and_network_hour" rate(10, 20, 3_600),
        "Passwords tried for a name from an IPv4 address or IPv6 /48, counted for the whole cluster.", "Too many attempts.";
    PasswordsOfName "passwords_per_name_hour" rate(600, 1_200, 3_600),
        "Passwords tried for a name from everywhere, counted for the whole cluster; a browser that was logged in to \
         the account before is not held by it.", "Too many attempts.";
    Letters "letters_per_account_minute" rate(6, 30, 60),
        "Letters and chat sent by an account.", "You write too fast.";
    LettersTo "letters_per_receiver_minute" rate(20, 20, 60),
        "Letters a player gets from strangers, counted for the whole cluster; one to a player at a table counts four times.", "That player gets too many letters just now.";
    LettersFrom "letters_per_receiver_and_network_minute" rate(5, 5, 60),
        "The same from an IPv4 address or IPv6 /48.", "That player gets too many letters from your address just now.";
    Bench "chat_per_bench_second" rate(20, 5, 1),
        "What all watchers of a table say there, by node.", "Too much is said at that table.";
    Blocks "blocks_per_account_minute" rate(20, 20, 60),
        "Players an account blocks or hears again.", "You change whom you hear too fast.";
    Invites "invites_per_account_minute" rate(10, 20, 60),
        "Invites sent by an account.", "You invite too fast.";
    InvitesTo "invites_per_receiver_minute" rate(20, 20, 60),
        "Notices of invites that a player is told; more are dropped, since the list says the same.", "That player gets too many invites just now.";
    InvitesFrom "invites_per_receiver_and_network" AtOnce(5),
        "Invites of strangers from an IPv4 address or IPv6 /48 that stand for a player.", "That player has too many invites from your address to answer just now.";
    Starts "games_started_per_account_hour" rate(20, 60, 3_600),
        "Games started by an account.", "You start too many games.";
    StartsFrom "games_started_per_source_hour" rate(100, 600, 3_600),
        "Games started from a source.", "Too many games are started from your address.";
    Lobby "lobby_pages_per_account_second" rate(10, 4, 1),
        "Pages and searches of the lobby asked by an account.", "You search too fast.";
    Watches "watches_per_account_minute" rate(20, 60, 60),
        "Tables an account begins to watch.", "You change tables too fast.";
    Seen "seen_per_account_minute" rate(10, 30, 60),
        "Tips an account gives back after a reconnect.", "Too many requests.";
    BytesIn "bytes_in_per_account_second" rate(1_048_576, 32_768, 1),
        "Bytes that an account sends over its websockets, in frames of every kind.", "You send too much.";
    Bytes "bytes_per_account_second" rate(4_194_304, 262_144, 1),
        "Bytes an account's requests have the node send.", "You ask for too much.";
    BytesFrom "bytes_per_source_second" rate(33_554_432, 4_194_304, 1),
        "Bytes the requests from a source have the node send.", "Your address asks for too much.";
}

impl Limit {
    /// The limit of a name in the setting.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().copied().find(|limit| limit.line().name == name)
    }
}

/// Who is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// An account, as sender or as receiver.
    Account(AccountId),
    /// A source.
    Source(Source),
    /// The network around an IPv6 source, or a balancer that does not say for whom it asks.
    Wide(Source),
    /// A name or a table, by a number that stands for it.
    Name(u64),
    /// A name that is tried, or a player who is written to, from one network; by a number that stands for either.
    NameFrom(u64, Source),
}

impl Key {
    /// The network that is charged, as far as it is one.
    pub fn network(self) -> Source {
        match self {
            Self::Source(source) | Self::Wide(source) | Self::NameFrom(_, source) => source.network(),
            Self::Account(_) | Self::Name(_) => Source::of(Ipv4Addr::UNSPECIFIED.into()),
        }
    }

    /// As a short text, for keys in Redis and the log.
    pub fn to_text(self) -> String {
        match self {
            Self::Account(account) => account.to_string(),
            Self::Source(source) => source.to_text(),
            Self::Wide(source) => format!("{}+", source.to_text()),
            Self::Name(name) => format!("{name:x}"),
            Self::NameFrom(name, source) => format!("{name:x}@{}", source.to_text()),
        }
    }
}

impl From<AccountId> for Key {
    fn from(account: AccountId) -> Self {
        Self::Account(account)
    }
}

impl From<Source> for Key {
    fn from(source: Source) -> Self {
        Self::Source(source)
    }
}

/// More was asked than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct Refused {
    /// By which limit.
    pub limit: Limit,
    /// After how long it may be tried again.
    pub retry_after: Duration,
}

impl Refused {
    /// Whole seconds until it may be tried again, at least one.
    pub fn retry_after_secs(&self) -> u64 {
        self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0)
    }

    /// For the player.
    pub fn words(&self) -> String {
        let secs = self.retry_after_secs().max(1);
        let unit = if secs == 1 { "second" } else { "seconds" };
        format!("{} Try again in {secs} {unit}.", self.limit.line().refusal)
    }
}

/// The allowances of a node: those of the page, but for what the setting changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowances(Vec<Allowance>);

impl Default for Allowances {
    fn default() -> Self {
        Self(ALL.iter().map(|limit| limit.line().allowance).collect())
    }
}

impl Allowances {
    /// How much of something is allowed.
    pub fn of(&self, limit: Limit) -> Allowance {
        self.0[limit as usize]
    }
}

/// Parses `NINEFLAGS_LIMITS`: `name=number` separated by spaces. The number is what comes back in each period, or how
/// many there may be at once; a burst grows and shrinks with its rate.
impl FromStr for Allowances {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        let mut given = Vec::new();
        for word in text.split_whitespace() {
            let (name, number) = word
                .split_once('=')
                .ok_or_else(|| format!("{word:?} is not NAME=NUMBER, as in guests_per_source_hour=600"))?;
            let limit = Limit::named(name).ok_or_else(|| {
                let known: Vec<&str> = ALL.iter().map(|limit| limit.line().name).collect();
                format!("there is no limit {name:?}; there are: {}", known.join(" "))
            })?;
            if given.contains(&limit) {
                return Err(format!("{name} is given twice: write it once"));
            }
            given.push(limit);
            let number: u32 = number
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(|| format!("{name} is a whole number from 1 to {}", u32::MAX))?;
            all.0[limit as usize] = match limit.line().allowance {
                Allowance::AtOnce(_) => Allowance::AtOnce(number),
                Allowance::Rate { burst, refill, secs } => {
                    let burst = u64::from(burst) * u64::from(number) / u64::from(refill);
                    rate(u32::try_from(burst).unwrap_or(u32::MAX).max(1), number, secs)
                }
            };
        }
        Ok(all)
    }
}

#[derive(Debug, Default)]
struct Shard {
    buckets: Buckets,
    held: HashMap<(Limit, Key), u32>,
}

#[derive(Debug)]
struct Inner {
    allowances: Allowances,
    began: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    refusals: Vec<AtomicU64>,
}

/// What a node has charged, to whom; cheap to clone.
#[derive(Debug, Clone)]
pub struct Limits(Arc<Inner>);

impl Limits {
    /// Nothing charged yet.
    pub fn new(allowances: Allowances) -> Self {
        Self(Arc::new(Inner {
            allowances,
            began: Instant::now(),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            refusals: ALL.iter().map(|_| AtomicU64::new(0)).collect(),
        }))
    }

    /// Charges one to a key.
    pub fn take(&self, limit: Limit, key: impl Into<Key>) -> Result<(), Refused> {
        self.take_many(limit, key, 1)
    }

    /// Charges so many to a key; all of them or none.
    pub fn take_many(&self, limit: Limit, key: impl Into<Key>, cost: u32) -> Result<(), Refused> {
        let Allowance::Rate { burst, refill, secs } = self.0.allowances.of(limit) else { return Ok(()) };
        let now_ns = u64::try_from(self.0.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        for (key, times) in charged(key.into()) {
            let rate = (burst.saturating_mul(times), refill.saturating_mul(times), secs);
            let taken = self.shard(key).buckets.take(limit, key, rate, cost, now_ns);
            taken.inspect_err(|refused| self.count(refused.limit))?;
        }
        Ok(())
    }

    /// Counts one more of something at the same time, until the guard is dropped.
    pub fn hold(&self, limit: Limit, key: impl Into<Key>) -> Result<Held, Refused> {
        let mut held = Held { limits: self.clone(), limit, keys: [None, None] };
        let Allowance::AtOnce(most) = self.0.allowances.of(limit) else { return Ok(held) };
        for (place, (key, times)) in charged(key.into()).enumerate() {
            let mut shard = self.shard(key);
            let count = shard.held.entry((limit, key)).or_insert(0);
            if *count >= most.saturating_mul(times) {
                drop(shard);
                self.count(limit);
                return Err(Refused { limit, retry_after: Duration::from_secs(1) });
            }
            *count += 1;
            held.keys[place] = Some(key);
        }
        Ok(held)
    }

    /// How much of something is allowed here.
    pub fn allowance(&self, limit: Limit) -> Allowance {
        self.0.allowances.of(limit)
    }

    /// How often each limit has refused something, by its name.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.refusals.iter().map(|count| count.load(Ordering::Relaxed));
        ALL.iter().map(|limit| limit.line().name).zip(counts)
    }

    /// Counts a refusal that was found elsewhere, as by the counters of the cluster.
    pub fn count(&self, limit: Limit) {
        self.0.refusals[limit as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        let hash = self.0.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.0.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buckets a key draws on, and how many times the number each of them is.
pub fn charged(key: Key) -> impl Iterator<Item = (Key, u32)> {
    let wide = match key {
        Key::Source(source) => source.wide().map(|wide| (Key::Wide(wide), WIDE)),
        _ => None,
    };
    let times = if matches!(key, Key::Wide(_)) { WIDE } else { 1 };
    [Some((key, times)), wide].into_iter().flatten()
}

/// One of something that is limited at once; dropping it gives it back.
#[derive(Debug)]
pub struct Held {
    limits: Limits,
    limit: Limit,
    keys: [Option<Key>; 2],
}

impl Drop for Held {
    fn drop(&mut self) {
        for key in self.keys.iter().flatten() {
            let mut shard = self.limits.shard(*key);
            if let Entry::Occupied(mut held) = shard.held.entry((self.limit, *key)) {
                *held.get_mut() -= 1;
                if *held.get() == 0 {
                    held.remove();
                }
            }
        }
    }
}
