//! What came of a run: a table for people, or one JSON object.

use std::collections::BTreeMap;
use std::fmt;

use nineflags_tools::load::report::Report as Play;
use serde::Serialize;

use super::cost::{Cost, Times, times};
use super::fault::Fault;

/// The bar for a killed node: milliseconds to the next accepted move of those who were connected to it.
const NODE_KILL_MS: u64 = 1_500;
/// The same for a killed primary, from when the sentinels name another.
const PRIMARY_KILL_MS: u64 = 1_000;
/// The same from its death on: sentinels see it after 2 s (`down-after-milliseconds` as shipped), and name another some 2 s
/// later.
const PRIMARY_DEATH_MS: u64 = 4_000;
/// The bar for pairs on one node while a primary is away: milliseconds without a move.
const TOGETHER_MS: u64 = 1_000;

/// One fault, and what it cost.
#[derive(Debug, Clone, Serialize)]
pub struct Line {
    /// What was broken.
    pub fault: Fault,
    /// Which came while it was still there.
    pub with: Option<Fault>,
    /// Seconds after the run began.
    pub at_s: f64,
    /// What was done.
    pub words: String,
    /// Seconds until all was whole again.
    pub whole_s: f64,
    /// Why its times mean nothing, if they do not.
    pub void: Option<&'static str>,
    /// Milliseconds until most sentinels named another primary, if they did.
    pub named_ms: Option<u64>,
    /// What it cost.
    pub cost: Cost,
    /// Records given back to the backup.
    pub healed: u64,
}

/// A bar, and whether it was met.
#[derive(Debug, Clone, Serialize)]
pub struct Bar {
    /// In words.
    pub words: String,
    /// What was measured, in milliseconds; nothing was, where this is absent.
    pub measured_ms: Option<u64>,
    /// The most it may be.
    pub most_ms: u64,
}

impl Bar {
    /// Whether it was met, or nothing was measured.
    pub fn is_met(&self) -> bool {
        self.measured_ms.is_none_or(|measured| measured <= self.most_ms)
    }
}

/// What came of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Where chance started.
    pub seed: u64,
    /// Every fault.
    pub lines: Vec<Line>,
    /// What could not be done here, with the reason.
    pub skipped: BTreeMap<String, String>,
    /// The bars.
    pub bars: Vec<Bar>,
    /// What the players measured and were told.
    pub play: Play,
    /// What must not be: the judge's findings, and what this program saw by itself.
    pub violations: Vec<String>,
}

impl Report {
    /// The bars, reckoned from the lines.
    pub fn bars(lines: &[Line]) -> Vec<Bar> {
        let worst = |of: &[Fault], value: &dyn Fn(&Line) -> Option<u64>| {
            let timed = lines.iter().filter(|line| of.contains(&line.fault) && line.void.is_none());
            timed.filter_map(value).max()
        };
        let p99 = |times: Times| (times.pairs > 0).then_some(times.p99_ms);
        let bar = |words: &str, measured_ms, most_ms| Bar { words: words.to_owned(), measured_ms, most_ms };
        vec![
            bar(
                "node killed: its players' next accepted move, p99",
                worst(&[Fault::NodeKill], &|line| p99(line.cost.hit)),
                NODE_KILL_MS,
            ),
            bar(
                "primary killed: everybody's next accepted move after the sentinels name another, p99",
                worst(&[Fault::PrimaryKill], &|line| {
                    Some(p99(line.cost.first)?.saturating_sub(line.named_ms.unwrap_or(0)))
                }),
                PRIMARY_KILL_MS,
            ),
            bar(
                "primary killed: the same from its death on, p99",
                worst(&[Fault::PrimaryKill], &|line| p99(line.cost.first)),
                PRIMARY_DEATH_MS,
            ),
            bar(
                "primary away: the longest pause of pairs on one node, p99",
                worst(&[Fault::PrimaryKill, Fault::PrimaryStop, Fault::PrimaryStall], &|line| {
                    p99(line.cost.pause_together)
                }),
                TOGETHER_MS,
            ),
        ]
    }

    /// Whether nothing happened that must not.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    fn of(&self, fault: Fault) -> Vec<&Line> {
        self.lines.iter().filter(|line| line.fault == fault).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.play)?;
        writeln!(f)?;
        let heads = ["p50", "p99", "max", "pause", "named", "whole"];
        write!(f, "{:<18}{:>5}", "fault, times in ms", "n")?;
        heads.iter().try_for_each(|head| write!(f, "{head:>8}"))?;
        writeln!(f, "{:>8}{:>8}{:>8}{:>6}", "healed", "back", "unsaved", "void")?;
        let mut kinds: Vec<Fault> = self.lines.iter().map(|line| line.fault).collect();
        kinds.sort_unstable();
        kinds.dedup();
        for kind in kinds {
            self.row(f, kind)?;
        }
        for (fault, words) in &self.skipped {
            writeln!(f, "{fault:<18} skipped: {words}")?;
        }
        for bar in &self.bars {
            let measured = bar.measured_ms.map_or_else(|| "not measured".to_owned(), |ms| format!("{ms} ms"));
            let met = if bar.is_met() { "met" } else { "MISSED" };
            writeln!(f, "bar: {}: {measured}, at most {} ms: {met}", bar.words, bar.most_ms)?;
        }
        for violation in &self.violations {
            writeln!(f, "VIOLATION {violation}")?;
        }
        let Play { records, games_archived, accepted_back, unsaved_back, lost, .. } = &self.play;
        writeln!(
            f,
            "{} faults, {games_archived} games, {records} records; requests taken back: {accepted_back} accepted, \
             {unsaved_back} unsaved; lost: {lost}",
            self.lines.len()
        )?;
        write!(f, "seed {}: {} violations", self.seed, self.violations.len())
    }
}

impl Report {
    fn row(&self, f: &mut fmt::Formatter<'_>, kind: Fault) -> fmt::Result {
        let lines = self.of(kind);
        let timed: Vec<&&Line> = lines.iter().filter(|line| line.void.is_none()).collect();
        let most = |take: fn(&Line) -> u64| timed.iter().map(|line| take(line)).max().unwrap_or(0);
        let halves = timed.iter().map(|line| std::time::Duration::from_millis(line.cost.first.p50_ms));
        write!(f, "{:<18}{:>5}", kind.name(), lines.len())?;
        write!(f, "{:>8}", times(halves.collect()).p50_ms)?;
        write!(f, "{:>8}", most(|line| line.cost.first.p99_ms))?;
        write!(f, "{:>8}", most(|line| line.cost.first.max_ms))?;
        write!(f, "{:>8}", most(|line| line.cost.pause.max_ms))?;
        let named = most(|line| line.named_ms.unwrap_or(0));
        write!(f, "{:>8}", if named > 0 { named.to_string() } else { String::new() })?;
        let whole = lines.iter().map(|line| line.whole_s).fold(0.0, f64::max);
        write!(f, "{:>8.0}", whole * 1_000.0)?;
        let sum = |take: fn(&Line) -> u64| lines.iter().map(|line| take(line)).sum::<u64>();
        write!(f, "{:>8}", sum(|line| line.healed))?;
        write!(f, "{:>8}", sum(|line| line.cost.accepted_back))?;
        write!(f, "{:>8}", sum(|line| line.cost.unsaved_back))?;
        writeln!(f, "{:>6}", lines.len() - timed.len())
    }
}
