//! A real Redis of a test's own: on a free port with a folder of its own, gone when dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nineflags::store::Store;
use redis::FromRedisValue;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long it may take to answer, or a condition to come true.
const WITHIN: Duration = Duration::from_secs(20);

/// A running Redis.
pub struct Redis {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    /// A primary.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A replica of another that has caught up.
    pub async fn replica_of(primary: &Redis) -> Self {
        Self::replica_through(primary.port, primary).await
    }

    /// The same, by way of something that passes on what comes at a port.
    pub async fn replica_through(port: u16, primary: &Redis) -> Self {
        let port = port.to_string();
        let replica =
            Self::with(&["--replicaof", "127.0.0.1", &port, "--repl-diskless-sync-delay", "0"]).await;
        replica.until("the link to the primary", |info| info.contains("master_link_status:up")).await;
        // The primary counts it from its first acknowledgement on, which comes up to a second later.
        let counted = format!("port={},state=online", replica.port);
        primary.until("the new replica", |info| info.contains(&counted)).await;
        replica
    }

    async fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port();
        let child = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1", "--dir"])
            .arg(folder.path())
            .args(arguments)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        let redis = Self { child, port, _folder: folder };
        // Also a replica answers this; a store would wait for a primary.
        let client = redis::Client::open(redis.url()).expect("a URL");
        let deadline = Instant::now() + WITHIN;
        while client.get_multiplexed_async_connection().await.is_err() {
            assert!(Instant::now() < deadline, "Redis does not answer");
            sleep(Duration::from_millis(20)).await;
        }
        redis
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The store in it.
    pub async fn store(&self) -> Store {
        Store::connect(&self.url()).await.expect("Redis answers")
    }

    /// Runs one command.
    pub async fn query<T: FromRedisValue>(&self, words: &[&str]) -> T {
        query(&self.url(), words).await
    }

    /// Waits until `INFO replication` satisfies a test.
    pub async fn until(&self, what: &str, test: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let info: String = self.query(&["INFO", "replication"]).await;
            if test(&info) {
                return;
            }
            assert!(Instant::now() < deadline, "no {what} in time: {info}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Already gone is fine; one that is stopped still takes this signal.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs one command at any Redis.
pub async fn query<T: FromRedisValue>(url: &str, words: &[&str]) -> T {
    let client = redis::Client::open(url).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis accepts");
    let mut command = redis::cmd(words[0]);
    words[1..].iter().for_each(|word| {
        command.arg(*word);
    });
    command.query_async(&mut connection).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// The Redis a node started for itself.
pub fn private_url(data: &Path) -> String {
    format!("unix://{}", data.canonicalize().expect("the data folder").join("redis.sock").display())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}
