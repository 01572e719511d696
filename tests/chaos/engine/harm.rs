//! How each fault is done, and undone.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nineflags_tools::load::choice::Dice;

use super::cut;
use super::disk::Disks;
use super::fault::Fault;
use super::site::{Site, machine_of_node};
use crate::harness::redis::Redis;
use crate::harness::sentinel::Sentinel;

/// How long an ordered failover may take.
const ORDERED_WITHIN: Duration = Duration::from_secs(15);
/// How long the moves go on that a stale replica does not have.
const STALE_FOR: Duration = Duration::from_secs(4);
/// Pause between two nodes of a rolling restart.
const BETWEEN_NODES: Duration = Duration::from_secs(1);

/// What was done.
pub struct Begun {
    /// In words.
    pub words: String,
    /// When it began to hurt.
    pub began: Instant,
    /// Whose players were hit; nobody in particular where this is empty.
    pub hit: Vec<SocketAddr>,
    /// What is to be undone, and how long after now.
    pub undo: Vec<(Duration, Undo)>,
    /// What must not be, and was seen on the way.
    pub violations: Vec<String>,
}

/// How a fault is undone.
#[derive(Debug, Clone)]
pub enum Undo {
    /// A node is started.
    StartNode(usize),
    /// It goes on.
    ThawNode(usize),
    /// A Redis is started.
    StartRedis(usize),
    /// It goes on.
    ThawRedis(usize),
    /// A sentinel is started.
    StartSentinel(usize),
    /// It goes on.
    ThawSentinel(usize),
    /// The disk of a Redis has room again.
    EmptyDisk(usize),
    /// Two sets of machines hear one another again, and at once.
    Mend {
        /// One of them.
        some: Vec<usize>,
        /// The other.
        others: Vec<usize>,
    },
    /// The clock of a machine is right again.
    SetClock(usize),
    /// It ends by itself.
    Wait,
}

/// What cannot be done here, in words.
pub struct Skipped(pub String);

/// Where chance has put a fault: drawn whether it is used or not, so that the rest of the schedule does not depend on
/// what was possible.
pub struct Lot {
    /// A node.
    pub node: usize,
    /// A sentinel.
    pub sentinel: usize,
    /// A machine, in the order of the network's.
    pub machine: usize,
    /// One of two.
    pub coin: bool,
    /// Of a thousand.
    part: u64,
}

impl Lot {
    /// A time between two.
    pub fn between(&self, low_ms: u64, high_ms: u64) -> Duration {
        Duration::from_millis(low_ms + (high_ms - low_ms) * self.part / 1_000)
    }
}

/// Begins a fault.
pub fn begin(fault: Fault, site: &mut Site, dice: &mut Dice) -> Result<Begun, Skipped> {
    let lot = Lot {
        node: dice.below(site.nodes.len()),
        sentinel: dice.below(site.trio.sentinels.len()),
        machine: dice.below(machine_of_node(site.nodes.len())),
        coin: dice.below(2) == 0,
        part: dice.below(1_000) as u64,
    };
    match fault {
        Fault::NodeKill => Ok(node_kill(site, lot.node, lot.between(0, 4_000))),
        // Now and then for so long that everybody has forgotten it.
        Fault::NodeStop if lot.coin => Ok(node_stop(site, lot.node, lot.between(30_000, 32_000))),
        Fault::NodeStop => Ok(node_stop(site, lot.node, lot.between(1_000, 9_000))),
        Fault::NodeDrain => Ok(drain(site, &[lot.node])),
        Fault::RollingRestart => Ok(drain(site, &(0..site.nodes.len()).collect::<Vec<_>>())),
        Fault::SentinelKill => Ok(sentinel_kill(site, lot.sentinel, lot.between(2_000, 6_000))),
        Fault::SentinelStop => Ok(sentinels_stop(site, &[lot.sentinel], lot.between(500, 1_800))),
        Fault::Tilt => {
            let two = [lot.sentinel, (lot.sentinel + 1) % site.trio.sentinels.len()];
            Ok(sentinels_stop(site, &two, lot.between(2_300, 4_000)))
        }
        Fault::ReplicaKill | Fault::ReplicaStop => {
            let replicas = site.replicas();
            let number = replicas.get(usize::from(lot.coin)).ok_or_else(|| no("replica"))?;
            let away = lot.between(500, 8_000);
            Ok(redis_away(site, *number, fault == Fault::ReplicaKill, away, "a replica"))
        }
        Fault::ClockJump => clock_jump(site, &lot),
        fault if fault.needs_net() => cut::begin(fault, site, &lot),
        Fault::PowerCut => Ok(power_cut(site, lot.between(0, 3_000))),
        _ => {
            let primary = site.primary().ok_or_else(|| no("primary"))?;
            at_primary(fault, site, primary, &lot)
        }
    }
}

/// There was nothing of this kind to harm.
pub fn no(what: &str) -> Skipped {
    Skipped(format!("there was no {what}"))
}

