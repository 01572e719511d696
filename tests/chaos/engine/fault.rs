//! The faults there are, and the bag they are drawn from.

use clap::ValueEnum;
use nineflags_tools::load::choice::Dice;
use serde::Serialize;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A node is killed, and started again.
    NodeKill,
    /// A node is stopped, and goes on later: a zombie.
    NodeStop,
    /// A node is drained, and started again.
    NodeDrain,
    /// All nodes are drained and started again, one after the other.
    RollingRestart,
    /// The primary is killed, and started again.
    PrimaryKill,
    /// The primary hangs until another has its place, and wakes up.
    PrimaryStop,
    /// The primary hangs for 1.4 to 2.6 s: it comes back while its failover begins.
    PrimaryStall,
    /// A replica is killed, and started again.
    ReplicaKill,
    /// A replica hangs for a while.
    ReplicaStop,
    /// A replica comes back with old data just when the primary is killed.
    StaleReplica,
    /// A sentinel is killed, and started again.
    SentinelKill,
    /// A sentinel hangs for a moment.
    SentinelStop,
    /// Two sentinels hang for so long that they are blind afterwards.
    Tilt,
    /// The primary closes its connections.
    ClientKill,
    /// The primary lets its clients wait.
    ClientPause,
    /// The primary does nothing for a moment.
    DebugSleep,
    /// The primary's disk is full for a while.
    DiskFull,
    /// The sentinels are told to make another the primary.
    Failover,
    /// A node and the primary are killed together.
    NodeAndPrimary,
    /// Every Redis is killed at once, and started again.
    PowerCut,
    /// The primary's machine is cut off from everybody for a while.
    PrimaryCut,
    /// A replica's machine is cut off from everybody for a while.
    ReplicaCut,
    /// A node is cut off from everybody but its players for a while.
    NodeCut,
    /// The primary is cut off together with one node: both go on without the others.
    Split,
    /// What one machine sends another is lost, and nothing that comes back.
    OneWayCut,
    /// A machine is far from the others for a while: 80 ms to it and back.
    FarAway,
    /// The clock of a machine jumps, and back again later.
    ClockJump,
}

impl Fault {
    /// Its name on the command line and in the report.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it needs a network of its own between the machines.
    pub fn needs_net(self) -> bool {
        use Fault::{FarAway, NodeCut, OneWayCut, PrimaryCut, ReplicaCut, Split};
        matches!(self, PrimaryCut | ReplicaCut | NodeCut | Split | OneWayCut | FarAway)
    }

    /// All there are.
    pub fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }
}

/// A bag of faults: each comes once in every round, in an order by lot.
pub struct Bag {
    all: Vec<Fault>,
    left: Vec<Fault>,
}

impl Bag {
    /// A full bag.
    pub fn of(all: Vec<Fault>) -> Self {
        Self { all, left: Vec::new() }
    }

    /// The next fault; the bag must not have been made of nothing.
    pub fn draw(&mut self, dice: &mut Dice) -> Fault {
        if self.left.is_empty() {
            self.left.clone_from(&self.all);
        }
        self.left.swap_remove(dice.below(self.left.len()))
    }
}
