//! A machine that processes of a test run on: this one, or one of the test's own, which is a network namespace.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

/// A machine. What is started on one of a test's own sees one interface and nothing else.
#[derive(Clone)]
pub struct Host {
    /// Its address.
    pub address: IpAddr,
    /// Its namespace, which lasts as long as it is open here or a process is in it; none is this machine's.
    namespace: Option<Arc<File>>,
    /// Environment variables of everything that is started on it.
    variables: Vec<(OsString, OsString)>,
}

impl Host {
    /// This machine.
    pub fn here() -> Self {
        Self { address: Ipv4Addr::LOCALHOST.into(), namespace: None, variables: Vec::new() }
    }

    /// A machine of the test's own.
    pub fn of(address: IpAddr, namespace: File) -> Self {
        Self { address, namespace: Some(Arc::new(namespace)), variables: Vec::new() }
    }

    /// The same machine with one more environment variable.
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// The authority of everything on it that speaks TLS, if it does.
    pub fn authority(&self) -> Option<PathBuf> {
        let named = self.variables.iter().find(|(name, _)| name == "REDIS_TLS_CA");
        named.map(|(_, file)| PathBuf::from(file))
    }

    /// A port there.
    pub fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// Has a command run on this machine.
    pub fn run(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(namespace) = &self.namespace {
            enter(command, Arc::clone(namespace));
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "pre_exec is the only place to enter a namespace before the command begins")]
fn enter(command: &mut Command, namespace: Arc<File>) {
    use nix::sched::{CloneFlags, setns};
    use std::os::unix::process::CommandExt;
    // SAFETY: between fork and exec only one async-signal-safe system call is made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || Ok(setns(namespace.as_ref(), CloneFlags::CLONE_NEWNET)?));
    }
}

/// There are no namespaces elsewhere.
#[cfg(not(target_os = "linux"))]
fn enter(_: &mut Command, _: Arc<File>) {}
