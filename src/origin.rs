//! The site's own origin: read from the setting once, and what is compared with it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use url::{Host, Url};

/// A scheme, a host and a port, as a browser tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    host: Host<String>,
    port: u16,
}

/// A setting with which the site could never be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is no origin.
    #[error(
        "NINEFLAGS_ORIGIN is no origin: write the scheme, the host and, unless it is the usual one, the port of \
         the address people open, and nothing else, like https://play.example.org or http://192.168.1.5:8080"
    )]
    NoOrigin,
    /// Others than this machine can connect, and there is none.
    #[error(
        "others than this machine can connect to {0}, so NINEFLAGS_ORIGIN (or --origin) has to be the address people open, like \
         https://play.example.org or http://192.168.1.5:{port}", port = .0.port()
    )]
    Missing(SocketAddr),
}

impl Origin {
    /// The origin a text stands for: upper case, a port that the scheme implies and a slash at the end make no difference.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (scheme, _) = text.split_once("://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let bare = url.username().is_empty() && url.password().is_none() && url.path() == "/";
        if !bare || url.query().is_some() || url.fragment().is_some() || text.contains(['@', '\\', '\t']) {
            return None;
        }
        let host = plain(url.host()?.to_owned())?;
        let port = url.port_or_known_default().filter(|port| *port > 0)?;
        Some(Self { https, host, port })
    }

    /// Whether only this machine can be there.
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, usual) = if self.https { ("https", 443) } else { ("http", 80) };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == usual { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// A host in the one form of several that mean the same; nothing for one that nobody can open, as 0.0.0.0 or a multicast
/// address.
fn plain(host: Host<String>) -> Option<Host<String>> {
    let address = match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(&name);
            return is_name(name).then(|| Host::Domain(name.to_owned()));
        }
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address).to_canonical(),
    };
    let is_nobodys =
        address.is_unspecified() || address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST);
    (!is_nobodys).then_some(match address {
        IpAddr::V4(address) => Host::Ipv4(address),
        IpAddr::V6(address) => Host::Ipv6(address),
    })
}

/// Whether a host's name is one that people can open: no wildcard, list or empty part.
fn is_name(name: &str) -> bool {
    let fits = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.split('.').all(fits)
}

/// Under which address people open this node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: Option<Origin>,
    port: u16,
}

impl Site {
    /// The site of a node that listens at an address. Without the setting only this machine may be able to connect.
    pub fn new(setting: Option<&str>, listening: SocketAddr) -> Result<Self, Wrong> {
        let origin = match setting.filter(|text| !text.trim().is_empty()) {
            Some(text) => Some(Origin::parse(text).ok_or(Wrong::NoOrigin)?),
            None if listening.ip().to_canonical().is_loopback() => None,
            None => return Err(Wrong::Missing(listening)),
        };
        Ok(Self { origin, port: listening.port() })
    }

    /// Whether people open it over TLS, as far as the setting tells.
    pub fn is_https(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.https)
    }

    /// The port people open: as the setting says, or as this Host does.
    pub fn port(&self, host: Option<&str>) -> u16 {
        let own = self.origin.clone().or_else(|| at("http", host?));
        own.map_or(self.port, |origin| origin.port)
    }

    /// Whether a request with this Host is for this site. Where nobody said what the site is called only names of this
    /// machine are, so that no foreign name can be pointed here.
    pub fn is_asked(&self, host: Option<&str>) -> bool {
        self.origin.is_some()
            || host.is_some_and(|host| at("http", host).is_some_and(|own| own.is_loopback()))
    }

    /// Whether a page of this Origin, which asked with this Host, is the site's own.
    pub fn is_own(&self, origin: &str, host: Option<&str>) -> bool {
        let Some(asked) = Origin::parse(origin) else { return false };
        if let Some(own) = &self.origin {
            return asked == *own;
        }
        let scheme = if asked.https { "https" } else { "http" };
        asked.is_loopback() && host.and_then(|host| at(scheme, host)).as_ref() == Some(&asked)
    }
}

/// Whether a Host header names this machine.
pub fn is_loopback_host(host: &str) -> bool {
    at("http", host).is_some_and(|origin| origin.is_loopback())
}

fn at(scheme: &str, host: &str) -> Option<Origin> {
    Origin::parse(&format!("{scheme}://{host}"))
}
