//! What is broken: a Redis group with its sentinels, and the nodes on it.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::iter;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::clock::Clocks;
use super::disk::Disks;
use super::options::Options;
use crate::harness::host::Host;
use crate::harness::net::Net;
use crate::harness::node::{Node, RAISED};
use crate::harness::process::free_port;
use crate::harness::sentinel::Sentinel;
use crate::harness::trio::Trio;

/// A limit that visitors would reach, who do in minutes what people do in days. Letters they write as fast as people may: so
/// many are kept.
const VISITED: &str = "invites_per_account_minute=6000";

/// How many Redis there are, and as many sentinels.
pub const REDIS: usize = 3;
/// How long it may take until a primary is known.
const PRIMARY_WITHIN: Duration = Duration::from_secs(10);
/// How long a node may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long a node may take to answer over HTTP.
const HTTP_WITHIN: Duration = Duration::from_secs(2);
/// How long a node may take to end when asked: longer than its grace, which is 10 s.
const ENDED_WITHIN: Duration = Duration::from_secs(20);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a node is started on a host: at a port, with a data folder, a log and environment variables.
type Start = fn(&Host, u16, &Path, &Path, &[(&str, &str)]) -> Node;

/// A cluster to break.
pub struct Site {
    /// The disks of the group; unmounted before the group goes.
    pub disks: Disks,
    /// The clocks of the machines, or why they cannot be set.
    pub clocks: Result<Clocks, String>,
    /// The network between the machines, or why there is none to cut: the first three have a Redis and a sentinel each,
    /// the others a node each.
    pub net: Result<Net, String>,
    /// The group.
    pub trio: Trio,
    /// The nodes.
    pub nodes: Vec<Place>,
    /// Where the logs are.
    pub logs: PathBuf,
    /// More environment variables of the nodes.
    variables: Vec<(String, String)>,
    /// The machines, in the order of the network's.
    hosts: Vec<Host>,
    folder: TempDir,
}

/// Where a node serves, or served.
pub struct Place {
    /// Its address, the same for each that serves here.
    pub address: SocketAddr,
    /// The node, unless it was killed.
    pub node: Option<Node>,
}

impl Site {
    /// Starts all of it.
    pub fn start(options: &Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let nodes = usize::from(options.nodes);
        let (hosts, net) = machines(REDIS + nodes, options);
        let clocks = Clocks::make(folder.path(), hosts.len());
        let with_clock = |(number, host)| match &clocks {
            Ok(clocks) => clocks.give(number, host),
            Err(_) => host,
        };
        let hosts: Vec<Host> = hosts.into_iter().enumerate().map(with_clock).collect();
        let path = tools(folder.path());
        let with_tools: Vec<Host> =
            hosts[..REDIS].iter().map(|host| host.clone().with("PATH", &path)).collect();
        let disks = Disks::default();
        let trio = Trio::start_on(&with_tools, |folder| disks.put_at(folder));
        let logs = options.logs.clone().unwrap_or_else(|| folder.path().join("logs"));
        fs::create_dir_all(&logs).expect("a folder");
        let variables = options.variables.clone();
        let mut site = Self { disks, clocks, net, trio, nodes: Vec::new(), logs, variables, hosts, folder };
        for number in 0..nodes {
            let node = site.node(number, free_port(), Node::on);
            site.nodes.push(Place { address: node.address, node: Some(node) });
        }
        site
    }

    fn node(&self, number: usize, port: u16, start: Start) -> Node {
        let data = self.folder.path().join(format!("node-{number}"));
        fs::create_dir_all(&data).expect("a folder");
        let url = self.trio.url();
        let ops = ops_of(self.hosts[machine_of_node(number)].at(port)).to_string();
        let mut variables = vec![("REDIS_URL", url.as_str()), ("NINEFLAGS_DRAIN_SPREAD_MS", "1000")];
        variables.push(("NINEFLAGS_OPS_LISTEN", &ops));
        // An invite stands longer than it is looked for, also where a clock jumps ahead.
        variables.push(("NINEFLAGS_INVITE_SECS", "600"));
        let limits = format!("{RAISED} {VISITED}");
        variables.push(("NINEFLAGS_LIMITS", &limits));
        variables.extend(self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        start(&self.hosts[machine_of_node(number)], port, &data, &self.log(number), &variables)
    }

    /// Where a node logs.
    pub fn log(&self, number: usize) -> PathBuf {
        self.logs.join(format!("node-{number}.log"))
    }

    /// Where the nodes serve.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|place| place.address).collect()
    }

    /// Asks a node to end, and whether it did.
    pub fn end_node(&mut self, number: usize) -> bool {
        let Some(mut node) = self.nodes[number].node.take() else { return true };
        node.signal("TERM");
        // One that stands still ends, too.
        node.signal("CONT");
        let deadline = Instant::now() + ENDED_WITHIN;
        while node.is_there() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }

