//! What each bot remembers of a table for the judge: every view it saw, every answer it got. Small, for there are many.

use std::hash::{DefaultHasher, Hasher};

use nineflags::ids::{RequestId, TableId};
use nineflags::rules::game::Ending;
use nineflags::rules::view::Viewer;
use nineflags::table::record::{Hash, Tip};

/// A tip in a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SmallTip {
    /// How many records.
    pub number: u32,
    hash: [u8; Hash::BYTES],
}

impl From<&Tip> for SmallTip {
    fn from(tip: &Tip) -> Self {
        Self { number: tip.number, hash: tip.hash.bytes() }
    }
}

/// The finger print of a view's text and of its log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Print {
    /// Of the view.
    pub view: u64,
    /// Of the log.
    pub log: u64,
}

impl Print {
    /// Of JSON texts as they are on the wire.
    pub fn of(view: &str, log: &str) -> Self {
        let print = |text: &str| {
            let mut hasher = DefaultHasher::new();
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        Self { view: print(view), log: print(log) }
    }
}

/// A view that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How far the game was.
    pub tip: SmallTip,
    /// For whom the view was made.
    pub viewer: Viewer,
    /// What was in it.
    pub print: Print,
    /// It had unsaved records, whose drawn cards are not shown yet.
    pub provisional: bool,
    /// How often it had been told before that the game went back, without a word to where.
    pub notices: u32,
}

/// A request that was answered `done`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The request.
    pub request: RequestId,
    /// The tip that was answered.
    pub tip: SmallTip,
    /// The records asked for, in notation.
    pub moves: Vec<String>,
    /// Whether they must be there in the end.
    pub promise: Promise,
}

/// A request that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The request.
    pub request: RequestId,
    /// The tip it was to follow.
    pub tip: SmallTip,
    /// The records asked for, in notation.
    pub moves: Vec<String>,
}

/// What an answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// The records are accepted: they stay, unless it is said that the game went back.
    Given,
    /// They are in a node's memory only; the connection over which more will be heard still stands.
    Open,
    /// The same, and that connection is gone: only a view of the very same tip makes it a promise.
    Loose,
}

/// What one bot remembers of one table.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that limits what it can tell")]
pub struct Witness {
    /// The table.
    pub table: TableId,
    /// The bot's name.
    pub who: String,
    /// Whether the node it saw all of this through has the version of this program, whose views it can rebuild.
    pub same_version: bool,
    /// The views, in the order they came.
    pub views: Vec<Seen>,
    /// The requests that were carried out, in the order they were answered.
    pub answered: Vec<Answered>,
    /// Requests that were refused for good: they must have changed nothing.
    pub refused: Vec<Refused>,
    /// It stopped listening before all its requests were answered: these may have been carried out, or not.
    pub unanswered: bool,
    /// The hash of record 0 that was shown.
    pub commitment: String,
    /// How the game ended, as it was shown.
    pub ending: Option<Ending>,
    /// How often it was told that the game went back.
    pub went_back: u32,
    /// How often without a word to which record.
    pub vague: u32,
    /// Answers and views that were taken back that way.
    pub taken_back: u32,
    /// Of these, the answers that had been a promise, and those that had not.
    pub answers_back: AnswersBack,
    /// How many records it was told are saved.
    pub saved: u32,
    /// How many it was told are accepted, since it was last told that the game went back.
    pub accepted: u32,
    /// It stopped looking while what it saw last was in memory only: nobody can tell it what became of that.
    pub left_unsaved: bool,
    /// It was told so, and waits for the first view of the game as it is now.
    going_back: bool,
    /// What was wrong already while it was seen.
    pub faults: Vec<String>,
}

/// Answers taken back by a notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AnswersBack {
    /// The records had been accepted.
    pub accepted: u32,
    /// They had been called unsaved.
    pub unsaved: u32,
}

impl Witness {
    /// Nothing seen yet.
    pub fn new(table: TableId, who: impl Into<String>) -> Self {
        Self {
            table,
            who: who.into(),
            same_version: true,
            views: Vec::new(),
            answered: Vec::new(),
            refused: Vec::new(),
            unanswered: false,
            commitment: String::new(),
            ending: None,
            went_back: 0,
            vague: 0,
            taken_back: 0,
            answers_back: AnswersBack::default(),
            saved: 0,
            accepted: 0,
            left_unsaved: false,
            going_back: false,
            faults: Vec::new(),
        }
    }

    /// What was wrong already while it was seen, in words.
    pub fn complaints(&self) -> Vec<String> {
        self.faults.iter().map(|fault| self.words(fault)).collect()
    }

    /// A fault in words.
    pub fn words(&self, fault: &str) -> String {
        format!("table {}, {}: {fault}", self.table, self.who)
    }

