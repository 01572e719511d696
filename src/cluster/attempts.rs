//! What is charged for the whole cluster: here, and in the counters that all nodes share while Redis answers.

use std::time::Duration;

use super::App;
use crate::limits::{Allowance, Key, Limit, Refused, charged};
use crate::store::attempts::Counter;

impl App {
    /// Charges so much of each of these limits to whom it concerns. If one has no room the cluster's counters are charged
    /// nothing; what this node has charged by then stays charged.
    pub async fn take_of_all(
        &self,
        charges: impl IntoIterator<Item = (Limit, Key, u32)>,
    ) -> Result<(), Refused> {
        let mut counters = Vec::new();
        let mut limits = Vec::new();
        for (limit, key, cost) in charges {
            self.limits.take_many(limit, key, cost)?;
            let Allowance::Rate { burst, refill, secs } = self.limits.allowance(limit) else { continue };
            for (key, times) in charged(key) {
                let each = Duration::from_secs(secs.into()) / refill.saturating_mul(times).max(1);
                // The counter takes one at a time: it counts in units of the cost.
                let (each, burst) = (each * cost, (burst.saturating_mul(times) / cost.max(1)).max(1));
                counters.push(Counter { limit: limit.line().name, whom: key.to_text(), burst, each });
                limits.push(limit);
            }
        }
        match self.store.attempts_take(&counters).await {
            Ok(None) => Ok(()),
            Ok(Some((full, retry_after))) => {
                let limit = limits.get(full).copied().unwrap_or(Limit::Accounts);
                self.limits.count(limit);
                Err(Refused { limit, retry_after })
            }
            Err(error) => {
                tracing::debug!(%error, "attempts are counted by this node only");
                Ok(())
            }
        }
    }
}
