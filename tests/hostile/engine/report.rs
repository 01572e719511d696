//! What the players noticed of each attack, and the bar that it is held to.

use std::fmt;

use serde::Serialize;

use super::attack::Attack;

/// How many times longer than in the quiet a move may take while one address attacks, as far as 99 of 100 go;
const TIMES: f64 = 2.0;
/// or by how much longer, in milliseconds, if that is more.
const LONGER_MS: f64 = 20.0;

/// One attack.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Which of the attacks.
    pub attack: Attack,
    /// From how many addresses.
    pub addresses: u8,
    /// From sending a move to the view at the other seat, half of them, in milliseconds.
    pub quiet_p50_ms: f64,
    /// The same of 99 of 100.
    pub quiet_p99_ms: f64,
    /// Moves in the quiet that were seen at the other seat.
    pub quiet_moves: u64,
    /// Half of them under attack.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// Moves under attack that were seen at the other seat.
    pub moves: u64,
    /// Players' connections that were lost.
    pub losses: u64,
    /// How much of a processor the node took.
    pub cpu: f64,
    /// Its memory at most, in MiB.
    pub memory_mib: f64,
    /// Connections, requests and frames that were sent.
    pub sent: u64,
    /// How many of them were refused, or met a close.
    pub refused: u64,
    /// How often readiness was looked at, and was not there or red.
    pub not_ready: u64,
    /// A living node was taken for dead.
    pub reaped: bool,
}

impl Row {
    /// What is worse than it may be, in words.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let most = (self.quiet_p99_ms * TIMES).max(self.quiet_p99_ms + LONGER_MS);
        if self.addresses == 1 && self.p99_ms > most {
            faults.push(format!("p99 {:.1} ms, and at most {most:.1} is allowed", self.p99_ms));
        }
        if self.addresses == 1 && self.moves == 0 {
            faults.push("no move was made".to_owned());
        }
        if self.addresses == 1 && self.losses > 0 {
            faults.push(format!("{} players' connections were lost", self.losses));
        }
        if self.addresses == 1 && self.not_ready > 0 {
            faults.push(format!("readiness failed {} times", self.not_ready));
        }
        if self.reaped {
            faults.push("a living node was reaped".to_owned());
        }
        faults
    }
}

/// All of them.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// In the order in which they came.
    pub rows: Vec<Row>,
    /// What was worse than it may be.
    pub faults: Vec<String>,
}

impl Report {
    /// Takes one in.
    pub fn add(&mut self, row: Row) {
        let of = format!("{} from {}", row.attack, row.addresses);
        self.faults.extend(row.faults().into_iter().map(|fault| format!("{of}: {fault}")));
        self.rows.push(row);
    }

    /// Whether every bar was met.
    pub fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<16} {:>4} {:>15} {:>15} {:>6} {:>6} {:>5} {:>6} {:>8} {:>8} {:>9}",
            "attack",
            "from",
            "quiet p50/p99",
            "under p50/p99",
            "moves",
            "losses",
            "CPU",
            "MiB",
            "sent",
            "refused",
            "not ready"
        )?;
        for row in &self.rows {
            let of = |p50: f64, p99: f64| format!("{p50:.1}/{p99:.1} ms");
            writeln!(
                f,
                "{:<16} {:>4} {:>15} {:>15} {:>6} {:>6} {:>5.2} {:>6.0} {:>8} {:>8} {:>9}",
                row.attack.to_string(),
                row.addresses,
                of(row.quiet_p50_ms, row.quiet_p99_ms),
                of(row.p50_ms, row.p99_ms),
                row.moves,
                row.losses,
                row.cpu,
                row.memory_mib,
                row.sent,
                row.refused,
                row.not_ready
            )?;
        }
        for fault in &self.faults {
            writeln!(f, "MISSED {fault}")?;
        }
        write!(f, "{}", if self.is_clean() { "Every bar is met." } else { "Not every bar is met." })
    }
}
