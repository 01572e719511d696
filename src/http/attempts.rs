//! How often somebody may try to log in, sign up or play as a guest: counted here, and for the whole cluster while its Redis
//! answers.

use sha2::{Digest, Sha256};

use super::answer::Failure;
use super::{Http, Peer};
use crate::ids::{AccountId, AccountName};
use crate::limits::{Key, Limit};

#[derive(Debug, Clone, Copy)]
pub enum Trier {
    /// A browser that has or had a login of the account; once its own tries are used up it counts as a stranger.
    Known(AccountId),
    Stranger,
}

impl Http {
    /// Charges a request about accounts to whom it comes from, and to a limit of its own.
    pub async fn may_ask(&self, Peer(peer): Peer, what: Option<Limit>) -> Result<(), Failure> {
        let more = what.map(|limit| (limit, peer, 1));
        Ok(self.app.take_of_all([(Limit::Accounts, peer, 1)].into_iter().chain(more)).await?)
    }

    /// Charges a password tried for a name. Tries are limited by name and network; those of all strangers together by the name
    /// as well, so much more widely that 60 networks and more have to try at once to keep its owner off a new device.
    pub async fn may_try(&self, Peer(peer): Peer, name: &AccountName, trier: Trier) -> Result<(), Failure> {
        let name = number_of(name);
        if let Trier::Known(account) = trier
            && self.app.take_of_all([(Limit::Passwords, Key::Account(account), 1)]).await.is_ok()
        {
            return Ok(());
        }
        let pair = Key::NameFrom(name, peer.network());
        let all = [(Limit::Passwords, pair, 1), (Limit::PasswordsOfName, Key::Name(name), 1)];
        Ok(self.app.take_of_all(all).await?)
    }
}

/// A number that stands for a name on every node.
fn number_of(name: &AccountName) -> u64 {
    let digest = Sha256::digest(name.folded().as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
