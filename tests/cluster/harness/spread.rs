//! A Redis group and its nodes, each on a host of its own, with a network between them that can be cut and slowed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::net::Net;
use super::node::Node;
use super::process::until;
use super::redis::Redis;
use super::sentinel::{NAME, Sentinel};

/// Where everybody listens: each has a host of its own, or shares it with somebody else.
const REDIS: u16 = 7_001;
const SENTINEL: u16 = 7_002;
const NODE: u16 = 7_003;
/// Lines of a log that are shown when a test fails.
const TAIL: usize = 60;

/// What runs on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// One of the group's Redis, and a sentinel beside it.
    Redis,
    /// A node.
    Node,
}

/// A running site.
pub struct Spread {
    /// The nodes, in the order of their hosts; a test may take one out.
    pub nodes: Vec<Node>,
    /// The Redis, in the order of their hosts; the first begins as the primary.
    pub redis: Vec<Redis>,
    /// The sentinels, in the order of their hosts.
    pub sentinels: Vec<Sentinel>,
    /// The network: host `n` is the n-th of the plan.
    pub net: Net,
    plan: Vec<Runs>,
    variables: Vec<(String, String)>,
    folder: TempDir,
}

impl Spread {
    /// Three hosts with a Redis and a sentinel each, and after them so many with a node.
    pub fn trio(nodes: usize) -> Option<Self> {
        Self::start(&[vec![Runs::Redis; 3], vec![Runs::Node; nodes]].concat(), &[])
    }

    /// Starts what a plan says, each on a host of its own, and nodes with more environment variables. None, said in
    /// words, where no hosts can be made.
    pub fn start(plan: &[Runs], variables: &[(&str, &str)]) -> Option<Self> {
        let net = Net::start(plan.len())?;
        let folder = tempfile::tempdir().expect("a folder");
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (nodes, redis, sentinels) = (Vec::new(), Vec::new(), Vec::new());
        let mut site = Self { nodes, redis, sentinels, net, plan: plan.to_vec(), variables, folder };
        site.start_group();
        for host in site.hosts_with(Runs::Node) {
            let node = site.node_on(host);
            site.nodes.push(node);
        }
        Some(site)
    }

    fn start_group(&mut self) {
        let redis_on = self.hosts_with(Runs::Redis);
        let hosts = &self.net.hosts;
        let sentinels: Vec<String> =
            redis_on.iter().map(|host| hosts[*host].at(SENTINEL).to_string()).collect();
        let sentinels = sentinels.join(",");
        let folder = |host: usize| self.folder.path().join(format!("redis-{host}"));
        let redis = redis_on.iter().map(|host| Redis::on(&hosts[*host], &folder(*host), REDIS, &sentinels));
        self.redis = redis.collect();
        self.sentinels = redis_on.iter().map(|host| self.sentinel_on(*host)).collect();
        for sentinel in &self.sentinels {
            until("the sentinel answers", || sentinel.look_often());
        }
        self.until_settled();
    }

    /// Starts the sentinel of a host, for the first time or again.
    fn sentinel_on(&self, host: usize) -> Sentinel {
        let folder = self.folder.path().join(format!("sentinel-{host}"));
        // More than half, so that one side of a cut that has less does not even try.
        let quorum = self.redis.len() / 2 + 1;
        Sentinel::on(&self.net.hosts[host], &folder, SENTINEL, self.redis[0].address, quorum)
    }

    /// Gives nodes that are started from now on one more environment variable.
    pub fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// Kills all that runs on some hosts, as when their centre is lost.
    pub fn lose(&mut self, hosts: &[usize]) {
        for host in hosts {
            match self.place(*host) {
                (Runs::Redis, number) => {
                    self.redis[number].kill();
                    self.sentinels[number].kill();
                }
                (Runs::Node, number) => self.nodes[number].signal("KILL"),
            }
        }
    }

    /// Starts all that ran on some hosts again.
    pub fn bring_back(&mut self, hosts: &[usize]) {
        for host in hosts {
            match self.place(*host) {
                (Runs::Redis, number) => {
                    self.redis[number].start_again();
                    self.sentinels[number] = self.sentinel_on(*host);
                }
                (Runs::Node, number) => self.nodes[number] = self.node_on(*host),
            }
        }
    }

    /// What runs on a host, and the how manieth of its kind that is.
    fn place(&self, host: usize) -> (Runs, usize) {
        let kind = self.plan[host];
        (kind, self.plan[..host].iter().filter(|runs| **runs == kind).count())
    }

    /// Starts a node on a host that has none.
    fn node_on(&self, host: usize) -> Node {
        let data = self.folder.path().join(format!("node-{host}"));
        std::fs::create_dir_all(&data).expect("a folder");
        let url = self.url();
        let mut variables = vec![("REDIS_URL", url.as_str())];
        variables.extend(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        Node::on(&self.net.hosts[host], NODE, &data, &data.join("node.log"), &variables)
    }

    /// Where the n-th node serves.
    pub fn node(&self, number: usize) -> SocketAddr {
        self.nodes[number].address
    }

    /// The URL of the group.
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|sentinel| sentinel.address.to_string()).collect();
        format!("redis+sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The hosts that run something.
    fn hosts_with(&self, what: Runs) -> Vec<usize> {
        (0..self.plan.len()).filter(|host| self.plan[*host] == what).collect()
    }

    /// Waits until there is a primary that all the others follow, and every sentinel knows everybody.
    pub fn until_settled(&self) {
        let (redis, sentinels) = (self.redis.len() - 1, self.sentinels.len() - 1);
        until("the group is settled", || {
            self.sentinels.iter().all(|sentinel| sentinel.knows(sentinels, redis))
                && self.redis.iter().filter(|redis| redis.is_good_replica()).count() == redis
        });
    }

    /// Which Redis some sentinels call the primary, if they agree and it says so itself.
    pub fn named_by(&self, sentinels: &[usize]) -> Option<usize> {
        let mut named = sentinels.iter().map(|number| self.sentinels[*number].primary_address());
        let first = named.next()??;
        let number = self.redis.iter().position(|redis| redis.address == first)?;
        let agreed = named.all(|other| other == Some(first));
        (agreed && self.redis[number].role().as_deref() == Some("master")).then_some(number)
    }

    /// Which Redis all sentinels call the primary, once they agree.
    pub fn primary(&self) -> usize {
        let all: Vec<usize> = (0..self.sentinels.len()).collect();
        let mut primary = None;
        until("the sentinels agree on a primary", || {
            primary = self.named_by(&all);
            primary.is_some()
        });
        primary.expect("just seen")
    }

    /// Waits until some sentinels call another than this the primary, and gives it.
    pub fn until_not(&self, old: usize, sentinels: &[usize]) -> usize {
        let mut new = None;
        until("another is the primary", || {
            new = self.named_by(sentinels).filter(|named| *named != old);
            new.is_some()
        });
        new.expect("just seen")
    }

    fn logs(&self) -> Vec<PathBuf> {
        let folders = std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
        let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok());
        let mut logs: Vec<PathBuf> = files.flatten().flatten().map(|file| file.path()).collect();
        logs.retain(|path| path.extension().is_some_and(|extension| extension == "log"));
        logs.sort();
        logs
    }
}

impl Drop for Spread {
    /// Shows what everybody said last when a test fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.logs().iter().for_each(|path| show_end(path));
        }
    }
}

#[expect(clippy::print_stderr, reason = "what a test that failed leaves behind")]
fn show_end(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    eprintln!("--- the end of {}", path.display());
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        eprintln!("{line}");
    }
}