    /// Whether a node is ready, waited for.
    pub fn until_ready(&self, number: usize) -> bool {
        let address = self.nodes[number].address;
        let deadline = Instant::now() + READY_WITHIN;
        while get(ops_of(address), "/readyz").is_none_or(|(status, _)| status != 200) {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        true
    }

    /// Starts a node where one was killed or ended, and does not wait for it.
    pub fn start_node(&mut self, number: usize) {
        let node = self.node(number, self.nodes[number].address.port(), Node::at_once);
        self.nodes[number].node = Some(node);
    }

    /// Nodes that ended by themselves.
    pub fn ended(&mut self) -> Vec<usize> {
        let gone = |place: &mut Place| place.node.as_mut().is_some_and(|node| !node.is_there());
        (0..self.nodes.len()).filter(|number| gone(&mut self.nodes[*number])).collect()
    }

    /// Which Redis most sentinels call the primary, if it says so itself.
    pub fn primary_now(&self) -> Option<usize> {
        let ports: Vec<Option<u16>> = self.trio.sentinels.iter().map(Sentinel::primary_port).collect();
        let redis = &self.trio.redis;
        let named =
            |number: &usize| ports.iter().filter(|port| **port == Some(redis[*number].port)).count() >= 2;
        (0..redis.len()).find(named).filter(|number| redis[*number].role().as_deref() == Some("master"))
    }

    /// The same, waited for.
    pub fn primary(&self) -> Option<usize> {
        let deadline = Instant::now() + PRIMARY_WITHIN;
        loop {
            let primary = self.primary_now();
            if primary.is_some() || Instant::now() > deadline {
                return primary;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// The two that are not the primary.
    pub fn replicas(&self) -> Vec<usize> {
        let primary = self.primary();
        (0..self.trio.redis.len()).filter(|number| Some(*number) != primary).collect()
    }

    /// What is missing until all is whole again.
    pub fn missing(&self) -> Option<String> {
        let Some(primary) = self.primary_now() else { return Some("there is no primary".to_owned()) };
        let others = (0..self.trio.redis.len()).filter(|number| *number != primary);
        for number in others {
            if !self.trio.redis[number].is_good_replica() {
                return Some(format!("Redis {number} is no good replica"));
            }
        }
        if let Some(number) = self.trio.sentinels.iter().position(|sentinel| !sentinel.is_settled()) {
            return Some(format!("sentinel {number} misses somebody"));
        }
        let unready =
            |place: &&Place| get(ops_of(place.address), "/readyz").is_none_or(|(status, _)| status != 200);
        let unready = self.nodes.iter().find(unready)?;
        let said =
            get(ops_of(unready.address), "/readyz").map_or_else(|| "nothing".to_owned(), |(_, body)| body);
        Some(format!("node {} says {said}", unready.address))
    }

    /// Waits until all is whole again; what is missing if it is not in time.
    pub fn settle(&self, within: Duration) -> Result<(), String> {
        let deadline = Instant::now() + within;
        loop {
            let Some(words) = self.missing() else { return Ok(()) };
            if Instant::now() > deadline {
                return Err(words);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// The machine of a node: those of the group come first.
pub fn machine_of_node(number: usize) -> usize {
    REDIS + number
}

/// So many machines: each by itself in a network that can be cut, if a fault needs one, or else all this one.
fn machines(count: usize, options: &Options) -> (Vec<Host>, Result<Net, String>) {
    let here = || vec![Host::here(); count];
    if !options.possible().iter().any(|fault| fault.needs_net()) {
        return (here(), Err("no fault was chosen that needs a network".to_owned()));
    }
    match Net::where_permitted(count) {
        Ok(net) => (net.hosts.clone(), Ok(net)),
        Err(words) => (here(), Err(words)),
    }
}

/// Where programs are found, with those of the group first that need another option than an operator gives them.
fn tools(folder: &Path) -> OsString {
    let tools = folder.join("tools");
    fs::create_dir_all(&tools).expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.exists());
    let server = found.expect("redis-server is installed");
    // So that DEBUG SLEEP is allowed.
    let script = format!("#!/bin/sh\nexec {} \"$@\" --enable-debug-command yes\n", server.display());
    let file = tools.join("redis-server");
    fs::write(&file, script).expect("a file can be written");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a file can be made a program");
    std::env::join_paths(iter::once(tools).chain(std::env::split_paths(&path))).expect("a search path")
}

/// Where a node that serves at an address answers operators: below the ports that others are given.
pub fn ops_of(node: SocketAddr) -> SocketAddr {
    SocketAddr::new(node.ip(), node.port() - 10_000)
}

/// Status and body of a page of a node; nothing if it does not answer.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, HTTP_WITHIN).ok()?;
    stream.set_read_timeout(Some(HTTP_WITHIN)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.trim().to_owned()))
}
