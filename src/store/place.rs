//! Where a Redis group is, parsed once from its URL: one fixed address, or sentinels that know the primary.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo,
    RedisResult, Value,
};

use super::error::StoreError;
use super::sentinel::Sentinels;
use super::stranger;
use crate::redis_url::{Address, BadUrl, HostPort, Login, RedisUrl};

/// How long a new connection may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long one command may take.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(2);
/// The user that every Redis has. A sentinel without a password takes any for it, so that passwords can be given to the
/// nodes first and to the sentinels afterwards.
const DEFAULT_USER: &str = "default";

/// Where a group is.
#[derive(Debug, Clone)]
pub enum Place {
    /// One Redis at one address.
    Fixed(Box<ConnectionInfo>),
    /// Whatever Redis the sentinels call the primary.
    Watched(Sentinels),
}

impl Place {
    /// The place of a group (by the first of its roles) that its URL names.
    pub fn named(name: &str, url: &RedisUrl) -> Result<Self, StoreError> {
        Self::of(url).map_err(|why| StoreError::BadUrl { setting: setting_of(name), why })
    }

    /// The place that a URL names.
    pub fn of(url: &RedisUrl) -> Result<Self, BadUrl> {
        let at = url.at()?;
        let redis = greeting(&at.redis, None);
        Ok(match &at.place {
            Address::Tcp(host) => Place::Fixed(Box::new(info_of(host.clone(), redis))),
            Address::Unix(path) => Place::Fixed(Box::new(info_at(ConnectionAddr::Unix(path.clone()), redis))),
            Address::Sentinels { hosts, name } => {
                let sentinel = greeting(&at.sentinel, Some(DEFAULT_USER));
                let hosts = hosts.iter().map(|host| info_of(host.clone(), sentinel.clone())).collect();
                Place::Watched(Sentinels::new(hosts, name, redis))
            }
        })
    }
}

/// The setting that holds the URL of a group.
fn setting_of(name: &str) -> String {
    match name.split_once('-') {
        Some((_, number)) => {
            let number = number.parse::<usize>().map_or(1, |number| number + 1);
            format!("URL {number} of BACKUP_REDIS_URLS")
        }
        None if name == "archive" => "ARCHIVE_REDIS_URL".to_owned(),
        None => "REDIS_URL".to_owned(),
    }
}

fn greeting(login: &Login, without_name: Option<&str>) -> RedisConnectionInfo {
    let mut greeting = RedisConnectionInfo::default();
    if let Some(password) = &login.password {
        greeting = greeting.set_password(password.reveal());
        if let Some(name) = login.username.as_deref().or(without_name) {
            greeting = greeting.set_username(name);
        }
    }
    greeting
}

/// How to connect to a host.
pub fn info_of(HostPort { host, port }: HostPort, redis: RedisConnectionInfo) -> ConnectionInfo {
    info_at(ConnectionAddr::Tcp(host, port), redis)
}

fn info_at(address: ConnectionAddr, redis: RedisConnectionInfo) -> ConnectionInfo {
    let info = address.into_connection_info().expect("an address is a whole connection info");
    // Without it the kernel holds small commands back for up to 40 ms.
    info.set_redis_settings(redis).set_tcp_settings(TcpSettings::default().set_nodelay(true))
}

/// An address for people, and as [`HostPort::parse`] reads it.
pub fn shown(address: &ConnectionAddr) -> String {
    match address {
        ConnectionAddr::Tcp(host, port) => HostPort { host: host.clone(), port: *port }.to_string(),
        ConnectionAddr::Unix(path) => path.display().to_string(),
        other => other.to_string(),
    }
}

/// A new connection, in time; the error says where, and as far as that can be found out what is there instead.
pub async fn connect(info: &ConnectionInfo) -> Result<MultiplexedConnection, StoreError> {
    let opened = Client::open(info.clone())?.get_multiplexed_async_connection_with_config(&limits()).await;
    match opened {
        Ok(connection) => Ok(connection),
        // Seldom needed, and large: every exchange would have room for it.
        Err(error) => Err(Box::pin(stranger::explain(info, error)).await),
    }
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Primary {
        /// How much it has written, in bytes.
        offset: u64,
        /// How much of that each replica that follows it says that it has.
        replicas: Vec<u64>,
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
    Ok(match (word, &answer[..]) {
        (Some(Ok(word)), [_, offset, replicas, ..]) if word == "master" => {
            let replicas: Vec<(Value, Value, u64)> = redis::from_redis_value_ref(replicas)?;
            let replicas = replicas.into_iter().map(|(_, _, offset)| offset).collect();
            Role::Primary { offset: redis::from_redis_value_ref(offset)?, replicas }
        }
        (Some(Ok(word)), _) if word == "sentinel" => Role::Sentinel,
        _ => Role::Other,
    })
}
