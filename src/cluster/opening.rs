//! One keeper from its opening to its end.

use std::sync::Arc;

use super::keeper::{Inbox, Keeper};
use super::tables::{Shared, channel_of};
use crate::ids::TableId;
use crate::store::lobby::TableInfo;

/// Opens and runs one keeper; when it cannot be opened, those who wait get no answer, which means there is no such table.
pub(super) async fn keep(table: TableId, shared: Arc<Shared>, inbox: Inbox) {
    if shared.bus.listen(channel_of(table)).await.is_err() {
        drop(inbox);
        return shared.gone(table);
    }
    match shared.store.table_info(table).await {
        Ok(Some(info)) => keep_at_shard(table, info, &shared, inbox).await,
        Ok(None) => drop(inbox),
        Err(error) => {
            tracing::warn!(%table, %error, "a table could not be found");
            drop(inbox);
        }
    }
    shared.gone(table);
    shared.underway.forget(table);
    shared.bus.forget(channel_of(table)).await;
}

/// The same once it is known where the table's records are.
async fn keep_at_shard(table: TableId, info: TableInfo, shared: &Arc<Shared>, inbox: Inbox) {
    let place = shared.shards.shard(info.shard);
    if let Err(error) = place.listen(channel_of(table)).await {
        tracing::warn!(%table, %error, "a table's records could not be heard");
        return;
    }
    shared.place(table, info.shard);
    match Keeper::open(table, info, Arc::clone(shared), inbox).await {
        Ok(keeper) => Box::pin(keeper.run()).await,
        Err(error) => tracing::warn!(%table, %error, "a table could not be opened"),
    }
    place.forget(channel_of(table)).await;
}
