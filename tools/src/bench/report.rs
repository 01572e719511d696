//! What measurements say beside each other: figures, ratios within a run, and which bars are met. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

use super::bars::{Against, BARS, Bar};
use super::options::Server;

/// The rows of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// Pairs at full speed: what a move costs, and how large a view is.
    Moves,
    /// What a move costs with few and with many pairs.
    Growth,
    /// More pairs at full speed than a node can carry, beside some that take their time.
    Overload,
    /// Players who only show the lobby.
    Idle,
    /// Thousands of watchers at one table.
    Watchers,
    /// Thousands of browsers that lose their connections at once.
    Reconnect,
    /// Players who come and go, and those who look at the lobby.
    Lobby,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// CPU time of the servers, by what the row counts.
    ServerCpu,
    /// CPU time of Redis, by the same.
    RedisCpu,
    /// Moves carried out in a second.
    MovesPerSecond,
    /// From sending a move to its answer: half of them, and 99 of 100, in ms.
    AnswerP50,
    /// The same, 99 of 100.
    AnswerP99,
    /// The same of the pairs that take their time.
    CalmP50,
    /// The same, 99 of 100.
    CalmP99,
    /// The half of the calm to the half of those at full speed.
    CalmWait,
    /// Bytes of a view in the middle of a game.
    ViewBytes,
    /// Bytes of later views to those of earlier ones.
    ViewGrowth,
    /// From sending a move to the last watcher who saw it, in ms, half of them.
    LastWatcher,
    /// KiB a session, after it has exchanged messages.
    Memory,
    /// KiB a session that was welcome and has said nothing.
    MemoryWelcomed,
    /// CPU ms of a server for each that logs in and connects.
    ArrivalCpu,
    /// The part of a processor that the servers take without any session.
    EmptyLoad,
    /// Browsers that did not get in again.
    Unwelcome,
    /// Browsers whose first try failed.
    RefusedOnce,
    /// Browsers whose second try failed, too.
    RefusedAgain,
    /// Seconds until the last was back.
    BackAfter,
    /// Memory a minute later to what it was before.
    MemoryAfter,
    /// The part of a processor that a node with readers takes.
    ReadersLoad,
    /// The part that the node takes where players come and go.
    ComingLoad,
    /// The part that a node takes, on average of all.
    NodeLoad,
    /// Updates a second that a reader gets.
    Updates,
    /// Bytes a second that a reader gets.
    UpdateBytes,
    /// Moves refused.
    Refused,
    /// Connections lost.
    Lost,
    /// The part of a processor that the servers take.
    ServerLoad,
    /// The part that whoever asks takes: near 1 it is what holds everything up.
    OwnLoad,
}

/// Figures of one measurement.
pub type Figures = BTreeMap<Figure, f64>;

/// One measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Sample {
    /// Which round, from 1.
    pub round: u32,
    /// The row.
    pub row: Row,
    /// How many of what.
    pub case: &'static str,
    /// Who was measured.
    pub server: Server,
    /// What came out, or why nothing did.
    pub outcome: Result<Figures, String>,
}

/// A bar and how it was met.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// Which.
    pub row: Row,
    /// Of which case.
    pub case: &'static str,
    /// What is compared, in words.
    pub what: String,
    /// What came out; nothing if it was not measured.
    pub value: Option<f64>,
    /// What it may be at most.
    pub most: f64,
    /// Whether it is; nothing if it was not measured.
    pub met: Option<bool>,
    /// Why there is nothing to compare.
    pub trouble: Option<String>,
}

/// What came of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The version measured.
    pub version: &'static str,
    /// Rounds.
    pub rounds: u32,
    /// Percent of the sessions that the rows name.
    pub scale: usize,
    /// Whether the servers had a processor of their own.
    pub pinned: bool,
    /// All measurements.
    pub samples: Vec<Sample>,
    /// All bars.
    pub bars: Vec<Verdict>,
}

impl Report {
    /// The report of some measurements.
    pub fn new((rounds, scale, pinned): (u32, usize, bool), samples: Vec<Sample>) -> Self {
        let bars = BARS.iter().map(|bar| judge(bar, &samples)).collect();
        Self { version: env!("CARGO_PKG_VERSION"), rounds, scale, pinned, samples, bars }
    }

