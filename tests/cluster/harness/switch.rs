//! Carries frames between the interfaces of a test's hosts: one thread, and for each pair of hosts a wire in each
//! direction that may be cut or slow.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// Bytes of a frame, at most: what an interface sends at once, and its head.
const FRAME: usize = 2_048;
/// Frames read from one interface before the next has its turn.
const AT_ONCE: usize = 64;
/// How often it is looked whether the test is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One interface.
pub struct Port {
    /// The last number of its hardware address.
    pub number: u8,
    /// The switch's end of it.
    pub tap: File,
}

/// What lies between two interfaces, in one direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wire {
    /// Nothing arrives.
    pub is_cut: bool,
    /// Everything arrives so much later.
    pub delay: Duration,
}

/// From each interface to each.
type Wires = Vec<Vec<Wire>>;

/// A running switch.
pub struct Switch {
    wires: Arc<Mutex<Wires>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Begins to carry frames.
    pub fn start(ports: Vec<Port>) -> Self {
        let wires = Arc::new(Mutex::new(vec![vec![Wire::default(); ports.len()]; ports.len()]));
        let over = Arc::new(AtomicBool::new(false));
        let work =
            Work { ports, wires: Arc::clone(&wires), over: Arc::clone(&over), late: BinaryHeap::new() };
        let thread = std::thread::Builder::new().name("switch".to_owned()).spawn(|| work.run());
        Self { wires, over, thread: Some(thread.expect("a thread")) }
    }

    /// Changes the wires that lead from some interfaces to others, all at one instant.
    pub fn set(&self, from: &[usize], to: &[usize], change: impl Fn(&mut Wire)) {
        let mut wires = lock(&self.wires);
        for from in from {
            for to in to {
                change(&mut wires[*from][*to]);
            }
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A test that fails already is not to fail twice.
            let _ = thread.join();
        }
    }
}

fn lock(wires: &Mutex<Wires>) -> MutexGuard<'_, Wires> {
    wires.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A frame on a slow wire: when it arrives, after how many others, where, and what it is.
type Late = Reverse<(Instant, u64, usize, Vec<u8>)>;

struct Work {
    ports: Vec<Port>,
    wires: Arc<Mutex<Wires>>,
    over: Arc<AtomicBool>,
    late: BinaryHeap<Late>,
}

impl Work {
    fn run(mut self) {
        let (mut frame, mut count) = ([0; FRAME], 0);
        while !self.over.load(Ordering::Relaxed) {
            self.wait();
            for from in 0..self.ports.len() {
                for _ in 0..AT_ONCE {
                    let Ok(length) = (&self.ports[from].tap).read(&mut frame) else { break };
                    count += 1;
                    self.carry(from, &frame[..length], count);
                }
            }
            self.deliver_late();
        }
    }

    /// Waits for a frame to read, or one to deliver.
    fn wait(&self) {
        let now = Instant::now();
        let due = self.late.peek().map(|Reverse((due, ..))| due.saturating_duration_since(now));
        let wait = due.map_or(LOOK_EVERY, |due| due.min(LOOK_EVERY));
        // The time is in whole milliseconds: rounded up, or the last one would be spent in a busy loop.
        let wait = PollTimeout::try_from(wait + Duration::from_micros(999)).expect("a short time");
        let mut ports: Vec<PollFd> =
            self.ports.iter().map(|port| PollFd::new(port.tap.as_fd(), PollFlags::POLLIN)).collect();
        // Woken by a signal is woken.
        let _ = poll(&mut ports, wait);
    }

    fn carry(&mut self, from: usize, frame: &[u8], count: u64) {
        let Some(target) = frame.get(..6) else { return };
        let is_for_all = target[0] & 1 == 1;
        for to in 0..self.ports.len() {
            if to == from || !(is_for_all || self.ports[to].number == target[5]) {
                continue;
            }
            let wire = lock(&self.wires)[from][to];
            if wire.is_cut {
                continue;
            }
            if wire.delay.is_zero() {
                self.deliver(to, frame);
            } else {
                self.late.push(Reverse((Instant::now() + wire.delay, count, to, frame.to_vec())));
            }
        }
    }

    fn deliver_late(&mut self) {
        while self.late.peek().is_some_and(|Reverse((due, ..))| *due <= Instant::now()) {
            if let Some(Reverse((.., to, frame))) = self.late.pop() {
                self.deliver(to, &frame);
            }
        }
    }

    /// A host that takes nothing at present loses the frame, as on any network.
    fn deliver(&self, to: usize, frame: &[u8]) {
        let _ = (&self.ports[to].tap).write(frame);
    }
}
