//! A real sentinel on a given port, started by the script that operators use.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use super::host::Host;
use super::process::Process;
use super::redis::{ask_as_on, ask_at, local, repository};

/// The name of the primary.
pub const NAME: &str = "nineflags";
/// How many of three must agree that the primary is down.
pub const QUORUM: usize = 2;

/// A running sentinel.
pub struct Sentinel {
    /// Where it listens.
    pub port: u16,
    /// The whole address.
    pub address: SocketAddr,
    host: Host,
    log: PathBuf,
    process: Process,
}

impl Sentinel {
    /// Starts one on this machine that begins with a primary.
    pub fn start(folder: &Path, port: u16, first_primary: u16) -> Self {
        Self::on(&Host::here(), folder, port, local(first_primary), QUORUM)
    }

    /// Starts one on a host; so many must agree that the primary is down.
    pub fn on(host: &Host, folder: &Path, port: u16, first_primary: SocketAddr, quorum: usize) -> Self {
        let host = host.clone().with("QUORUM", quorum.to_string());
        let log = folder.join("sentinel.log");
        let process = Process::start(script(&host, folder, port, first_primary), &log);
        ask_as_on(&host, port);
        Self { port, address: host.at(port), host, log, process }
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after it was killed: what it knew is in its folder. One that runs goes on.
    pub fn start_again(&mut self) {
        if self.process.is_there() {
            return;
        }
        let folder = self.log.parent().expect("a folder");
        self.process = Process::start(script(&self.host, folder, self.port, local(0)), &self.log);
    }

    /// Has it look every second at who follows whom, instead of every ten, so that tests begin sooner.
    pub fn look_often(&self) -> bool {
        ask_at::<String>(self.address, &["SENTINEL", "DEBUG", "info-period", "1000"]).is_some()
    }

    /// Asks it something that it only has to agree to.
    pub fn ask(&self, words: &[&str]) -> bool {
        ask_at::<String>(self.address, words).is_some()
    }

    /// Stops it in the middle of whatever it does.
    pub fn freeze(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Whether it is blind: it stood still, or its clock has jumped, and it decides nothing for 30 s.
    pub fn is_blind(&self) -> bool {
        let info = ask_at::<String>(self.address, &["INFO", "sentinel"]);
        info.is_some_and(|info| info.contains("sentinel_tilt:1"))
    }

    /// How often it has said these words in its log.
    pub fn says(&self, words: &str) -> usize {
        std::fs::read_to_string(&self.log).map_or(0, |log| log.matches(words).count())
    }

    /// The settings it has written down.
    pub fn written(&self) -> String {
        std::fs::read_to_string(self.log.with_file_name("sentinel.conf")).expect("its file")
    }

    /// One field of what it knows of each replica.
    pub fn replicas(&self, field: &str) -> Vec<String> {
        let replicas: Option<Vec<HashMap<String, String>>> =
            ask_at(self.address, &["SENTINEL", "REPLICAS", NAME]);
        replicas.unwrap_or_default().iter().filter_map(|fields| fields.get(field).cloned()).collect()
    }

    /// One field of what it knows of the primary.
    pub fn primary(&self, field: &str) -> Option<String> {
        let fields: HashMap<String, String> = ask_at(self.address, &["SENTINEL", "MASTER", NAME])?;
        fields.get(field).cloned()
    }

    /// Where it says the primary is.
    pub fn primary_port(&self) -> Option<u16> {
        self.primary("port")?.parse().ok()
    }

    /// The address where it says the primary is.
    pub fn primary_address(&self) -> Option<SocketAddr> {
        format!("{}:{}", self.primary("ip")?, self.primary("port")?).parse().ok()
    }

    /// Whether it knows both other sentinels and both replicas, and nobody is down.
    pub fn is_settled(&self) -> bool {
        self.knows(2, 2)
    }

    /// The same, and it has a connection to both replicas and would promote either.
    pub fn could_fail_over(&self) -> bool {
        let all_are = |field: &str, value: &str| self.replicas(field) == [value, value];
        let good = [("flags", "slave"), ("slave-priority", "100"), ("master-link-status", "ok")];
        self.is_settled() && good.into_iter().all(|(field, value)| all_are(field, value))
    }

    /// Whether it knows so many other sentinels and so many replicas, and the primary is not down.
    pub fn knows(&self, sentinels: usize, replicas: usize) -> bool {
        let is = |field: &str, value: &str| self.primary(field).as_deref() == Some(value);
        is("num-other-sentinels", &sentinels.to_string())
            && is("num-slaves", &replicas.to_string())
            && is("flags", "master")
    }

    /// Orders a failover although nothing is wrong.
    pub fn fail_over(&self) -> bool {
        ask_at::<String>(self.address, &["SENTINEL", "FAILOVER", NAME]).is_some()
    }
}

fn script(host: &Host, folder: &Path, port: u16, first_primary: SocketAddr) -> Command {
    let mut command = Command::new(repository("redis/start-sentinel.sh"));
    host.run(&mut command);
    command.arg(folder).args([host.address.to_string(), port.to_string(), first_primary.to_string()]);
    std::fs::create_dir_all(folder).expect("a folder");
    command
}
