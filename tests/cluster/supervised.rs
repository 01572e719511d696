//! No part of a node ends unseen: a node that lost one ends in words, and a table that broke down lets its players go.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use nineflags::protocol::{Ask, CloseCode, Update};

use crate::harness::browser::{Browser, seated, try_http};
use crate::harness::process::{WITHIN, free_port, until};
use crate::harness::redis::Redis;
use crate::harness::site::Site;

/// The tasks of a node whose roles are in two groups.
const TASKS: [&str; 20] = [
    "groups",
    "measures",
    "bus",
    "bus of backup-0",
    "appends of backup-0",
    "lease",
    "pulse",
    "heartbeat",
    "presence",
    "reaper",
    "census",
    "dispatch",
    "dispatch of backup-0",
    "announcements",
    "news",
    "archive news",
    "tables",
    "tables of backup-0",
    "replica wait of backup-0",
    "readiness",
];

/// Runs a node in which one task breaks down, until it has ended: how, and what it said.
fn broken(task: &str, data: &Redis, backup: &Redis, folder: &Path) -> (ExitStatus, String) {
    let log = folder.join(task);
    let mut node = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    node.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    node.env("REDIS_URL", data.url()).env("BACKUP_REDIS_URLS", backup.url());
    node.env("ARCHIVE_REDIS_URL", backup.url());
    node.env("NINEFLAGS_TEST_PANIC", task).env("NINEFLAGS_LOG", "error");
    node.stdout(Stdio::null()).stderr(File::create(&log).expect("a file"));
    let mut node = node.spawn().expect("the binary starts");
    let deadline = std::time::Instant::now() + WITHIN;
    let status = loop {
        if let Some(status) = node.try_wait().expect("a child can be waited for") {
            break status;
        }
        if std::time::Instant::now() > deadline {
            let _ = node.kill();
            let _ = node.wait();
            panic!("a node without the task {task} goes on");
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    };
    (status, std::fs::read_to_string(&log).expect("its words"))
}

#[test]
fn the_first_task_that_breaks_down_ends_the_node_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = Redis::alone(&folder.path().join("data"));
    let backup = Redis::alone(&folder.path().join("backup"));
    std::thread::scope(|scope| {
        let run = |task: &'static str| {
            let (data, backup, folder) = (&data, &backup, folder.path());
            (task, scope.spawn(move || broken(task, data, backup, folder)))
        };
        // A few at a time, as many as a small machine can start in time.
        for tasks in TASKS.chunks(5) {
            for (task, ended) in tasks.iter().map(|task| run(task)).collect::<Vec<_>>() {
                let (status, words) = ended.join().expect("it was waited for");
                assert_eq!(status.code(), Some(1), "{task}: {words}");
                let line = format!("nineflags: the task {task} panicked: a test asked for it");
                assert!(words.contains(&line), "{task}: {words}");
            }
        }
    });
    // None of them left anything behind that is counted as living.
    let left: u64 = data.ask(&["SCARD", "nodes"]).expect("an answer");
    assert_eq!(left, 0);
}

/// A node in which the heartbeat breaks down once the file is there, and where it tells operators how it is.
fn breakable(site: &mut Site, file: &Path) -> SocketAddr {
    let ops = SocketAddr::from(([127, 0, 0, 1], free_port()));
    site.add(&[
        ("NINEFLAGS_TEST_PANIC", "heartbeat"),
        ("NINEFLAGS_TEST_PANIC_AT", &file.display().to_string()),
        ("NINEFLAGS_OPS_LISTEN", &ops.to_string()),
        ("NINEFLAGS_DRAIN_DELAY_SECS", "300"),
    ]);
    ops
}

#[test]
fn a_task_that_breaks_down_while_the_node_drains_ends_it() {
    let mut site = Site::start(0, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("now");
    breakable(&mut site, &file);
    site.nodes[0].signal("TERM");
    File::create(&file).expect("a file");
    assert_eq!(site.nodes[0].wait().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_the_task_that_broke_down() {
    let mut site = Site::start(0, &[]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("now");
    let ops = breakable(&mut site, &file);
    let mut browser = Browser::guest(site.address(0)).await;
    // Its session ends only when it knows what came of this.
    site.redis.freeze();
    browser.send_text(r#"{"id":"block-1","ask":"block","name":"Nobody"}"#).await;
    File::create(&file).expect("a file");
    let told = async {
        while let Some(reply) = try_http(ops, "GET", "/readyz").await {
            if reply.body.starts_with("the task heartbeat panicked") {
                assert_eq!(reply.status, 503);
                return true;
            }
        }
        false
    };
    assert!(told.await, "the node was gone before it was not ready");
    site.redis.thaw();
    assert_eq!(site.nodes[0].wait().code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_players_of_a_table_that_breaks_down_come_back_to_it() {
    let mut site = Site::start(0, &[]);
    let node = site.add(&[("NINEFLAGS_TEST_PANIC", "table")]);
    let (mut first, mut second, table) = seated(Browser::guest(node).await, Browser::guest(node).await).await;
    let mut watcher = Browser::guest(node).await;
    assert!(matches!(watcher.ask(Ask::Watch { table }).await, Update::Done { .. }));
    let says = Ask::Say { table, text: "the switch of this test".to_owned() };
    let _ = first.ask_if_open(&"break-1".parse().expect("an id"), &says).await;
    for browser in [&mut first, &mut second, &mut watcher] {
        assert_eq!(browser.until_closed().await, Some(CloseCode::Unavailable as u16));
    }
    let first = Browser::connect(node, &first.cookie).await;
    let second = Browser::connect(node, &second.cookie).await;
    for browser in [&first, &second] {
        assert_eq!(browser.welcome.table.as_ref().map(|view| view.table), Some(table), "it is opened anew");
    }
    let channel = format!("table:{table}");
    until("nobody listens twice", || site.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", &channel]).1 == 1);
    drop((first, second, watcher));
    until("nothing of the one that broke down is left", || {
        site.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", &channel]).1 == 0
    });
    assert!(site.nodes[0].is_there());
}
