//! What a fault cost the players, from the history of the play. Pure.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nineflags_tools::load::history::{Event, What};
use serde::Serialize;

/// A fault, as far as its cost is reckoned.
pub struct Span {
    /// When it began to hurt.
    pub began: Instant,
    /// When all was whole again.
    pub whole: Instant,
    /// When the next one began, or the play ended.
    pub next: Instant,
    /// Whose players were hit.
    pub hit: Vec<SocketAddr>,
    /// Where everybody was connected when it began.
    pub places: HashMap<usize, [Option<SocketAddr>; 2]>,
}

/// Times of one kind, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Times {
    /// How many pairs.
    pub pairs: usize,
    /// Half of them waited at most so long.
    pub p50_ms: u64,
    /// 99 of 100.
    pub p99_ms: u64,
    /// The longest of all.
    pub max_ms: u64,
}

/// What a fault cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Cost {
    /// From the beginning to the first move of each pair that was sent after it and accepted.
    pub first: Times,
    /// The same for pairs of whom at least one was connected to a node that was hit.
    pub hit: Times,
    /// The longest time without a move of each pair, until all was whole again.
    pub pause: Times,
    /// The same for pairs whose two were connected to one node, which was not hit.
    pub pause_together: Times,
    /// Pairs that had played every card they saw, and waited for those they had drawn unsaved.
    pub waited: usize,
    /// Pairs that were playing, and did not move again before the next fault.
    pub stuck: Vec<usize>,
    /// Requests taken back that had been accepted.
    pub accepted_back: u64,
    /// Requests taken back that had been called unsaved.
    pub unsaved_back: u64,
}

/// Whole milliseconds.
pub fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Times of some pairs.
pub fn times(mut all: Vec<Duration>) -> Times {
    all.sort_unstable();
    let ms = |time: &Duration| ms(*time);
    // The smallest time that so many of a hundred do not exceed.
    let at = |percent: usize| all.get((all.len() * percent).div_ceil(100).saturating_sub(1)).map_or(0, ms);
    Times { pairs: all.len(), p50_ms: at(50), p99_ms: at(99), max_ms: all.last().map_or(0, ms) }
}

/// What a fault cost.
pub fn cost(span: &Span, events: &[Event]) -> Cost {
    let mut pairs: BTreeMap<usize, Vec<&Event>> = BTreeMap::new();
    for event in events {
        pairs.entry(event.pair).or_default().push(event);
    }
    let (mut first, mut hit, mut pause, mut pause_together) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut cost = Cost::default();
    for (pair, events) in pairs {
        let places = span.places.get(&pair).copied().unwrap_or_default();
        let is_hit = places.iter().flatten().any(|place| span.hit.contains(place));
        match first_move(span, &events) {
            Next::After(time) => {
                first.push(time);
                if is_hit {
                    hit.push(time);
                }
            }
            Next::Never => cost.stuck.push(pair),
            Next::NotPlaying => {}
        }
        if let Some(time) = longest_pause(span, &events) {
            pause.push(time);
            if places[0].is_some() && places[0] == places[1] && !is_hit {
                pause_together.push(time);
            }
        }
        let within = || events.iter().filter(|event| span.began <= event.at && event.at < span.next);
        cost.waited += usize::from(within().any(|event| matches!(event.what, What::Waits)));
        for event in within() {
            if let What::WentBack { accepted, unsaved } = event.what {
                cost.accepted_back += u64::from(accepted);
                cost.unsaved_back += u64::from(unsaved);
            }
        }
    }
    cost.first = times(first);
    cost.hit = times(hit);
    cost.pause = times(pause);
    cost.pause_together = times(pause_together);
    cost
}

enum Next {
    After(Duration),
    Never,
    NotPlaying,
}

/// How long it took until a move was accepted that was sent, perhaps again, after a fault began.
fn first_move(span: &Span, events: &[&Event]) -> Next {
    let before = events.iter().rev().find(|event| event.at < span.began);
    if before.is_none_or(|event| matches!(event.what, What::Over)) {
        return Next::NotPlaying;
    }
    for event in events.iter().filter(|event| span.began <= event.at && event.at < span.next) {
        match event.what {
            What::Accepted { sent, .. } if sent >= span.began => return Next::After(event.at - span.began),
            What::Over => return Next::NotPlaying,
            What::Accepted { .. } | What::WentBack { .. } | What::Waits => {}
        }
    }
    Next::Never
}

/// The longest time between two moves of one game that a fault has a part in. A pair that has played all that it sees waits
/// for the cards that it drew, which is not the table's pause: it ends where that begins.
fn longest_pause(span: &Span, events: &[&Event]) -> Option<Duration> {
    let moves = events.iter().filter(|event| !matches!(event.what, What::WentBack { .. }));
    let moves: Vec<&&Event> = moves.collect();
    let pairs = moves.windows(2).filter(|two| matches!(two[0].what, What::Accepted { .. }));
    let touching = pairs.filter(|two| two[1].at >= span.began && two[0].at <= span.whole);
    touching.filter(|two| !matches!(two[1].what, What::Over)).map(|two| two[1].at - two[0].at).max()
}
