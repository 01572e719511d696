//! A site: one Redis, or one for each role, and as many nodes as a test wants.

use std::net::SocketAddr;
use std::path::Path;

use tempfile::TempDir;

use super::node::{ANY, Node};
use super::redis::{Redis, ask};

/// A Redis, or one for each role, and the nodes.
pub struct Site {
    /// The nodes that run; a test may take one out.
    pub nodes: Vec<Node>,
    /// The Redis; where roles are apart, the one for the data.
    pub redis: Redis,
    /// The shards of the backup, where they are apart.
    pub shards: Vec<Redis>,
    /// The archive, where it is apart.
    pub archive: Option<Redis>,
    folder: TempDir,
}

impl Site {
    /// Starts a Redis and so many nodes, each with more environment variables.
    pub fn start(nodes: usize, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let redis = Redis::alone(folder.path());
        let mut site = Self { nodes: Vec::new(), redis, shards: Vec::new(), archive: None, folder };
        for _ in 0..nodes {
            site.add(variables);
        }
        site
    }

    /// The same with so many shards and an archive, each a Redis of its own.
    pub fn start_apart(nodes: usize, shards: usize) -> Self {
        let mut site = Self::start(0, &[]);
        site.archive = Some(Redis::alone(&site.folder.path().join("archive")));
        for _ in 0..shards {
            site.add_shard();
        }
        for _ in 0..nodes {
            site.add(&[]);
        }
        site
    }

    /// One shard more, for nodes that are added from now on.
    pub fn add_shard(&mut self) {
        let folder = self.folder.path().join(format!("backup-{}", self.shards.len()));
        self.shards.push(Redis::alone(&folder));
    }

    /// The settings that name the groups.
    pub fn groups(&self) -> Vec<(&'static str, String)> {
        let shards: Vec<String> = self.shards.iter().map(Redis::url).collect();
        let mut groups = vec![("REDIS_URL", self.redis.url()), ("BACKUP_REDIS_URLS", shards.join(" "))];
        groups.extend(self.archive.as_ref().map(|archive| ("ARCHIVE_REDIS_URL", archive.url())));
        groups
    }

    /// Adds a node.
    pub fn add(&mut self, variables: &[(&str, &str)]) -> SocketAddr {
        self.add_at(ANY, variables);
        self.nodes.last().expect("just added").address
    }

    /// Adds a node from another binary, where another served or anywhere.
    pub fn add_program(&mut self, program: &Path, at: Option<SocketAddr>) {
        let url = self.redis.url();
        let at = at.unwrap_or(ANY);
        self.nodes.push(Node::start_program(program, at, self.folder.path(), &[("REDIS_URL", &url)]));
    }

    /// Adds a node where another served.
    pub fn add_at(&mut self, address: SocketAddr, variables: &[(&str, &str)]) {
        let groups = self.groups();
        let mut all: Vec<(&str, &str)> = groups.iter().map(|(name, url)| (*name, url.as_str())).collect();
        all.extend_from_slice(variables);
        self.nodes.push(Node::start_at(address, self.folder.path(), &all));
    }

    /// Where a node serves.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.nodes[node].address
    }

    /// Asks the Redis one thing.
    pub fn ask<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        ask(self.redis.port, words).expect("Redis answers")
    }
}
