//! Nodes tell dead ones from living ones: whatever a node is busy with, its lease is renewed, and a big dead node is
//! cleaned up after without that.

use std::time::{Duration, Instant};

use nineflags::protocol::{Ask, Update};
use redis::pipe;
use serde_json::json;
use uuid::Uuid;

use crate::harness::browser::{Browser, seated};
use crate::harness::process::{WITHIN, until};
use crate::harness::site::Site;

/// How long a node's word stands.
const LIVES_MS: u64 = 3_000;
/// The longest time between two renewals of a living node's lease.
const RENEWED_WITHIN_MS: u64 = 1_500;
/// Players of the big node.
const MANY: usize = 20_000;

fn online(site: &Site) -> usize {
    site.ask(&["HLEN", "online"])
}

fn nodes(site: &Site) -> Vec<String> {
    site.ask(&["SMEMBERS", "nodes"])
}

/// Makes players of a node that is not there.
fn leave_behind(site: &Site, players: usize) -> String {
    let node = Uuid::now_v7().to_string();
    for chunk in 0..players.div_ceil(1_000) {
        let mut commands = pipe();
        for number in chunk * 1_000..players.min((chunk + 1) * 1_000) {
            let entry = json!({"node": node, "session": Uuid::now_v7(), "name": format!("Gone-{number}"), "guest": true});
            let account = Uuid::now_v7().to_string();
            commands.cmd("HSET").arg("online").arg(account).arg(entry.to_string()).ignore();
        }
        site.redis.ask_all::<()>(&commands).expect("Redis answers");
    }
    let _: u64 = site.ask(&["SADD", "nodes", &node]);
    node
}

/// The shortest time to live that any of these leases has while a condition is waited for.
fn shortest_lease_until(site: &Site, ids: &[String], done: impl Fn() -> bool) -> u64 {
    let deadline = Instant::now() + WITHIN;
    let mut shortest = LIVES_MS;
    while !done() {
        for id in ids {
            let left: i64 = site.ask(&["PTTL", &format!("node:{id}")]);
            shortest = shortest.min(u64::try_from(left).unwrap_or(0));
        }
        assert!(Instant::now() < deadline, "in time");
        std::thread::sleep(Duration::from_millis(20));
    }
    shortest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_big_dead_node_is_reaped_while_all_leases_are_renewed() {
    let site = Site::start(2, &[]);
    let mut living = Vec::new();
    for number in 0..10 {
        living.push(Browser::guest(site.address(number % 2)).await);
    }
    let ids = nodes(&site);
    let dead = leave_behind(&site, MANY);
    let shortest = shortest_lease_until(&site, &ids, || online(&site) == 10 && !nodes(&site).contains(&dead));
    assert!(shortest >= LIVES_MS - RENEWED_WITHIN_MS, "a lease came down to {shortest} ms");
    for mut browser in living {
        assert!(browser.try_ask(Ask::Ping).await.is_none(), "a living player stays");
        assert_eq!(browser.closed, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_found_alive_is_not_reaped_further() {
    let site = Site::start(1, &[]);
    let node = leave_behind(&site, MANY);
    until("its reaping has begun", || online(&site) < MANY);
    let _: u64 = site.ask(&["HSET", &format!("node:{node}"), "address", "127.0.0.1:1"]);
    let left = online(&site);
    assert!(left > 0, "it was found in the middle");
    std::thread::sleep(Duration::from_secs(2));
    // The slice that was under way may have ended after it.
    assert!(online(&site) + 200 >= left, "{} of {left}", online(&site));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_reaped_by_mistake_comes_back_by_itself() {
    let site = Site::start(2, &[]);
    let zombie = site.address(1);
    let (mut first, mut second, table) =
        seated(Browser::guest(zombie).await, Browser::guest(zombie).await).await;
    let mut watcher = Browser::guest(zombie).await;
    assert!(matches!(watcher.ask(Ask::Watch { table }).await, Update::Done { .. }));
    let watchers = || site.ask::<String>(&["HGET", &format!("table:{table}"), "watchers"]);
    until("the watcher is counted", || watchers() == "1");
    site.nodes[1].signal("STOP");
    until("all of it is taken out", || online(&site) == 0 && nodes(&site).len() == 1 && watchers() == "0");
    site.nodes[1].signal("CONT");
    until("all of it is there again", || online(&site) == 3 && nodes(&site).len() == 2 && watchers() == "1");
    for browser in [&mut first, &mut second, &mut watcher] {
        assert!(browser.try_ask(Ask::Ping).await.is_none());
        assert_eq!(browser.closed, None, "nobody was thrown out");
    }
    for mark in ["away_first", "away_second"] {
        assert!(!site.ask::<bool>(&["HEXISTS", &format!("table:{table}"), mark]), "{mark}");
    }
}

#[cfg(feature = "test-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_all_workers_blocked_is_not_reaped() {
    let folder = tempfile::tempdir().expect("a folder");
    let block = folder.path().join("block");
    let mut site = Site::start(1, &[]);
    site.add(&[("NINEFLAGS_TEST_BLOCK", block.to_str().expect("a path"))]);
    let mut busy = Browser::guest(site.address(1)).await;
    let lives = Browser::guest(site.address(0)).await;
    let ids = nodes(&site);
    std::fs::write(&block, "").expect("a file");
    let since = Instant::now();
    let shortest = shortest_lease_until(&site, &ids, || since.elapsed() > Duration::from_secs(10));
    assert_eq!(online(&site), 2);
    assert!(shortest >= LIVES_MS - RENEWED_WITHIN_MS, "a lease came down to {shortest} ms");
    std::fs::remove_file(&block).expect("a file");
    assert!(busy.try_ask(Ask::Ping).await.is_none());
    assert_eq!(busy.closed, None);
    drop(lives);
}
