//! How each Redis of a group is: asked one by one on connections of their own, so that one that hangs hides no other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionInfo, FromRedisValue};
use serde::Serialize;
use tokio::time::timeout;

use super::condition::{Info, explained};
use super::error::StoreError;
use super::place::{Place, connect, info_of, shown};
use super::sentinel::Sentinels;
use crate::config::GroupAt;
use crate::redis_url::HostPort;

/// How long one Redis or sentinel may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A group: the primary, what follows it, and the sentinels that look after both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupHealth {
    /// What the group is for.
    pub roles: String,
    /// The primary.
    pub primary: RedisHealth,
    /// Its replicas: those it knows, and those that only the sentinels know.
    pub replicas: Vec<RedisHealth>,
    /// How many of them follow it.
    pub attached: u64,
    /// The sentinels of the URL.
    pub sentinels: Vec<SentinelHealth>,
}

/// One Redis.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RedisHealth {
    /// Where it listens.
    pub address: String,
    /// Why it could not be asked.
    pub error: Option<String>,
    /// What it says it is: `primary` or `replica`.
    pub role: String,
    /// Its own version, also where it is a Valkey.
    pub version: String,
    /// How long an answer took, in milliseconds.
    pub answer_ms: f64,
    /// Seconds since it started.
    pub up_secs: u64,
    /// Bytes of memory its data take.
    pub memory: u64,
    /// Bytes they may take; 0 for no limit.
    pub memory_max: u64,
    /// Its append-only file: `on`, `off`, or what is wrong with it.
    pub append_only: String,
    /// Why it can never be used, or what should be set up otherwise.
    pub warnings: Vec<String>,
    /// Connections open.
    pub connections: u64,
    /// For a replica: whether its link to the primary is up.
    pub link_up: Option<bool>,
    /// For a replica: seconds since the primary heard from it.
    pub lag_secs: Option<u64>,
    /// For a replica: bytes that the primary has and it has not.
    pub lag_bytes: Option<u64>,
}

/// One sentinel.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SentinelHealth {
    /// Where it listens.
    pub address: String,
    /// Why it could not be asked.
    pub error: Option<String>,
    /// Which Redis it calls the primary.
    pub primary: String,
    /// How many other sentinels it knows.
    pub others: u64,
    /// How many of them are needed to agree that the primary is down.
    pub quorum: u64,
    /// What it says of the primary, as in `master` or `s_down,master`.
    pub flags: String,
}

/// How to connect to one Redis of a group.
fn info_at(place: &Place, address: &str) -> Option<ConnectionInfo> {
    let settings = match place {
        Place::Fixed(info) if shown(info.addr()) == address => return Some(ConnectionInfo::clone(info)),
        // Replicas of a primary at a fixed address are asked with what opens the primary.
        Place::Fixed(info) => info.redis_settings(),
        Place::Watched(sentinels) => sentinels.redis(),
    };
    Some(info_of(HostPort::parse(address, None)?, settings.clone()))
}

/// Asks everything of a group.
pub async fn of_group(group: &GroupAt) -> Result<GroupHealth, StoreError> {
    let (place, roles) = (Place::named(&group.name, &group.url)?, group.roles.join(", "));
    let asked = match &place {
        Place::Fixed(_) => Vec::new(),
        Place::Watched(of) => join_all(of.hosts().iter().map(|host| sentinel(host, of))).await,
    };
    let (sentinels, told): (Vec<SentinelHealth>, Vec<Vec<String>>) = asked.into_iter().unzip();
    let primary = match &place {
        Place::Fixed(info) => shown(info.addr()),
        Place::Watched(_) => called_primary(&sentinels),
    };
    if primary.is_empty() {
        let error = Some("no sentinel names a primary".to_owned());
        let primary = RedisHealth { error, ..RedisHealth::default() };
        return Ok(GroupHealth { roles, primary, replicas: Vec::new(), attached: 0, sentinels });
    }
    let (primary, follows) = redis(&place, &primary).await;
    let mut replicas: Vec<String> = follows.iter().map(|follower| follower.address.clone()).collect();
    replicas.extend(told.into_iter().flatten());
    replicas.sort();
    replicas.dedup();
    let mut replicas: Vec<RedisHealth> = join_all(replicas.iter().map(|address| redis(&place, address)))
        .await
        .into_iter()
        .map(first)
        .collect();
    for replica in &mut replicas {
        if let Some(follower) = follows.iter().find(|follower| follower.address == replica.address) {
            (replica.lag_secs, replica.lag_bytes) = (Some(follower.lag_secs), Some(follower.lag_bytes));
        }
    }
    Ok(GroupHealth { roles, primary, replicas, attached: follows.len() as u64, sentinels })
}

