//! What is done with a group by hand, or for sentinels that are stuck: a pause, a failover, and how patient they are.

use std::time::Duration;

use super::condition::Info;
use super::endpoint::At;
use super::error::StoreError;
use super::group::Group;
use super::place::Place;
use super::roles::GroupAt;
use super::sentinel::{Round, Sentinels};
use super::url::HostPort;
use super::wire::Role;

/// How long a sentinel does not hear of a Redis before it calls it down, in milliseconds.
pub const PATIENCE: &str = "down-after-milliseconds";

/// A group with sentinels.
pub struct Care {
    sentinels: Sentinels,
}

impl Care {
    /// A group by its URL; nothing if no sentinels look after it.
    pub fn of(group: &GroupAt) -> Result<Option<Self>, StoreError> {
        Ok(match Place::named(&group.name, &group.url)? {
            Place::Watched(sentinels) => Some(Self { sentinels }),
            Place::Fixed { .. } => None,
        })
    }

    /// The same for a group that is used.
    pub fn of_group(group: &Group) -> Option<Self> {
        group.sentinels().map(|sentinels| Self { sentinels: sentinels.clone() })
    }

    pub async fn survey(&self) -> Round {
        self.sentinels.ask().await
    }

    /// Whether enough sentinels answer one another for a failover; an error says why not.
    pub async fn check_quorum(&self, sentinel: &At) -> Result<(), StoreError> {
        sentinel.ask::<String>(&self.sentinels.command("CKQUORUM")).await.map(drop)
    }

    pub async fn order_failover(&self, sentinel: &At) -> Result<(), StoreError> {
        sentinel.ask(&self.sentinels.command("FAILOVER")).await
    }

    /// Has one sentinel wait for so many milliseconds before it calls a Redis of the group down.
    pub async fn set_patience(&self, sentinel: &At, ms: u64) -> Result<(), StoreError> {
        sentinel.ask(self.sentinels.command("SET").arg(PATIENCE).arg(ms)).await
    }
}

impl At {
    /// Whether it says itself that it is a primary.
    pub async fn is_primary(&self) -> Result<bool, StoreError> {
        Ok(matches!(self.role().await?, Role::Primary { .. }))
    }

    /// How much of the stream of changes it has, in bytes.
    pub async fn offset(&self) -> Result<u64, StoreError> {
        let info: String = self.ask(redis::cmd("INFO").arg("replication")).await?;
        Ok(Info::parse(&info).number("master_repl_offset"))
    }

    /// Whether it follows somebody and has caught up.
    pub async fn follows(&self) -> Result<bool, StoreError> {
        let info: String = self.ask(redis::cmd("INFO").arg("replication")).await?;
        Ok(Info::parse(&info).text("master_link_status") == "up")
    }

    /// Has it hold back all writes for so long, or until it is told otherwise.
    pub async fn pause(&self, time: Duration) -> Result<(), StoreError> {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.ask(redis::cmd("CLIENT").arg("PAUSE").arg(ms).arg("WRITE")).await
    }

    /// Has it take writes again.
    pub async fn go_on(&self) -> Result<(), StoreError> {
        self.ask(redis::cmd("CLIENT").arg("UNPAUSE")).await
    }

    /// Makes it a replica of another.
    pub async fn follow(&self, primary: &At) -> Result<(), StoreError> {
        let unnamed = || StoreError::Unavailable("a sentinel names no host".to_owned());
        let HostPort { host, port } = primary.host().ok_or_else(unnamed)?;
        self.ask(redis::cmd("REPLICAOF").arg(host).arg(port)).await
    }
}
