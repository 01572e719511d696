//! Which Redis each shard is: a node whose settings name others than the games being played are in does not start, since
//! it would begin those games anew.

use uuid::Uuid;

use super::group::{Group, StoreError};
use super::{Store, keys};

impl Store {
    /// Makes sure that each shard is the Redis it was, or an empty one in its place. While no game is played and no node
    /// lives the shards may be others.
    pub(super) async fn know_shards(&self) -> Result<(), StoreError> {
        for (number, shard) in self.shards().iter().enumerate() {
            match self.know_shard(number, shard).await {
                Err(error) if error.may_pass() && !shard.is(self.data()) => {
                    tracing::warn!(%error, "starting without a shard");
                }
                known => known?,
            }
        }
        Ok(())
    }

    async fn know_shard(&self, number: usize, shard: &Group) -> Result<(), StoreError> {
        let asked = redis::cmd("HGET").arg(keys::SHARDS).arg(number).to_owned();
        let told: Option<String> = self.data().query(&asked).await?;
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
            let note = redis::cmd("HSET").arg(keys::SHARDS).arg(number).arg(own).to_owned();
            return self.data().query(&note).await;
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