fn first<A, B>((first, _): (A, B)) -> A {
    first
}

/// What most sentinels call the primary.
fn called_primary(sentinels: &[SentinelHealth]) -> String {
    let named: Vec<&String> =
        sentinels.iter().map(|sentinel| &sentinel.primary).filter(|name| !name.is_empty()).collect();
    let votes = |name: &String| named.iter().filter(|other| **other == name).count();
    named.iter().max_by_key(|name| votes(name)).map(|name| (**name).clone()).unwrap_or_default()
}

/// A replica as its primary knows it.
struct Follower {
    address: String,
    lag_secs: u64,
    lag_bytes: u64,
}

async fn redis(place: &Place, address: &str) -> (RedisHealth, Vec<Follower>) {
    let began = Instant::now();
    let asked = async {
        let info = info_at(place, address).ok_or("no host and port that could be asked")?;
        let mut connection = in_time(connect(&info)).await.map_err(|error| explained(&error))?;
        let asked = ask::<Vec<u8>>(&mut connection, redis::cmd("INFO").arg("everything")).await;
        asked.map_err(|error| explained(&error))
    };
    let address = address.to_owned();
    match asked.await {
        Ok(info) => {
            let answer_ms = began.elapsed().as_secs_f64() * 1_000.0;
            let (health, followers) = parse_info(&String::from_utf8_lossy(&info));
            (RedisHealth { address, answer_ms, ..health }, followers)
        }
        Err(words) => (RedisHealth { address, error: Some(words), ..RedisHealth::default() }, Vec::new()),
    }
}

/// What `INFO` tells of a Redis and of those that follow it.
fn parse_info(info: &str) -> (RedisHealth, Vec<Follower>) {
    let info = Info::parse(info);
    let text = |name: &str| info.text(name);
    let number = |name: &str| info.number(name);
    let offset = number("master_repl_offset");
    let follower = |index: u64| {
        let line = text(format!("slave{index}").as_str());
        let parts: HashMap<&str, &str> = line.split(',').filter_map(|part| part.split_once('=')).collect();
        let number = |name: &str| parts.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        Some(Follower {
            address: address_of(parts.get("ip")?, parts.get("port")?),
            lag_secs: number("lag"),
            lag_bytes: offset.saturating_sub(number("offset")),
        })
    };
    let replica = text("role") == "slave";
    let replicated = !replica && number("connected_slaves") > 0;
    let warnings = info.unusable().into_iter().chain(info.warnings(replicated)).collect();
    let health = RedisHealth {
        role: if replica { "replica" } else { "primary" }.to_owned(),
        version: info.version().to_owned(),
        up_secs: number("uptime_in_seconds"),
        memory: number("used_memory"),
        memory_max: number("maxmemory"),
        append_only: append_only(text("aof_enabled"), text("aof_last_write_status")),
        connections: number("connected_clients"),
        warnings,
        link_up: replica.then(|| text("master_link_status") == "up"),
        ..RedisHealth::default()
    };
    (health, (0..number("connected_slaves")).filter_map(follower).collect())
}

fn append_only(enabled: &str, last_write: &str) -> String {
    match (enabled, last_write) {
        ("1", "ok" | "") => "on".to_owned(),
        ("1", wrong) => format!("on, last write: {wrong}"),
        _ => "off".to_owned(),
    }
}

