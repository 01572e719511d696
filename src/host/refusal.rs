//! Refusals by a table, with a code for programs and words for people.

use crate::protocol::RefusalCode;
use crate::rules::flag::CounterExample;
use crate::rules::illegal::Illegal;
use crate::table::copy::Refused;

/// A refusal by a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub words: String,
    /// Why a claim fails.
    pub counter: Option<CounterExample>,
}

impl Refusal {
    /// A refusal without a counter-example.
    pub fn new(code: RefusalCode, words: impl Into<String>) -> Self {
        Self { code, words: words.into(), counter: None }
    }

    /// Another session of the account has taken over.
    pub fn not_live() -> Self {
        Self::new(RefusalCode::NotLive, "You play in another window.")
    }

    /// Whoever asks only watches, or is a stranger.
    pub fn not_seated() -> Self {
        Self::new(RefusalCode::NotSeated, "You have no seat at that table.")
    }

    /// The request was chosen from an old view.
    pub fn old_tip() -> Self {
        Self::new(RefusalCode::OldTip, "The game has moved on since you chose. Look again.")
    }

    /// What the backup holds of this game is not a game: the node's log says what.
    pub fn unreadable() -> Self {
        let words = "The server cannot read this game just now: whoever runs it has been told.";
        Self::new(RefusalCode::Unavailable, words)
    }

    /// The store could not be reached in time, so that nothing is known of the request's fate.
    pub fn unavailable() -> Self {
        Self::new(RefusalCode::Unavailable, "The server cannot reach its store just now. Try again.")
    }
}

/// What the rules or the copy refuse, in the words of the wire.
pub fn refused(refused: Refused) -> Refusal {
    match refused {
        Refused::NotRunning => Refusal::new(RefusalCode::NotRunning, "The game is over, or stopped."),
        Refused::Illegal(illegal) => {
            let words = illegal.to_string();
            let (code, counter) = match illegal {
                Illegal::NotYourTurn => (RefusalCode::NotYourTurn, None),
                Illegal::Over => (RefusalCode::NotRunning, None),
                Illegal::NotProved(counter) => (RefusalCode::NotProved, Some(counter)),
                _ => (RefusalCode::Illegal, None),
            };
            Refusal { code, words, counter }
        }
    }
}
