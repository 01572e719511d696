//! A session that looks at tables, and whom it does not want to hear.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::ids::{AccountId, AccountName, SessionId};
use crate::outbox::Outbox;

/// A session that looks at a table.
#[derive(Debug, Clone)]
pub struct Member {
    /// The session.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// It keeps the view of a table itself.
    pub keeps_view: bool,
    /// Where its updates go.
    pub outbox: Outbox,
    /// Whom it does not want to hear; the session keeps it up to date.
    pub blocked: Blocked,
}

/// Players that a session does not want to hear.
#[derive(Debug, Default)]
pub struct BlockedPlayers {
    /// Their accounts.
    pub accounts: HashSet<AccountId>,
    /// The names they have now, for words that a node of an older version tells without the account.
    pub names: Vec<AccountName>,
}

impl BlockedPlayers {
    /// Whether words of a player are heard.
    pub fn hears(&self, account: Option<AccountId>, name: &AccountName) -> bool {
        account.map_or_else(|| !self.names.contains(name), |account| !self.accounts.contains(&account))
    }
}

/// Shared by a session and the tables it looks at.
pub type Blocked = Arc<RwLock<BlockedPlayers>>;

impl Member {
    /// Whether it wants to hear a player.
    pub fn hears(&self, account: Option<AccountId>, name: &AccountName) -> bool {
        self.blocked.read().unwrap_or_else(PoisonError::into_inner).hears(account, name)
    }
}