fn at_primary(fault: Fault, site: &mut Site, primary: usize, lot: &Lot) -> Result<Begun, Skipped> {
    match fault {
        Fault::PrimaryKill => Ok(redis_away(site, primary, true, lot.between(0, 6_000), "the primary")),
        Fault::PrimaryStop => Ok(redis_away(site, primary, false, lot.between(5_000, 12_000), "the primary")),
        Fault::PrimaryStall => Ok(redis_away(site, primary, false, lot.between(1_400, 2_600), "the primary")),
        Fault::StaleReplica => Ok(stale_replica(site, primary, lot.coin, lot.between(0, 3_000))),
        Fault::NodeAndPrimary => Ok(node_and_primary(site, lot.node, primary, lot.between(0, 4_000))),
        Fault::ClientKill => {
            let kind = if lot.coin { "normal" } else { "pubsub" };
            let began = Instant::now();
            let killed: Option<u64> = site.trio.redis[primary].ask(&["CLIENT", "KILL", "TYPE", kind]);
            let words = format!("the primary closed {} connections ({kind})", killed.unwrap_or(0));
            Ok(begun(words, began, Vec::new()))
        }
        Fault::ClientPause => {
            let (pause, kind) = (lot.between(300, 1_700), if lot.coin { "WRITE" } else { "ALL" });
            let began = Instant::now();
            let words = ["CLIENT", "PAUSE", &pause.as_millis().to_string(), kind];
            let said: Option<String> = site.trio.redis[primary].ask(&words);
            said.ok_or_else(|| Skipped("the primary does not pause".to_owned()))?;
            let words = format!("the primary let its clients wait for {pause:.1?} ({kind})");
            Ok(begun(words, began, vec![(pause, Undo::Wait)]))
        }
        Fault::DebugSleep => {
            let slept = lot.between(300, 1_800);
            let began = Instant::now();
            let words = ["DEBUG", "SLEEP", &slept.as_secs_f64().to_string()];
            let said: Option<String> = site.trio.redis[primary].ask(&words);
            said.ok_or_else(|| Skipped("the primary does not take DEBUG SLEEP".to_owned()))?;
            Ok(begun(format!("the primary slept for {slept:.1?}"), began, Vec::new()))
        }
        Fault::DiskFull => disk_full(site, primary, lot.between(3_000, 8_000)),
        Fault::Failover => {
            let began = Instant::now();
            if !site.trio.sentinels.iter().any(Sentinel::fail_over) {
                return Err(Skipped("no sentinel took the order".to_owned()));
            }
            while site.primary_now().is_none_or(|now| now == primary) && began.elapsed() < ORDERED_WITHIN {
                sleep(Duration::from_millis(100));
            }
            Ok(begun(format!("a failover from Redis {primary} was ordered"), began, Vec::new()))
        }
        other => Err(Skipped(format!("{} is not done at a primary", other.name()))),
    }
}

/// A fault that hits nobody in particular.
pub fn begun(words: String, began: Instant, undo: Vec<(Duration, Undo)>) -> Begun {
    Begun { words, began, hit: Vec::new(), undo, violations: Vec::new() }
}

fn kill_node(site: &mut Site, node: usize) -> SocketAddr {
    let place = &mut site.nodes[node];
    if let Some(node) = place.node.take() {
        node.kill();
    }
    place.address
}

fn node_kill(site: &mut Site, node: usize, dead: Duration) -> Begun {
    let began = Instant::now();
    let hit = vec![kill_node(site, node)];
    let words = format!("node {node} was killed, to start {dead:.1?} later");
    Begun { hit, ..begun(words, began, vec![(dead, Undo::StartNode(node))]) }
}

fn node_stop(site: &Site, node: usize, stopped: Duration) -> Begun {
    let began = Instant::now();
    let place = &site.nodes[node];
    if let Some(node) = &place.node {
        node.signal("STOP");
    }
    let words = format!("node {node} stands still for {stopped:.1?}");
    Begun { hit: vec![place.address], ..begun(words, began, vec![(stopped, Undo::ThawNode(node))]) }
}

fn drain(site: &mut Site, nodes: &[usize]) -> Begun {
    let began = Instant::now();
    let mut violations = Vec::new();
    for number in nodes {
        if !site.end_node(*number) {
            violations.push(format!("node {number} did not end when it was asked to"));
        }
        site.start_node(*number);
        site.until_ready(*number);
        sleep(BETWEEN_NODES);
    }
    let hit = nodes.iter().map(|number| site.nodes[*number].address).collect();
    let words = format!("drained and started again: nodes {nodes:?}");
    Begun { hit, violations, ..begun(words, began, Vec::new()) }
}

fn sentinel_kill(site: &mut Site, sentinel: usize, dead: Duration) -> Begun {
    let began = Instant::now();
    site.trio.sentinels[sentinel].kill();
    let undo = vec![(dead, Undo::StartSentinel(sentinel))];
    begun(format!("sentinel {sentinel} was killed, to start {dead:.1?} later"), began, undo)
}

