//! Deadlines of tables: when a node must look at one, whoever is connected. Any node may call one, and one node does.

use super::{Store, keys};
use crate::ids::TableId;
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};

/// A deadline that was taken is due again after this time, should its node do nothing about it.
const PUT_OFF_MS: u64 = 10_000;
/// Deadlines taken at once, at most.
const TAKEN_MAX: u64 = 50;

script!(TAKE, "prelude", "deadlines_take");
script!(SET, "prelude", "deadline_set");

impl Store {
    /// Tables whose deadline has come, each given to one caller only.
    pub async fn deadlines_take(&self) -> Result<Vec<TableId>, StoreError> {
        let keys = texts![keys::DEADLINES];
        let args = texts![PUT_OFF_MS, TAKEN_MAX];
        let ids: Vec<String> = self.data().invoke(&TAKE, &keys, &args).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Sets a table's next deadline by who is away.
    pub async fn deadline_set(&self, table: TableId, abandoned_ms: u64) -> Result<(), StoreError> {
        let keys = texts![keys::DEADLINES, keys::table(table)];
        let args = texts![table, abandoned_ms];
        self.data().invoke::<u64>(&SET, &keys, &args).await.map(drop)
    }
}
