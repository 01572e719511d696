//! A Redis on the node's own side, asked first for what never changes: finished games.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::archive::{Held, Source, held};
use crate::metrics;
use crate::redis::error::{StoreError, no_answer};
use crate::redis::pool::Pool;
use crate::redis::timeouts;
use crate::redis::url::RedisUrl;

/// How long it is left alone after it failed.
const REST: Duration = Duration::from_secs(5);

/// Any Redis that has the archive or a copy of it. What it has is taken as it is, since a finished game is written once;
/// what it does not have may yet be at the primary.
pub struct Near {
    pool: Pool,
    rests_until: Mutex<Option<Instant>>,
}

impl Near {
    /// The one at a URL with one address; connects when first used.
    pub fn open(url: &RedisUrl) -> Result<Self, StoreError> {
        Ok(Self { pool: Pool::open("ARCHIVE_NEAR_REDIS_URL", url)?, rests_until: Mutex::default() })
    }

    /// What it has of finished games, in their order; nothing at all while it does not answer.
    pub async fn held(&self, keys: &[String], fields: &[&str]) -> Vec<Option<Held>> {
        let nothing = || keys.iter().map(|_| None).collect::<Vec<_>>();
        if keys.is_empty() || self.rests() {
            return nothing();
        }
        let got = timeout(timeouts::NEAR, held(keys, fields, Source::Near(&self.pool)))
            .await
            .unwrap_or_else(|_| Err(no_answer()));
        let found = got.unwrap_or_else(|error| {
            tracing::warn!(at = %self.pool.at(), %error, "the near Redis does not answer: the primary is asked");
            *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
            nothing()
        });
        metrics::near_reads(
            found.iter().flatten().count(),
            found.iter().filter(|held| held.is_none()).count(),
        );
        found
    }

    fn rests(&self) -> bool {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }
}
