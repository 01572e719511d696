//! Where a Redis group is, read once from its URL. The text itself is not kept, and no error repeats a part of it: it may
//! hold a password wherever somebody put one.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::authorities::Authorities;

const REDIS_PORT: u16 = 6_379;
const SENTINEL_PORT: u16 = 26_379;

/// What nobody may read in a log, an error or a list of settings.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one who has to be told.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The URL of a group as it was understood, or why it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl(Result<RedisAt, BadUrl>);

/// Where a group is, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAt {
    pub place: Address,
    /// What opens each Redis.
    pub redis: Login,
    pub sentinel: Login,
    /// Whose certificates are taken over TLS; none for those of the public authorities.
    pub authorities: Option<Authorities>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Tcp(HostPort),
    Unix(PathBuf),
    /// Sentinels, and their name for the primary.
    Sentinels {
        hosts: Vec<HostPort>,
        /// What they call the primary.
        name: String,
    },
}

/// How to come in: by TLS or not, with a user name and a password or without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Login {
    pub tls: bool,
    pub username: Option<String>,
    pub password: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A name or an address; one of IPv6 without its brackets.
    pub host: String,
    pub port: u16,
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl HostPort {
    /// `host`, `host:port`, `[address]` or `[address]:port`; nothing for anything else.
    pub fn parse(text: &str, port: Option<u16>) -> Option<Self> {
        let (host, written) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                let written = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
                (host, written)
            }
            None => match text.rsplit_once(':') {
                Some((host, written)) => (host, Some(written)),
                None => (text, None),
            },
        };
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !text.starts_with('[') && (host.is_empty() || !host.chars().all(is_name)) {
            return None;
        }
        let is_number = |text: &&str| text.chars().all(|c| c.is_ascii_digit());
        let port = match written {
            Some(written) => Some(written).filter(is_number)?.parse().ok()?,
            None => port?,
        };
        Some(Self { host: host.to_owned(), port })
    }
}

/// Why a URL cannot be used, and what to write instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error(
        "it is empty; write redis://host:port, unix:///path or redis+sentinel://host:port,host:port,host:port/name (rediss… for \
         TLS)"
    )]
    Empty,
    #[error(
        "it does not begin as the URL of a Redis; write redis://host:port, unix:///path or \
         redis+sentinel://host:port,host:port,host:port/name (rediss… for TLS), without quotes"
    )]
    Scheme,
    #[error("it names sentinels; write the one address of the near Redis: redis://host:port")]
    OneAddress,
    #[error("it has a blank or a # in it; write %20 or %23 instead, and nothing but one URL")]
    Characters,
    #[error(
        "its host and port cannot be read; write redis://:password@host:port, and percent-encode what is neither a \
         letter nor a digit in the password"
    )]
    Host,
    #[error(
        "it has a user name and no password; write redis://:password@host:port or redis://name:password@host:port"
    )]
    NoPassword,
    #[error(
        "it names another database than 0, and the databases of a Redis share their channels; leave the number out, and \
         start a second Redis for a second site"
    )]
    Database,
    #[error("something follows its host; write redis://host:port and nothing after it")]
    Path,
    #[error("its path is not that of a socket; write unix:///path, percent-encoded, of at most 107 bytes")]
    Socket,
    #[error(
        "a host or port of its sentinels cannot be read; write redis+sentinel://host:port,host:port,host:port/name?password=…"
    )]
    SentinelHost,
    #[error(
        "its password stands before the sentinels; write redis+sentinel://host:port,host:port,host:port/name?password=…"
    )]
    SentinelUser,
    #[error(
        "it names a sentinel twice, which would count as two; write each once: redis+sentinel://host:port,host:port,host:port/name"
    )]
    SentinelTwice,
    #[error(
        "the name of the primary is missing or is not one word; write redis+sentinel://host:port,host:port,host:port/name"
    )]
    Name,
    #[error(
        "it has a parameter that there is not; there are username and password, and for redis+sentinel:// \
         sentinel_username, sentinel_password and sentinel_tls (yes or no), each once"
    )]
    Parameter,
    #[error(
        "a user name or password in it is not UTF-8 once its percent-encoding is undone; encode it as UTF-8"
    )]
    Encoding,
}

