//! A real node: the built binary on a free port with a data folder of its own, gone when dropped.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use super::host::Host;

/// How long a node may take to be ready.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long a node may take to end.
const END_WITHIN: Duration = Duration::from_secs(30);

/// Until a node says where it serves.
pub const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The origin of nodes that others than this machine could connect to.
pub const ORIGIN: &str = "http://nineflags.test";

/// What pages of a node's site send as their Origin.
pub fn origin_of(node: SocketAddr) -> String {
    if node.ip().is_loopback() { format!("http://{node}") } else { ORIGIN.to_owned() }
}

/// Limits by source far above what a test needs, since all of its browsers are on one machine.
pub const RAISED: &str = "http_per_source_second=1000000 requests_per_source_second=1000000 \
                      reads_per_source_second=1000000 replays_per_source_minute=1000000 replays_per_source=1000 \
                      connections_per_source=4096 websockets_opened_per_source_minute=1000000 \
                      websockets_opened_per_account_minute=1000000 websockets_per_source=100000 \
                      logins_per_source_minute=1000000 \
                      passwords_per_name_and_network_hour=1000000 guests_per_source_hour=1000000 \
                      signups_per_source_hour=1000000 games_started_per_source_hour=1000000 \
                      games_started_per_account_hour=1000000 blocks_per_account_minute=1000000 \
                      bytes_per_source_second=1000000000 letters_per_receiver_and_network_minute=1000000 \
                      invites_per_receiver_and_network=1000";

/// A running node.
pub struct Node {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Node {
    /// Starts a node over a data folder, with more environment variables.
    pub fn start(data: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_at(ANY, data, variables)
    }

    /// Starts a node at an address, as after the death of the one that was there.
    pub fn start_at(listen: SocketAddr, data: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_program(Path::new(env!("CARGO_BIN_EXE_nineflags")), listen, data, variables)
    }

    /// Starts a node from any binary.
    pub fn start_program(
        program: &Path,
        listen: SocketAddr,
        data: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        Self::run(serve(program, listen, data, variables), listen)
    }

    /// Starts a node on a host, and waits until it is ready; what it says goes to a file.
    pub fn on(host: &Host, port: u16, data: &Path, log: &Path, variables: &[(&str, &str)]) -> Self {
        let (mut node, lines) = Self::begin(host, port, data, log, variables);
        node.until_ready(&lines);
        node
    }

    /// Starts a node on a host, and does not wait.
    pub fn at_once(host: &Host, port: u16, data: &Path, log: &Path, variables: &[(&str, &str)]) -> Self {
        Self::begin(host, port, data, log, variables).0
    }

    fn begin(
        host: &Host,
        port: u16,
        data: &Path,
        log: &Path,
        variables: &[(&str, &str)],
    ) -> (Self, Receiver<String>) {
        let mut command = serve(Path::new(env!("CARGO_BIN_EXE_nineflags")), host.at(port), data, variables);
        let log = File::options().create(true).append(true).open(log).expect("a log file");
        command.stderr(log);
        host.run(&mut command);
        Self::spawn(command, host.at(port))
    }

    fn run(command: Command, listen: SocketAddr) -> Self {
        let (mut node, lines) = Self::spawn(command, listen);
        node.until_ready(&lines);
        node
    }

    /// Starts a command, and gives what it prints.
    fn spawn(mut command: Command, listen: SocketAddr) -> (Self, Receiver<String>) {
        let is_set = command.get_envs().any(|(name, _)| name == "NINEFLAGS_LOG");
        if !is_set && std::env::var_os("NINEFLAGS_LOG").is_none() {
            command.env("NINEFLAGS_LOG", "warn");
        }
        command.stdout(Stdio::piped());
        // Held from the start, so that the process is gone whatever fails from here on.
        let mut node = Self { child: command.spawn().expect("the binary starts"), address: listen };
        let stdout = node.child.stdout.take().expect("stdout is piped");
        let (line_out, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // Nobody listens where it is not waited for.
                let _ = line_out.send(line);
            }
        });
        (node, lines)
    }

    /// Waits until it says where it serves.
    fn until_ready(&mut self, lines: &Receiver<String>) {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = lines.recv_timeout(left).expect("the node says where it serves, in time");
            if let Some(address) = line.split("http://").nth(1) {
                self.address = address.trim().trim_end_matches('/').parse().expect("an address");
                return;
            }
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the node to end, and waits until it has.
    pub fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Kills the node as a power cut would.
    pub fn kill(mut self) -> ExitStatus {
        self.signal("KILL");
        self.wait()
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    /// Whether it runs, or at least has not ended.
    pub fn is_there(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Waits until the node has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + END_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the node does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(program: &Path, listen: SocketAddr, data: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command.arg("serve").arg("--listen").arg(listen.to_string()).arg("--data").arg(data);
    command.env("NINEFLAGS_LIMITS", RAISED);
    if !listen.ip().is_loopback() {
        command.env("NINEFLAGS_ORIGIN", ORIGIN);
    }
    command.envs(variables.iter().copied());
    command
}
