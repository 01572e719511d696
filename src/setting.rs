//! The forms that settings are written in: each is read once, or refused with what to write instead.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::redis_url::HostPort;

/// A number in bounds, with blanks around it or without.
pub fn whole(
    range: RangeInclusive<u64>,
) -> impl Fn(&str) -> Result<u64, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.trim().parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| format!("write a whole number from {} to {}", range.start(), range.end()))
    }
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
        HostPort::parse(text.trim(), None).map(Self).ok_or_else(|| words.to_owned())
    }
}

/// The address that others see.
pub fn announced(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_address = text.is_empty() || HostPort::parse(text, None).is_some_and(|at| at.port > 0);
    let refused = || "write HOST:PORT, like 10.0.0.1:8080, as other machines reach this node".to_owned();
    is_address.then(|| text.to_owned()).ok_or_else(refused)
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
        if !is_level(&level) || target.is_some_and(|target| target.trim().is_empty()) {
            return Err(refused());
        }
        parts.push(target.map_or(level.clone(), |target| format!("{}={level}", target.trim())));
    }
    if parts.is_empty() { Err(refused()) } else { Ok(parts.join(",")) }
}