impl RedisUrl {
    /// A socket on this machine, whatever its path is made of.
    pub fn unix(path: &Path) -> Self {
        Self(Ok(RedisAt::unopened(Address::Unix(path.to_owned()))))
    }

    /// The same, taking certificates of these authorities and no others.
    #[must_use]
    pub fn trusting(self, authorities: Option<&Authorities>) -> Self {
        Self(self.0.map(|at| RedisAt { authorities: authorities.cloned(), ..at }))
    }

    /// Whether nothing was written, which counts as left out.
    pub fn is_blank(&self) -> bool {
        self.0 == Err(BadUrl::Empty)
    }

    pub fn at(&self) -> Result<&RedisAt, BadUrl> {
        self.0.as_ref().map_err(|bad| *bad)
    }
}

impl RedisAt {
    /// What lets everybody in.
    fn unopened(place: Address) -> Self {
        Self { place, redis: Login::default(), sentinel: Login::default(), authorities: None }
    }
}

impl From<&str> for RedisUrl {
    fn from(text: &str) -> Self {
        Self(parse(text.trim()))
    }
}

impl From<&String> for RedisUrl {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<String> for RedisUrl {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&RedisUrl> for RedisUrl {
    fn from(url: &RedisUrl) -> Self {
        url.clone()
    }
}

fn parse(text: &str) -> Result<RedisAt, BadUrl> {
    if text.is_empty() {
        return Err(BadUrl::Empty);
    }
    let (scheme, rest) = text.split_once("://").ok_or(BadUrl::Scheme)?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let scheme = scheme.to_ascii_lowercase();
    let tls = scheme.starts_with("rediss") || scheme.starts_with("valkeys");
    match scheme.as_str() {
        "redis" | "valkey" | "rediss" | "valkeys" => tcp(plain(place)?, plain(query)?, tls),
        "unix" | "redis+unix" | "valkey+unix" => unix(place, plain(query)?),
        "redis+sentinel" | "valkey+sentinel" | "rediss+sentinel" | "valkeys+sentinel" => {
            sentinels(plain(place)?, plain(query)?, tls)
        }
        _ => Err(BadUrl::Scheme),
    }
}

/// A part without what would end it, in this program or in others that read it.
fn plain(part: &str) -> Result<&str, BadUrl> {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '#';
    if part.contains(is_bad) { Err(BadUrl::Characters) } else { Ok(part) }
}

fn tcp(place: &str, query: &str, tls: bool) -> Result<RedisAt, BadUrl> {
    let given = parameters(query, None)?;
    let (authority, path) = place.split_once('/').unwrap_or((place, ""));
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let host = HostPort::parse(host, Some(REDIS_PORT)).filter(|at| at.port > 0).ok_or(BadUrl::Host)?;
    database(path)?;
    let (username, password) = user.split_once(':').unwrap_or((user, ""));
    let mut redis = Login { tls, username: decoded(username)?, password: decoded(password)?.map(Secret) };
    add(&mut redis.username, given.redis.username)?;
    add(&mut redis.password, given.redis.password)?;
    if redis.username.is_some() && redis.password.is_none() {
        return Err(BadUrl::NoPassword);
    }
    Ok(RedisAt { redis, ..RedisAt::unopened(Address::Tcp(host)) })
}

fn unix(place: &str, query: &str) -> Result<RedisAt, BadUrl> {
    let given = parameters(query, None)?;
    if place.contains('#') {
        return Err(BadUrl::Characters);
    }
    let path: Vec<u8> = percent_decode_str(place).collect();
    let is_path = path.starts_with(b"/") && !path.ends_with(b"/") && !path.contains(&0) && path.len() <= 107;
    if !is_path {
        return Err(BadUrl::Socket);
    }
    let place = Address::Unix(PathBuf::from(OsString::from_vec(path)));
    Ok(RedisAt { place, ..given })
}

fn sentinels(place: &str, query: &str, tls: bool) -> Result<RedisAt, BadUrl> {
    let given = parameters(query, Some(tls))?;
    if place.contains('@') {
        return Err(BadUrl::SentinelUser);
    }
    let (listed, name) = place.split_once('/').ok_or(BadUrl::Name)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || !name.chars().all(is_name) {
        return Err(BadUrl::Name);
    }
    let mut hosts: Vec<HostPort> = Vec::new();
    for host in listed.split(',') {
        let host = HostPort::parse(host, Some(SENTINEL_PORT)).filter(|at| at.port > 0);
        let host = host.ok_or(BadUrl::SentinelHost)?;
        if hosts.contains(&host) {
            return Err(BadUrl::SentinelTwice);
        }
        hosts.push(host);
    }
    Ok(RedisAt { place: Address::Sentinels { hosts, name: name.to_owned() }, ..given })
}

/// What the parameters give; the place is none yet. Where there are sentinels, with whether everybody speaks TLS.
fn parameters(query: &str, sentinels: Option<bool>) -> Result<RedisAt, BadUrl> {
    let (of_sentinels, tls) = (sentinels.is_some(), sentinels.unwrap_or(false));
    let (mut redis, mut sentinel) = (Login { tls, ..Login::default() }, Login::default());
    let mut sentinel_tls = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "username" | "user" => add(&mut redis.username, decoded(value)?)?,
            "password" | "pass" => add(&mut redis.password, decoded(value)?.map(Secret))?,
            "sentinel_username" if of_sentinels => add(&mut sentinel.username, decoded(value)?)?,
            "sentinel_password" if of_sentinels => {
                add(&mut sentinel.password, decoded(value)?.map(Secret))?;
            }
            "sentinel_tls" if of_sentinels => add(&mut sentinel_tls, Some(yes_or_no(value)?))?,
            "db" => database(value)?,
            _ => return Err(BadUrl::Parameter),
        }
    }
    if [&redis, &sentinel].iter().any(|login| login.username.is_some() && login.password.is_none()) {
        return Err(BadUrl::NoPassword);
    }
    sentinel.tls = sentinel_tls.unwrap_or(tls);
    Ok(RedisAt { redis, sentinel, ..RedisAt::unopened(Address::Unix(PathBuf::new())) })
}

