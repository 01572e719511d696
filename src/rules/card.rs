//! The 60 troops and 10 tactics cards, their notation, and the decks they lie in.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::troops::Troops;
use crate::ids::Malformed;

/// The highest rank of a troop; the lowest is 1.
pub const RANKS: u8 = 10;
/// How many troops there are.
pub const TROOPS: u8 = 60;
/// How many tactics cards there are.
pub const TACTICS: u8 = 10;

/// The colour of a troop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Colour {
    /// `r`
    Red,
    /// `o`
    Orange,
    /// `y`
    Yellow,
    /// `g`
    Green,
    /// `b`
    Blue,
    /// `p`
    Purple,
}

impl Colour {
    /// All six.
    pub const ALL: [Colour; 6] =
        [Colour::Red, Colour::Orange, Colour::Yellow, Colour::Green, Colour::Blue, Colour::Purple];

    const LETTERS: [char; 6] = ['r', 'o', 'y', 'g', 'b', 'p'];
}

/// A troop: one colour, one rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Troop(pub(super) u8);

impl Troop {
    /// The troop of a colour and a rank from 1 to 10.
    pub fn new(colour: Colour, rank: u8) -> Option<Self> {
        (1..=RANKS).contains(&rank).then(|| Self(colour as u8 * RANKS + rank - 1))
    }

    /// All 60, by colour and rank.
    pub fn all() -> impl Iterator<Item = Troop> {
        (0..TROOPS).map(Troop)
    }

    /// Its colour.
    pub fn colour(self) -> Colour {
        Colour::ALL[usize::from(self.0 / RANKS)]
    }

    /// Its rank, 1 to 10.
    pub fn rank(self) -> u8 {
        self.0 % RANKS + 1
    }
}

/// A tactics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tactic {
    /// A leader: wild in colour and rank.
    Alexander,
    /// The other leader.
    Darius,
    /// Companion Cavalry: wild in colour, rank 8.
    Companion,
    /// Shield Bearers: wild in colour, rank 1 to 3.
    ShieldBearers,
    /// Only sums count at the flag.
    Fog,
    /// Formations at the flag need four cards.
    Mud,
    /// Draw three, put two back.
    Scout,
    /// Move or discard an own card.
    Redeploy,
    /// Discard a card of the other side.
    Deserter,
    /// Take a troop of the other side.
    Traitor,
}

/// What kind of tactics card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TacticKind {
    /// Lies in a slot like a troop.
    Morale,
    /// Lies at the flag itself.
    Environment,
    /// Is played for its effect.
    Guile,
}

impl Tactic {
    /// All ten.
    pub const ALL: [Tactic; 10] = [
        Tactic::Alexander,
        Tactic::Darius,
        Tactic::Companion,
        Tactic::ShieldBearers,
        Tactic::Fog,
        Tactic::Mud,
        Tactic::Scout,
        Tactic::Redeploy,
        Tactic::Deserter,
        Tactic::Traitor,
    ];

    const CODES: [&'static str; 10] = ["Al", "Da", "Co", "Sh", "Fo", "Mu", "Sc", "Re", "De", "Tr"];

    /// Its two letters.
    pub fn code(self) -> &'static str {
        Self::CODES[self as usize]
    }

    /// What kind it is.
    pub fn kind(self) -> TacticKind {
        match self {
            Tactic::Alexander | Tactic::Darius | Tactic::Companion | Tactic::ShieldBearers => {
                TacticKind::Morale
            }
            Tactic::Fog | Tactic::Mud => TacticKind::Environment,
            Tactic::Scout | Tactic::Redeploy | Tactic::Deserter | Tactic::Traitor => TacticKind::Guile,
        }
    }

    /// Whether it is Alexander or Darius.
    pub fn is_leader(self) -> bool {
        matches!(self, Tactic::Alexander | Tactic::Darius)
    }
}

/// Any of the 70 cards; ordered troops first, by colour and rank.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Card(u8);

impl Card {
    /// The card as a troop, if it is one.
    pub fn troop(self) -> Option<Troop> {
        (self.0 < TROOPS).then_some(Troop(self.0))
    }

    /// The card as a tactics card, if it is one.
    pub fn tactic(self) -> Option<Tactic> {
        self.0.checked_sub(TROOPS).map(|index| Tactic::ALL[usize::from(index)])
    }

    /// The deck it belongs to.
    pub fn deck(self) -> Deck {
        if self.0 < TROOPS { Deck::Troops } else { Deck::Tactics }
    }
}

