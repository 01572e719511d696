//! Tables that are not played at any more: a request that was carried out may be repeated, since its answer was lost, and
//! whoever has seen the end may go on at once.

use std::time::Duration;

use tokio::time::timeout;

use super::tables::Tables;
use crate::host::{Acted, Refusal};
use crate::ids::{AccountId, RequestId, TableId};
use crate::protocol::RefusalCode;
use crate::redis::error::StoreError;
use crate::store::archive::ArchivedGame;

/// How long a player who goes on at once waits until a game that is over is put away.
const PUT_AWAY_WITHIN: Duration = Duration::from_secs(1);

impl Tables {
    /// Whether an account sits at no table, or its game is over and is put away in a moment, which is waited for: it may
    /// have seen the end before its seat is free.
    pub async fn is_free_soon(&self, account: AccountId) -> Result<bool, StoreError> {
        let Some(table) = self.shared.store.seat_of(account).await? else { return Ok(true) };
        let is_over = match self.look(table, account).await {
            Ok(view) => view.stopped || view.view.ending.is_some(),
            Err(refusal) => refusal.code == RefusalCode::NoTable,
        };
        if is_over {
            let _ = timeout(PUT_AWAY_WITHIN, self.shared.closed(table)).await;
        }
        Ok(is_over && self.shared.store.seat_of(account).await?.is_none())
    }

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
