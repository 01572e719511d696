//! Why the rules refuse a move: which rule it is and what would be allowed, told from what lies face up and from the cards
//! the mover sees, and from nothing else.

use std::fmt;

use super::card::{Card, Deck, Tactic};
use super::flag::{CounterExample, FlagIndex};

/// Why a move is not allowed; its text is for players, who count flags from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Illegal {
    /// The other seat is on turn.
    NotYourTurn,
    /// The game is over.
    Over,
    /// Something else has to be done first.
    NotNow(Next),
    /// By the rules of the table flags are claimed before the play; something else has to be done now.
    ClaimedLate(Next),
    /// Something follows a draw in one request: what it came to would be judged by a card that nobody has seen yet.
    AfterDraw,
    /// The card is not among those the mover sees in its hand.
    NotHeld {
        /// The card.
        card: Card,
        /// The hand has cards that are not shown yet.
        waits: bool,
    },
    /// One tactics card more than the other side was played already.
    TacticsLimit(Tactic),
    /// A leader was played already.
    LeaderPlayed(Tactic),
    /// The card cannot go to the flag.
    NoPlace {
        /// The card.
        card: Card,
        /// Where it was to go.
        flag: FlagIndex,
        /// Why not.
        why: NoPlace,
        /// Where it could go.
        open: Vec<FlagIndex>,
    },
    /// A guile card cannot take that card.
    NoTarget {
        /// Deserter, Traitor or Redeploy.
        tactic: Tactic,
        /// What was to be taken.
        card: Card,
        /// Fog and Mud may be taken at this table.
        environment: bool,
    },
    /// Scout has nothing to draw.
    NothingToScout,
    /// The deck is empty, and the other is not.
    EmptyDeck(Deck),
    /// Scout puts back so many cards, not another number.
    GiveBack(u8),
    /// A card was to be put back twice.
    Twice(Card),
    /// The flag has been won already.
    Won(FlagIndex),
    /// The own side of the flag lacks cards.
    Incomplete {
        /// The flag.
        flag: FlagIndex,
        /// How many.
        lacks: usize,
    },
    /// The claim cannot be proved.
    NotProved(CounterExample),
    /// A troop can be laid, so the turn cannot be passed.
    MustPlay,
}

/// What the seat on turn has to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Play a card, or pass where that is allowed.
    Play {
        /// It may pass.
        pass: bool,
    },
    /// Draw from one of these decks, to end the turn.
    Draw(Vec<Deck>),
    /// Draw Scout's next card from one of these decks.
    Scout(Vec<Deck>),
    /// Put so many cards back.
    GiveBack(u8),
    /// End the turn.
    End,
}

/// Why a card cannot go to a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The flag has been won.
    Won,
    /// The own side is full.
    Full,
    /// It lies there.
    There,
}

