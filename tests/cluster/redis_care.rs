//! A failover in order, by the command for it, and sentinels that would never come to one by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::browser::http;
use crate::harness::command::{Said, nineflags};
use crate::harness::node::Node;
use crate::harness::pair::Pair;
use crate::harness::process::{WITHIN, until};
use crate::harness::redis::{Redis, ask};
use crate::harness::trio::Trio;

/// How long a replica may have been without its primary, by the settings: ten times down-after-milliseconds.
const FORGIVEN_SECS: u64 = 20;

fn fail_over(url: &str, group: &str) -> Said {
    nineflags(url, &["redis", "failover", group])
}

/// Writes numbers at one Redis, one after the other, as long as it takes them; nobody repeats what it did not take.
struct Writer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Vec<u64>>,
}

impl Writer {
    fn at(trio: &Trio, number: usize) -> Self {
        let url = trio.redis[number].url();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let client = redis::Client::open(url).expect("a URL");
            let mut connection = client.get_connection().expect("Redis accepts");
            let mut acknowledged = Vec::new();
            for value in 0.. {
                let mut push = redis::cmd("RPUSH");
                push.arg(format!("written:{number}")).arg(value);
                if stopped.load(Ordering::Relaxed) || push.query::<u64>(&mut connection).is_err() {
                    break;
                }
                acknowledged.push(value);
            }
            acknowledged
        });
        Self { stop, thread }
    }

    /// What was acknowledged.
    fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the writer")
    }
}

