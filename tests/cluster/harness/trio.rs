//! A Redis group as an operator runs it: a primary, two replicas and three sentinels, each a process.

use std::path::Path;

use tempfile::TempDir;

use super::host::Host;
use super::process::{free_port, until};
use super::redis::Redis;
use super::sentinel::{NAME, QUORUM, Sentinel};

/// A running group.
pub struct Trio {
    /// The three; which is the primary changes.
    pub redis: Vec<Redis>,
    /// The three sentinels.
    pub sentinels: Vec<Sentinel>,
    /// They speak TLS only.
    is_secure: bool,
    /// Removed last.
    _folder: TempDir,
}

impl Trio {
    /// Starts all at once, and waits until the sentinels could carry out a failover.
    pub fn start() -> Self {
        Self::start_on(&[Host::here(), Host::here(), Host::here()], |_| {})
    }

    /// The same with a Redis and a sentinel on each of three hosts; `prepare` is given the folder of each Redis before
    /// it starts.
    pub fn start_on(hosts: &[Host], prepare: impl Fn(&Path)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let ports: Vec<u16> = (0..6).map(|_| free_port()).collect();
        let (redis_ports, sentinel_ports) = ports.split_at(3);
        let at = |name: &str, number: usize| folder.path().join(format!("{name}-{number}"));
        let places = hosts.iter().zip(sentinel_ports);
        let sentinels: Vec<String> = places.map(|(host, port)| host.at(*port).to_string()).collect();
        let one = |number: usize| {
            let folder = at("redis", number);
            std::fs::create_dir_all(&folder).expect("a folder");
            prepare(&folder);
            Redis::on(&hosts[number], &folder, redis_ports[number], &sentinels.join(","))
        };
        let redis: Vec<Redis> = (0..3).map(one).collect();
        let first = redis[0].address;
        let sentinel = |number: usize| {
            Sentinel::on(&hosts[number], &at("sentinel", number), sentinel_ports[number], first, QUORUM)
        };
        let sentinels: Vec<Sentinel> = (0..3).map(sentinel).collect();
        let is_secure = hosts[0].authority().is_some();
        let trio = Self { redis, sentinels, is_secure, _folder: folder };
        for sentinel in &trio.sentinels {
            until("the sentinel answers", || sentinel.look_often());
        }
        trio.until_settled();
        trio
    }

    /// The URL of the group.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|sentinel| sentinel.address.to_string()).collect();
        let scheme = if self.is_secure { "rediss" } else { "redis" };
        format!("{scheme}+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// Which of the three all sentinels call the primary, once they agree and it says so itself.
    pub fn primary(&self) -> usize {
        let mut primary = None;
        until("the sentinels agree on a primary", || {
            let ports: Vec<Option<u16>> = self.sentinels.iter().map(Sentinel::primary_port).collect();
            primary = self.redis.iter().position(|redis| ports.iter().all(|port| *port == Some(redis.port)));
            primary.is_some_and(|number| self.redis[number].role().as_deref() == Some("master"))
        });
        primary.expect("just seen")
    }

    /// Waits until there is a primary with two good replicas and every sentinel knows them all.
    pub fn until_settled(&self) {
        until("the group is settled", || {
            self.sentinels.iter().all(Sentinel::could_fail_over)
                && self.redis.iter().filter(|redis| redis.is_good_replica()).count() == 2
        });
        self.primary();
    }

    /// Waits until another than this is the primary, and gives it.
    pub fn until_not(&self, old: usize) -> usize {
        until("another is the primary", || {
            let old = Some(self.redis[old].port);
            self.sentinels.iter().all(|sentinel| {
                let port = sentinel.primary_port();
                port.is_some() && port != old
            })
        });
        self.primary()
    }
}
