//! The forms that settings are written in: each is read once, or refused with what to write instead.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::ids::TableId;
use crate::origin::{self, Origin};
use crate::redis::url::HostPort;

/// A number in bounds, with blanks around it or without.
pub fn whole<T>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + fmt::Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("write a whole number from {} to {}", range.start(), range.end()))
    }
}

/// Yes or no, in the words that people use for them.
pub fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// A part of something, with blanks around it or without.
pub fn share(text: &str) -> Result<f64, String> {
    let share = text.trim().parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a number from 0 to 1, like 0.5".to_owned())
}

/// The id of a table or of its game.
pub fn table_id(text: &str) -> Result<TableId, String> {
    let words =
        "write the id of a table or game, as `nineflags inspect tables` and the address of a game show it";
    text.trim().parse().map_err(|_| words.to_owned())
}

/// Where to listen: an address of this machine or a name that has one, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAt(HostPort);

impl ListenAt {
    /// The host, as an address or a name.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The port; 0 for any that is free.
    pub fn port(&self) -> u16 {
        self.0.port
    }
}

impl fmt::Display for ListenAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ListenAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words = "write HOST:PORT, like 127.0.0.1:8080, localhost:8080 or [::1]:8080, and 0.0.0.0:8080 for all \
                     addresses of this machine";
        let HostPort { host, port } = HostPort::parse(text.trim(), None).ok_or(words)?;
        // An IPv4 address in the form of IPv6 is called by its own name, since people open that one.
        let host = host.parse::<IpAddr>().map_or(host, |address| address.to_canonical().to_string());
        Ok(Self(HostPort { host, port }))
    }
}

/// Where operators ask; nothing where it is left empty.
pub fn ops_listen(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Ok(String::new()) } else { ListenAt::from_str(text).map(|at| at.to_string()) }
}

/// The address that others see; nothing where it is left empty.
pub fn announced(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_somewhere = |at: &HostPort| {
        let address = at.host.parse::<IpAddr>();
        at.port > 0 && !address.is_ok_and(|address| address.to_canonical().is_unspecified())
    };
    let is_address = text.is_empty() || HostPort::parse(text, None).as_ref().is_some_and(is_somewhere);
    let refused = || "write HOST:PORT, like 10.0.0.1:8080, as other machines reach this node".to_owned();
    is_address.then(|| text.to_owned()).ok_or_else(refused)
}

/// The address that people open; nothing where it is left empty.
pub fn opened(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(String::new());
    }
    Origin::parse(text).map(|origin| origin.to_string()).ok_or_else(|| origin::Wrong::NoOrigin.to_string())
}

/// What is logged: a level, or levels for parts, with commas between them.
pub fn log_filter(text: &str) -> Result<String, String> {
    let is_level = |word: &str| matches!(word, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let refused = || {
        "write error, warn, info, debug or trace, for all or for one part as in info,nineflags=debug"
            .to_owned()
    };
    let mut parts = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (target, level) =
            part.rsplit_once('=').map_or((None, part), |(target, level)| (Some(target), level));
        let level = level.trim().to_ascii_lowercase();
        let is_part = |target: &str| {
            !target.is_empty()
                && target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":_-".contains(&byte))
        };
        if !is_level(&level) || target.is_some_and(|target| !is_part(target.trim())) {
            return Err(refused());
        }
        parts.push(target.map_or(level.clone(), |target| format!("{}={level}", target.trim())));
    }
    if parts.is_empty() { Err(refused()) } else { Ok(parts.join(",")) }
}
