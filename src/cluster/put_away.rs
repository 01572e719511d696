//! Requests at tables that are not played at any more: one that was carried out may be repeated, since its answer was lost.

use super::keeper::{Acted, Refusal};
use super::tables::Tables;
use crate::ids::{AccountId, RequestId, TableId};
use crate::store::StoreError;
use crate::store::archive::ArchivedGame;

impl Tables {
    /// What became of a request that was carried out at a table that is not played at any more: it ended or stopped the
    /// game, or came before that.
    pub(super) async fn ended_by(
        &self,
        table: TableId,
        account: AccountId,
        request: &RequestId,
    ) -> Option<Result<Acted, Refusal>> {
        let game = match self.put_away(table).await {
            Ok(game) => game?,
            Err(error) => {
                tracing::warn!(%table, %error, "a table that was put away could not be read");
                return Some(Err(Refusal::unavailable()));
            }
        };
        let seat = game.accounts.find(|seated| *seated == account)?;
        let tip = game.has_request(seat, request)?;
        Some(Ok(Acted { tip, unsaved: false }))
    }

    /// A table's game in the archive, or among the saved ones.
    async fn put_away(&self, table: TableId) -> Result<Option<ArchivedGame>, StoreError> {
        match self.shared.store.archive_read(table).await? {
            None => self.shared.store.saved_read(table).await,
            finished => Ok(finished),
        }
    }
}
