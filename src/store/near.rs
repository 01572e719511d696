//! A Redis on the node's own side, asked first for what never changes: finished games.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_redis::{Connection, Manager, Pool, Runtime};
use redis::{ConnectionInfo, Pipeline, RedisResult, Value};
use tokio::time::timeout;

use super::archive::{Held, Source, held};
use super::error::StoreError;
use super::place::{self, Place};
use crate::metrics;
use crate::redis_url::{BadUrl, RedisUrl};

/// How long it may take to answer: it is near, or of no use.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);
/// How long it is left alone after it failed.
const REST: Duration = Duration::from_secs(5);
/// Connections to it, at most: an exchange has one for itself, since whole games are long answers.
const CONNECTIONS: usize = 8;

/// Any Redis that has the archive or a copy of it. What it has is taken as it is, since a finished game is written once;
/// what it does not have may yet be at the primary.
pub struct Near {
    info: ConnectionInfo,
    pool: Pool,
    rests_until: Mutex<Option<Instant>>,
}

impl Near {
    /// The one at a URL with one address; connects when first used.
    pub fn open(url: &RedisUrl) -> Result<Self, StoreError> {
        let bad = |why| StoreError::BadUrl { setting: "ARCHIVE_NEAR_REDIS_URL".to_owned(), why };
        match Place::of(url).map_err(bad)? {
            Place::Fixed(info) => {
                let pool = pool_of(&info)?;
                Ok(Self { info: *info, pool, rests_until: Mutex::default() })
            }
            Place::Watched(_) => Err(bad(BadUrl::OneAddress)),
        }
    }

    /// What it has of finished games, in their order; nothing at all while it does not answer.
    pub async fn held(&self, keys: &[String], fields: &[&str]) -> Vec<Option<Held>> {
        let nothing = || keys.iter().map(|_| None).collect::<Vec<_>>();
        if keys.is_empty() || self.rests() {
            return nothing();
        }
        let late = || StoreError::NoAnswer("no answer in time".to_owned());
        let got = timeout(ANSWER_TIMEOUT, held(keys, fields, Source::Near(self)))
            .await
            .unwrap_or_else(|_| Err(late()));
        let found = got.unwrap_or_else(|error| {
            tracing::warn!(at = place::shown(self.info.addr()), %error, "the near Redis does not answer: the primary is asked");
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

    /// Carries commands out, each by itself.
    pub(super) async fn ask(&self, commands: &Pipeline) -> Result<Vec<RedisResult<Value>>, StoreError> {
        let mut connection = self.pool.get().await?;
        let got = commands.query_async(&mut connection).await;
        if got.is_err() {
            // What is read from it next might be the answer to this.
            drop(Connection::take(connection));
        }
        Ok(got?)
    }
}

fn pool_of(info: &ConnectionInfo) -> Result<Pool, StoreError> {
    let manager = Manager::new_with_config(info.clone(), place::limits())?;
    let pool = Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(ANSWER_TIMEOUT))
        .create_timeout(Some(ANSWER_TIMEOUT))
        .recycle_timeout(Some(ANSWER_TIMEOUT))
        .build();
    pool.map_err(|error| StoreError::Unavailable(error.to_string()))
}
