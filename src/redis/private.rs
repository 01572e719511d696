//! The private Redis of a node without `REDIS_URL`: a child process that is started again when it dies, ends with its node,
//! and loses nothing.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::folder::{self, BadFolder};
use super::group::Group;
use super::url::RedisUrl;

/// How long the child may take to answer after its start; a large append-only file takes a while.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the child of a node that was killed may take to end.
const OLDER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the child may take to end.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a child that is started again may take to answer: it may have to read a large file, on a machine in trouble.
const RESTART_TIMEOUT: Duration = Duration::from_mins(5);
/// Pause before a child that ended is started again; doubled each time.
const RESTART_FIRST: Duration = Duration::from_millis(100);
const RESTART_PAUSE_MAX: Duration = Duration::from_secs(5);
/// A child that served for so long ended for a new reason: the pauses begin anew.
const LIVED_WELL: Duration = Duration::from_secs(10);
/// A disk with less room than this, in bytes, is called full.
const LITTLE_ROOM: u64 = 1024 * 1024;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The longest path of a unix socket, in bytes.
const SOCKET_PATH_MAX: usize = 100;
const SETTINGS: &str = include_str!("../../redis/redis.conf");

#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error(
        "redis-server is not installed. Install it (Debian, Ubuntu: `apt-get install redis-server`; Fedora: \
         `dnf install redis`; macOS: `brew install redis`), or set REDIS_URL to a Redis that runs already"
    )]
    Missing,
    #[error("another node is using {0}: choose another folder with --data, or stop that node")]
    InUse(PathBuf),
    #[error("{0} is too long a path for a unix socket: choose a shorter folder with --data")]
    TooLong(PathBuf),
    #[error("the private Redis did not start: {0}; its log is redis.log in the data folder")]
    Failed(String),
    #[error("the data folder {path}: {error}")]
    Folder { path: PathBuf, error: BadFolder },
}

/// A running private Redis, which is started again whenever it ends before it is told to.
pub struct PrivateRedis {
    url: RedisUrl,
    state: watch::Receiver<ChildState>,
    stop: watch::Sender<bool>,
    keeper: JoinHandle<()>,
    /// Held as long as this node uses the folder.
    _folder: File,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChildState {
    /// It took a write after its last start.
    Serving,
    /// It ended, for this reason, and is being started again.
    Restarting(String),
}

impl PrivateRedis {
    /// Starts Redis over a folder, which is made if it is not there, and waits until it answers.
    pub async fn start(data: &Path) -> Result<Self, ChildError> {
        let bad_folder = |error| ChildError::Folder { path: data.to_owned(), error };
        let folder_error = |error| bad_folder(BadFolder::Io(error));
        let data = folder::make_private(data).map_err(bad_folder)?;
        let home = Home { socket: data.join("redis.sock"), data };
        if home.socket.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(ChildError::TooLong(home.socket));
        }
        let folder = lock_file(&home.data.join("node.lock")).map_err(folder_error)?;
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ChildError::InUse(home.data)),
            Err(TryLockError::Error(error)) => return Err(folder_error(error)),
        }
        home.write_settings().map_err(folder_error)?;
        let (stop, stopped) = watch::channel(false);
        let child = home.start_child(START_TIMEOUT, &stopped).await?;
        let (tell, state) = watch::channel(ChildState::Serving);
        let url = home.url();
        let keeper = tokio::spawn(keep(home, child, tell, stopped));
        Ok(Self { url, state, stop, keeper, _folder: folder })
    }

    pub fn url(&self) -> &RedisUrl {
        &self.url
    }

    /// How it is, and whenever that changes.
    pub fn state(&self) -> watch::Receiver<ChildState> {
        self.state.clone()
    }

    /// Ends the child in order: it writes everything down first.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // An error means that the keeper broke down; the child ends with this process then.
        let _ = self.keeper.await;
    }
}

