//! What operators and balancers ask is answered whatever the node's workers, its files and its Redis are busy with.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nineflags::protocol::Ask;

use crate::harness::browser::{Browser, Reply, http, http_with, try_http};
use crate::harness::node::{ANY, Node};
use crate::harness::process::{Process, free_port, until};
use crate::harness::redis::{Redis, local};

/// A node with a listener for operators.
struct Watched {
    node: Node,
    ops: SocketAddr,
    redis: Redis,
    folder: tempfile::TempDir,
}

impl Watched {
    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let redis = Redis::alone(folder.path());
        let ops = local(free_port());
        let (url, listen) = (redis.url(), ops.to_string());
        let mut all = vec![("REDIS_URL", url.as_str()), ("NINEFLAGS_OPS_LISTEN", listen.as_str())];
        all.extend_from_slice(variables);
        let node = Node::start(folder.path(), &all);
        Self { node, ops, redis, folder }
    }

    async fn ops(&self, path: &str) -> Reply {
        http(self.ops, "GET", path, "", None).await
    }

    async fn public(&self, path: &str) -> Reply {
        http(self.node.address, "GET", path, "", None).await
    }

    /// Waits until operators are told that it is ready, or why not.
    async fn until_told(&self, status: u16, words: &str) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let reply = self.ops("/readyz").await;
            if reply.status == status && reply.body.contains(words) {
                return;
            }
            assert!(Instant::now() < deadline, "{status} {words}, not {} {}", reply.status, reply.body);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reasons_and_metrics_are_for_operators_only() {
    let watched = Watched::start(&[]);
    assert_eq!(watched.ops("/healthz").await.body, "alive\n");
    assert_eq!((watched.ops("/readyz").await.status, watched.ops("/nothing").await.status), (200, 404));
    assert_eq!(http(watched.ops, "POST", "/readyz", "", None).await.status, 405);
    let head = http(watched.ops, "HEAD", "/readyz", "", None).await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(watched.ops("/metrics").await.body.contains("\nnineflags_ready 1\n"));
    assert_eq!(watched.public("/metrics").await.status, 404);
    assert_eq!(watched.public("/readyz").await.body, "ready\n");

    watched.redis.freeze();
    watched.until_told(503, "out of reach").await;
    let public = watched.public("/readyz").await;
    assert_eq!((public.status, public.body.as_str()), (503, "not ready\n"));
    watched.redis.thaw();
    watched.until_told(200, "ready").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_listener_of_their_own_operators_are_whoever_asks_from_this_machine_by_no_balancer() {
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::alone(folder.path());
    let url = redis.url();
    let node = Node::start(folder.path(), &[("REDIS_URL", &url)]);
    assert_eq!(http(node.address, "GET", "/metrics", "", None).await.status, 200);
    for header in ["x-forwarded-for", "forwarded", "via", "x-real-ip"] {
        let passed_on = http_with(node.address, "GET", "/metrics", &[(header, "1.2.3.4")], "").await;
        assert_eq!(passed_on.status, 404, "{header}");
    }
    let behind = Node::start(folder.path(), &[("REDIS_URL", &url), ("NINEFLAGS_TRUST_FORWARDED", "true")]);
    assert_eq!(http(behind.address, "GET", "/metrics", "", None).await.status, 404);
}

#[cfg(feature = "test-hooks")]
#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_all_workers_blocked_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let block = folder.path().join("block");
    let watched = Watched::start(&[("NINEFLAGS_TEST_BLOCK", block.to_str().expect("a path"))]);
    let mut browser = Browser::guest(watched.node.address).await;
    while !watched.ops("/metrics").await.body.contains("\nnineflags_sessions 1\n") {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    std::fs::write(&block, "").expect("a file");
    watched.until_told(503, "its workers have not answered for").await;
    assert_eq!(watched.ops("/healthz").await.status, 200);
    let metrics = watched.ops("/metrics").await.body;
    assert!(metrics.contains("\nnineflags_ready 0\n") && metrics.contains("\nnineflags_sessions 1\n"));
    std::fs::remove_file(&block).expect("a file");
    watched.until_told(200, "ready").await;
    assert!(browser.try_ask(Ask::Ping).await.is_none());
    assert_eq!(browser.closed, None);
}

/// A binary that runs a node with so many files at most; the soft limit is lower still.
fn with_files(folder: &Path, soft: u32, hard: u32) -> std::path::PathBuf {
    let script = folder.join("with-few-files.sh");
    let binary = env!("CARGO_BIN_EXE_nineflags");
    std::fs::write(
        &script,
        format!("#!/bin/sh\nulimit -Sn {soft}\nulimit -Hn {hard}\nexec {binary} \"$@\"\n"),
    )
    .expect("a file");
    assert!(Command::new("chmod").arg("+x").arg(&script).status().expect("chmod runs").success());
    script
}

#[test]
fn a_node_that_could_serve_hardly_anybody_does_not_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(with_files(folder.path(), 40, 40));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    let log = folder.path().join("log");
    let mut process = Process::start(command, &log);
    let says = || std::fs::read_to_string(&log).unwrap_or_default();
    until("it is ready or has ended", || says().contains("ready at") || !process.is_there());
    let said = says();
    assert!(
        said.contains(
            "only 40 files may be open at once, and a node needs 256 at least: raise the hard limit"
        ),
        "{said}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_on_files_is_raised_and_never_used_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let ops = local(free_port());
    let program = with_files(folder.path(), 64, 400);
    let variables = [("NINEFLAGS_OPS_LISTEN", ops.to_string())];
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // With a Redis of its own, which has to be started again with files there are.
    let own = folder.path().join("data");
    let node = Node::start_program(&program, ANY, &own, &variables);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.pid())).expect("its limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("a line");
    assert_eq!(files.split_whitespace().nth(3), Some("400"), "{files}");

    let mut browser = Browser::guest(node.address).await;
    // More than there are files; those that are too many are closed by the node.
    let idle: Vec<TcpStream> = (0..500)
        .filter_map(|_| TcpStream::connect_timeout(&node.address, Duration::from_secs(5)).ok())
        .collect();
    assert_eq!(http(ops, "GET", "/readyz", "", None).await.status, 200);
    let open = || std::fs::read_dir(format!("/proc/{}/fd", node.pid())).expect("its files").count();
    assert!(open() <= 300, "{} files are open", open());
    assert!(browser.try_ask(Ask::Ping).await.is_none(), "who is there is served");

    // The private Redis dies, and there is room to start it again.
    let data = own.join("redis.sock");
    let info: String = redis_at(&data, &["INFO", "server"]).expect("an answer");
    let pid = info.lines().find_map(|line| line.strip_prefix("process_id:")).expect("a process id").trim();
    assert!(Command::new("kill").args(["-KILL", pid]).status().expect("kill runs").success());
    until("it is there again", || {
        redis_at::<String>(&data, &["INFO", "server"]).is_some_and(|info| !info.contains(pid))
    });
    drop(idle);
}

