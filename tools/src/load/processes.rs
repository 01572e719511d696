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
    ticks_per_s: f64,
    pages_per_mib: f64,
    watched: BTreeMap<u32, (Usage, u64)>,
}

impl Processes {
    /// Looks at processes for the first time.
    pub fn watch(pids: impl IntoIterator<Item = u32>) -> Self {
        let setting = |variable, usual: u32| {
            let known = sysconf(variable).ok().flatten().and_then(|value| u32::try_from(value).ok());
            f64::from(known.unwrap_or(usual))
        };
        let mut processes = Self {
            ticks_per_s: setting(SysconfVar::CLK_TCK, 100),
            pages_per_mib: f64::from(1_048_576) / setting(SysconfVar::PAGE_SIZE, 4_096),
            watched: BTreeMap::new(),
        };
        for pid in pids {
            let ticks = ticks_and_pages(pid).map_or(0, |(ticks, _)| ticks);
            processes.watched.insert(pid, (Usage::default(), ticks));
        }
        processes.look();
        processes
    }

    /// Looks at them again.
    pub fn look(&mut self) {
        for (pid, (usage, ticks_before)) in &mut self.watched {
            // One that has ended and is not yet taken away by its parent has no memory any more.
            let Some((ticks, pages)) = ticks_and_pages(*pid).filter(|(_, pages)| *pages > 0) else {
                usage.ended = true;
                continue;
            };
            usage.cpu_s = float(ticks.saturating_sub(*ticks_before)) / self.ticks_per_s;
            usage.rss_mib = float(pages) / self.pages_per_mib;
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

/// Processor time in ticks and resident pages.
fn ticks_and_pages(pid: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name in parentheses, may hold anything; after it come the state and the numbers.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((number(11)? + number(12)?, number(21)?))
}
