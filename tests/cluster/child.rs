//! The private Redis of a node dies, or its disk is full: the node goes on, and nothing that was confirmed is lost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::browser::http;
use crate::harness::node::Node;
use crate::harness::pair::Pair;
use crate::harness::process::until;

/// The process of the private Redis of a node, if one runs now.
fn child_of(node: &Node) -> Option<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", node.pid())).ok()?;
    let mut children = tasks.filter_map(|task| {
        let children = std::fs::read_to_string(task.ok()?.path().join("children")).ok()?;
        children.split_whitespace().find_map(|child| {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
            (name.trim() == "redis-server").then(|| child.parse().ok()).flatten()
        })
    });
    children.next()
}

fn kill(pid: u32) {
    let status = Command::new("kill").arg("-9").arg(pid.to_string()).status();
    assert!(status.expect("kill runs").success());
}

/// What a node says of itself: whether the process lives, and whether it can serve.
async fn says(node: &Node) -> (u16, u16, String) {
    let health = http(node.address, "GET", "/healthz", "", None).await;
    let ready = http(node.address, "GET", "/readyz", "", None).await;
    (health.status, ready.status, ready.body)
}

/// Looks again and again until readiness is as it should be; the process lives all the time.
async fn until_ready(node: &Node, status: u16, words: &str) {
    let deadline = tokio::time::Instant::now() + crate::harness::process::WITHIN;
    loop {
        let (health, ready, body) = says(node).await;
        assert_eq!(health, 200, "the process lives");
        if ready == status && body.contains(words) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{status} {words} in time, not {ready} {body}");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_redis_that_is_killed_again_and_again_is_started_again_and_loses_no_move() {
    let data = tempfile::tempdir().expect("a folder");
    let mut pair = Pair::on(Node::start(data.path(), &[]), 31).await;
    for round in 1..=4 {
        assert!(pair.play_to(round * 8).await);
        let old = child_of(&pair.node).expect("a child");
        kill(old);
        // The next one dies while it starts.
        if round == 3 {
            until("another child", || child_of(&pair.node).is_some_and(|child| child != old));
            child_of(&pair.node).into_iter().for_each(kill);
        }
        // Play may be further before anybody has noticed.
        assert!(pair.play_to(round * 8 + 2).await);
        until("another child", || child_of(&pair.node).is_some_and(|child| child != old));
        until_ready(&pair.node, 200, "ready").await;
    }
    let node = pair.finish_and_check().await;
    let child = child_of(&node).expect("a child");
    assert!(node.terminate().success());
    until("no child is left", || !Path::new(&format!("/proc/{child}")).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_ends_in_order_while_its_private_redis_cannot_be_started() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    // What it cannot read it cannot start from.
    let folder = data.path().join("appendonlydir");
    let moved = data.path().join("moved");
    std::fs::rename(&folder, &moved).expect("the files can be moved");
    std::fs::write(&folder, "no folder").expect("a file");
    kill(child_of(&node).expect("a child"));
    until_ready(&node, 503, "the private Redis is being restarted: the private Redis did not start").await;
    assert!(node.terminate().success());
    std::fs::remove_file(&folder).expect("the file");
    std::fs::rename(&moved, &folder).expect("the files are back");
    let again = Node::start(data.path(), &[]);
    assert_eq!(says(&again).await.1, 200);
}

/// A small disk of its own.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Nothing where mounting is not permitted.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path()).output();
        let mounted = mounted.expect("mount runs");
        mounted.status.success().then_some(Self { folder })
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut size = 64 * 1024;
        while size > 0 {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(self.ballast());
            let written = std::io::Write::write(&mut file.expect("a file"), &vec![b'x'; size]);
            if written.is_err() {
                size /= 2;
            }
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The node over it may just be ending: the system takes the rest when it has.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_in_words_and_nothing_is_lost_once_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: mounting a small disk is not permitted here (it takes root)");
        return;
    };
    let mut pair = Pair::on(Node::start(disk.folder.path(), &[]), 32).await;
    assert!(pair.play_to(10).await);
    disk.fill();
    until_ready(&pair.node, 503, "is full").await;
    disk.free();
    assert!(pair.play_to(14).await);
    until_ready(&pair.node, 200, "ready").await;
    let node = pair.finish_and_check().await;
    assert!(node.terminate().success());
}
