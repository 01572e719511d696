//! A real Redis on a free port, alone or as one of a group started by the script that operators use.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::Signal;
use redis::{FromRedisValue, Value};

use super::host::Host;
use super::process::{Process, free_port, until};

/// How long one question may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Asks a Redis or a sentinel on this machine one thing; nothing if it does not answer.
pub fn ask<T: FromRedisValue>(port: u16, words: &[&str]) -> Option<T> {
    ask_at(local(port), words)
}

/// Asks a Redis or a sentinel anywhere.
pub fn ask_at<T: FromRedisValue>(at: SocketAddr, words: &[&str]) -> Option<T> {
    let mut connection = connect(at)?;
    let (name, arguments) = words.split_first().expect("a command");
    redis::cmd(name).arg(arguments).query(&mut connection).ok()
}

/// A port on this machine.
pub fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The authority of whoever speaks TLS, by address.
static AUTHORITIES: Mutex<BTreeMap<SocketAddr, PathBuf>> = Mutex::new(BTreeMap::new());

/// From now on whoever is at a port of a host is asked over TLS, if that is what it speaks there.
pub fn ask_as_on(host: &Host, port: u16) {
    if let Some(file) = host.authority() {
        AUTHORITIES.lock().expect("whole").insert(host.at(port), file);
    }
}

fn client(at: SocketAddr) -> redis::Client {
    let Some(file) = AUTHORITIES.lock().expect("whole").get(&at).cloned() else {
        return redis::Client::open((at.ip().to_string(), at.port())).expect("an address");
    };
    let authority = std::fs::read(file).expect("a file");
    let certificates = redis::TlsCertificates { client_tls: None, root_cert: Some(authority) };
    redis::Client::build_with_tls(format!("rediss://{at}"), certificates).expect("an address")
}

fn connect(at: SocketAddr) -> Option<redis::Connection> {
    let client = client(at);
    let connection = client.get_connection_with_timeout(ANSWER_WITHIN).ok()?;
    connection.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
    Some(connection)
}

/// A running Redis.
pub struct Redis {
    /// Where it listens.
    pub port: u16,
    /// The whole address.
    pub address: SocketAddr,
    folder: PathBuf,
    sentinels: String,
    host: Host,
    process: Process,
}

impl Redis {
    /// A Redis without replicas that keeps nothing on the disk.
    pub fn alone(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    /// The same with more settings, as on its command line.
    pub fn with(folder: &Path, settings: &[&str]) -> Self {
        let redis = Self::loading(folder, settings);
        until_it_answers(redis.port);
        redis
    }

    /// The same, which may not answer for a while, since it has a file to read.
    pub fn loading(folder: &Path, settings: &[&str]) -> Self {
        let port = free_port();
        let process = start_alone(folder, port, settings);
        Self::of(Host::here(), port, folder, "", process)
    }

    /// Starts one without replicas again after it was killed, with nothing in it.
    pub fn start_empty(&mut self) {
        self.process = start_alone(&self.folder, self.port, &[]);
        until_it_answers(self.port);
    }

    /// One of a group, on a host; it asks the sentinels what it is to be.
    pub fn on(host: &Host, folder: &Path, port: u16, sentinels: &str) -> Self {
        let process = Process::start(script(host, folder, port, sentinels), &log(folder));
        ask_as_on(host, port);
        Self::of(host.clone(), port, folder, sentinels, process)
    }

    fn of(host: Host, port: u16, folder: &Path, sentinels: &str, process: Process) -> Self {
        let (address, folder, sentinels) = (host.at(port), folder.to_owned(), sentinels.to_owned());
        Self { port, address, folder, sentinels, host, process }
    }

    /// Asks it one thing; nothing if it does not answer.
    pub fn ask<T: FromRedisValue>(&self, words: &[&str]) -> Option<T> {
        ask_at(self.address, words)
    }

    /// Where it keeps its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again after it was killed; one that runs goes on.
    pub fn start_again(&mut self) {
        if self.process.is_there() {
            return;
        }
        let command = script(&self.host, &self.folder, self.port, &self.sentinels);
        self.process = Process::start(command, &log(&self.folder));
    }

    /// Takes away all that it has written down, as a new disk would, while it does not run.
    pub fn empty(&self) {
        std::fs::remove_dir_all(self.folder.join("appendonlydir")).expect("its files");
    }

    /// Writes nonsense into the middle of what it has written down since it last began a file, while it does not run.
    pub fn damage(&self) {
        // What follows is no longer where its length says.
        self.insert(b"nonsense", |bytes| bytes.len() / 2);
    }

    /// Leaves zeros between two commands there, as Redis does when its disk was full.
    pub fn leave_hole(&self) {
        const BETWEEN: &[u8] = b"\r\n*";
        self.insert(&[0; 109], |bytes| {
            let middle = bytes.len() / 2;
            let found = bytes[middle..].windows(BETWEEN.len()).position(|window| window == BETWEEN);
            middle + found.expect("two commands") + 2
        });
    }

    fn insert(&self, what: &[u8], place: impl Fn(&[u8]) -> usize) {
        let files = std::fs::read_dir(self.folder.join("appendonlydir")).expect("its files");
        let mut paths = files.map(|file| file.expect("a file").path());
        let path =
            paths.find(|path| path.to_string_lossy().ends_with(".incr.aof")).expect("what it wrote last");
        let mut bytes = std::fs::read(&path).expect("its bytes");
        let at = place(&bytes);
        bytes.splice(at..at, what.iter().copied());
        std::fs::write(&path, bytes).expect("a file");
    }

    /// The settings it was last started with.
    pub fn written(&self) -> String {
        std::fs::read_to_string(self.folder.join("redis.conf")).expect("its file")
    }

    /// Stops it in the middle of whatever it does.
    pub fn freeze(&self) {
        self.process.signal(Signal::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.process.signal(Signal::SIGCONT);
    }

    /// Asks several things at once.
    pub fn ask_all<T: FromRedisValue>(&self, questions: &redis::Pipeline) -> Option<T> {
        questions.query(&mut connect(self.address)?).ok()
    }

    /// `master` or `slave`, if it answers.
    pub fn role(&self) -> Option<String> {
        let role: Vec<Value> = self.ask(&["ROLE"])?;
        redis::from_redis_value(role.into_iter().next()?).ok()
    }

    /// One field of `INFO replication`.
    pub fn replication(&self, field: &str) -> Option<String> {
        let info: String = self.ask(&["INFO", "replication"])?;
        info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':').map(str::to_owned))
    }

    /// Whether it follows another, has caught up, and may be promoted.
    pub fn is_good_replica(&self) -> bool {
        self.replication("master_link_status").as_deref() == Some("up")
            && self.replication("slave_priority").as_deref() == Some("100")
    }
}

fn start_alone(folder: &Path, port: u16, settings: &[&str]) -> Process {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]).arg(folder);
    command.args(settings);
    std::fs::create_dir_all(folder).expect("a folder");
    Process::start(command, &log(folder))
}

fn until_it_answers(port: u16) {
    until("Redis answers", || ask::<String>(port, &["PING"]).is_some());
}

fn script(host: &Host, folder: &Path, port: u16, sentinels: &str) -> Command {
    let mut command = Command::new(repository("redis/start-redis.sh"));
    host.run(&mut command);
    command.arg(folder).args([&host.address.to_string(), &port.to_string(), sentinels]);
    std::fs::create_dir_all(folder).expect("a folder");
    command
}

fn log(folder: &Path) -> PathBuf {
    folder.join("redis.log")
}
