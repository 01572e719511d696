//! The live copy of one game as a state machine: proposals out, the script's answers and publications in.

mod shown;
mod unsaved;

use crate::ids::{AccountId, RequestId, TableId};
use crate::rules::game::Game;
use crate::rules::illegal::Illegal;
use crate::rules::moves::Move;
use crate::rules::seat::{BySeat, Seat};

use super::record::{Entry, Record, Salt, Start, Tip};

pub use self::shown::LogLine;
pub use self::unsaved::Reconciled;

/// A node's copy of a game: every record, and the game they make. The last records may be unsaved: applied here while
/// the backup could not be reached, and not in the stream yet.
#[derive(Debug, Clone)]
pub struct Copy {
    table: TableId,
    entries: Vec<Entry>,
    /// How many of them the stream is known to have.
    accepted: usize,
    /// How many of them the stream has had at some time: what they reveal has been shown.
    shown: usize,
    state: Option<State>,
}

#[derive(Debug, Clone)]
struct State {
    start: Start,
    commitment: String,
    game: Game,
    stopped: bool,
}

/// What a seat wants to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Moves, all or none.
    Moves(Vec<Move>),
    /// To stop the game.
    Save,
    /// To go on with it.
    Resume,
    /// To win because the other seat is away; whether it is is for the caller to know.
    Absent,
}

/// Records to be appended at a tip, all or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The tip they follow.
    pub at: Tip,
    /// They, without times.
    pub entries: Vec<Entry>,
}

/// What the append script answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The records are there now, accepted at this time.
    Appended {
        /// Redis' time, milliseconds since 1970.
        time_ms: u64,
    },
    /// The request is in the stream already; these records follow the proposal's tip.
    Already {
        /// The records after that tip, those of the request among them.
        missing: Vec<Entry>,
    },
    /// Other records follow the proposal's tip.
    Conflict {
        /// The records after that tip.
        missing: Vec<Entry>,
    },
    /// The stream is shorter than the proposal's tip.
    Behind {
        /// Its tip.
        tip: Tip,
    },
    /// The stream has another record where the proposal's tip is.
    Diverged,
    /// The session that asked is no longer the live one of its account.
    NotLive,
}

/// What has to be done after an answer was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The copy is as far as the stream was: show it.
    Applied,
    /// The stream lost records this copy has: append them again after this tip.
    Heal {
        /// The stream's tip.
        at: Tip,
        /// The records it lost.
        entries: Vec<Entry>,
    },
    /// The copy is wrong or too old: read the stream.
    ReadAgain,
    /// Nothing was appended: another session of the account is the live one.
    NotLive,
}

/// What became of published records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// So many were new.
    Applied(usize),
    /// All were there.
    Already,
    /// Some before them are missing.
    Gap,
    /// One differs from the copy's.
    Diverged,
}

/// Why something cannot be proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The game has not begun, is stopped, or is over.
    NotRunning,
    /// The rules forbid it.
    Illegal(Illegal),
}

/// Records that do not make a game.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {number}: {why}")]
pub struct Broken {
    /// The number of the first wrong record.
    pub number: u32,
    /// What is wrong with it.
    pub why: String,
}

impl Copy {
    /// A copy without records.
    pub fn open(table: TableId) -> Self {
        Self { table, entries: Vec::new(), accepted: 0, shown: 0, state: None }
    }

    /// The copy that the records of a stream make; checks the hash chain and the rules.
    pub fn from_entries(table: TableId, entries: Vec<Entry>) -> Result<Self, Broken> {
        let mut copy = Self::open(table);
        entries.into_iter().try_for_each(|entry| copy.push(entry))?;
        copy.accept_up_to(copy.entries.len());
        Ok(copy)
    }

    /// The game's id.
    pub fn table(&self) -> TableId {
        self.table
    }

    /// How far the copy is.
    pub fn tip(&self) -> Tip {
        self.tip_after(self.entries.len())
    }

    /// All records.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The tip of what the stream is known to have.
    pub fn accepted(&self) -> Tip {
        self.tip_after(self.accepted)
    }

    /// What record 0 holds.
    pub fn start(&self) -> Option<&Start> {
        self.state.as_ref().map(|state| &state.start)
    }

    /// The hash of record 0's text; empty before there is one.
    pub fn commitment(&self) -> &str {
        self.state.as_ref().map_or("", |state| &state.commitment)
    }

    /// The game.
    pub fn game(&self) -> Option<&Game> {
        self.state.as_ref().map(|state| &state.game)
    }

    /// Whether the game is stopped, to be resumed.
    pub fn stopped(&self) -> bool {
        self.state.as_ref().is_some_and(|state| state.stopped)
    }