/// Has one child after the other over the same folder, until it is to stop.
async fn keep(home: Home, first: Child, tell: watch::Sender<ChildState>, mut stop: watch::Receiver<bool>) {
    let mut child = first;
    let mut pause = RESTART_FIRST;
    loop {
        let serving_since = Instant::now();
        tokio::select! {
            () = told(&mut stop) => return child.stop().await,
            () = child.ended() => {}
        }
        if serving_since.elapsed() > LIVED_WELL {
            pause = RESTART_FIRST;
        }
        let mut why = home.why(&child.how().unwrap_or_default());
        child = loop {
            tracing::error!(%why, pause_ms = pause.as_millis(), "the private Redis ended; it is started again");
            tell.send_replace(ChildState::Restarting(why));
            tokio::select! {
                () = told(&mut stop) => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(RESTART_PAUSE_MAX);
            match home.start_child(RESTART_TIMEOUT, &stop).await {
                Ok(child) => break child,
                Err(error) => why = error.to_string(),
            }
        };
        tracing::warn!("the private Redis serves again");
        tell.send_replace(ChildState::Serving);
    }
}

/// Ends when the node is to stop.
async fn told(stop: &mut watch::Receiver<bool>) {
    // An error means that whoever could say so is gone.
    let _ = stop.wait_for(|stop| *stop).await;
}

struct Child {
    pid: Pid,
    ended: watch::Receiver<Option<Ended>>,
}

/// How a child ended, in words.
type Ended = String;

impl Child {
    fn how(&self) -> Option<Ended> {
        self.ended.borrow().clone()
    }

    async fn ended(&self) {
        let mut ended = self.ended.clone();
        // An error means that the waiting thread is gone, and so is the child.
        let _ = ended.wait_for(Option::is_some).await;
    }

    async fn stop(self) {
        // One that is gone already needs no signal.
        let _ = kill(self.pid, Signal::SIGTERM);
        if timeout(STOP_TIMEOUT, self.ended()).await.is_err() {
            tracing::warn!("the private Redis does not end; it is killed");
            let _ = kill(self.pid, Signal::SIGKILL);
            let _ = timeout(STOP_TIMEOUT, self.ended()).await;
        }
    }
}

/// The folder of the private Redis.
struct Home {
    data: PathBuf,
    socket: PathBuf,
}

impl Home {
    fn url(&self) -> RedisUrl {
        RedisUrl::unix(&self.socket)
    }

    /// Spawns a child, and waits until it takes a write: one whose disk is full answers, and ends at the first write.
    /// Nothing that was spawned is left behind when it fails, or is given up because the node is to stop.
    async fn start_child(&self, within: Duration, stop: &watch::Receiver<bool>) -> Result<Child, ChildError> {
        let error = |error| ChildError::Folder { path: self.data.clone(), error: BadFolder::Io(error) };
        let older = lock_file(&self.data.join("redis.lock")).map_err(error)?;
        wait_for_older(&older, &self.data).await?;
        let child = spawn(&self.data, older).await?;
        match self.wait_until_serving(&child, within, stop).await {
            Ok(()) => Ok(child),
            Err(error) => {
                child.stop().await;
                Err(error)
            }
        }
    }

    async fn wait_until_serving(
        &self,
        child: &Child,
        within: Duration,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), ChildError> {
        let group = Group::open(self.url()).map_err(|error| ChildError::Failed(error.to_string()))?;
        let deadline = Instant::now() + within;
        loop {
            if let Some(how) = child.how() {
                return Err(ChildError::Failed(self.why(&how)));
            }
            match group.write_nothing().await {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => {
                    return Err(ChildError::Failed(error.to_string()));
                }
                Err(_) if *stop.borrow() => return Err(ChildError::Failed("the node is to end".to_owned())),
                Err(_) => sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Why a child ended, as far as that can be told.
    fn why(&self, how: &str) -> String {
        let disk = nix::sys::statvfs::statvfs(&self.data);
        #[allow(clippy::useless_conversion, reason = "a count of blocks is narrower on some systems")]
        let room = disk.map(|disk| u64::from(disk.blocks_available()).saturating_mul(disk.fragment_size()));
        if room.is_ok_and(|bytes| bytes < LITTLE_ROOM) {
            return format!("the disk of {} is full ({how})", self.data.display());
        }
        how.to_owned()
    }

    /// Writes the settings down, in one step: with a full disk the older ones stay whole.
    fn write_settings(&self) -> std::io::Result<()> {
        let (file, new) = (self.data.join("redis.conf"), self.data.join("redis.conf.new"));
        let (data, socket) = (quoted(&self.data), quoted(&self.socket));
        let settings = format!("{SETTINGS}\ndir {data}\nunixsocket {socket}\n");
        if std::fs::read_to_string(&file).is_ok_and(|before| before == settings) {
            return Ok(());
        }
        let mut written = private_file().truncate(true).open(&new)?;
        written.write_all(settings.as_bytes())?;
        std::fs::rename(new, file)
    }
}

fn lock_file(path: &Path) -> std::io::Result<File> {
    private_file().read(true).truncate(false).open(path)
}

/// For a file that nobody else may read, whatever the umask.
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

/// A path as Redis reads it in its settings, whatever bytes it is made of.
fn quoted(path: &Path) -> String {
    let bytes = path.as_os_str().as_bytes().iter();
    let text: String = bytes
        .map(|byte| match byte {
            b'"' | b'\\' => format!("\\{}", char::from(*byte)),
            b' '..=b'~' => char::from(*byte).to_string(),
            other => format!("\\x{other:02x}"),
        })
        .collect();
    format!("\"{text}\"")
}

/// The child of a node that was killed may still be writing: it holds this lock until it has ended.
async fn wait_for_older(lock: &File, data: &Path) -> Result<(), ChildError> {
    let deadline = Instant::now() + OLDER_TIMEOUT;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOOK_EVERY).await,
            Err(TryLockError::WouldBlock) => return Err(ChildError::InUse(data.to_owned())),
            Err(TryLockError::Error(error)) => {
                return Err(ChildError::Folder { path: data.to_owned(), error: BadFolder::Io(error) });
            }
        }
    }
}

/// A path as it is given to Redis, which takes one with `*`, `?` or `[` for a pattern of several files.
fn no_pattern(path: &Path) -> OsString {
    let bytes = path.as_os_str().as_bytes();
    if !bytes.iter().any(|byte| b"*?[".contains(byte)) {
        return path.into();
    }
    let escaped = bytes.iter().flat_map(|byte| {
        let escape = b"*?[\\".contains(byte).then_some(b'\\');
        escape.into_iter().chain([*byte])
    });
    OsString::from_vec(escaped.collect())
}

/// Spawns the child from a thread of its own that waits for its end: the kernel's signal at a parent's death goes by
/// the thread that spawned, and this one lives as long as the node.
async fn spawn(data: &Path, lock: File) -> Result<Child, ChildError> {
    let mut command = Command::new("redis-server");
    // The lock is the child's standard input, so that it is held exactly as long as the child lives.
    command
        .arg(no_pattern(&data.join("redis.conf")))
        .stdin(Stdio::from(lock))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // Its own process group: a Ctrl-C at the terminal is for the node, which ends the child in order.
    command.process_group(0);
    end_with_parent(&mut command);
    let (started, wait) = oneshot::channel();
    let (ended_sender, ended) = watch::channel(None);
    std::thread::spawn(move || match command.spawn() {
        Ok(mut child) => {
            // Whoever started has gone if nobody listens; the child then ends with the process.
            let _ = started.send(Ok(child.id()));
            let how = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
            ended_sender.send_replace(Some(how));
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    });
    match wait.await {
        Ok(Ok(id)) => {
            let id = i32::try_from(id).map_err(|_| ChildError::Failed("a strange process id".to_owned()))?;
            Ok(Child { pid: Pid::from_raw(id), ended })
        }
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => Err(ChildError::Missing),
        Ok(Err(error)) => Err(ChildError::Failed(error.to_string())),
        Err(_) => Err(ChildError::Failed("the thread that spawns it ended".to_owned())),
    }
}

/// Has the kernel end the child when its parent dies, however it dies.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "pre_exec is the only place to set the death signal; it calls prctl and getppid only"
)]
fn end_with_parent(command: &mut Command) {
    let parent = std::process::id();
    // SAFETY: between fork and exec only async-signal-safe system calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGTERM)?;
            // The parent may have died before the signal was set.
            if u32::try_from(nix::unistd::getppid().as_raw()) != Ok(parent) {
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            Ok(())
        });
    }
}

/// Elsewhere the child outlives a killed node until the next start, which waits for it in words.
#[cfg(not(target_os = "linux"))]
fn end_with_parent(_: &mut Command) {}
