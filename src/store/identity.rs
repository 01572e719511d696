//! Which Redis each shard is: a node whose settings name others than the games being played are in does not start, since
//! it would begin those games anew.

use std::time::Duration;

use tokio::time::sleep;
use uuid::Uuid;

use super::{Store, keys};
use crate::redis::error::StoreError;
use crate::redis::group::Group;

/// How often a shard is asked which it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

impl Store {
    /// Makes sure that each shard is the Redis it was, or an empty one in its place. While no game is played and no node
    /// lives the shards may be others. One that does not answer counts as away until it is known which it is.
    pub(super) async fn know_shards(&self) -> Result<(), StoreError> {
        let mut unknown = Vec::new();
        for (number, shard) in self.shards().iter().enumerate() {
            match self.know_shard(number, shard).await {
                Err(error) if error.may_pass() && !shard.is(self.data()) => {
                    tracing::warn!(%error, "starting without a shard");
                    unknown.push(number);
                }
                known => known?,
            }
        }
        for number in &unknown {
            self.shards()[*number].hold(true);
        }
        *self.unknown_shards() = unknown;
        Ok(())
    }

    /// Looks which shards those are that did not answer at the start, as soon as they do. Ends only with the word that one
    /// is another than it was.
    pub async fn wrong_shard(&self) -> StoreError {
        loop {
            let unknown = self.unknown_shards().clone();
            if unknown.is_empty() {
                return std::future::pending().await;
            }
            sleep(LOOK_EVERY).await;
            for number in unknown {
                let shard = &self.shards()[number];
                match self.know_shard(number, shard).await {
                    Ok(()) => {
                        tracing::info!(
                            shard = number,
                            "a shard that was away at the start is the one it was"
                        );
                        let mut unknown = self.unknown_shards();
                        unknown.retain(|other| *other != number);
                        // Several may be one group.
                        shard.hold(unknown.iter().any(|other| self.shards()[*other].is(shard)));
                    }
                    Err(error) if error.may_pass() => {}
                    Err(error) => return error,
                }
            }
        }
    }

    async fn know_shard(&self, number: usize, shard: &Group) -> Result<(), StoreError> {
        let told: Option<String> =
            self.data().query(redis::cmd("HGET").arg(keys::SHARDS).arg(number)).await?;
        let own = id_of(shard).await?;
        let known = match (told, own) {
            (None, own) => self.note_shard(number, shard, own).await?,
            (Some(told), Some(own)) => told == own,
            // An empty Redis in the place of one that was lost, unless it is known where the shard is.
            (Some(told), None) => {
                let is_new = !shard.is(self.data()) && id_of(self.data()).await? != Some(told.clone());
                is_new && name(shard, &told).await? == told
            }
        };
        if known {
            return Ok(());
        }
        if self.is_at_rest().await? {
            let own = name(shard, &Uuid::new_v4().to_string()).await?;
            return self.data().query(redis::cmd("HSET").arg(keys::SHARDS).arg(number).arg(own)).await;
        }
        let words = format!(
            "BACKUP_REDIS_URLS names another Redis for shard {number} than the games being played are in: name the same \
             groups in the same order, and more only at the end (without it the shard is the Redis of REDIS_URL)"
        );
        Err(StoreError::WrongShard(words))
    }

    /// Notes which Redis a shard is that was not there before; whether it is this one.
    async fn note_shard(
        &self,
        number: usize,
        shard: &Group,
        own: Option<String>,
    ) -> Result<bool, StoreError> {
        let own = match own {
            Some(own) => own,
            None => name(shard, &Uuid::new_v4().to_string()).await?,
        };
        let mut commands = redis::pipe();
        // Another node may note it at the same time.
        commands.cmd("HSETNX").arg(keys::SHARDS).arg(number).arg(&own).ignore();
        commands.cmd("HGET").arg(keys::SHARDS).arg(number);
        let (noted,): (String,) = self.data().settled(self.data().pipe(&commands)).await?;
        Ok(noted == own)
    }

    async fn is_at_rest(&self) -> Result<bool, StoreError> {
        let tables: u64 = self.data().query(redis::cmd("SCARD").arg(keys::TABLES)).await?;
        Ok(tables == 0 && self.nodes().await?.0.is_empty())
    }
}

async fn id_of(group: &Group) -> Result<Option<String>, StoreError> {
    group.query(redis::cmd("GET").arg(keys::SHARD_ID)).await
}

/// Gives a Redis an id if it has none; tells its id.
async fn name(group: &Group, id: &str) -> Result<String, StoreError> {
    let mut commands = redis::pipe();
    commands.cmd("SET").arg(keys::SHARD_ID).arg(id).arg("NX").ignore();
    commands.cmd("GET").arg(keys::SHARD_ID);
    let (named,): (String,) = group.settled(group.pipe(&commands)).await?;
    Ok(named)
}