    /// How often the game was stopped.
    pub fn saves(&self) -> usize {
        self.entries.iter().filter(|entry| entry.record == Record::Save).count()
    }

    /// The game as its seats know it: a card that was drawn unsaved is still face down, and nobody can play it. A record
    /// that may be undone must show nothing that its seat could use after that.
    pub fn known_game(&self) -> Option<Game> {
        self.state.as_ref().map(|state| state.game.with_unseen(self.unseen()))
    }

    /// How many of the cards each seat drew last it has not been shown: those of records that the stream never had.
    fn unseen(&self) -> BySeat<u8> {
        let drawn = |seat| {
            let mine = self.entries[self.shown..].iter().filter(|entry| entry.seat == seat);
            mine.filter(|entry| matches!(entry.record, Record::Move(Move::Draw(_)))).count()
        };
        BySeat::make(|seat| u8::try_from(drawn(seat)).unwrap_or(u8::MAX))
    }

    fn accept_up_to(&mut self, count: usize) {
        self.accepted = count;
        self.shown = self.shown.max(count);
    }

    /// The seat of an account.
    pub fn seat_of(&self, account: AccountId) -> Option<Seat> {
        self.start()?.accounts.find(|seated| *seated == account)
    }

    /// The owners of the flags as in the lobby: `1`, `2` or `-`.
    pub fn flags(&self) -> String {
        let owners = self.game().map(Game::owners).unwrap_or_default();
        let sign = |owner: &Option<Seat>| match owner {
            Some(Seat::First) => '1',
            Some(Seat::Second) => '2',
            None => '-',
        };
        owners.iter().map(sign).collect()
    }

    /// The tip after the records of a seat's request, if they are here.
    pub fn has_request(&self, seat: Seat, request: &RequestId) -> Option<Tip> {
        let last = self.entries.iter().rposition(|entry| entry.is_of(seat, request))?;
        Some(self.tip_after(last + 1))
    }

    /// Whether the chain went through a tip.
    pub fn has_tip(&self, tip: &Tip) -> bool {
        usize::try_from(tip.number)
            .is_ok_and(|number| number <= self.entries.len() && self.tip_after(number) == *tip)
    }

    /// The records a request would append, or why not. Changes nothing.
    pub fn propose(&self, seat: Seat, request: &RequestId, intent: &Intent) -> Result<Proposal, Refused> {
        let state = self.state.as_ref().ok_or(Refused::NotRunning)?;
        let resuming = *intent == Intent::Resume;
        if state.game.ending().is_some() || state.stopped != resuming {
            return Err(Refused::NotRunning);
        }
        let records = match intent {
            Intent::Moves(moves) => {
                let known = state.game.with_unseen(self.unseen());
                known.after_request(seat, moves).map_err(Refused::Illegal)?;
                moves.iter().copied().map(Record::Move).collect()
            }
            Intent::Save => vec![Record::Save],
            Intent::Resume => vec![Record::Resume],
            Intent::Absent => vec![Record::Absent],
        };
        Ok(self.chain(seat, request, records))
    }

    /// Record 0 for an empty stream.
    pub fn propose_start(&self, request: &RequestId, start: Start) -> Proposal {
        self.chain(Seat::First, request, vec![Record::Start(Box::new(start))])
    }

    /// A proposal of this copy in format 2, in which nobody can try what a record is by its hash.
    #[must_use]
    pub fn salted(&self, mut proposal: Proposal) -> Proposal {
        let nonce = match (proposal.entries.first().map(|entry| &entry.record), &self.state) {
            (Some(Record::Start(start)), _) => start.nonce.clone(),
            (_, Some(state)) => state.start.nonce.clone(),
            (_, None) => return proposal,
        };
        let mut at = proposal.at.clone();
        for entry in &mut proposal.entries {
            let salt = Salt::of(&nonce, &at, entry.seat);
            entry.hash = at.hash.next_salted(at.number, salt, entry.seat, &entry.record);
            entry.salt = Some(salt);
            at = Tip { number: at.number + 1, hash: entry.hash.clone() };
        }
        proposal
    }

    /// Takes in what the script answered to a proposal.
    pub fn outcome(&mut self, proposal: Proposal, answer: Answer) -> Effect {
        match answer {
            Answer::Appended { time_ms } => {
                let mut entries = proposal.entries;
                for entry in &mut entries {
                    entry.time_ms = time_ms;
                }
                self.take(proposal.at.number, &entries)
            }
            Answer::Already { missing } | Answer::Conflict { missing } => {
                self.take(proposal.at.number, &missing)
            }
            Answer::Behind { tip } => match self.missing_after(&tip) {
                Some(entries) => Effect::Heal { at: tip, entries },
                None => Effect::ReadAgain,
            },
            Answer::Diverged => Effect::ReadAgain,
            Answer::NotLive => Effect::NotLive,
        }
    }