/// A number that a node tells, or 0 while it has not moved.
async fn number(node: &Node, name: &str) -> f64 {
    let page = http(node.address, "GET", "/metrics", "", None).await.body;
    let mut lines = page.lines().filter_map(|line| line.strip_prefix(name));
    lines.find_map(|rest| rest.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_hands_the_primary_over_under_play_and_loses_no_acknowledged_write() {
    let trio = Trio::start();
    let mut pair = Pair::on_group(&trio, 51).await;
    assert!(pair.play_to(8).await);
    for round in 1..=2 {
        let old = trio.primary();
        let url = trio.url();
        let writer = Writer::at(&trio, old);
        let (port, list) = (trio.redis[old].port, format!("written:{old}"));
        until("it has written a little", || {
            ask::<u64>(port, &["LLEN", &list]).is_some_and(|writes| writes > 12)
        });
        let command = tokio::task::spawn_blocking(move || fail_over(&url, "backup-0"));
        while !command.is_finished() {
            assert!(pair.step().await, "the game is longer than the failover");
            sleep(Duration::from_millis(150)).await;
        }
        let said = command.await.expect("the command ends");
        assert!(said.success, "{said:?}");
        let steps = [
            "the primary of backup-0 is",
            "may take its place",
            "it holds writes back",
            "they have all that it has",
            "the failover is ordered",
            "is the primary",
            "follows it, and may be stopped",
        ];
        let lines: Vec<&str> = said.out.lines().collect();
        assert_eq!(lines.len(), steps.len(), "{said:?}");
        for (line, words) in lines.iter().zip(steps) {
            assert!(line.contains(" s  ") && line.contains(words), "{words}, not: {line}");
        }
        let new = trio.until_not(old);
        assert_eq!(trio.redis[old].replication("master_port"), Some(trio.redis[new].port.to_string()));
        let acknowledged = writer.stop();
        let kept: Vec<u64> =
            ask(trio.redis[new].port, &["LRANGE", &format!("written:{old}"), "0", "-1"]).expect("an answer");
        assert!(acknowledged.len() > 10, "{} writes before and while the pause began", acknowledged.len());
        assert!(kept.starts_with(&acknowledged), "{} of {} are kept", kept.len(), acknowledged.len());
        trio.until_settled();
        let least = pair.acknowledged.last().expect("a move").number + 2;
        assert!(pair.play_to(least).await, "round {round}");
        pair.until_saved().await;
    }
    assert!(number(&pair.node, "nineflags_went_back_total").await < 1.0, "no game went back");
    pair.finish_and_check().await;
}

#[test]
fn a_failover_that_would_not_go_well_is_refused_and_changes_nothing() {
    let trio = Trio::start();
    let primary = trio.primary();
    let until_fit = |priority: &str| {
        until("the sentinels know who may be promoted", || {
            trio.sentinels.iter().all(|sentinel| sentinel.replicas("slave-priority") == [priority, priority])
        });
    };
    let takes_writes =
        || ask::<String>(trio.redis[primary].port, &["SET", "probe", "1", "PX", "1"]).is_some();
    let refused = |words: &str| {
        let said = fail_over(&trio.url(), "data");
        assert!(!said.success && said.err.contains(words), "{words}, not: {said:?}");
        assert!(said.err.contains("nothing was changed"), "{said:?}");
        assert!(takes_writes(), "the pause is over");
        assert_eq!(trio.primary(), primary);
    };

    // One that does not answer might be chosen: what it has is not known.
    let (one, other) = ((primary + 1) % 3, (primary + 2) % 3);
    until_fit("100");
    trio.redis[one].freeze();
    refused("does not say what it has");
    trio.redis[one].thaw();
    trio.until_settled();

    for replica in [one, other] {
        let words = ["CONFIG", "SET", "replica-priority", "0"];
        ask::<String>(trio.redis[replica].port, &words).expect("Redis takes it");
    }
    until_fit("0");
    refused("no replica could take its place");

    let unknown = fail_over(&trio.url(), "shop");
    assert!(
        unknown.err.contains("there is no group shop; there are: data, backup-0, archive"),
        "{unknown:?}"
    );
    let place = tempfile::tempdir().expect("a folder");
    let alone = Redis::alone(place.path());
    let alone = fail_over(&alone.url(), "data");
    assert!(!alone.success && alone.err.contains("data has no sentinels"), "{alone:?}");
    let nobody = fail_over("redis+sentinel://127.0.0.1:1/nineflags", "data");
    assert!(!nobody.success && nobody.err.contains("no sentinel names a primary"), "{nobody:?}");
}

/// Starts a group with a node that knows Ann, and has the primary die while all sentinels stand still: they notice it
/// when its replicas have long been without it, and find none good enough. Gives the number of the old primary.
async fn stuck(variables: &[(&str, &str)]) -> (Trio, Node, TempDir, usize) {
    let mut trio = Trio::start();
    let data = tempfile::tempdir().expect("a folder");
    let url = trio.url();
    let mut all = vec![("REDIS_URL", url.as_str())];
    all.extend_from_slice(variables);
    let node = Node::start(data.path(), &all);
    assert_eq!(http(node.address, "POST", "/api/signup", "", Some(&ann())).await.status, 200);
    let old = trio.primary();
    for sentinel in &trio.sentinels {
        assert!(sentinel.ask(&["SENTINEL", "DEBUG", "tilt-period", "1000"]), "Redis 7 knows it");
        sentinel.freeze();
    }
    trio.redis[old].kill();
    let replica = (old + 1) % 3;
    until("the replicas were alone for too long", || {
        let secs = trio.redis[replica].replication("master_link_down_since_seconds");
        secs.and_then(|secs| secs.parse::<u64>().ok()).is_some_and(|secs| secs > FORGIVEN_SECS + 3)
    });
    for sentinel in &trio.sentinels {
        sentinel.thaw();
    }
    until("the sentinels find nobody", || aborts(&trio) > 0);
    (trio, node, data, old)
}

fn ann() -> Value {
    json!({"name": "Ann", "password": "correct horse battery"})
}

/// How often a failover was given up since no replica was good enough.
fn aborts(trio: &Trio) -> usize {
    trio.sentinels.iter().map(|sentinel| sentinel.says("-failover-abort-no-good-slave")).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_find_nobody_good_enough_are_helped_and_put_back_by_another_node() {
    let (trio, node, data, old) = stuck(&[]).await;
    let patience =
        |ms: &str| trio.sentinels.iter().all(|s| s.primary("down-after-milliseconds").as_deref() == Some(ms));
    until("the sentinels are made patient", || patience("10200"));
    assert!(number(&node, "nineflags_redis_sentinels_helped_total").await >= 1.0);
    // Whoever helped need not live to put back what was.
    drop(node);
    let node = Node::start(data.path(), &[("REDIS_URL", &trio.url())]);
    trio.until_not(old);
    until("they are as they were", || patience("2000"));
    let login = async {
        while http(node.address, "POST", "/api/login", "", Some(&ann())).await.status != 200 {
            sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(WITHIN, login).await.expect("what was there before is there, in time");
}

/// The twin of the test before: without the help they try again and again, long after it would have come.
#[cfg(feature = "test-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn without_help_the_sentinels_give_up_again_and_again() {
    let (trio, node, _data, old) = stuck(&[("NINEFLAGS_TEST_WITHOUT", "watchdog")]).await;
    until("they have given up four times", || aborts(&trio) >= 4);
    let port = Some(trio.redis[old].port);
    assert!(trio.sentinels.iter().all(|sentinel| sentinel.primary_port() == port), "none is promoted");
    assert!(number(&node, "nineflags_redis_sentinels_helped_total").await < 1.0);
}
