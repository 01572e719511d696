//! The load balancer in front of nodes, started by the script that operators use.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;

use tempfile::TempDir;

use super::process::{Process, free_port, until};
use super::redis::repository;

/// A running balancer.
pub struct Balancer {
    /// Where people connect.
    pub address: SocketAddr,
    _process: Process,
    /// Removed last.
    _folder: TempDir,
}

impl Balancer {
    /// Starts one in front of some nodes.
    pub fn start(nodes: &[SocketAddr]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut command = Command::new(repository("deploy/balancer.sh"));
        command.arg(address.to_string()).args(nodes.iter().map(ToString::to_string));
        command.env("HAPROXY_DIR", folder.path());
        let process = Process::start(command, &folder.path().join("haproxy.log"));
        until("the balancer accepts", || TcpStream::connect(address).is_ok());
        Self { address, _process: process, _folder: folder }
    }
}
