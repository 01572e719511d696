//! The last release and the present one side by side: an upgrade while people play, and a step back.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::harness::party::{Party, in_order};
use crate::harness::redis::repository;
use crate::harness::site::Site;

/// What is played.
const GAMES: &str = "--pairs 100 --pause-ms 150 --idle 10";

/// The binary of the last release, built from the repository's own history if it is not there yet.
fn previous() -> PathBuf {
    let output = Command::new(repository("scripts/previous-release.sh")).output().expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a path").trim().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_release_is_replaced_by_the_present_one_under_a_hundred_games_and_one_node_goes_back() {
    let previous = previous();
    let mut site = Site::start(0, &[]);
    for _ in 0..3 {
        site.add_program(&previous, None);
    }
    let addresses: Vec<SocketAddr> = site.nodes.iter().map(|node| node.address).collect();
    let mut party = Party::begin(&addresses, GAMES);
    // Two nodes become new ones, one stays: games cross from the old release to the new one.
    for round in 1..=2 {
        party.until_records(round * 1_500).await;
        let old = site.nodes.remove(0);
        let address = old.address;
        assert!(old.terminate().success());
        site.add_at(address, &[]);
    }
    // One of the new ones becomes an old one again: games cross back.
    party.until_records(4_500).await;
    let new = site.nodes.remove(1);
    let address = new.address;
    assert!(new.terminate().success());
    site.add_program(&previous, Some(address));
    party.until_records(6_000).await;
    let old = site.nodes.remove(0);
    let address = old.address;
    assert!(old.terminate().success());
    site.add_at(address, &[]);

    let report = party.end().await;
    in_order(&site, &report, 100);
}
