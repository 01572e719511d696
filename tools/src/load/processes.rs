//! CPU time and memory of processes, as the kernel tells them; where there is no `/proc`, nothing is known.

use std::collections::BTreeMap;
use std::fs;

use nix::unistd::{SysconfVar, sysconf};
use serde::Serialize;

/// What a process used since it was first looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Usage {
    /// Seconds on a processor.
    pub cpu_s: f64,
    /// Memory now, or before it ended.
    pub rss_mib: f64,
    /// The most memory it was seen with.
    pub peak_rss_mib: f64,
    /// It has ended.
    pub ended: bool,
}

/// Processes that are looked at from time to time.
#[derive(Debug)]
pub struct Processes {
    watched: BTreeMap<u32, (Usage, f64)>,
}

impl Processes {
    /// Looks at processes for the first time.
    pub fn watch(pids: impl IntoIterator<Item = u32>) -> Self {
        let first = |pid| (pid, (Usage::default(), cpu_s(pid).unwrap_or_default()));
        let mut processes = Self { watched: pids.into_iter().map(first).collect() };
        processes.look();
        processes
    }

    /// Looks at them again.
    pub fn look(&mut self) {
        for (pid, (usage, cpu_s_before)) in &mut self.watched {
            // One that has ended and is not yet taken away by its parent has no memory any more.
            let (Some(cpu_s), Some(rss_kib)) = (cpu_s(*pid), rss_kib(*pid).filter(|kib| *kib > 0.0)) else {
                usage.ended = true;
                continue;
            };
            usage.cpu_s = cpu_s - *cpu_s_before;
            usage.rss_mib = rss_kib / 1_024.0;
            usage.peak_rss_mib = usage.peak_rss_mib.max(usage.rss_mib);
        }
    }

    /// What each used.
    pub fn usage(&self) -> BTreeMap<u32, Usage> {
        self.watched.iter().map(|(pid, (usage, _))| (*pid, *usage)).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]
/// A count as a number to reckon with.
pub fn float(number: u64) -> f64 {
    number as f64
}

/// Seconds a process has been on a processor, with all its threads.
pub fn cpu_s(pid: u32) -> Option<f64> {
    // Both are of the same time: ticks are coarse, and the scheduler's nanoseconds lack the threads that have ended.
    let ticks_s = float(stat(pid, 11)? + stat(pid, 12)?) / system(SysconfVar::CLK_TCK, 100);
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let ns_of = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(ticks_s.max(float(tasks.filter_map(ns_of).sum()) / 1e9))
}

/// The memory of a process that is in RAM.
pub fn rss_kib(pid: u32) -> Option<f64> {
    Some(float(stat(pid, 21)?) * system(SysconfVar::PAGE_SIZE, 4_096) / 1_024.0)
}

fn system(variable: SysconfVar, usual: u32) -> f64 {
    let known = sysconf(variable).ok().flatten().and_then(|value| u32::try_from(value).ok());
    f64::from(known.unwrap_or(usual))
}

/// A number of `/proc/PID/stat`, counted from after the name: that is in parentheses, and may hold anything.
fn stat(pid: u32, index: usize) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(index)?.parse().ok()
}
