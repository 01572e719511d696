//! Redis' time as last told, carried on by this machine's steady clock while Redis cannot be asked.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// What Redis' clock said, and when it was heard.
#[derive(Debug, Default)]
pub struct RedisClock {
    heard: Mutex<Option<(u64, Instant)>>,
}

impl RedisClock {
    /// Redis told its time, milliseconds since 1970.
    pub fn heard(&self, now_ms: u64) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((now_ms, Instant::now()));
    }

    /// What Redis would say now, if its clock went on like this machine's; 0 if it never told.
    pub fn estimate_ms(&self) -> u64 {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map_or(0, |(told_ms, at)| {
            told_ms.saturating_add(u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::RedisClock;

    #[test]
    fn time_goes_on_from_what_was_heard_last() {
        let clock = RedisClock::default();
        assert_eq!(clock.estimate_ms(), 0);
        clock.heard(1_000_000);
        let first = clock.estimate_ms();
        assert!(first >= 1_000_000);
        assert!(clock.estimate_ms() >= first);
        clock.heard(5_000_000);
        assert!(clock.estimate_ms() >= 5_000_000);
    }
}