    /// Remembers a view; the same one seen again is no news.
    pub fn see(&mut self, seen: Seen, commitment: &str, ending: Option<Ending>) {
        let seen = Seen { notices: self.vague, ..seen };
        if self.going_back {
            self.going_back = false;
            self.take_back(seen.tip.number, false);
        }
        if self.commitment.is_empty() {
            commitment.clone_into(&mut self.commitment);
        } else if self.commitment != commitment {
            self.faults.push(format!("the commitment changed at record {}", seen.tip.number));
        }
        if ending.is_some() {
            self.ending = ending;
        }
        if self.views.last() != Some(&seen) {
            self.views.push(seen);
        }
    }

    /// Remembers an answer `done`.
    pub fn done(&mut self, request: RequestId, tip: &Tip, moves: Vec<String>) {
        self.answered.push(Answered { request, tip: tip.into(), moves, promise: Promise::Given });
    }

    /// Remembers an answer `done` that says that the records are not in the backup yet.
    pub fn done_unsaved(&mut self, request: RequestId, tip: &Tip, moves: Vec<String>) {
        self.answered.push(Answered { request, tip: tip.into(), moves, promise: Promise::Open });
    }

    /// A view says how far the records are accepted, and how far they are saved.
    pub fn hear_how_safe(&mut self, tip: &Tip, unsaved: u32, saved: u32) {
        let at = SmallTip::from(tip);
        let exactly = |answered: &Answered| unsaved == 0 && answered.tip == at;
        self.answered.iter_mut().filter(|answered| exactly(answered)).for_each(|answered| {
            answered.promise = Promise::Given;
        });
        self.hear_accepted(tip.number.saturating_sub(unsaved));
        self.hear_saved(saved);
    }

    /// It was told that the records up to a number are saved.
    pub fn hear_saved(&mut self, number: u32) {
        self.saved = self.saved.max(number);
        self.hear_accepted(number);
    }

    fn hear_accepted(&mut self, number: u32) {
        self.accepted = self.accepted.max(number);
        for answered in &mut self.answered {
            if answered.promise == Promise::Open && answered.tip.number <= number {
                answered.promise = Promise::Given;
            }
        }
    }

    /// It stops looking before the game is put away.
    pub fn leave(&mut self) {
        self.left_unsaved = self.views.last().is_some_and(|last| last.tip.number > self.accepted);
        if self.left_unsaved {
            self.ending = None;
        }
    }

    /// Remembers a refusal for good.
    pub fn refuse(&mut self, request: RequestId, tip: &Tip, moves: Vec<String>) {
        self.refused.push(Refused { request, tip: tip.into(), moves });
    }

    /// The connection was lost: what was only in a node's memory may be gone with it.
    pub fn lose_connection(&mut self) {
        for answered in &mut self.answered {
            if answered.promise == Promise::Open {
                answered.promise = Promise::Loose;
            }
        }
    }

    /// Remembers that it was told that the game went back: to this record, or, where it was not told to which, to the
    /// view it just got, if that one is not its farthest, or to the next it gets.
    pub fn hear_went_back(&mut self, to: Option<u32>) {
        self.went_back += 1;
        if let Some(number) = to {
            // Another view of this very number is explained by nothing.
            return self.take_back(number, true);
        }
        self.vague += 1;
        let farthest = self.views.iter().map(|seen| seen.tip.number).max();
        let last = self.views.last().copied();
        match last.filter(|last| Some(last.tip.number) < farthest) {
            Some(last) => {
                self.take_back(last.tip.number, false);
                self.views.push(Seen { notices: self.vague, ..last });
            }
            None => self.going_back = true,
        }
    }

    /// Forgets what came after a record, since it was told that the game went back there. Unless it was told so exactly,
    /// another view of that number may be of a record that was lost, too.
    fn take_back(&mut self, number: u32, exactly: bool) {
        if number < self.saved {
            let saved = self.saved;
            self.faults
                .push(format!("{saved} records were called saved, and the game went back to {number}"));
            self.saved = number;
        }
        self.accepted = self.accepted.min(number);
        let before = self.views.len() + self.answered.len();
        for answered in self.answered.iter().filter(|answered| answered.tip.number > number) {
            let count = match answered.promise {
                Promise::Given => &mut self.answers_back.accepted,
                Promise::Open | Promise::Loose => &mut self.answers_back.unsaved,
            };
            *count += 1;
        }
        self.views.retain(|seen| seen.tip.number < number || exactly && seen.tip.number == number);
        self.answered.retain(|answered| answered.tip.number <= number);
        // Others may have moved on since where it went back to: no number up to here says that these were accepted.
        self.lose_connection();
        let after = self.views.len() + self.answered.len();
        self.taken_back += u32::try_from(before - after).unwrap_or(u32::MAX);
        self.ending = None;
    }
}