/// Asks a Redis at a unix socket one thing.
fn redis_at<T: redis::FromRedisValue>(socket: &Path, words: &[&str]) -> Option<T> {
    let client = redis::Client::open(format!("unix://{}", socket.display())).expect("a URL");
    let mut connection = client.get_connection().ok()?;
    redis::cmd(words[0]).arg(&words[1..]).query(&mut connection).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_told_to_end_serves_on_as_long_as_a_balancer_may_take_to_notice() {
    const DELAY: Duration = Duration::from_secs(4);
    let mut watched = Watched::start(&[("NINEFLAGS_DRAIN_DELAY_SECS", "4")]);
    let login = http(watched.node.address, "POST", "/api/guest", "", Some(&serde_json::json!({}))).await;
    let told = Instant::now();
    watched.node.signal("TERM");
    watched.until_told(503, "draining").await;
    assert_eq!(watched.public("/readyz").await.status, 503);
    // Whoever is still sent here is served, pages and websockets alike.
    assert_eq!(watched.public("/").await.status, 200);
    let mut late = Browser::connect(watched.node.address, &login.cookie.expect("a login")).await;
    assert!(late.try_ask(Ask::Ping).await.is_none());
    assert!(told.elapsed() < DELAY, "this machine is too slow for this test");
    late.until("to be asked to reconnect", |update| {
        matches!(update, nineflags::protocol::Update::Reconnect { .. })
    })
    .await;
    assert!(told.elapsed() >= DELAY, "served for {:?}", told.elapsed());
    drop(late);
    assert!(watched.node.wait().success());
    assert!(try_http(watched.node.address, "GET", "/").await.is_none());
    drop(watched.folder);
}
