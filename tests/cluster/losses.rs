//! Nodes come and go under two hundred games, and no game notices.

use std::net::SocketAddr;

use crate::harness::party::{Party, in_order};
use crate::harness::site::Site;

/// What is played: more games than a site of this size would have, so that a node that goes takes many with it.
const GAMES: &str = "--pairs 200 --pause-ms 150 --watchers 0 --idle 20";

fn addresses(site: &Site) -> Vec<SocketAddr> {
    site.nodes.iter().map(|node| node.address).collect()
}

/// With three nodes and players spread over them, the one that is killed had both seats of some games, one of others,
/// and none of the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_under_two_hundred_games_loses_nothing() {
    let mut site = Site::start(3, &[]);
    let mut party = Party::begin(&addresses(&site), GAMES);
    party.until_records(3_000).await;
    site.nodes.remove(1).kill();
    let report = party.end().await;
    in_order(&site, &report, 200);
    assert!(report.recovery.count > 0, "players came back: {report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_are_drained_and_replaced_one_after_the_other_under_two_hundred_games() {
    let mut site = Site::start(3, &[("NINEFLAGS_DRAIN_SPREAD_MS", "2000")]);
    let all = addresses(&site);
    let mut party = Party::begin(&all, GAMES);
    for round in 1..=3 {
        party.until_records(round * 3_000).await;
        let old = site.nodes.remove(0);
        let address = old.address;
        assert!(old.terminate().success());
        site.add_at(address, &[("NINEFLAGS_DRAIN_SPREAD_MS", "2000")]);
    }
    let report = party.end().await;
    in_order(&site, &report, 200);
    assert!(report.moved_over.count > 0, "players moved over when asked: {report}");
}
