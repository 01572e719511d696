//! Many games at once by `nineflags-tools load`, which judges them: on a node that lives, and on one that is killed.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use clap::Parser;
use nineflags_tools::load;
use nineflags_tools::load::options::LoadOptions;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::harness::node::Node;

/// How long anything may take.
const WITHIN: Duration = Duration::from_mins(2);

/// The options, as on the command line.
pub fn options(to: SocketAddr, more: &str) -> LoadOptions {
    let line = format!("load --to http://{to} {more}");
    LoadOptions::parse_from(line.split_whitespace())
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_pairs_play_two_games_each_while_others_watch_and_wait() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let more = format!(
        "--pairs 10 --games 2 --watchers 1 --idle 5 --pids {} --sources 127.0.0.1,127.0.0.2-127.0.0.3",
        node.pid()
    );
    let told = Mutex::new(String::new());
    let tell = |words: &str| told.lock().expect("nobody panics here").push_str(words);
    let run = timeout(WITHIN, load::run(options(node.address, &more), tell)).await.expect("an end in time");
    let report = run.expect("a run");
    assert!(report.is_clean(), "{report}");
    let report = serde_json::to_value(&report).expect("a report is JSON");
    assert_eq!(report["violations"], Value::Array(Vec::new()));
    assert_eq!((&report["games_started"], &report["games_archived"]), (&20.into(), &20.into()));
    let number = |field: &Value| field.as_u64().expect("a number");
    assert!(number(&report["records"]) > 20 * 30, "whole games: {report}");
    assert!(number(&report["views_compared"]) > number(&report["records"]), "seen by both: {report}");
    assert!(number(&report["watcher"]["count"]) > 0, "seen by watchers: {report}");
    assert_eq!(report["views_not_compared"], 0);
    assert_eq!(report["went_back"], 0);
    let usage = &report["processes"][node.pid().to_string()];
    assert!(usage["rss_mib"].as_f64().expect("a number") > 1.0, "{usage}");
    assert!(told.into_inner().expect("nobody panics here").contains("players"), "progress is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_watch_one_table() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let options = options(node.address, "--pairs 2 --watchers 15 --watch-one --pause-ms 30");
    let run = timeout(WITHIN, load::run(options, |_| {})).await.expect("an end in time");
    let report = run.expect("a run");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.watchers, report.games_archived), (15, 2));
    assert!(report.watcher.count > 10, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn games_given_up_after_some_seconds_end_in_the_archive_too() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let options = options(node.address, "--pairs 3 --pause-ms 400 --seconds 2");
    let run = timeout(WITHIN, load::run(options, |_| {})).await.expect("an end in time");
    let report = run.expect("a run");
    assert!(report.is_clean(), "{report}");
    assert!(report.games_started >= 3);
    assert_eq!(report.games_archived, report.games_started, "{report}");
}

/// The number before a word in a line of progress.
fn told(line: &str, word: &str) -> u64 {
    let before = line.split(word).next().unwrap_or_default();
    before.rsplit(' ').find(|part| !part.is_empty()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_and_started_again_in_the_middle_loses_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let address = node.address;
    let options = options(address, "--pairs 10 --games 2 --watchers 1 --idle 3 --pause-ms 60");
    let (lines, mut progress) = mpsc::unbounded_channel();
    let run = tokio::spawn(load::run(options, move |line: &str| {
        // Nobody listens any more once the node was killed.
        let _ = lines.send(line.to_owned());
    }));
    let in_the_middle = async {
        while let Some(line) = progress.recv().await {
            if told(&line, " records") > 100 {
                return;
            }
        }
        panic!("the run ended before its middle");
    };
    timeout(WITHIN, in_the_middle).await.expect("games in time");
    node.kill();
    let _again = Node::start_at(address, data.path(), &[]);

    let report = timeout(WITHIN, run).await.expect("an end in time").expect("a task").expect("a run");
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.games_started, report.games_archived), (20, 20), "{report}");
    assert!(report.losses >= 23, "every bot lost its connection: {report}");
    assert!(report.recovery.count >= 20, "every player came back: {report}");
    assert_eq!(report.went_back, 0, "{report}");
}
