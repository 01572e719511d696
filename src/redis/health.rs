//! How each Redis of a group is: asked one by one on connections of their own, so that one that hangs hides no other.

use std::collections::HashMap;
use std::time::Instant;

use futures_util::future::join_all;
use serde::Serialize;

use super::condition::{Info, explained};
use super::endpoint::At;
use super::error::StoreError;
use super::place::Place;
use super::roles::GroupAt;
use super::sentinel::{Round, Word};
use super::url::HostPort;

/// A group: the primary, what follows it, and the sentinels that look after both.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupHealth {
    /// What the group is for.
    pub roles: String,
    pub primary: RedisHealth,
    /// Its replicas: those it knows, and those that only the sentinels know.
    pub replicas: Vec<RedisHealth>,
    /// How many of them follow it.
    pub attached: u64,
    pub sentinels: Vec<SentinelHealth>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct RedisHealth {
    pub address: String,
    pub error: Option<String>,
    /// What it says it is: `primary` or `replica`.
    pub role: String,
    /// Its own version, also where it is a Valkey.
    pub version: String,
    pub answer_ms: f64,
    pub up_secs: u64,
    pub memory: u64,
    /// Bytes they may take; 0 for no limit.
    pub memory_max: u64,
    /// Its append-only file: `on`, `off`, or what is wrong with it.
    pub append_only: String,
    /// Why it can never be used, or what should be set up otherwise.
    pub warnings: Vec<String>,
    pub connections: u64,
    /// For a replica: whether its link to the primary is up.
    pub link_up: Option<bool>,
    /// For a replica: seconds since the primary heard from it.
    pub lag_secs: Option<u64>,
    /// For a replica: bytes that the primary has and it has not.
    pub lag_bytes: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SentinelHealth {
    pub address: String,
    pub error: Option<String>,
    pub primary: String,
    /// How many other sentinels it knows.
    pub others: u64,
    /// How many of them are needed to agree that the primary is down.
    pub quorum: u64,
    /// What it says of the primary, as in `master` or `s_down,master`.
    pub flags: String,
}

/// Asks everything of a group.
pub async fn of_group(group: &GroupAt) -> Result<GroupHealth, StoreError> {
    let (place, roles) = (Place::named(&group.name, &group.url)?, group.roles.join(", "));
    let round = match &place {
        Place::Fixed { .. } => Round(Vec::new()),
        Place::Watched(sentinels) => sentinels.ask().await,
    };
    let sentinels = round.0.iter().map(sentinel).collect();
    let primary = match &place {
        Place::Fixed { at, .. } => Ok(at.to_string()),
        Place::Watched(_) => round.newest().map(|newest| newest.primary.to_string()),
    };
    let Ok(primary) = primary else {
        let error = Some("no sentinel names a primary".to_owned());
        let primary = RedisHealth { error, ..RedisHealth::default() };
        return Ok(GroupHealth { roles, primary, replicas: Vec::new(), attached: 0, sentinels });
    };
    let (primary, follows) = redis(&place, &primary).await;
    let mut replicas: Vec<String> = follows.iter().map(|follower| follower.address.clone()).collect();
    let told = round.words().flat_map(|word| &word.replicas);
    replicas.extend(told.map(|replica| replica.at.to_string()));
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

/// A replica as its primary knows it.
struct Follower {
    address: String,
    lag_secs: u64,
    lag_bytes: u64,
}

async fn redis(place: &Place, address: &str) -> (RedisHealth, Vec<Follower>) {
    let began = Instant::now();
    let asked = async {
        let at = place.redis_at(address).ok_or("no host and port that could be asked")?;
        let asked = at.ask::<Vec<u8>>(redis::cmd("INFO").arg("everything")).await;
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
            address: HostPort {
                host: (*parts.get("ip")?).to_owned(),
                port: parts.get("port")?.parse().ok()?,
            }
            .to_string(),
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

/// How a sentinel is, by its answer.
fn sentinel((at, word): &(At, Result<Word, StoreError>)) -> SentinelHealth {
    let address = at.to_string();
    match word {
        Ok(word) => SentinelHealth {
            address,
            error: None,
            primary: word.primary.to_string(),
            others: word.number("num-other-sentinels"),
            quorum: word.number("quorum"),
            flags: word.flags().to_owned(),
        },
        Err(error) => SentinelHealth { address, error: Some(explained(error)), ..SentinelHealth::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::parse_info;

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
}
