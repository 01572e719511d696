//! Who counts as dead, of the nodes whose leases have lapsed: the decision alone.

use std::collections::BTreeSet;

/// What was seen at the last look.
#[derive(Debug, Clone)]
pub struct Looks<N> {
    lapsed: BTreeSet<N>,
}

impl<N> Default for Looks<N> {
    fn default() -> Self {
        Self { lapsed: BTreeSet::new() }
    }
}

impl<N: Copy + Ord> Looks<N> {
    /// Takes in whose leases have lapsed, and gives those that had lapsed at the look before, too: after a time without Redis
    /// all have, and are renewed before the next look. A node never holds itself to be dead.
    pub fn dead(&mut self, own: N, lapsed: &[N]) -> Vec<N> {
        let now: BTreeSet<N> = lapsed.iter().copied().filter(|node| *node != own).collect();
        let dead = now.intersection(&self.lapsed).copied().collect();
        self.lapsed = now;
        dead
    }

    /// Nothing could be seen: the next look is a first one.
    pub fn unseen(&mut self) {
        self.lapsed.clear();
    }
}
