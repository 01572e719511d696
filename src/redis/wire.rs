//! One connection to one Redis or one sentinel: opened in time, and asked in time.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, RedisResult, Value};
use tokio::time::timeout;

use super::endpoint::At;
use super::error::{StoreError, no_answer};
use super::slot::Slot;
use super::{stranger, timeouts};

/// What is said to whoever takes a sentinel for a Redis.
pub const IS_SENTINEL: &str = "it is a sentinel: write redis+sentinel://host:port,host:port/name";

/// A new connection; the error says where, and as far as that can be found out what is there instead.
pub async fn connect(at: &At) -> Result<MultiplexedConnection, StoreError> {
    let (client, limits) = (Client::open(at.info().clone())?, limits());
    // All are seldom needed, and large: every exchange would have room for them.
    let opened = tokio::select! {
        opened = Box::pin(client.get_multiplexed_async_connection_with_config(&limits)) => opened,
        error = Box::pin(stranger::speaks_no_tls(at)) => return Err(error),
    };
    match opened {
        Ok(connection) => Ok(connection),
        Err(error) => Err(Box::pin(stranger::explain(at, error)).await),
    }
}

/// A new connection that hears channels.
pub async fn connect_to_hear(at: &At) -> RedisResult<PubSub> {
    let client = Client::open(at.info().clone())?;
    Box::pin(client.get_async_pubsub()).await
}

pub(super) fn limits() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(timeouts::CONNECT))
        .set_response_timeout(Some(timeouts::COMMAND))
}

/// An exchange that ends in time.
pub async fn in_time<T, E>(
    within: Duration,
    exchange: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    match timeout(within, exchange).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(no_answer()),
    }
}

/// Asked on a connection for the question.
impl At {
    pub async fn connect(&self) -> Result<MultiplexedConnection, StoreError> {
        in_time(timeouts::ANSWER, connect(self)).await
    }

    /// Asks it one thing.
    pub async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut wire = self.connect().await?;
        in_time(timeouts::ANSWER, command.query_async(&mut wire)).await
    }

    pub async fn role(&self) -> Result<Role, StoreError> {
        let mut wire = self.connect().await?;
        in_time(timeouts::ANSWER, role(&mut wire)).await
    }
}

/// One Redis or one sentinel, asked on a connection that all who ask it share.
pub struct Line {
    pub at: At,
    connection: Slot<MultiplexedConnection>,
}

impl Line {
    /// Connects when first used.
    pub fn to(at: At) -> Self {
        Self { at, connection: Slot::default() }
    }

    /// Carries commands out in time, the connecting included.
    pub async fn ask<T: FromRedisValue>(
        &self,
        commands: &Pipeline,
        within: Duration,
    ) -> Result<T, StoreError> {
        let asked = in_time(within, self.try_to_ask(commands)).await;
        if asked.is_err() {
            // The answer may still come.
            self.connection.clear();
        }
        asked
    }

    async fn try_to_ask<T: FromRedisValue>(&self, commands: &Pipeline) -> Result<T, StoreError> {
        let open = || {
            let at = self.at.clone();
            async move { connect(&at).await }
        };
        let (number, mut wire) = self.connection.get(open).await?;
        let told = commands.query_async(&mut wire).await.map_err(StoreError::from);
        let Err(StoreError::Unavailable(_)) = told else { return told };
        // It may have been started anew since it was asked last.
        self.connection.discard(number);
        let (_, mut wire) = self.connection.get(open).await?;
        Ok(commands.query_async(&mut wire).await?)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It takes writes.
    Primary {
        /// How much it has written, in bytes.
        offset: u64,
        /// How much of that each replica that follows it says that it has.
        replicas: Vec<u64>,
    },
    Sentinel,
    /// It follows another.
    Other,
}

pub async fn role(connection: &mut MultiplexedConnection) -> RedisResult<Role> {
    let answer: Vec<Value> = redis::cmd("ROLE").query_async(connection).await?;
    let word = answer.first().map(redis::from_redis_value_ref::<String>);
    Ok(match (word, &answer[..]) {
        (Some(Ok(word)), [_, offset, replicas, ..]) if word == "master" => {
            let replicas: Vec<(Value, Value, u64)> = redis::from_redis_value_ref(replicas)?;
            let replicas = replicas.into_iter().map(|(_, _, offset)| offset).collect();
            Role::Primary { offset: redis::from_redis_value_ref(offset)?, replicas }
        }
        (Some(Ok(word)), _) if word == "sentinel" => Role::Sentinel,
        _ => Role::Other,
    })
}
