//! Whose request a balancer passes on, in every form that balancers write.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::{FORWARDED, HeaderMap, HeaderName, HeaderValue};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address that the nearest balancer saw: the last one in `X-Forwarded-For`, or in `Forwarded` where there is no such
/// header. What it wrote in its place, where that is no address; nothing where it wrote nothing.
pub fn forwarded(headers: &HeaderMap) -> Result<IpAddr, Option<String>> {
    let last = |name: HeaderName| headers.get_all(name).iter().next_back();
    if let Some(value) = last(X_FORWARDED_FOR) {
        let text = text_of(value);
        let hop = text.rsplit(',').map(str::trim).find(|hop| !hop.is_empty());
        return hop.and_then(address_of).ok_or_else(|| Some(text.clone()));
    }
    let Some(value) = last(FORWARDED) else { return Err(None) };
    let text = text_of(value);
    let hop = split_outside_quotes(&text, ',').into_iter().rev().find(|hop| !hop.trim().is_empty());
    let address = hop.and_then(|hop| {
        split_outside_quotes(hop, ';').into_iter().find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.trim().eq_ignore_ascii_case("for").then(|| address_of(value.trim()))?
        })
    });
    address.ok_or(Some(text))
}

/// An address as proxies write it: with or without a port, brackets, quotes or a zone.
fn address_of(hop: &str) -> Option<IpAddr> {
    let hop = hop.strip_prefix('"').map_or(Some(hop), |rest| rest.strip_suffix('"'))?.trim();
    if let Some(rest) = hop.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return if port_fits { v6(address) } else { None };
    }
    if let Some((address, port)) = hop.split_once(':').filter(|(_, rest)| !rest.contains(':')) {
        return address.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4);
    }
    hop.parse::<Ipv4Addr>()
        .map(IpAddr::V4)
        .ok()
        .or_else(|| v6(hop))
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

fn v6(text: &str) -> Option<IpAddr> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse().ok().map(IpAddr::V6)
}

/// A port, or the made-up name of one, as RFC 7239 allows.
fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok() || (text.starts_with('_') && text.len() > 1)
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '"';
        c == separator && !quoted
    })
    .collect()
}

fn text_of(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
