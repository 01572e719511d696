//! Deadlines of tables: when a node must look at one, whoever is connected. Any node may call one, and one node does.

use std::sync::LazyLock;

use redis::Script;

use super::{Store, keys};
use crate::ids::TableId;
use crate::redis::error::StoreError;
use crate::redis::script::Arg;

/// A deadline that was taken is due again after this time, should its node do nothing about it.
const PUT_OFF_MS: u64 = 10_000;
/// Deadlines taken at once, at most.
const TAKEN_MAX: u64 = 50;

static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/deadlines_take.lua")
    ))
});
static SET: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/deadline_set.lua")
    ))
});

impl Store {
    /// Tables whose deadline has come, each given to one caller only.
    pub async fn deadlines_take(&self) -> Result<Vec<TableId>, StoreError> {
        let keys = [keys::DEADLINES.to_owned()];
        let args: [Arg; 2] = [PUT_OFF_MS.into(), TAKEN_MAX.into()];
        let ids: Vec<String> = self.data().invoke(&TAKE, &keys, &args).await?;
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }

    /// Sets a table's next deadline by who is away.
    pub async fn deadline_set(&self, table: TableId, abandoned_ms: u64) -> Result<(), StoreError> {
        let keys = [keys::DEADLINES.to_owned(), keys::table(table)];
        let args: [Arg; 2] = [table.to_string().into(), abandoned_ms.into()];
        self.data().invoke::<u64>(&SET, &keys, &args).await.map(drop)
    }
}