/// Puts in what was given, once.
fn add<T>(held: &mut Option<T>, given: Option<T>) -> Result<(), BadUrl> {
    match (held.is_some(), given) {
        (true, Some(_)) => Err(BadUrl::Parameter),
        (_, None) => Ok(()),
        (false, given) => {
            *held = given;
            Ok(())
        }
    }
}

fn yes_or_no(text: &str) -> Result<bool, BadUrl> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(BadUrl::Parameter),
    }
}

/// Undoes the percent-encoding; an empty text counts as left out.
fn decoded(text: &str) -> Result<Option<String>, BadUrl> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| BadUrl::Encoding)?;
    Ok(Some(text.into_owned()).filter(|text| !text.is_empty()))
}

fn database(text: &str) -> Result<(), BadUrl> {
    match text.trim_end_matches('/') {
        "" => Ok(()),
        number if number.chars().all(|c| c == '0') => Ok(()),
        number if number.chars().all(|c| c.is_ascii_digit()) => Err(BadUrl::Database),
        _ => Err(BadUrl::Path),
    }
}

/// A message of others that may repeat what was written on the command line: the same without any of these texts.
pub fn without(message: &str, texts: impl IntoIterator<Item = String>) -> String {
    let may_be_secret = |text: &str| text.contains("://") || text.contains('@');
    let mut hidden: Vec<String> = texts
        .into_iter()
        .flat_map(|text| {
            let value = text.split_once('=').map(|(_, value)| value.to_owned());
            [Some(text), value].into_iter().flatten().collect::<Vec<_>>()
        })
        .filter(|text| may_be_secret(text))
        .collect();
    hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
    hidden.iter().fold(message.to_owned(), |message, text| message.replace(text.as_str(), "…"))
}
