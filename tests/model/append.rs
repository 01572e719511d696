//! A model of `redis/game_append.lua`: the pure tests run copies against it, the cluster tests compare it with the script.

use nineflags::table::copy::{Answer, Proposal};
use nineflags::table::record::{Entry, Hash, Tip};

/// A game's stream in Redis.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// Every record.
    pub entries: Vec<Entry>,
}

/// What a broken script would leave out; tests must notice.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that may be left out")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leaves {
    /// The comparison of the number of records: whatever comes is put at the end.
    pub number: bool,
    /// The comparison of hashes: the number alone decides. No schedule of the real host comes to need it, calls to the script do.
    pub hash: bool,
    /// The search for the request among the records there.
    pub request: bool,
    /// The look whether the mover's session is the live one.
    pub session: bool,
    /// That times of one game never go back.
    pub times: bool,
}

impl Stream {
    /// How far the stream is.
    pub fn tip(&self) -> Tip {
        tip_of(&self.entries)
    }

    /// Appends the records of a proposal at this time, if they follow the tip and come from a live session.
    pub fn append(&mut self, proposal: &Proposal, live: bool, now_ms: u64, leaves: Leaves) -> Answer {
        let (answer, new) = self.weigh(proposal, live, now_ms, leaves);
        self.entries.extend(new);
        answer
    }

    /// What the script answers, and the records it appends, with their times.
    pub fn weigh(
        &self,
        proposal: &Proposal,
        live: bool,
        now_ms: u64,
        leaves: Leaves,
    ) -> (Answer, Vec<Entry>) {
        let is_refused = !live && !leaves.session;
        if let Some(answer) = self.unfit(proposal, leaves).or(is_refused.then_some(Answer::NotLive)) {
            return (answer, Vec::new());
        }
        let mut latest_ms = self.entries.last().map_or(0, |entry| entry.time_ms);
        let now_ms = if leaves.times { now_ms } else { now_ms.max(latest_ms) };
        let stamp = |entry: &Entry| {
            let time_ms = if entry.time_ms == 0 { now_ms } else { entry.time_ms };
            latest_ms = if leaves.times { time_ms } else { latest_ms.max(time_ms) };
            Entry { time_ms: latest_ms, ..entry.clone() }
        };
        (Answer::Appended { time_ms: now_ms }, proposal.entries.iter().map(stamp).collect())
    }

    /// Why a proposal does not follow the tip, if it does not.
    fn unfit(&self, proposal: &Proposal, leaves: Leaves) -> Option<Answer> {
        let there = self.entries.len();
        let number = usize::try_from(proposal.at.number).expect("small");
        if leaves.number {
            return None;
        }
        if there < number {
            return Some(Answer::Behind { tip: self.tip() });
        }
        if !leaves.hash && tip_of(&self.entries[..number]) != proposal.at {
            return Some(Answer::Diverged);
        }
        if there == number {
            return None;
        }
        let missing = self.entries[number..].to_vec();
        let first = proposal.entries.first();
        let same =
            |entry: &Entry| first.is_some_and(|own| own.request == entry.request && own.seat == entry.seat);
        let found = missing.iter().any(same);
        let already = found && !leaves.request;
        Some(if already { Answer::Already { missing } } else { Answer::Conflict { missing } })
    }
}

/// The tip after some records from the first.
pub fn tip_of(entries: &[Entry]) -> Tip {
    let hash = entries.last().map_or_else(Hash::default, |entry| entry.hash.clone());
    Tip { number: u32::try_from(entries.len()).expect("small"), hash }
}