fn address_of(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// A sentinel, and the replicas it knows.
async fn sentinel(host: &ConnectionInfo, of: &Sentinels) -> (SentinelHealth, Vec<String>) {
    let asked = async {
        let mut connection = in_time(connect(host)).await?;
        let told = |what: &str| redis::cmd("SENTINEL").arg(what).arg(of.name()).to_owned();
        let (primary, replicas) = (told("MASTER"), told("REPLICAS"));
        let primary: HashMap<String, String> = ask(&mut connection, &primary).await?;
        let replicas: Vec<HashMap<String, String>> = ask(&mut connection, &replicas).await?;
        Ok::<_, StoreError>((primary, replicas))
    };
    let address = shown(host.addr());
    match asked.await {
        Ok((primary, replicas)) => {
            let number = |name: &str| primary.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
            let health = SentinelHealth {
                address,
                error: None,
                primary: place_in(&primary).unwrap_or_default(),
                others: number("num-other-sentinels"),
                quorum: number("quorum"),
                flags: primary.get("flags").cloned().unwrap_or_default(),
            };
            (health, replicas.iter().filter_map(place_in).collect())
        }
        Err(error) => {
            let words = explained(&of.complaint(host, error));
            (SentinelHealth { address, error: Some(words), ..SentinelHealth::default() }, Vec::new())
        }
    }
}

fn place_in(fields: &HashMap<String, String>) -> Option<String> {
    Some(address_of(fields.get("ip")?, fields.get("port")?))
}

async fn ask<T: FromRedisValue>(
    connection: &mut MultiplexedConnection,
    command: &Cmd,
) -> Result<T, StoreError> {
    in_time(command.query_async(connection)).await
}

/// An exchange with one Redis or sentinel, which may hang.
async fn in_time<T, E>(exchange: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    match timeout(ANSWER_WITHIN, exchange).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(StoreError::NoAnswer("timed out".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use crate::redis_url::RedisUrl;

    use super::{Place, SentinelHealth, called_primary, info_at, parse_info, shown};

    #[test]
    fn info_tells_of_the_primary_and_its_replicas() {
        let info = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:61\r\nrole:master\r\nconnected_slaves:2\r\n\
                    slave0:ip=127.0.0.1,port=7001,state=online,offset=900,lag=1\r\n\
                    slave1:ip=::1,port=7002,state=online,offset=1000,lag=0\r\nmaster_repl_offset:1000\r\n\
                    used_memory:2048\r\nmaxmemory:0\r\naof_enabled:1\r\naof_last_write_status:ok\r\n";
        let (health, followers) = parse_info(info);
        assert_eq!(
            (health.role.as_str(), health.version.as_str(), health.up_secs),
            ("primary", "7.0.15", 61)
        );
        assert_eq!((health.memory, health.append_only.as_str(), health.link_up), (2_048, "on", None));
        let lags: Vec<_> = followers.iter().map(|f| (f.address.as_str(), f.lag_secs, f.lag_bytes)).collect();
        assert_eq!(lags, [("127.0.0.1:7001", 1, 100), ("[::1]:7002", 0, 0)]);
    }

    #[test]
    fn a_valkey_tells_its_own_version() {
        let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\nrole:master\r\n";
        assert_eq!(parse_info(info).0.version, "9.1.2");
    }

    #[test]
    fn a_replica_tells_of_its_link_and_a_broken_file_is_named() {
        let info = "role:slave\r\nmaster_link_status:down\r\naof_enabled:1\r\naof_last_write_status:err\r\n";
        let (health, followers) = parse_info(info);
        assert_eq!((health.role.as_str(), health.link_up), ("replica", Some(false)));
        assert_eq!(health.append_only, "on, last write: err");
        assert!(followers.is_empty());
    }

    #[test]
    fn every_redis_of_a_group_is_opened_with_what_opens_its_primary() {
        let opened = |url: &str, address: &str| {
            let place = Place::of(&RedisUrl::from(url)).expect("a good URL");
            let info = info_at(&place, address).expect("an address");
            (shown(info.addr()), info.redis_settings().password().map(str::to_owned))
        };
        let password = Some("x&y".to_owned());
        let group = "redis+sentinel://a:1,b:2/nine?password=x%26y&sentinel_password=z";
        assert_eq!(opened(group, "c:3"), ("c:3".to_owned(), password.clone()));
        assert_eq!(opened("redis://:x%26y@a:1", "a:1"), ("a:1".to_owned(), password.clone()));
        assert_eq!(opened("redis://:x%26y@a:1", "[::1]:3"), ("[::1]:3".to_owned(), password));
    }

    #[test]
    fn the_primary_is_what_most_sentinels_call_so() {
        let say = |primary: &str| SentinelHealth { primary: primary.to_owned(), ..SentinelHealth::default() };
        assert_eq!(called_primary(&[say("a:1"), say("b:1"), say("b:1"), say("")]), "b:1");
        assert_eq!(called_primary(&[say("")]), "");
    }
}
