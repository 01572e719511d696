//! Attempts that are counted for the whole cluster: one counter a limit and key, which ends when it is full again.

use std::time::Duration;

use super::{Store, keys};
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};

script!(TAKE, "attempts_take");

/// A counter and how much of it there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    pub limit: &'static str,
    pub whom: String,
    pub burst: u32,
    /// After how long one comes back.
    pub each: Duration,
}

impl Store {
    /// Charges one attempt to all of these counters, or says which has no room and after how long it has.
    pub async fn attempts_take(&self, counters: &[Counter]) -> Result<Option<(usize, Duration)>, StoreError> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let keys: Vec<String> =
            counters.iter().map(|counter| keys::attempts(counter.limit, &counter.whom)).collect();
        let args: Vec<String> =
            counters.iter().flat_map(|counter| texts![counter.burst, micros(counter.each)]).collect();
        let (full, wait_us): (usize, u64) = self.data().invoke(&TAKE, &keys, &args).await?;
        Ok(full.checked_sub(1).map(|full| (full, Duration::from_micros(wait_us))))
    }
}
