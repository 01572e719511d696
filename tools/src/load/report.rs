//! The report of a run: one JSON object, or lines for people.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::measure::{Counts, Summary};
use super::processes::Usage;

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Pairs of players.
    pub pairs: usize,
    /// Watchers in all.
    pub watchers: usize,
    /// Players who only looked at the lobby.
    pub idle: usize,
    /// Where chance started.
    pub seed: u64,
    /// Seconds from the first invite to the end of the last game.
    pub play_s: f64,
    /// Games that began.
    pub games_started: u64,
    /// Games found in the archive.
    pub games_archived: u64,
    /// Records in the archive, those of the starts included.
    pub records: u64,
    /// Records accepted in a second of play, on average.
    pub records_per_s: f64,
    /// The most records answered in one second.
    pub records_per_s_peak: u64,
    /// Requests answered.
    pub answers: u64,
    /// From sending a request to its answer.
    pub answer: Summary,
    /// From sending moves to the view at the other seat.
    pub opponent: Summary,
    /// From sending moves to the view at the last watcher.
    pub watcher: Summary,
    /// From the loss of a connection until the bot could move again.
    pub recovery: Summary,
    /// The same, where the node had asked for it.
    pub moved_over: Summary,
    /// The longest any request waited for its answer, over all connections, in milliseconds.
    pub longest_wait_ms: f64,
    /// Connections that were lost.
    pub losses: u64,
    /// Connections given up because the node asked for it.
    pub asked_over: u64,
    /// Attempts to connect that failed.
    pub failed_connects: u64,
    /// Requests sent again.
    pub repeats: u64,
    /// Connections given up because an answer or an expected view did not come.
    pub stalls: u64,
    /// Times a welcome did not have the live table.
    pub lost_seats: u64,
    /// Refusals by code.
    pub refusals: BTreeMap<String, u64>,
    /// Close codes by number; 0 is a close without one.
    pub closes: BTreeMap<u16, u64>,
    /// Views seen and compared with the records.
    pub views_compared: u64,
    /// Views of another version's nodes, of which only the tip was compared.
    pub views_not_compared: u64,
    /// How often a bot was told that its game went back.
    pub went_back: u64,
    /// Views and answers taken back that way.
    pub taken_back: u64,
    /// Sittings whose times were not compared, since a clock of the cluster was wrong meanwhile.
    pub sittings_not_timed: u64,
    /// Requests taken back that way whose records had been accepted.
    pub accepted_back: u64,
    /// Requests that had been called unsaved, and are gone.
    pub unsaved_back: u64,
    /// Requests whose records had been accepted, and are gone without a word.
    pub lost: u64,
    /// The processes measured, by id.
    pub processes: BTreeMap<u32, Usage>,
    /// This process.
    pub own: Usage,
    /// What must not be, in words.
    pub violations: Vec<String>,
}

impl Report {
    /// Takes over what was counted.
    pub fn count(&mut self, counts: &Counts) {
        self.games_started = counts.games_started;
        self.answers = counts.answers;
        self.answer = counts.answer.summary();
        self.opponent = counts.opponent.summary();
        self.watcher = counts.watcher.summary();
        self.recovery = counts.recovery.summary();
        self.moved_over = counts.moved_over.summary();
        self.longest_wait_ms = counts.longest_wait.as_secs_f64() * 1_000.0;
        self.losses = counts.losses;
        self.asked_over = counts.asked_over;
        self.failed_connects = counts.failed_connects;
        self.repeats = counts.repeats;
        self.stalls = counts.stalls;
        self.lost_seats = counts.lost_seats;
        self.refusals.clone_from(&counts.refusals);
        self.closes.clone_from(&counts.closes);
        self.violations.extend(counts.faults.iter().cloned());
    }

    /// Whether nothing happened that must not.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pairs, watchers, idle, seed, .. } = self;
        writeln!(f, "{pairs} pairs, {watchers} watchers, {idle} in the lobby; seed {seed}")?;
        writeln!(
            f,
            "{} games started, {} in the archive; {} records in {:.1} s: {:.0}/s, {}/s at the most",
            self.games_started,
            self.games_archived,
            self.records,
            self.play_s,
            self.records_per_s,
            self.records_per_s_peak
        )?;
        writeln!(f, "{:<26}{:>9}{:>10}{:>10}{:>10}{:>10}", "ms", "count", "p50", "p99", "p99.9", "max")?;
        let rows = [
            ("own answer", &self.answer),
            ("the other seat's view", &self.opponent),
            ("the last watcher's view", &self.watcher),
            ("lost, can move again", &self.recovery),
            ("asked over, can move again", &self.moved_over),
        ];
        for (name, times) in rows {
            let Summary { count, p50_ms, p99_ms, p999_ms, max_ms } = times;
            writeln!(f, "{name:<26}{count:>9}{p50_ms:>10.1}{p99_ms:>10.1}{p999_ms:>10.1}{max_ms:>10.1}")?;
        }
        writeln!(f, "the longest any request waited: {:.1} ms", self.longest_wait_ms)?;
        writeln!(
            f,
            "connections: {} lost, {} asked over, {} attempts failed, {} stalls, {} welcomes without the table; \
             {} requests sent again",
            self.losses, self.asked_over, self.failed_connects, self.stalls, self.lost_seats, self.repeats
        )?;
        writeln!(f, "refusals: {}; close codes: {}", listed(&self.refusals), listed(&self.closes))?;
        writeln!(
            f,
            "views: {} compared with the records, {} of another version; told that a game went back: {} times, \
             {} answers and views taken back",
            self.views_compared, self.views_not_compared, self.went_back, self.taken_back
        )?;
        writeln!(
            f,
            "requests taken back: {} that had been accepted, {} that had been called unsaved; lost without a word: {}",
            self.accepted_back, self.unsaved_back, self.lost
        )?;
        for (pid, usage) in &self.processes {
            writeln!(f, "process {pid}: {}", in_words(usage))?;
        }
        writeln!(f, "this process: {}", in_words(&self.own))?;
        for violation in &self.violations {
            writeln!(f, "VIOLATION {violation}")?;
        }
        let judged = if self.is_clean() { "clean".to_owned() } else { self.violations.len().to_string() };
        write!(f, "judged: {judged}{}", if self.is_clean() { "" } else { " violations" })
    }
}

fn listed<K: fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let each: Vec<String> = counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
    each.join(", ")
}

fn in_words(usage: &Usage) -> String {
    let Usage { cpu_s, rss_mib, peak_rss_mib, ended } = usage;
    let ended = if *ended { ", ended" } else { "" };
    format!("{cpu_s:.1} s of CPU, {rss_mib:.0} MiB, {peak_rss_mib:.0} MiB at the most{ended}")
}
