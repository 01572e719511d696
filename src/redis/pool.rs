//! Connections to one Redis that exchanges have for themselves, since their answers are long.

use deadpool_redis::{Connection, Manager, Pool as Connections, Runtime};
use redis::{Pipeline, RedisResult, Value};

use super::endpoint::At;
use super::error::StoreError;
use super::place::Place;
use super::timeouts;
use super::url::{BadUrl, RedisUrl};
use super::wire::limits;

/// Connections to it, at most.
const CONNECTIONS: usize = 8;

/// A few connections to a Redis near the node.
pub struct Pool {
    at: At,
    connections: Connections,
}

impl Pool {
    /// To the one at a URL with one address, which a setting gives; connects when first used.
    pub fn open(setting: &str, url: &RedisUrl) -> Result<Self, StoreError> {
        let bad = |why| StoreError::BadUrl { setting: setting.to_owned(), why };
        let Place::Fixed { at, .. } = Place::of(url).map_err(bad)? else {
            return Err(bad(BadUrl::OneAddress));
        };
        let manager = Manager::new_with_config(at.info().clone(), limits())?;
        let connections = Connections::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(timeouts::NEAR))
            .create_timeout(Some(timeouts::NEAR))
            .recycle_timeout(Some(timeouts::NEAR))
            .build();
        let connections = connections.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { at: *at, connections })
    }

    /// Where it is.
    pub fn at(&self) -> &At {
        &self.at
    }

    /// Carries commands out, each by itself.
    pub async fn ask(&self, commands: &Pipeline) -> Result<Vec<RedisResult<Value>>, StoreError> {
        let mut connection = self.connections.get().await?;
        let got = commands.query_async(&mut connection).await;
        if got.is_err() {
            // What is read from it next might be the answer to this.
            drop(Connection::take(connection));
        }
        Ok(got?)
    }
}