    fn take(&mut self, from: u32, entries: &[Entry]) -> Effect {
        match self.accept(from, entries) {
            Accepted::Applied(_) | Accepted::Already => Effect::Applied,
            Accepted::Gap | Accepted::Diverged => Effect::ReadAgain,
        }
    }

    /// Takes in records of the stream, the first of which has the number `from`. One that was stamped elsewhere may be older
    /// than the one before it: its time is then that one's, as the stream has it.
    pub fn accept(&mut self, from: u32, entries: &[Entry]) -> Accepted {
        let mut new = 0;
        let first = usize::try_from(from).unwrap_or(usize::MAX);
        let before = first.checked_sub(1).and_then(|before| self.entries.get(before));
        let mut latest_ms = before.map_or(0, |entry| entry.time_ms);
        for (number, entry) in (first..).zip(entries) {
            latest_ms = latest_ms.max(entry.time_ms);
            let count = self.entries.len();
            match self.entries.get_mut(number) {
                // An unsaved record has the stream's time from now on.
                Some(held) if held.hash == entry.hash => {
                    held.time_ms = latest_ms;
                    held.request = entry.request.clone();
                }
                Some(_) => return Accepted::Diverged,
                None if number > count => return Accepted::Gap,
                None => match self.push(Entry { time_ms: latest_ms, ..entry.clone() }) {
                    Ok(()) => new += 1,
                    Err(_) => return Accepted::Diverged,
                },
            }
            self.accept_up_to(self.accepted.max(number + 1));
        }
        self.keep_times_in_order();
        if new > 0 { Accepted::Applied(new) } else { Accepted::Already }
    }

    /// The records that a stream with this tip lacks; nothing if its chain is another.
    pub fn missing_after(&self, tip: &Tip) -> Option<Vec<Entry>> {
        let number = usize::try_from(tip.number).ok()?;
        self.has_tip(tip).then(|| self.entries[number..].to_vec())
    }

    fn tip_after(&self, count: usize) -> Tip {
        let hash =
            count.checked_sub(1).and_then(|last| self.entries.get(last)).map(|entry| entry.hash.clone());
        Tip { number: u32::try_from(count).unwrap_or(u32::MAX), hash: hash.unwrap_or_default() }
    }

    fn chain(&self, seat: Seat, request: &RequestId, records: Vec<Record>) -> Proposal {
        let at = self.tip();
        let mut hash = at.hash.clone();
        let entries = (at.number..).zip(records).map(|(number, record)| {
            hash = hash.next(number, request, seat, &record);
            Entry { hash: hash.clone(), request: request.clone(), seat, record, time_ms: 0, salt: None }
        });
        Proposal { entries: entries.collect(), at }
    }

    /// Appends a record to the copy if it follows from those before it.
    fn push(&mut self, entry: Entry) -> Result<(), Broken> {
        let tip = self.tip();
        let broken = |why: String| Broken { number: tip.number, why };
        match entry.hash_after(&tip.hash, tip.number) {
            Some(expected) if expected == entry.hash => {}
            Some(_) => return Err(broken("the hash does not follow".to_owned())),
            None => return Err(broken("the request id is missing that its hash was made with".to_owned())),
        }
        match (&entry.record, &mut self.state) {
            (Record::Start(start), None) if start.game == self.table => {
                let game = Game::start(start.options.rules, &start.decks);
                let commitment = start.commitment();
                self.state = Some(State { start: (**start).clone(), commitment, game, stopped: false });
            }
            (record, Some(state)) => state.apply(entry.seat, record).map_err(broken)?,
            (_, None) => return Err(broken("not the start of this game".to_owned())),
        }
        self.entries.push(entry);
        Ok(())
    }
}

impl State {
    fn apply(&mut self, seat: Seat, record: &Record) -> Result<(), String> {
        let over = self.game.ending().is_some();
        match record {
            Record::Start(_) => return Err("a second start".to_owned()),
            Record::Resume if self.stopped => self.stopped = false,
            _ if self.stopped => return Err("the game is stopped".to_owned()),
            Record::Resume => return Err("the game is not stopped".to_owned()),
            Record::Save if over => return Err("the game is over".to_owned()),
            Record::Save => self.stopped = true,
            // What the rules say names cards, and this goes into logs.
            Record::Move(mv) => self.game.play(seat, *mv).map_err(|_| "the rules forbid it".to_owned())?,
            Record::Absent => {
                self.game.lose_by_absence(seat.other()).map_err(|_| "the game is over".to_owned())?;
            }
        }
        Ok(())
    }
}
