//! One keeper from its opening to its end, however it ends.

use std::sync::Arc;

use super::driver::{Driver, Inbox};
use super::tables::Shared;
use crate::host::TableInfo;
use crate::ids::TableId;
use crate::metrics;
use crate::store::keys;

/// Opens and runs one keeper; when it cannot be opened, those who wait get no answer, which means there is no such table.
pub(super) async fn keep(table: TableId, shared: Arc<Shared>, inbox: Inbox) {
    let _ended = KeeperEnded { table, shared: &shared };
    // Dropped before the guard, which looks whether it is closed.
    let inbox = inbox;
    let Ok(_heard) = shared.bus.listen(keys::table(table)).await else { return };
    match shared.store.table_info(table).await {
        Ok(Some(info)) => keep_at_shard(table, info, &shared, inbox).await,
        Ok(None) => {}
        Err(error) => tracing::warn!(%table, %error, "a table could not be found"),
    }
}

/// The same once it is known where the table's records are.
async fn keep_at_shard(table: TableId, info: TableInfo, shared: &Arc<Shared>, inbox: Inbox) {
    let place = shared.shards.shard(info.shard);
    let _heard = match place.listen(keys::table(table)).await {
        Ok(heard) => heard,
        Err(error) => {
            tracing::warn!(%table, %error, "a table's records could not be heard");
            return;
        }
    };
    shared.place(table, info.shard);
    Box::pin(Driver::new(table, info, Arc::clone(shared), inbox).run()).await;
}

/// Forgets a keeper however it ends, also by a panic.
struct KeeperEnded<'a> {
    table: TableId,
    shared: &'a Shared,
}

impl Drop for KeeperEnded<'_> {
    fn drop(&mut self) {
        self.shared.gone(self.table);
        self.shared.underway.forget(self.table);
        if std::thread::panicking() {
            metrics::host_panicked();
            self.shared.keeps_unsaved(self.table, 0);
        }
    }
}
