//! How fast a session may ask: a bucket that refills, refusals when it is empty, and an end to patience.

use std::num::NonZeroU32;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

/// Requests a second, over a longer time.
pub const REQUESTS_PER_SEC: u32 = 20;
/// Requests at once.
pub const REQUESTS_BURST: u32 = 60;
/// Refusals in a row after which the websocket is closed.
pub const REFUSALS_MAX: u32 = 100;
/// Messages a minute, over a longer time.
pub const WORDS_PER_MIN: u32 = 30;
/// Messages at once.
pub const WORDS_BURST: u32 = 6;

/// One bucket.
pub struct Pace {
    bucket: DefaultDirectRateLimiter,
    refused: u32,
}

/// Whether a request may be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paced {
    /// Yes.
    Go,
    /// No, say so.
    Refuse,
    /// No, and enough has been said.
    Close,
}

impl Pace {
    /// For requests of all kinds.
    pub fn requests() -> Self {
        Self::new(Quota::per_second(at_least_one(REQUESTS_PER_SEC)).allow_burst(at_least_one(REQUESTS_BURST)))
    }

    /// For messages.
    pub fn words() -> Self {
        Self::new(Quota::per_minute(at_least_one(WORDS_PER_MIN)).allow_burst(at_least_one(WORDS_BURST)))
    }

    fn new(quota: Quota) -> Self {
        Self { bucket: RateLimiter::direct(quota), refused: 0 }
    }

    /// Takes one from the bucket.
    pub fn take(&mut self) -> Paced {
        if self.bucket.check().is_ok() {
            self.refused = 0;
            return Paced::Go;
        }
        self.refused += 1;
        if self.refused > REFUSALS_MAX { Paced::Close } else { Paced::Refuse }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}
