//! Where somebody connects from, as far as it is charged.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, also when it is written as IPv6, or a /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(u128);

impl Source {
    /// The source of an address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u128::from(address.to_ipv6_mapped())),
            IpAddr::V6(address) => Self(Self::of_v6(address)),
        }
    }

    fn of_v6(address: Ipv6Addr) -> u128 {
        match address.segments() {
            // RFC 6052: IPv4 addresses behind a translator.
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                0xffff_0000_0000 | u128::from(high) << 16 | u128::from(low)
            }
            // All machines of a line share fe80::/64.
            [first, ..] if first & 0xffc0 == 0xfe80 => u128::from(address),
            _ => u128::from(address) >> 64 << 64,
        }
    }

    /// The /48 around an IPv6 source.
    pub(super) fn wide(self) -> Option<Self> {
        Ipv6Addr::from(self.0).to_ipv4_mapped().is_none().then_some(Self(self.0 >> 80 << 80))
    }

    /// The network it is a part of, which one person may have all of: an IPv6 /48, or the IPv4 address alone.
    #[must_use]
    pub fn network(self) -> Self {
        self.wide().unwrap_or(self)
    }

    /// As a short text, for keys and logs.
    pub fn to_text(self) -> String {
        let address = Ipv6Addr::from(self.0);
        address.to_ipv4_mapped().map_or_else(|| format!("{address}/64"), |address| address.to_string())
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self::of(address)
    }
}
