//! Which nodes have more than their part of the sessions, and how many they let go. Draining nodes do not count: their
//! sessions are on their way already.

use crate::ids::NodeId;
use crate::store::nodes::NodeState;

/// A node lets nobody go by itself before it is so far above the mean, in percent: coming and going is no imbalance.
const TOLERATED_PERCENT: usize = 20;
/// And not before it has so many more: what others tell of themselves is a second old, and some are on their way.
const TOLERATED_LEAST: usize = 2;
/// Beats in a minute.
const BEATS: usize = 60;

/// A node that has more sessions than the mean, and how many it is to let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Which node.
    pub node: NodeId,
    /// How many.
    pub sessions: u64,
}

/// The sessions to be let go so that each node gives up a share (from 0 to 1) of what it has above the mean.
pub fn shifts(nodes: &[NodeState], share: f64) -> Vec<Shift> {
    let mean = mean(nodes.iter().filter(|node| !node.draining).map(|node| node.sessions));
    let above = nodes
        .iter()
        .filter(|node| !node.draining)
        .map(|node| Shift { node: node.node, sessions: part(node.sessions.saturating_sub(mean), share) });
    above.filter(|shift| shift.sessions > 0).collect()
}

/// Sessions above the mean at a node that has `all` and has asked all but `staying` of them to go; none while that is
/// little, or while it is alone. What it told of itself lately may be too little: of itself it knows better.
pub fn surplus(own: NodeId, all: usize, staying: usize, nodes: &[NodeState]) -> usize {
    let others = nodes.iter().filter(|node| node.node != own && !node.draining).count();
    let draining = nodes.iter().any(|node| node.node == own && node.draining);
    let here = u64::try_from(all).unwrap_or(u64::MAX);
    let counts = nodes.iter().filter(|node| !node.draining);
    let mean = mean(counts.map(|node| if node.node == own { here } else { node.sessions }));
    let mean = usize::try_from(mean).unwrap_or(usize::MAX);
    let tolerated = mean.saturating_add((mean.saturating_mul(TOLERATED_PERCENT) / 100).max(TOLERATED_LEAST));
    if others == 0 || draining || staying <= tolerated { 0 } else { staying - mean }
}

/// The mean number of sessions, rounded up, so that nobody is sent round in circles for the last one.
fn mean(counts: impl Iterator<Item = u64>) -> u64 {
    let (nodes, sessions) =
        counts.fold((0_u64, 0_u64), |(nodes, sum), count| (nodes + 1, sum.saturating_add(count)));
    sessions.div_ceil(nodes.max(1))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "numbers of sessions are small, and a share of one lies between 0 and it"
)]
fn part(sessions: u64, share: f64) -> u64 {
    (sessions as f64 * share.clamp(0.0, 1.0)).round() as u64
}

/// So many sessions a minute, a few at each beat.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    per_min: usize,
    /// Sixtieths of a session saved up for the next beat.
    owed: usize,
}

impl Pace {
    /// The pace of a setting.
    pub fn per_min(per_min: u32) -> Self {
        Self { per_min: usize::try_from(per_min).unwrap_or(usize::MAX / 2), owed: 0 }
    }

    /// How many of a surplus go now; nothing is saved up while there is none.
    pub fn at_beat(&mut self, surplus: usize) -> usize {
        if surplus == 0 {
            self.owed = 0;
            return 0;
        }
        self.owed += self.per_min;
        let go = (self.owed / BEATS).min(surplus);
        self.owed %= BEATS;
        go
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, Shift, shifts, surplus};
    use crate::ids::NodeId;
    use crate::store::nodes::NodeState;

    fn node(sessions: u64, draining: bool) -> NodeState {
        NodeState {
            node: NodeId::random(),
            address: String::new(),
            version: String::new(),
            protocol: 1,
            records: 1,
            shards: 1,
            sessions,
            tables: 0,
            draining,
        }
    }

    fn ordered(nodes: &[NodeState], share: f64) -> Vec<Option<u64>> {
        let shifts = shifts(nodes, share);
        let of = |node: &NodeState| shifts.iter().find(|shift| shift.node == node.node);
        nodes.iter().map(|node| of(node).map(|shift: &Shift| shift.sessions)).collect()
    }

    #[test]
    fn those_above_the_mean_let_a_share_of_it_go() {
        let nodes = [node(100, false), node(20, false), node(0, false)];
        assert_eq!(ordered(&nodes, 1.0), [Some(60), None, None]);
        assert_eq!(ordered(&nodes, 0.5), [Some(30), None, None]);
        assert_eq!(ordered(&nodes, 0.0), [None, None, None]);
        assert_eq!(ordered(&[node(7, false), node(6, false)], 1.0), [None, None]);
        assert_eq!(ordered(&[node(70, false)], 1.0), [None]);
    }

    #[test]
    fn a_draining_node_does_not_count() {
        let nodes = [node(10, false), node(0, false), node(500, true)];
        assert_eq!(ordered(&nodes, 1.0), [Some(5), None, None]);
        assert_eq!(surplus(nodes[2].node, 500, 500, &nodes), 0);
    }

    #[test]
    fn a_little_more_than_the_mean_is_left_alone() {
        let nodes = [node(120, false), node(80, false)];
        assert_eq!(surplus(nodes[0].node, 120, 120, &nodes), 0);
        assert_eq!(surplus(nodes[0].node, 122, 122, &nodes), 21);
        assert_eq!(surplus(nodes[1].node, 80, 80, &nodes), 0);
        assert_eq!(surplus(nodes[0].node, 120, 120, &nodes[..1]), 0);
        let few = [node(4, false), node(0, false)];
        assert_eq!((surplus(few[0].node, 4, 4, &few), surplus(few[0].node, 6, 6, &few)), (0, 3));
    }

    #[test]
    fn a_node_knows_of_itself_how_many_it_has() {
        // It told of 4 when 6 of its 10 had not come yet; and 5 of them are on their way already.
        let nodes = [node(4, false), node(0, false)];
        assert_eq!(surplus(nodes[0].node, 10, 10, &nodes), 5);
        assert_eq!(surplus(nodes[0].node, 10, 5, &nodes), 0);
    }

    #[test]
    fn a_minute_lets_go_what_was_set() {
        let mut pace = Pace::per_min(90);
        assert_eq!((0..60).map(|_| pace.at_beat(1_000)).sum::<usize>(), 90);
        let mut slow = Pace::per_min(1);
        assert_eq!((0..120).map(|_| slow.at_beat(1_000)).sum::<usize>(), 2);
        assert_eq!((0..60).map(|_| Pace::per_min(0).at_beat(1_000)).sum::<usize>(), 0);
        assert_eq!(Pace::per_min(6_000).at_beat(3), 3);
    }
}
