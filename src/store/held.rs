//! One connection of a group's pool, held for one exchange that may take long.

use std::sync::Arc;

use deadpool_redis::{Connection, Hook, HookError, Manager, Pool, Runtime};
use redis::ConnectionInfo;
use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::error::StoreError;
use super::group::{Group, POOL_SIZE, Primary};
use super::place::{self, CONNECT_TIMEOUT, Role};

/// A connection of the pool for one exchange.
pub(super) struct Held<'a> {
    pub(super) group: &'a Group,
    pub(super) primary: Arc<Primary>,
    pub(super) connection: Connection,
    /// When all of the exchange has to be over.
    pub(super) deadline: Instant,
}

impl Held<'_> {
    pub(super) fn wire(&self) -> MultiplexedConnection {
        MultiplexedConnection::clone(&self.connection)
    }

    /// Waits for the exchange; after an error that is not an answer the connection is not used again.
    pub(super) async fn finish<T>(
        self,
        exchange: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, StoreError> {
        let result = self.primary.until(self.deadline, exchange).await;
        self.group.note(&self.primary, &result);
        if result.as_ref().is_err_and(StoreError::may_pass) {
            drop(Connection::take(self.connection));
        }
        result.map_err(|error| error.at(self.group.name()))
    }
}

/// A pool of connections to one Redis; each says that it is the primary before it is used.
pub(super) fn pool_of(info: &ConnectionInfo) -> Result<Pool, StoreError> {
    let manager = Manager::new_with_config(info.clone(), place::limits())?;
    let is_primary = Hook::async_fn(|connection: &mut MultiplexedConnection, _| {
        Box::pin(async move {
            match place::role(connection).await {
                Ok(Role::Primary { .. }) => Ok(()),
                Ok(Role::Other | Role::Sentinel) => Err(HookError::message("it says that it is no primary")),
                Err(error) => Err(HookError::Backend(error)),
            }
        })
    });
    let pool = Pool::builder(manager)
        .max_size(POOL_SIZE)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT_TIMEOUT))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .recycle_timeout(Some(CONNECT_TIMEOUT))
        .post_create(is_primary)
        .build();
    pool.map_err(|error| StoreError::Unavailable(error.to_string()))
}