    /// Whether no bar that was measured is missed.
    pub fn meets_bars(&self) -> bool {
        self.bars.iter().all(|bar| bar.met != Some(false))
    }

    /// The median of a figure over the rounds.
    fn median(&self, row: Row, case: &str, server: Server, figure: Figure) -> Option<f64> {
        median(of(&self.samples, row, case, server).filter_map(|sample| value(sample, figure)))
    }
}

fn judge(bar: &Bar, samples: &[Sample]) -> Verdict {
    let own = || of(samples, bar.row, bar.case, Server::Nineflags);
    let values = own().filter_map(|sample| {
        let own = value(sample, bar.figure)?;
        let other = match bar.against {
            Against::Nothing => return Some(own),
            Against::Server(server) => {
                of(samples, bar.row, bar.case, server).find(|other| other.round == sample.round)
            }
            Against::Case(case) => {
                of(samples, bar.row, case, sample.server).find(|other| other.round == sample.round)
            }
        };
        Some(own / value(other?, bar.figure)?)
    });
    let value = median(values);
    let trouble = own().find_map(|sample| sample.outcome.clone().err());
    let met = value.map(|value| value <= bar.most).or(trouble.as_ref().map(|_| false));
    let (label, against) = (label(bar.row, bar.figure), bar.against);
    Verdict {
        row: bar.row,
        case: bar.case,
        what: format!("{label}{against}"),
        value,
        most: bar.most,
        met,
        trouble,
    }
}

fn of<'a>(samples: &'a [Sample], row: Row, case: &str, server: Server) -> impl Iterator<Item = &'a Sample> {
    samples.iter().filter(move |sample| sample.row == row && sample.case == case && sample.server == server)
}

fn value(sample: &Sample, figure: Figure) -> Option<f64> {
    sample.outcome.as_ref().ok()?.get(&figure).copied().filter(|value| value.is_finite())
}

/// The middle one; of an even number of them the mean of the two in the middle.
fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = values.get(middle)?;
    Some(if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], *upper) } else { *upper })
}

/// What a figure of a row is, in words.
fn label(row: Row, figure: Figure) -> &'static str {
    match figure {
        Figure::ServerCpu => match row {
            Row::Moves | Row::Growth | Row::Overload => "CPU s per 1,000 moves",
            Row::Idle => "CPU µs a second and session",
            Row::Watchers => "CPU µs per view delivered",
            Row::Reconnect => "CPU ms per browser",
            Row::Lobby => "CPU s a second, all nodes",
        },
        Figure::RedisCpu => match row {
            Row::Moves | Row::Growth | Row::Overload => "Redis CPU s per 1,000 moves",
            _ => "Redis CPU, by the same",
        },
        Figure::MovesPerSecond => "moves a second",
        Figure::AnswerP50 => "answer p50, ms",
        Figure::AnswerP99 => "answer p99, ms",
        Figure::CalmP50 => "answer p50 of calm pairs, ms",
        Figure::CalmP99 => "answer p99 of calm pairs, ms",
        Figure::CalmWait => "p50 of calm pairs ÷ of busy ones",
        Figure::ViewBytes => "bytes of a view in mid-game",
        Figure::ViewGrowth => "views at 40–50 records ÷ at 15–25",
        Figure::LastWatcher => "move to the last watcher, p50 ms",
        Figure::Memory => "KiB a session",
        Figure::MemoryWelcomed => "KiB before it exchanged messages",
        Figure::ArrivalCpu => "CPU ms per arrival",
        Figure::EmptyLoad => "processors taken without a session",
        Figure::Unwelcome => "browsers not welcome again",
        Figure::RefusedOnce => "browsers refused",
        Figure::RefusedAgain => "browsers refused twice",
        Figure::BackAfter => "s until all were back",
        Figure::MemoryAfter => "memory a minute later ÷ before",
        Figure::ReadersLoad => "CPU of a node with readers",
        Figure::ComingLoad => "CPU of the node where they come and go",
        Figure::NodeLoad => "CPU of a node, on average",
        Figure::Updates => "updates a second and reader",
        Figure::UpdateBytes => "bytes a second and reader",
        Figure::Refused => "moves refused",
        Figure::Lost => "connections lost",
        Figure::ServerLoad => "processors the servers take",
        Figure::OwnLoad => "processors the bench takes",
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, rounds, scale, .. } = self;
        let pinned =
            if self.pinned { "have a processor of their own" } else { "share all processors with the bench" };
        writeln!(
            f,
            "Nine Flags {version}, rounds: {rounds}, {scale} % of the sessions; the servers {pinned}"
        )?;
        writeln!(f, "In parentheses: how many times as much Nine Flags takes.")?;
        let cases: BTreeSet<(Row, &str)> =
            self.samples.iter().map(|sample| (sample.row, sample.case)).collect();
        for (row, case) in cases {
            self.table(f, row, case)?;
        }
        self.parts(f)?;
        writeln!(f, "\nbars")?;
        for bar in &self.bars {
            writeln!(f, "{bar}")?;
        }
        let missed = self.bars.iter().filter(|bar| bar.met == Some(false)).count();
        let met = self.bars.iter().filter(|bar| bar.met == Some(true)).count();
        write!(f, "{met} met, {missed} missed, {} not measured", self.bars.len() - met - missed)
    }
}

