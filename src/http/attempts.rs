//! How often one name and one address may try to log in, sign up or play as a guest.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// Attempts for one name at once.
pub const NAME_BURST: u32 = 10;
/// Attempts for one name a minute, over a longer time.
pub const NAME_PER_MIN: u32 = 5;
/// Attempts from one address at once.
pub const ADDRESS_BURST: u32 = 60;
/// Attempts from one address a minute, over a longer time.
pub const ADDRESS_PER_MIN: u32 = 60;
/// Names and addresses that have been quiet are forgotten after so many attempts.
const FORGET_EVERY: u32 = 1_000;

/// Counts attempts.
pub struct Attempts {
    names: DefaultKeyedRateLimiter<String>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    since_forgotten: AtomicU32,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            names: RateLimiter::keyed(quota(NAME_PER_MIN, NAME_BURST)),
            addresses: RateLimiter::keyed(quota(ADDRESS_PER_MIN, ADDRESS_BURST)),
            since_forgotten: AtomicU32::new(0),
        }
    }
}

impl Attempts {
    /// Whether an address may try once more.
    pub fn address(&self, address: IpAddr) -> bool {
        if self.since_forgotten.fetch_add(1, Ordering::Relaxed) >= FORGET_EVERY {
            self.since_forgotten.store(0, Ordering::Relaxed);
            self.names.retain_recent();
            self.addresses.retain_recent();
        }
        self.addresses.check_key(&address).is_ok()
    }

    /// Whether a name, in lower case, may be tried once more.
    pub fn name(&self, folded: &str) -> bool {
        self.names.check_key(&folded.to_owned()).is_ok()
    }
}

fn quota(per_minute: u32, burst: u32) -> Quota {
    let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
    Quota::per_minute(number(per_minute)).allow_burst(number(burst))
}
