//! Token buckets by key: pure, with time as an argument.

use std::collections::HashMap;
use std::time::Duration;

use super::{Key, Limit, Refused};

/// Buckets kept in one map; beyond it those that are nearest to being full are forgotten.
const BUCKETS_MAX: usize = 8_192;

/// Token buckets by key, each kept as the time at which it will be full again. Time is an argument: nanoseconds since any fixed moment.
#[derive(Debug, Default)]
pub struct Buckets {
    full_at_ns: HashMap<(Limit, Key), u64>,
}

impl Buckets {
    /// Takes so many tokens of a rate, or none of them and says when there will be enough. A cost above the whole burst
    /// is met by a full bucket.
    pub fn take(
        &mut self,
        limit: Limit,
        key: Key,
        (burst, refill, secs): (u32, u32, u32),
        cost: u32,
        now_ns: u64,
    ) -> Result<(), Refused> {
        let period_ns = u64::from(secs) * 1_000_000_000;
        let ns_for = |tokens: u32| {
            u64::try_from(u128::from(tokens) * u128::from(period_ns) / u128::from(refill.max(1)))
                .unwrap_or(u64::MAX / 4)
        };
        let has_room = self.full_at_ns.len() < BUCKETS_MAX.min(self.full_at_ns.capacity());
        if !has_room && !self.full_at_ns.contains_key(&(limit, key)) {
            self.make_room(now_ns);
        }
        let full_at_ns = self.full_at_ns.entry((limit, key)).or_insert(now_ns);
        let after = now_ns.max(*full_at_ns).saturating_add(ns_for(cost.min(burst)));
        let latest = now_ns.saturating_add(ns_for(burst));
        if after > latest {
            return Err(Refused { limit, retry_after: Duration::from_nanos(after - latest) });
        }
        *full_at_ns = after;
        Ok(())
    }

    /// Buckets that are kept.
    pub fn len(&self) -> usize {
        self.full_at_ns.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.full_at_ns.is_empty()
    }

    /// Forgets full buckets; if they are few and there may be no more, a quarter of all, those that would be full first. The
    /// map grows only while most of it is in use.
    fn make_room(&mut self, now_ns: u64) {
        self.full_at_ns.retain(|_, full_at_ns| *full_at_ns > now_ns);
        let quarter = BUCKETS_MAX / 4;
        if self.full_at_ns.len() + quarter > BUCKETS_MAX {
            let mut times: Vec<u64> = self.full_at_ns.values().copied().collect();
            let (_, last, _) = times.select_nth_unstable(quarter);
            let last = *last;
            self.full_at_ns.retain(|_, full_at_ns| *full_at_ns > last);
        }
        self.full_at_ns.reserve(self.full_at_ns.len() + 1);
    }
}
