//! Refusals by a table, with a code for programs and words for people.

use crate::protocol::RefusalCode;
use crate::rules::flag::CounterExample;
use crate::rules::game::Illegal;
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

    /// The store could not be reached in time, so that nothing is known of the request's fate.
    pub fn unavailable() -> Self {
        Self::new(RefusalCode::Unavailable, "The server cannot reach its store just now. Try again.")
    }
}

/// What the rules or the copy refuse, in the words of the wire.
pub fn refused(refused: Refused) -> Refusal {
    match refused {
        Refused::NotRunning => Refusal::new(RefusalCode::NotRunning, "The game is over, or stopped."),
        Refused::Illegal(illegal) => match illegal {
            Illegal::NotYourTurn => Refusal::new(RefusalCode::NotYourTurn, "It is not your turn."),
            Illegal::Over => Refusal::new(RefusalCode::NotRunning, "The game is over."),
            Illegal::NotProved(counter) => Refusal {
                code: RefusalCode::NotProved,
                words: "That flag cannot be claimed yet: see the cards that are still out.".to_owned(),
                counter: Some(counter),
            },
            other => Refusal::new(RefusalCode::Illegal, other.to_string()),
        },
    }
}
