//! Makes the hosts of a test: a namespace for each, with one interface whose other end is the switch.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, unshare};

use super::host::Host;
use super::switch::Port;
use super::tap;

/// The last number of the address by which this process is reached.
const OUTSIDE: u8 = 254;
/// The last numbers of more addresses that this process may come from, as if there were many people.
const SOURCES: std::ops::RangeInclusive<u8> = 201..=221;
/// Networks of 254 addresses in the range that is kept for tests of networks.
const NETWORKS: u32 = 512;

/// What was made.
pub struct Made {
    /// The hosts.
    pub hosts: Vec<Host>,
    /// The first and the last of this process' other addresses.
    pub sources: (IpAddr, IpAddr),
    /// The switch's ends: those of the hosts in the same order, and this process' own after them.
    pub ports: Vec<Port>,
}

/// Makes so many hosts.
pub fn make(hosts: usize) -> io::Result<Made> {
    let (network, outside) = free_network()?;
    let numbers: Vec<u8> = (1..=u8::try_from(hosts).expect("a few hosts")).chain([OUTSIDE]).collect();
    ip(&orders(network, OUTSIDE, &interface_of(network), &numbers))?;
    let (mut made, mut ports) = (Vec::new(), Vec::new());
    for number in numbers.iter().copied().filter(|number| *number != OUTSIDE) {
        let orders = orders(network, number, "eth0", &numbers);
        let inside = std::thread::spawn(move || namespace(&orders)).join().expect("a host is made");
        let (namespace, tap) = inside?;
        made.push(Host::of(address_in(network, number).into(), namespace));
        ports.push(Port { number, tap });
    }
    ports.push(Port { number: OUTSIDE, tap: outside });
    let sources = (address_in(network, *SOURCES.start()).into(), address_in(network, *SOURCES.end()).into());
    Ok(Made { hosts: made, sources, ports })
}

/// A network that nobody on this machine uses, and this process' own way into it.
fn free_network() -> io::Result<(u32, File)> {
    let begin = std::process::id().wrapping_mul(31) % NETWORKS;
    for network in (begin..NETWORKS).chain(0..begin) {
        match tap::open(&interface_of(network)) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
            opened => return Ok((network, opened?)),
        }
    }
    Err(io::Error::other("every network is in use"))
}

fn interface_of(network: u32) -> String {
    format!("nineflags-{network}")
}

fn address_in(network: u32, number: u8) -> Ipv4Addr {
    let [.., high, low] = network.to_be_bytes();
    Ipv4Addr::new(198, 18 + high, low, number)
}

/// A new namespace, made by the thread that calls this and lost with it, and the switch's end of its interface.
fn namespace(orders: &str) -> io::Result<(File, File)> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let namespace = File::open("/proc/thread-self/ns/net")?;
    let tap = tap::open("eth0")?;
    ip(orders)?;
    Ok((namespace, tap))
}

/// How an interface is set up. Everybody's hardware address is known from the start: whom a cut hides is just silent,
/// as behind a router, and no "host unreachable" tells of it.
fn orders(network: u32, number: u8, interface: &str, numbers: &[u8]) -> String {
    let mut orders = format!(
        "link set lo up\nlink set {interface} address {} addrgenmode none\naddr add {}/24 dev {interface}\n\
         link set {interface} up\n",
        hardware(number),
        address_in(network, number)
    );
    let mut order = |words: String| orders.extend([words.as_str(), "\n"]);
    let mut known = |address: Ipv4Addr, number: u8| {
        let hardware = hardware(number);
        order(format!("neigh add {address} lladdr {hardware} dev {interface} nud permanent"));
    };
    for other in numbers.iter().filter(|other| **other != number) {
        known(address_in(network, *other), *other);
    }
    let sources = SOURCES.map(|source| address_in(network, source));
    if number == OUTSIDE {
        sources.for_each(|source| order(format!("addr add {source}/24 dev {interface}")));
    } else {
        sources.for_each(|source| known(source, OUTSIDE));
    }
    orders
}

/// The switch reads the number in it.
fn hardware(number: u8) -> String {
    format!("02:00:00:00:00:{number:02x}")
}

fn ip(orders: &str) -> io::Result<()> {
    let mut command = Command::new("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().expect("stdin is piped").write_all(orders.as_bytes())?;
    let output = child.wait_with_output()?;
    let words = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(io::Error::other(format!("ip: {words}"))) }
}
