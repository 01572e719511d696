//! What a node tells the machines that look after it: alive, ready, and its metrics.

use std::net::SocketAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use nineflags::metrics;
use nineflags::protocol::{Ask, RefusalCode, Update};
use tokio::time::sleep;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::node::Node;
use crate::inspect::redis_of;

/// How long a change may take to show.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The page of metrics.
struct Page(String);

impl Page {
    async fn of(node: SocketAddr) -> Self {
        let reply = http(node, "GET", "/metrics", "", None).await;
        assert_eq!(reply.status, 200);
        Self(reply.body)
    }

    /// A number by its name and labels, as written on the page; 0 if it is not there yet.
    fn number(&self, name: &str) -> f64 {
        let line = self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |number| number.parse().expect("a number"))
    }
}

async fn until_number(node: SocketAddr, name: &str, expected: f64) {
    let deadline = Instant::now() + SHOWN_WITHIN;
    loop {
        let number = Page::of(node).await.number(name);
        if (number - expected).abs() < 0.5 {
            return;
        }
        assert!(Instant::now() < deadline, "{name} is {number}, not {expected}");
        sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_move_with_what_is_played() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let ann = Browser::sign_up(node.address, "Ann-with-a-secret").await;
    let (mut first, mut second, table) = seated(ann, Browser::guest(node.address).await).await;
    let mut again = Browser::connect(node.address, &second.cookie).await;
    assert!(second.until_closed().await.is_some());
    let view = play_on(&mut first, &mut again, table, 20, &mut Dice(5)).await;
    let refused = first.ask(Ask::Watch { table }).await;
    assert!(matches!(refused, Update::Refused { code: RefusalCode::Seated, .. }), "{refused:?}");

    let records = f64::from(view.tip.number);
    until_number(node.address, "nineflags_records_not_durable", 0.0).await;
    until_number(node.address, "nineflags_records_total", records).await;
    until_number(node.address, "nineflags_sessions", 2.0).await;
    until_number(node.address, "nineflags_lobby_players", 2.0).await;
    for (kind, count) in [("account", 2.0), ("online", 2.0), ("account-skeleton", 1.0), ("tables", 1.0)] {
        until_number(node.address, &format!("nineflags_stored{{group=\"data\",kind=\"{kind}\"}}"), count)
            .await;
    }
    let page = Page::of(node.address).await;
    let appends = page.number("nineflags_append_seconds_count");
    assert!(appends > 1.0 && appends <= records, "{}", page.0);
    until_number(node.address, "nineflags_delivery_seconds_count", appends).await;
    for (name, expected) in [
        ("nineflags_table_hosts", 1.0),
        ("nineflags_lobby_tables", 1.0),
        ("nineflags_ready", 1.0),
        ("nineflags_bus_up", 1.0),
        ("nineflags_requests_total{kind=\"watch\",result=\"refused\"}", 1.0),
        ("nineflags_requests_total{kind=\"invite\",result=\"done\"}", 1.0),
        ("nineflags_refusals_total{code=\"seated\"}", 1.0),
        ("nineflags_outbox_closes_total{code=\"taken_over\"}", 1.0),
        ("nineflags_reloads_total{what=\"all\"}", 1.0),
        ("nineflags_heals_total", 0.0),
        ("nineflags_went_back_total", 0.0),
        ("nineflags_reaped_nodes_total", 0.0),
        ("nineflags_redis_errors_total{group=\"data\"}", 0.0),
    ] {
        assert!((page.number(name) - expected).abs() < 0.5, "{name} is not {expected}:\n{}", page.0);
    }
    assert!(page.number("nineflags_requests_total{kind=\"move\",result=\"done\"}") > 4.0, "{}", page.0);
    for metric in metrics::ALL.iter().filter(|metric| metric.labels.is_empty()) {
        assert!(page.0.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{}", metric.name);
    }
    assert!(!page.0.contains("with-a-secret") && !page.0.contains(&table.to_string()), "{}", page.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_while_it_reaches_redis_and_alive_all_the_time() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    until_ready(node.address, 200, &["ready\n"]).await;
    let paused = Paused::redis(&redis_of(data.path())).await;
    until_ready(node.address, 503, &["Redis is out of reach", "the bus of the group data hears nothing"])
        .await;
    assert_eq!(http(node.address, "GET", "/healthz", "", None).await.status, 200);
    until_number(node.address, "nineflags_ready", 0.0).await;
    let errors = async {
        while Page::of(node.address).await.number("nineflags_redis_errors_total{group=\"data\"}") < 0.5 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), errors).await.expect("the errors are counted");
    drop(paused);
    until_ready(node.address, 200, &["ready\n"]).await;
    until_number(node.address, "nineflags_ready", 1.0).await;
    until_number(node.address, "nineflags_bus_up", 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_node_says_so_and_still_serves_those_who_are_there() {
    let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let _one = Node::start(data.path(), &[]);
    let url = redis_of(data.path());
    let slowly = [("NINEFLAGS_DRAIN_SPREAD_MS", "60000"), ("NINEFLAGS_GRACE_SECS", "120")];
    let two = Node::start(other.path(), &[("REDIS_URL", &url), slowly[0], slowly[1]]);
    let mut guests = Vec::new();
    for _ in 0..3 {
        guests.push(Browser::guest(two.address).await);
    }
    two.signal("TERM");
    until_ready(two.address, 503, &["draining\n"]).await;
    assert_eq!(http(two.address, "GET", "/healthz", "", None).await.status, 200);
    until_number(two.address, "nineflags_reconnects_asked_total", 3.0).await;
    until_number(two.address, "nineflags_ready", 0.0).await;
}

async fn until_ready(node: SocketAddr, status: u16, words: &[&str]) {
    let deadline = Instant::now() + SHOWN_WITHIN;
    loop {
        let reply = http(node, "GET", "/readyz", "", None).await;
        if reply.status == status {
            assert!(words.iter().any(|words| reply.body.starts_with(words)), "{reply:?}");
            return;
        }
        assert!(Instant::now() < deadline, "{reply:?}, not {status}");
        sleep(LOOK_EVERY).await;
    }
}

/// A Redis that stands still until this is dropped.
struct Paused {
    pid: String,
}

impl Paused {
    async fn redis(url: &str) -> Self {
        let client = redis::Client::open(url).expect("a URL");
        let mut connection = client.get_multiplexed_async_connection().await.expect("a connection");
        let info: String =
            redis::cmd("INFO").arg("server").query_async(&mut connection).await.expect("an answer");
        let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("a process id");
        let paused = Self { pid: pid.trim().to_owned() };
        paused.signal("STOP");
        paused
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(&self.pid).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        self.signal("CONT");
    }
}
