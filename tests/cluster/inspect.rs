//! What an operator sees of a cluster of two nodes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nineflags::protocol::{Ask, Update};
use serde_json::Value;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, seated};
use crate::harness::command::{inspect, nineflags};
use crate::harness::node::Node;

/// How long something may take to show.
const SHOWN_WITHIN: Duration = Duration::from_secs(20);

/// The private Redis of a node.
pub fn redis_of(data: &Path) -> String {
    format!("unix://{}/redis.sock", data.canonicalize().expect("a folder").display())
}

/// Looks again and again until it is as it should be.
fn until(what: &str, look: impl Fn() -> Value, test: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + SHOWN_WITHIN;
    loop {
        let seen = look();
        if test(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "no {what}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_seen_with_its_players_nodes_and_the_tip_each_node_holds() {
    let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let one = Node::start(data.path(), &[]);
    let url = redis_of(data.path());
    let two = Node::start(other.path(), &[("REDIS_URL", &url)]);
    let (here, there) = (one.address.to_string(), two.address.to_string());
    let ann = Browser::sign_up(one.address, "Ann").await;
    let mira = Browser::guest(two.address).await;
    let mut watcher = Browser::guest(two.address).await;
    let (mut first, mut second, table) = seated(ann, mira).await;
    let tip = play_on(&mut first, &mut second, table, 12, &mut Dice(11)).await.tip;
    assert!(matches!(watcher.ask(Ask::Watch { table }).await, Update::Done { .. }));
    let id = table.to_string();

    let look = || inspect(&url, &["table", &id])["table"]["live"].take();
    let live = until("equal tips and a watcher", look, |live| {
        let held = live["held"].as_array().expect("a list");
        held.len() == 2 && held.iter().all(|held| held["compared"] == "same") && live["watchers"] == 1
    });
    assert_eq!(live["tip"], serde_json::to_value(&tip).expect("JSON"));
    assert_eq!((&live["records"], &live["unsaved"]), (&tip.number.into(), &0.into()));
    assert!(live["started_ms"].as_u64() <= live["last_ms"].as_u64() && live["started_ms"].is_u64());
    assert_eq!(live["watchers_by_node"].as_object().map(serde_json::Map::len), Some(1));
    for held in live["held"].as_array().expect("a list") {
        assert_eq!(held["tip"], live["tip"]);
        assert!(held["address"] == here.as_str() || held["address"] == there.as_str());
    }
    let seat_of_ann = if live["names"]["first"] == "Ann" { "first" } else { "second" };
    assert_eq!(live["addresses"][seat_of_ann], here.as_str());

    let tables = inspect(&url, &["tables"]);
    let row = &tables["tables"][0];
    assert_eq!((&row["table"], &row["records"]), (&Value::from(id.as_str()), &tip.number.into()));
    assert_eq!((&row["addresses"], &row["names"]), (&live["addresses"], &live["names"]));

    let players = inspect(&url, &["players"]);
    let players = players["players"].as_array().expect("a list");
    assert_eq!(players.len(), 3);
    let ann = players.iter().find(|player| player["name"] == "Ann").expect("Ann");
    assert_eq!((&ann["address"], &ann["table"]), (&here.as_str().into(), &id.as_str().into()));
    assert_eq!(players.iter().filter(|player| player["address"] == there.as_str()).count(), 2);

    let text = nineflags(&url, &["inspect", "table", &id]).out;
    for words in ["SEAT", "PLAYER", "TIP IN REDIS", "TIP HELD", "same", "Ann", &here, &there] {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }

    assert!(matches!(first.ask(Ask::Save { table }).await, Update::Done { .. }));
    let kept = || inspect(&url, &["table", &id])["table"]["kept"].take();
    until("saved game", kept, |kept| kept == "saved");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_tells_of_nodes_and_redis() {
    let (data, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let one = Node::start(data.path(), &[]);
    let url = redis_of(data.path());
    let two = Node::start(other.path(), &[("REDIS_URL", &url)]);
    let _guest = Browser::guest(two.address).await;
    let there = two.address.to_string();
    let summary = until(
        "session",
        || inspect(&url, &[]),
        |summary| {
            let live = summary["nodes"]["live"].as_array().expect("a list");
            live.iter().any(|node| node["address"] == there.as_str() && node["sessions"] == 1)
        },
    );
    assert_eq!((&summary["totals"]["players"], &summary["totals"]["tables"]), (&1.into(), &0.into()));
    let live = summary["nodes"]["live"].as_array().expect("a list");
    assert_eq!(live.len(), 2);
    for node in live {
        assert_eq!((&node["version"], &node["draining"]), (&env!("CARGO_PKG_VERSION").into(), &false.into()));
    }
    let redis = &summary["redis"][0];
    assert_eq!(
        (&redis["primary"]["role"], &redis["primary"]["append_only"]),
        (&"primary".into(), &"on".into())
    );
    assert_eq!(redis["primary"]["error"], Value::Null);

    let text = nineflags(&url, &["inspect"]).out;
    for words in ["2 nodes, 1 player online, 0 tables", "VERSION", "serving", "APPEND-ONLY", "primary", "ok"]
    {
        assert!(text.contains(words), "{words} is missing:\n{text}");
    }

    // The folder of the node says as much as the URL.
    let mut by_folder = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    by_folder.args(["inspect", "nodes", "--data"]).arg(data.path()).env_remove("REDIS_URL");
    let by_folder = by_folder.output().expect("the binary runs");
    assert!(String::from_utf8_lossy(&by_folder.stdout).contains(&one.address.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_said_in_words() {
    let data = tempfile::tempdir().expect("a folder");
    let _node = Node::start(data.path(), &[]);
    let nobody =
        nineflags(&redis_of(data.path()), &["inspect", "table", "01900000-0000-7000-8000-000000000000"]);
    assert!(!nobody.success && nobody.err.contains("there is no game"), "{nobody:?}");
    let nowhere = nineflags("", &["inspect", "--data", "/nowhere"]);
    assert!(!nowhere.success && nowhere.err.contains("no node runs over /nowhere"), "{nowhere:?}");
    let down = nineflags("redis://127.0.0.1:1", &["inspect", "redis", "--json"]);
    assert!(down.success && down.out.contains("refused"), "{down:?}");
    let down =
        nineflags("redis+sentinel://127.0.0.1:1,127.0.0.1:2/nine?password=hush", &["inspect", "redis"]);
    assert!(down.success && down.out.contains("no sentinel names a primary"), "{down:?}");
    assert!(down.out.contains("127.0.0.1:2") && !down.out.contains("hush"), "{down:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_goes_on_until_it_is_interrupted() {
    let data = tempfile::tempdir().expect("a folder");
    let _node = Node::start(data.path(), &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["inspect", "--watch", "nodes", "--json"]).env("REDIS_URL", redis_of(data.path()));
    let mut watching = command.stdout(Stdio::piped()).spawn().expect("the binary runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("stdout is piped")).lines();
    for _ in 0..2 {
        let line = lines.next().expect("a line").expect("text");
        let seen: Value = serde_json::from_str(&line).expect("one JSON object a line");
        assert_eq!(seen["nodes"]["live"].as_array().map(Vec::len), Some(1), "{seen}");
    }
    let interrupted = Command::new("kill").arg("-INT").arg(watching.id().to_string()).status();
    assert!(interrupted.expect("kill runs").success());
    assert!(watching.wait().expect("it ends").success());
}
