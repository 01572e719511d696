//! The login under a session: it opens the websocket, lasts while that is open, and ends it.

use std::time::Duration;

use super::Session;
use crate::protocol::CloseCode;
use crate::redis::error::StoreError;
use crate::store::lobby::Entered;

/// How often an open websocket uses its login, which lasts from its last use.
pub(super) const USED_EVERY: Duration = Duration::from_hours(1);

impl Session {
    /// Makes this the live session of its account; false, and the end of it, where its login has ended meanwhile.
    pub(super) async fn enter(&self) -> Result<bool, StoreError> {
        let (store, node) = (&self.app.store, self.app.node);
        Ok(self.entered(store.enter(&self.account, Some(&self.login), node, self.id).await?))
    }

    /// Enters again where the store has lost the session, as after a time without the store; false, and the end of the
    /// session, where another one is live or its login has ended.
    pub(super) async fn reenter(&self) -> Result<bool, StoreError> {
        let (store, node) = (&self.app.store, self.app.node);
        Ok(self.entered(store.reenter(&self.account, Some(&self.login), node, self.id).await?))
    }

    fn entered(&self, entered: Entered) -> bool {
        match entered {
            Entered::Live => {}
            Entered::TakenOver => self.outbox.close(CloseCode::TakenOver),
            Entered::LoggedOut => self.show_cookie_again(),
        }
        entered == Entered::Live
    }

    /// Has the login last while the websocket is open, or ends the session where the login has ended.
    pub(super) async fn use_login(&self) -> Result<(), StoreError> {
        if self.app.store.login_use(self.login.clone()).await?.is_none() {
            self.show_cookie_again();
        }
        Ok(())
    }

    /// The login has ended, which was not heard. The browser may have another one by now, as after an upgrade.
    fn show_cookie_again(&self) {
        self.outbox.close(CloseCode::GoingAway);
    }
}
