//! A process of a test: in a group of its own, logging to a file, gone when dropped and when the test is killed.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How long anything in a cluster may take: far more than it should, so that only what never happens fails.
pub const WITHIN: Duration = Duration::from_mins(2);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running process and its children.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command; what it says goes to a file.
    pub fn start(mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("a log file");
        command.stdin(Stdio::null()).stdout(file.try_clone().expect("a file can be shared")).stderr(file);
        command.process_group(0);
        end_with_test(&mut command);
        Self { child: command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")) }
    }

    /// Sends a signal to it and its children.
    pub fn signal(&self, signal: Signal) {
        // Already gone is fine.
        let _ = killpg(self.pid(), signal);
    }

    /// Whether it runs, or at least has not ended.
    pub fn is_there(&mut self) -> bool {
        self.child.try_wait().expect("a child can be waited for").is_none()
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        let _ = self.child.wait();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Has the kernel kill it when the test is killed.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "pre_exec is the only place to set the death signal; it calls prctl only")]
fn end_with_test(command: &mut Command) {
    // SAFETY: between fork and exec only an async-signal-safe system call is made, and nothing is allocated.
    unsafe {
        command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?));
    }
}

#[cfg(not(target_os = "linux"))]
fn end_with_test(_: &mut Command) {}

/// A port that nobody listens on, below those that the system gives to outgoing connections.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let begin = u16::try_from(std::process::id() * 31 % 12_000).expect("small");
    for _ in 0..12_000 {
        let port = 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// Waits until something is so.
pub fn until(what: &str, mut test: impl FnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !test() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}
