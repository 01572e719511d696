//! What a seat may ask of a game, in the notation used everywhere: on the wire, in Redis, in tests.

use std::fmt;
use std::str::FromStr;

use super::card::{Card, Deck, Tactic, TacticKind};
use super::flag::FlagIndex;
use super::seat::Seat;
use super::view::Viewer;
use crate::ids::Malformed;

/// A move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// `r7@3`, `Al@3`, `Fo@3`: lay a troop, morale or environment card at a flag.
    Place {
        /// The card.
        card: Card,
        /// Where to.
        flag: FlagIndex,
    },
    /// `De r7`: play Deserter on a card of the other side.
    Deserter {
        /// The card discarded.
        card: Card,
    },
    /// `Tr r7@3`: play Traitor on a troop of the other side.
    Traitor {
        /// The troop taken.
        card: Card,
        /// Where to.
        flag: FlagIndex,
    },
    /// `Re r7@3`, `Re r7@x`: play Redeploy on an own card.
    Redeploy {
        /// The card moved.
        card: Card,
        /// Where to; nowhere discards it.
        to: Option<FlagIndex>,
    },
    /// `Sc`: play Scout.
    Scout,
    /// `draw t`, `draw x`.
    Draw(Deck),
    /// `return a b`: put Scout's cards back, b on top; `return a` if there is only one.
    Return {
        /// The first card put back.
        under: Card,
        /// The second, on top if both go to the same deck.
        top: Option<Card>,
    },
    /// `claim 3`.
    Claim(FlagIndex),
    /// `pass`.
    Pass,
    /// `end`: end the turn where nothing can be drawn.
    End,
    /// `resign`.
    Resign,
}

impl Move {
    /// The move as a viewer may know it: cards returned by Scout are shown as their decks to all but the mover, until
    /// all is `revealed`.
    pub fn seen_by(&self, mover: Seat, viewer: Viewer, revealed: bool) -> String {
        let own = matches!((mover, viewer), (Seat::First, Viewer::First) | (Seat::Second, Viewer::Second));
        match self {
            Move::Return { under, top } if !own && !revealed => match top {
                Some(top) => {
                    // Between two decks the order means nothing and is not shown.
                    let (one, two) = (under.deck().min(top.deck()), under.deck().max(top.deck()));
                    format!("return {one} {two}")
                }
                None => format!("return {}", under.deck()),
            },
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Place { card, flag } => write!(f, "{card}@{flag}"),
            Move::Deserter { card } => write!(f, "De {card}"),
            Move::Traitor { card, flag } => write!(f, "Tr {card}@{flag}"),
            Move::Redeploy { card, to: Some(flag) } => write!(f, "Re {card}@{flag}"),
            Move::Redeploy { card, to: None } => write!(f, "Re {card}@x"),
            Move::Scout => f.write_str("Sc"),
            Move::Draw(deck) => write!(f, "draw {deck}"),
            Move::Return { under, top: Some(top) } => write!(f, "return {under} {top}"),
            Move::Return { under, top: None } => write!(f, "return {under}"),
            Move::Claim(flag) => write!(f, "claim {flag}"),
            Move::Pass => f.write_str("pass"),
            Move::End => f.write_str("end"),
            Move::Resign => f.write_str("resign"),
        }
    }
}

impl FromStr for Move {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "Sc" => return Ok(Move::Scout),
            "pass" => return Ok(Move::Pass),
            "end" => return Ok(Move::End),
            "resign" => return Ok(Move::Resign),
            _ => {}
        }
        let Some((verb, rest)) = text.split_once(' ') else { return place(text) };
        match verb {
            "draw" => Ok(Move::Draw(rest.parse()?)),
            "claim" => Ok(Move::Claim(rest.parse()?)),
            "De" => Ok(Move::Deserter { card: rest.parse()? }),
            "Tr" => {
                let (card, to) = at(rest)?;
                Ok(Move::Traitor { card, flag: to.parse()? })
            }
            "Re" => {
                let (card, to) = at(rest)?;
                let to = if to == "x" { None } else { Some(to.parse()?) };
                Ok(Move::Redeploy { card, to })
            }
            "return" => match rest.split_once(' ') {
                Some((under, top)) => Ok(Move::Return { under: under.parse()?, top: Some(top.parse()?) }),
                None => Ok(Move::Return { under: rest.parse()?, top: None }),
            },
            _ => Err(Malformed("that is not a move")),
        }
    }
}

fn place(text: &str) -> Result<Move, Malformed> {
    let (card, to) = at(text)?;
    if card.tactic().map(Tactic::kind) == Some(TacticKind::Guile) {
        return Err(Malformed("a guile card is not laid at a flag"));
    }
    Ok(Move::Place { card, flag: to.parse()? })
}

fn at(text: &str) -> Result<(Card, &str), Malformed> {
    let (card, to) = text.split_once('@').ok_or(Malformed("that is not a move"))?;
    Ok((card.parse()?, to))
}