impl Report {
    fn table(&self, f: &mut fmt::Formatter<'_>, row: Row, case: &str) -> fmt::Result {
        let own = |sample: &&Sample| sample.row == row && sample.case == case;
        let samples: Vec<&Sample> = self.samples.iter().filter(own).collect();
        let servers: BTreeSet<Server> = samples.iter().map(|sample| sample.server).collect();
        let keys =
            |sample: &&Sample| sample.outcome.iter().flat_map(Figures::keys).copied().collect::<Vec<_>>();
        let figures: BTreeSet<Figure> = samples.iter().flat_map(keys).collect();
        write!(f, "\n{:<42}", format!("{}, {case}", name(row)))?;
        servers.iter().try_for_each(|server| write!(f, "{:>18}", server.name()))?;
        for figure in figures {
            write!(f, "\n  {:<40}", label(row, figure))?;
            let ours = self.median(row, case, Server::Nineflags, figure);
            for server in &servers {
                let one = self.median(row, case, *server, figure);
                let ratio = ours.zip(one).filter(|(_, one)| *server != Server::Nineflags && *one > 0.0);
                let ratio = ratio.map(|(ours, one)| format!(" ({:.2})", ours / one)).unwrap_or_default();
                write!(
                    f,
                    "{:>18}",
                    one.map_or_else(|| "-".to_owned(), |one| format!("{}{ratio}", short(one)))
                )?;
            }
        }
        writeln!(f)?;
        let troubles =
            samples.iter().filter_map(|sample| Some((sample.server, sample.outcome.as_ref().err()?)));
        troubles.into_iter().try_for_each(|(server, words)| writeln!(f, "  {}: {words}", server.name()))
    }

    /// What an idle session is made of, as far as differences tell.
    fn parts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = |case, server, figure| self.median(Row::Idle, case, server, figure);
        let (Some(all), Some(welcomed), Some(floor), Some(mirrored)) = (
            memory("5,000", Server::Nineflags, Figure::Memory),
            memory("5,000", Server::Nineflags, Figure::MemoryWelcomed),
            memory("5,000", Server::Floor, Figure::Memory),
            memory("5,000, at another node", Server::Nineflags, Figure::Memory),
        ) else {
            return Ok(());
        };
        writeln!(f, "\nan idle session is made of, KiB")?;
        for (part, kib) in [
            ("what the floor takes: a websocket, its buffers, its tasks", floor),
            ("the player in the mirror of the lobby, as at every node", mirrored),
            ("the rest of what it takes once it is welcome", welcomed - floor - mirrored),
            ("what it grew by exchanging messages", all - welcomed),
            ("all", all),
        ] {
            writeln!(f, "  {part:<62}{kib:>8.1}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, case, what, value, most, met, trouble } = self;
        let word = met.map_or("–", |met| if met { "met" } else { "MISSED" });
        let value = value.map_or_else(|| "not measured".to_owned(), short);
        write!(f, "  {word:<7}{}, {case}: {what}: {value}, at most {}", name(*row), short(*most))?;
        trouble.iter().try_for_each(|trouble| write!(f, " ({trouble})"))
    }
}

/// A row as it is written on the command line.
fn name(row: Row) -> String {
    row.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A number with three digits that count.
fn short(number: f64) -> String {
    match number.abs() {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        1.0.. => format!("{number:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{number:.4}"),
    }
}
