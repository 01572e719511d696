//! What players ask of their saved games.

use super::{Answer, Done, Session};
use crate::host::Refusal;
use crate::ids::TableId;
use crate::protocol::RefusalCode;
use crate::redis::error::StoreError;
use crate::store::saved::Removed;

impl Session {
    pub(super) async fn drop_saved(&mut self, table: TableId) -> Result<Answer, StoreError> {
        Ok(match self.app.store.saved_remove(self.account.id, table).await? {
            Removed::Done => {
                self.app.store.tell_games_changed(&[self.account.id]).await?;
                Ok(Done::default())
            }
            // Whoever asks again since the answer was lost has what was asked for.
            Removed::NotThere => Ok(Done::default()),
            Removed::Playing => {
                let words = "That game is being played: it can be dropped when it is saved again.";
                Err(Refusal::new(RefusalCode::Playing, words))
            }
        })
    }
}
