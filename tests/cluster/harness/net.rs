//! Several hosts of a test's own, joined by a switch in this process, which cuts and slows what it is told to. Nothing of
//! it has a name outside but one interface, so that tests run side by side, and all of it ends with the test.

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use super::host::Host;
#[cfg(target_os = "linux")]
use super::namespaces::Made;
use super::switch::{Switch, Wire};

/// Some hosts. This process reaches all of them whatever is cut, and they it.
pub struct Net {
    /// The hosts.
    pub hosts: Vec<Host>,
    /// The first and the last of the addresses that this process has beside its own, to come from somewhere else.
    pub sources: (IpAddr, IpAddr),
    switch: Switch,
}

impl Net {
    /// So many hosts. None, said in words, where this process may not make them.
    pub fn start(hosts: usize) -> Option<Self> {
        Self::where_permitted(hosts).inspect_err(|words| skip(words)).ok()
    }

    /// The same, or why this process may not make them.
    pub fn where_permitted(hosts: usize) -> Result<Self, String> {
        match Self::try_start(hosts) {
            Ok(net) => Ok(net),
            Err(error) if is_not_permitted(&error) => Err(format!(
                "it needs the network namespaces of Linux, /dev/net/tun and the program `ip`: {error}"
            )),
            Err(error) => panic!("no network: {error}"),
        }
    }

    #[cfg(target_os = "linux")]
    fn try_start(hosts: usize) -> io::Result<Self> {
        let Made { hosts, sources, ports } = super::namespaces::make(hosts)?;
        Ok(Self { hosts, sources, switch: Switch::start(ports) })
    }

    #[cfg(not(target_os = "linux"))]
    fn try_start(_: usize) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Loses everything sent between two sets of hosts.
    pub fn cut(&self, some: &[usize], others: &[usize]) {
        self.cut_one_way(some, others);
        self.cut_one_way(others, some);
    }

    /// Loses everything that some hosts send to others, and nothing that comes back.
    pub fn cut_one_way(&self, from: &[usize], to: &[usize]) {
        self.switch.set(from, to, |wire| wire.is_cut = true);
    }

    /// Cuts some hosts from all other hosts.
    pub fn cut_off(&self, some: &[usize]) {
        self.cut(some, &self.all_but(some));
    }

    /// Makes everything sent between two sets of hosts arrive so much later.
    pub fn slow(&self, some: &[usize], others: &[usize], delay: Duration) {
        self.switch.set(some, others, |wire| wire.delay = delay);
        self.switch.set(others, some, |wire| wire.delay = delay);
    }

    /// Mends everything.
    pub fn heal(&self) {
        let all = self.all_but(&[]);
        self.mend(&all, &all);
    }

    /// Mends what lies between two sets of hosts.
    pub fn mend(&self, some: &[usize], others: &[usize]) {
        self.switch.set(some, others, |wire| *wire = Wire::default());
        self.switch.set(others, some, |wire| *wire = Wire::default());
    }

    /// All hosts but some.
    pub fn all_but(&self, some: &[usize]) -> Vec<usize> {
        (0..self.hosts.len()).filter(|host| !some.contains(host)).collect()
    }
}

/// What a machine without the right or the means says; anything else is a fault.
fn is_not_permitted(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, Unsupported};
    matches!(error.kind(), PermissionDenied | NotFound | Unsupported)
}

/// Says that a test is not run: written straight out, since what tests print is kept back when they pass.
fn skip(words: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let words = format!("SKIPPED {test}: {words}\n");
    io::stderr().write_all(words.as_bytes()).expect("stderr can be written to");
}
