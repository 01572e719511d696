//! How often somebody may try to log in, sign up or play as a guest: counted here, and for the whole cluster while its Redis
//! answers.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::answer::Failure;
use super::{Http, Peer};
use crate::ids::{AccountId, AccountName};
use crate::limits::{Allowance, Key, Limit, Refused, Source, charged};
use crate::store::attempts::Counter;

/// Who tries a password.
#[derive(Debug, Clone, Copy)]
pub enum Trier {
    /// A browser that has or had a login of the account; once its own tries are used up it counts as a stranger.
    Known(AccountId),
    /// Anybody else.
    Stranger,
}

impl Http {
    /// Charges a request about accounts to whom it comes from, and to a limit of its own.
    pub async fn may_ask(&self, Peer(peer): Peer, what: Option<Limit>) -> Result<(), Failure> {
        let more = what.map(|limit| (limit, peer));
        self.take_all([(Limit::Accounts, peer)].into_iter().chain(more)).await
    }

    /// Charges a password tried for a name. Tries are limited by name and network; those of all strangers together by the name
    /// as well, so much more widely that 60 networks and more have to try at once to keep its owner off a new device.
    pub async fn may_try(&self, Peer(peer): Peer, name: &AccountName, trier: Trier) -> Result<(), Failure> {
        let name = number_of(name);
        if let Trier::Known(account) = trier
            && self.take_all([(Limit::Passwords, Key::Account(account))]).await.is_ok()
        {
            return Ok(());
        }
        let pair = Key::NameFrom(name, source_of(peer).network());
        self.take_all([(Limit::Passwords, pair), (Limit::PasswordsOfName, Key::Name(name))]).await
    }

    /// Charges each of these here, and then all of them for the cluster.
    async fn take_all(&self, charges: impl IntoIterator<Item = (Limit, Key)>) -> Result<(), Failure> {
        let mut counters = Vec::new();
        let mut limits = Vec::new();
        for (limit, key) in charges {
            self.app.limits.take(limit, key)?;
            let Allowance::Rate { burst, refill, secs } = self.app.limits.allowance(limit) else { continue };
            for (key, times) in charged(key) {
                let each = Duration::from_secs(secs.into()) / refill.saturating_mul(times).max(1);
                let burst = burst.saturating_mul(times);
                counters.push(Counter { limit: limit.line().name, whom: key.to_text(), burst, each });
                limits.push(limit);
            }
        }
        match self.app.store.attempts_take(&counters).await {
            Ok(None) => Ok(()),
            Ok(Some((full, retry_after))) => {
                let limit = limits.get(full).copied().unwrap_or(Limit::Accounts);
                self.app.limits.count(limit);
                Err(Refused { limit, retry_after }.into())
            }
            Err(error) => {
                tracing::debug!(%error, "attempts are counted by this node only");
                Ok(())
            }
        }
    }
}

fn source_of(peer: Key) -> Source {
    match peer {
        Key::Source(source) | Key::Wide(source) | Key::NameFrom(_, source) => source,
        Key::Account(_) | Key::Name(_) => Source::of(std::net::Ipv4Addr::UNSPECIFIED.into()),
    }
}

/// A number that stands for a name on every node.
fn number_of(name: &AccountName) -> u64 {
    let digest = Sha256::digest(name.folded().as_bytes());
    digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
