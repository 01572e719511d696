//! Where a Redis group is, parsed once from its URL: one fixed address, or sentinels that know the primary.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    RedisError, RedisResult, Value,
};

use super::sentinel::Sentinels;

/// How long a new connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long one command may take.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// The port of a sentinel that names none.
const SENTINEL_PORT: u16 = 26_379;
/// How the URL of a group with sentinels begins.
const SENTINEL_SCHEME: &str = "redis+sentinel://";

/// Why a group's URL cannot be used. Its words never repeat the URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum BadUrl {
    /// There is no TLS in this build.
    #[error(
        "this build speaks no TLS to Redis, so rediss:// cannot be used: take redis:// over a private network or \
         through a TLS tunnel on this machine"
    )]
    NoTls,
    /// It names sentinels where one Redis is meant.
    #[error("write the one address of the near Redis: redis://host:port")]
    OneAddress,
    /// The sentinels are not written as they should be.
    #[error("{0}; write redis+sentinel://host:port,host:port,host:port/name?password=…")]
    Sentinels(String),
    /// Anything else.
    #[error("the Redis URL cannot be used ({0}): write redis://, unix:// or redis+sentinel://")]
    Other(RedisError),
}

/// Where a group is.
#[derive(Debug, Clone)]
pub enum Place {
    /// One Redis at one address.
    Fixed(Box<ConnectionInfo>),
    /// Whatever Redis the sentinels call the primary.
    Watched(Sentinels),
}

impl Place {
    /// Parses a URL: `redis://…`, `unix://…` or `redis+sentinel://host:port,…/name`.
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        if let Some(rest) = url.strip_prefix(SENTINEL_SCHEME) {
            return Ok(Place::Watched(parse_sentinels(rest)?));
        }
        if url.starts_with("rediss://") || url.starts_with("valkeys://") {
            return Err(BadUrl::NoTls);
        }
        let info = url.into_connection_info().map_err(BadUrl::Other)?;
        Ok(Place::Fixed(Box::new(quick(info))))
    }
}

fn parse_sentinels(rest: &str) -> Result<Sentinels, BadUrl> {
    let bad = |words: &str| BadUrl::Sentinels(words.to_owned());
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, name) = place.split_once('/').ok_or_else(|| bad("the name of the primary is missing"))?;
    if name.is_empty() || name.contains('/') {
        return Err(bad("the name of the primary is one word after the hosts"));
    }
    let mut redis = RedisConnectionInfo::default();
    let mut sentinel = RedisConnectionInfo::default();
    for (key, value) in query.split('&').filter(|pair| !pair.is_empty()).map(pair_of) {
        let value = percent_decode_str(value).decode_utf8().map_err(|_| bad("a parameter is not UTF-8"))?;
        match key {
            "username" => redis = redis.set_username(value),
            "password" => redis = redis.set_password(value),
            "sentinel_username" => sentinel = sentinel.set_username(value),
            "sentinel_password" => sentinel = sentinel.set_password(value),
            other => return Err(bad(&format!("there is no parameter {other}"))),
        }
    }
    let hosts: Result<Vec<ConnectionInfo>, BadUrl> =
        hosts.split(',').map(|host| Ok(info_of(parse_host(host)?, sentinel.clone()))).collect();
    Ok(Sentinels::new(hosts?, name, redis))
}

fn pair_of(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// `host`, `host:port`, `[address]` or `[address]:port`.
pub fn parse_host(text: &str) -> Result<(String, u16), BadUrl> {
    let bad = || BadUrl::Sentinels(format!("'{text}' is not a host and a port"));
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(bad)?;
            (host, rest.strip_prefix(':'))
        }
        None => match text.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    if host.is_empty() || host.contains('@') {
        return Err(bad());
    }
    let port = port.map_or(Ok(SENTINEL_PORT), |port| port.parse().map_err(|_| bad()))?;
    Ok((host.to_owned(), port))
}

/// How to connect to a host.
pub fn info_of((host, port): (String, u16), redis: RedisConnectionInfo) -> ConnectionInfo {
    let info = ConnectionAddr::Tcp(host, port).into_connection_info();
    quick(info.expect("an address is a whole connection info").set_redis_settings(redis))
}

/// Without it the kernel holds small commands back for up to 40 ms.
fn quick(info: ConnectionInfo) -> ConnectionInfo {
    let settings = TcpSettings::default().set_nodelay(true);
    info.set_tcp_settings(settings)
}

/// A new connection, in time.
pub async fn connect(info: &ConnectionInfo) -> RedisResult<MultiplexedConnection> {
    Client::open(info.clone())?.get_multiplexed_async_connection_with_config(&limits()).await
}

/// The time-outs of a connection.
pub fn limits() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(COMMAND_TIMEOUT))
}

/// What is said to whoever takes a sentinel for a Redis.
pub const IS_SENTINEL: &str = "it is a sentinel: write redis+sentinel://host:port,host:port/name";

/// What a Redis says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It takes writes, and so many replicas follow it.
    Primary {
        /// How many.
        replicas: u64,
    },
    /// It is a sentinel.
    Sentinel,
    /// It follows another.
    Other,
}

/// Asks a Redis what it is.
pub async fn role(connection: &mut MultiplexedConnection) -> RedisResult<Role> {
    let answer: Vec<Value> = redis::cmd("ROLE").query_async(connection).await?;
    let word = answer.first().map(redis::from_redis_value_ref::<String>);
    Ok(match (word, answer.get(2)) {
        (Some(Ok(word)), Some(Value::Array(replicas))) if word == "master" => {
            Role::Primary { replicas: replicas.len() as u64 }
        }
        (Some(Ok(word)), _) if word == "sentinel" => Role::Sentinel,
        _ => Role::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::{BadUrl, Place};

    fn sentinels(url: &str) -> String {
        match Place::parse(url) {
            Ok(Place::Watched(sentinels)) => sentinels.to_string(),
            other => panic!("{url} gives {other:?}"),
        }
    }

    fn refused(url: &str) -> String {
        match Place::parse(url) {
            Err(bad) => bad.to_string(),
            Ok(place) => panic!("{url} gives {place:?}"),
        }
    }

    #[test]
    fn sentinels_are_hosts_and_a_name() {
        assert_eq!(sentinels("redis+sentinel://a:1,b:2,c:3/nineflags"), "nineflags at a:1, b:2, c:3");
        assert_eq!(sentinels("redis+sentinel://a/data?password=x%26y"), "data at a:26379");
        assert_eq!(sentinels("redis+sentinel://[::1]:7,10.0.0.2/data"), "data at ::1:7, 10.0.0.2:26379");
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for url in [
            "redis+sentinel://a:1,b:2",
            "redis+sentinel://a:1/",
            "redis+sentinel:///name",
            "redis+sentinel://a:port/name",
            "redis+sentinel://a:1/name?secret=hush",
            "redis+sentinel://:hush@a:1/name",
            "http://:hush@a",
            "nonsense",
        ] {
            let words = refused(url);
            assert!(words.contains("redis+sentinel://"), "{words}");
            assert!(!words.contains("=hush"), "{words}");
        }
    }

    #[test]
    fn tls_is_refused_in_words() {
        assert!(matches!(Place::parse("rediss://host"), Err(BadUrl::NoTls)));
    }

    #[test]
    fn one_address_is_taken_as_it_is() {
        assert!(matches!(Place::parse("redis://host:6380"), Ok(Place::Fixed(_))));
        assert!(matches!(Place::parse("unix:///a/socket"), Ok(Place::Fixed(_))));
    }
}