fn sentinels_stop(site: &Site, sentinels: &[usize], stopped: Duration) -> Begun {
    let began = Instant::now();
    for number in sentinels {
        site.trio.sentinels[*number].freeze();
    }
    let undo = sentinels.iter().map(|number| (stopped, Undo::ThawSentinel(*number))).collect();
    begun(format!("sentinels {sentinels:?} stand still for {stopped:.1?}"), began, undo)
}

/// Kills one of the three, or stops it.
fn redis_away(site: &mut Site, number: usize, kill: bool, away: Duration, what: &str) -> Begun {
    let began = Instant::now();
    let redis = &mut site.trio.redis[number];
    if kill {
        redis.kill();
        let words = format!("Redis {number}, {what}, was killed, to start {away:.1?} later");
        return begun(words, began, vec![(away, Undo::StartRedis(number))]);
    }
    redis.freeze();
    let words = format!("Redis {number}, {what}, stands still for {away:.1?}");
    begun(words, began, vec![(away, Undo::ThawRedis(number))])
}

fn stale_replica(site: &mut Site, primary: usize, coin: bool, later: Duration) -> Begun {
    let stale = if coin { (primary + 1) % 3 } else { (primary + 2) % 3 };
    site.trio.redis[stale].kill();
    sleep(STALE_FOR);
    let began = Instant::now();
    site.trio.redis[primary].kill();
    site.trio.redis[stale].start_again();
    let words = format!("Redis {stale} came back with old data when the primary, {primary}, was killed");
    begun(words, began, vec![(later, Undo::StartRedis(primary))])
}

fn node_and_primary(site: &mut Site, node: usize, primary: usize, dead: Duration) -> Begun {
    let began = Instant::now();
    site.trio.redis[primary].kill();
    let hit = vec![kill_node(site, node)];
    let undo = vec![(dead, Undo::StartRedis(primary)), (dead, Undo::StartNode(node))];
    let words =
        format!("node {node} and Redis {primary}, the primary, were killed, to start {dead:.1?} later");
    Begun { hit, ..begun(words, began, undo) }
}

fn power_cut(site: &mut Site, dark: Duration) -> Begun {
    let began = Instant::now();
    site.trio.redis.iter_mut().for_each(Redis::kill);
    let undo = (0..site.trio.redis.len()).map(|number| (dark, Undo::StartRedis(number))).collect();
    begun(format!("every Redis was killed, to start {dark:.1?} later"), began, undo)
}

fn disk_full(site: &Site, primary: usize, full: Duration) -> Result<Begun, Skipped> {
    if let Some(words) = site.disks.refusal() {
        return Err(Skipped(format!("a disk in memory may not be mounted here: {words}")));
    }
    let began = Instant::now();
    Disks::fill(site.trio.redis[primary].folder()).map_err(Skipped)?;
    let words = format!("the disk of Redis {primary}, the primary, is full for {full:.1?}");
    Ok(begun(words, began, vec![(full, Undo::EmptyDisk(primary))]))
}

fn clock_jump(site: &mut Site, lot: &Lot) -> Result<Begun, Skipped> {
    let clocks = site.clocks.as_mut().map_err(|words| Skipped(words.clone()))?;
    let (jump, wrong) = (lot.between(500, 60_000), lot.between(2_000, 15_000));
    let ms = i64::try_from(jump.as_millis()).unwrap_or(i64::MAX);
    let (ahead_ms, way) = if lot.coin { (ms, "ahead") } else { (-ms, "back") };
    let began = Instant::now();
    clocks.set(lot.machine, ahead_ms).map_err(Skipped)?;
    let words = format!("the clock of machine {} jumped {jump:.1?} {way} for {wrong:.1?}", lot.machine);
    Ok(begun(words, began, vec![(wrong, Undo::SetClock(lot.machine))]))
}

/// Undoes a fault.
pub fn undo(undo: &Undo, site: &mut Site) -> Result<(), String> {
    match *undo {
        // It may have been started already, after another fault of the same node.
        Undo::StartNode(number) if site.nodes[number].node.is_none() => site.start_node(number),
        Undo::StartNode(_) | Undo::Wait => {}
        Undo::ThawNode(number) => {
            if let Some(node) = &site.nodes[number].node {
                node.signal("CONT");
            }
        }
        Undo::StartRedis(number) => site.trio.redis[number].start_again(),
        Undo::ThawRedis(number) => site.trio.redis[number].thaw(),
        Undo::StartSentinel(number) => site.trio.sentinels[number].start_again(),
        Undo::ThawSentinel(number) => site.trio.sentinels[number].thaw(),
        Undo::EmptyDisk(number) => Disks::empty(site.trio.redis[number].folder())?,
        Undo::Mend { ref some, ref others } => {
            if let Ok(net) = &site.net {
                net.mend(some, others);
            }
        }
        Undo::SetClock(machine) => {
            if let Ok(clocks) = &mut site.clocks {
                clocks.set(machine, 0)?;
            }
        }
    }
    Ok(())
}