impl From<Troop> for Card {
    fn from(troop: Troop) -> Self {
        Card(troop.0)
    }
}

impl From<Tactic> for Card {
    fn from(tactic: Tactic) -> Self {
        Card(TROOPS + tactic as u8)
    }
}

/// One of the two decks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deck {
    /// `t`
    Troops,
    /// `x`
    Tactics,
}

impl Deck {
    /// Both decks, troops first.
    pub const BOTH: [Deck; 2] = [Deck::Troops, Deck::Tactics];
}

impl fmt::Display for Troop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Colour::LETTERS[self.colour() as usize], self.rank())
    }
}

impl FromStr for Troop {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let wrong = Malformed("a troop is a colour letter and a rank, as in r7");
        let letter = text.chars().next().ok_or(wrong.clone())?;
        let colour = Colour::LETTERS.iter().position(|known| *known == letter).ok_or(wrong.clone())?;
        let rank = match &text[1..] {
            "10" => 10,
            digit if digit.len() == 1 => digit.parse().map_err(|_| wrong.clone())?,
            _ => return Err(wrong),
        };
        Troop::new(Colour::ALL[colour], rank).ok_or(wrong)
    }
}

impl fmt::Display for Tactic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Tactic {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let found = Tactic::ALL.into_iter().find(|tactic| tactic.code() == text);
        found.ok_or(Malformed("a tactics card is one of Al, Da, Co, Sh, Fo, Mu, Sc, Re, De, Tr"))
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.troop(), self.tactic()) {
            (Some(troop), _) => troop.fmt(f),
            (None, Some(tactic)) => tactic.fmt(f),
            (None, None) => Ok(()),
        }
    }
}

impl FromStr for Card {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let troop = text.parse::<Troop>().map(Card::from);
        troop.or_else(|_| text.parse::<Tactic>().map(Card::from)).map_err(|_| Malformed("that is not a card"))
    }
}

impl fmt::Display for Deck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Deck::Troops => "t",
            Deck::Tactics => "x",
        })
    }
}

impl FromStr for Deck {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text {
            "t" => Ok(Deck::Troops),
            "x" => Ok(Deck::Tactics),
            _ => Err(Malformed("a deck is t or x")),
        }
    }
}

macro_rules! notation_on_the_wire {
    ($($name:ident $pattern:literal),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    )*};
}

notation_on_the_wire!(
    Troop "^[roygbp]([1-9]|10)$",
    Tactic "^(Al|Da|Co|Sh|Fo|Mu|Sc|Re|De|Tr)$",
    Card "^([roygbp]([1-9]|10)|Al|Da|Co|Sh|Fo|Mu|Sc|Re|De|Tr)$",
    Deck "^[tx]$"
);

/// The order of both decks before the deal: seven troops to the first seat, seven to the second, then the deck from
/// the top down; the tactics deck from the top down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decks {
    /// All 60 troops.
    pub troops: Vec<Troop>,
    /// All 10 tactics cards.
    pub tactics: Vec<Tactic>,
}

impl Decks {
    /// Both decks in an order chosen by `below(n)`, which must give each number under `n` with equal chance.
    /// Shuffled by Durstenfeld's form of the Fisher–Yates method (Communications of the ACM 7, 1964, algorithm 235).
    pub fn shuffled(mut below: impl FnMut(u32) -> u32) -> Self {
        let mut decks = Self { troops: Troop::all().collect(), tactics: Tactic::ALL.to_vec() };
        shuffle(&mut decks.troops, &mut below);
        shuffle(&mut decks.tactics, &mut below);
        decks
    }

    /// Refuses decks in which a card is missing or there twice.
    pub fn check(&self) -> Result<(), Malformed> {
        let troops: Troops = self.troops.iter().copied().collect();
        let mut tactics = self.tactics.clone();
        tactics.sort_unstable();
        if self.troops.len() == usize::from(TROOPS) && troops == Troops::ALL && tactics == Tactic::ALL {
            Ok(())
        } else {
            Err(Malformed("the decks are not the 60 troops and 10 tactics cards, each once"))
        }
    }
}

fn shuffle<T>(cards: &mut [T], below: &mut impl FnMut(u32) -> u32) {
    for (left, last) in (1u32..).zip(1..cards.len()) {
        let chosen = usize::try_from(below(left + 1)).unwrap_or(last).min(last);
        cards.swap(last, chosen);
    }
}