impl std::error::Error for Illegal {}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Illegal::NotYourTurn => f.write_str("It is not your turn."),
            Illegal::Over => f.write_str("The game is over."),
            Illegal::NotNow(next) => write!(f, "That cannot be done now: {next} first."),
            Illegal::ClaimedLate(next) => {
                write!(f, "At this table flags are claimed before the card is played: {next}.")
            }
            Illegal::AfterDraw => f.write_str(
                "A draw is the last move of a request: send what follows it once you see the card.",
            ),
            Illegal::NotHeld { card, waits: false } => {
                write!(f, "You do not hold {}: choose a card in your hand.", Named(*card))
            }
            Illegal::NotHeld { card, waits: true } => {
                let card = Named(*card);
                write!(
                    f,
                    "You see no {card} in your hand. A card drawn unsaved is shown once the game is saved."
                )
            }
            Illegal::TacticsLimit(tactic) => {
                let card = Named((*tactic).into());
                write!(
                    f,
                    "{card} cannot be played: you have played one tactics card more than the other side."
                )?;
                f.write_str(" Play a troop.")
            }
            Illegal::LeaderPlayed(tactic) => {
                let card = Named((*tactic).into());
                write!(f, "{card} cannot be played: you have played a leader already. Play another card.")
            }
            Illegal::NoPlace { card, flag, why, open } => {
                write!(f, "{} cannot go to flag {}: {why}. ", Named(*card), Counted(*flag))?;
                write!(f, "It can go to {}.", Flags(open))
            }
            Illegal::NoTarget { tactic, card, environment } => no_target(*tactic, *card, *environment, f),
            Illegal::NothingToScout => {
                f.write_str("Scout cannot be played: both decks are empty. Play another card.")
            }
            Illegal::EmptyDeck(deck) => {
                let (empty, other) = match deck {
                    Deck::Troops => ("troops", Deck::Tactics),
                    Deck::Tactics => ("tactics cards", Deck::Troops),
                };
                write!(f, "The deck of {empty} is empty: `draw {other}`.")
            }
            Illegal::GiveBack(count) => {
                write!(f, "Another number of cards goes back: {}.", Next::GiveBack(*count))
            }
            Illegal::Twice(card) => {
                write!(f, "{} is named twice: put back two different cards.", Named(*card))
            }
            Illegal::Won(flag) => {
                write!(f, "Flag {} has been won already: claim one that nobody has won.", Counted(*flag))
            }
            Illegal::Incomplete { flag, lacks } => {
                let (flag, cards) = (Counted(*flag), if *lacks == 1 { "card" } else { "cards" });
                write!(f, "Flag {flag} cannot be claimed yet: your side lacks {lacks} {cards}.")
            }
            Illegal::NotProved(counter) => {
                write!(f, "Flag {} cannot be claimed yet: ", Counted(counter.flag))?;
                f.write_str(if counter.missing.is_empty() {
                    "the other side is better, or as good and was complete first."
                } else {
                    "see the cards that are still out."
                })
            }
            Illegal::MustPlay => {
                f.write_str("You cannot pass: you hold a troop, and there is a place for it. Play a card.")
            }
        }
    }
}

fn no_target(tactic: Tactic, card: Card, environment: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (name, card) = (Named(tactic.into()), Named(card));
    write!(f, "{name} cannot take {card}: it ")?;
    f.write_str(match tactic {
        Tactic::Traitor => "moves a troop of the other side",
        Tactic::Redeploy => "moves or discards a card of your own side",
        _ => "discards a card of the other side",
    })?;
    f.write_str(" at a flag that nobody has won")?;
    f.write_str(if environment || tactic == Tactic::Traitor {
        "."
    } else {
        ", but not Fog or Mud at this table."
    })
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Next::Play { pass: false } => f.write_str("play a card"),
            Next::Play { pass: true } => f.write_str("play a card or pass"),
            Next::Draw(decks) => write!(f, "draw a card ({})", Draws(decks)),
            Next::Scout(decks) => write!(f, "draw Scout's next card ({})", Draws(decks)),
            Next::GiveBack(1) => f.write_str("put one card back (`return r2`)"),
            Next::GiveBack(_) => f.write_str("put two cards back (`return r2 Mu`, the last one on top)"),
            Next::End => f.write_str("end the turn (`end`)"),
        }
    }
}

impl fmt::Display for NoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoPlace::Won => "it has been won",
            NoPlace::Full => "your side there is full",
            NoPlace::There => "it lies there already",
        })
    }
}

/// A card as players call it: Red 7, Shield Bearers.
struct Named(Card);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.troop(), self.0.tactic()) {
            (Some(troop), _) => write!(f, "{:?} {}", troop.colour(), troop.rank()),
            (None, Some(Tactic::Companion)) => f.write_str("Companion Cavalry"),
            (None, Some(Tactic::ShieldBearers)) => f.write_str("Shield Bearers"),
            (None, Some(tactic)) => write!(f, "{tactic:?}"),
            (None, None) => Ok(()),
        }
    }
}

/// A flag as players count it.
struct Counted(FlagIndex);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.place() + 1)
    }
}

/// Flags in words: flag 4, flags 1, 2 and 5.
struct Flags<'a>(&'a [FlagIndex]);

impl fmt::Display for Flags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("no flag now"),
            [one] => write!(f, "flag {}", Counted(*one)),
            [first, others @ .., last] => {
                write!(f, "flags {}", Counted(*first))?;
                others.iter().try_for_each(|flag| write!(f, ", {}", Counted(*flag)))?;
                write!(f, " and {}", Counted(*last))
            }
        }
    }
}

/// How the decks are drawn from: `draw t` or `draw x`.
struct Draws<'a>(&'a [Deck]);

impl fmt::Display for Draws<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, deck) in self.0.iter().enumerate() {
            write!(f, "{}`draw {deck}`", if number > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}
