//! A host of a test's own: a network namespace, in which processes are started as on another machine.

use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::Arc;

/// A host: what is started on it sees one interface and nothing else.
#[derive(Clone)]
pub struct Host {
    /// Its address.
    pub address: IpAddr,
    /// Its namespace, which lasts as long as it is open here or a process is in it.
    pub namespace: Arc<File>,
}

impl Host {
    /// A port there.
    pub fn at(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address, port)
    }

    /// Has a command run on this host.
    #[cfg(target_os = "linux")]
    #[expect(
        unsafe_code,
        reason = "pre_exec is the only place to enter a namespace before the command begins"
    )]
    pub fn run(&self, command: &mut Command) {
        use nix::sched::{CloneFlags, setns};
        use std::os::unix::process::CommandExt;
        let namespace = Arc::clone(&self.namespace);
        // SAFETY: between fork and exec only one async-signal-safe system call is made, and nothing is allocated.
        unsafe {
            command.pre_exec(move || Ok(setns(namespace.as_ref(), CloneFlags::CLONE_NEWNET)?));
        }
    }

    /// There are no hosts elsewhere.
    #[cfg(not(target_os = "linux"))]
    pub fn run(&self, _: &mut Command) {}
}
