//! A flag of the line, and the judgement of a claim to it (RULES: section 6).

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::card::{Card, Tactic};
use super::few::Few;
pub use super::formation::Formation;
use super::formation::{SIDE_MAX, Side, laid};
use super::seat::{BySeat, Seat};
use super::troops::Troops;
use crate::ids::Malformed;

/// How many flags there are.
pub const FLAGS: u8 = 9;

/// A flag by its place, 0 to 8 from the left; people count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct FlagIndex(u8);

impl FlagIndex {
    /// The flag at a place from 0 to 8.
    pub fn new(place: u8) -> Option<Self> {
        (place < FLAGS).then_some(Self(place))
    }

    /// All nine, from the left.
    pub fn all() -> impl Iterator<Item = FlagIndex> {
        (0..FLAGS).map(FlagIndex)
    }

    /// The place, 0 to 8.
    pub fn place(self) -> usize {
        usize::from(self.0)
    }
}

impl TryFrom<u8> for FlagIndex {
    type Error = Malformed;

    fn try_from(place: u8) -> Result<Self, Malformed> {
        Self::new(place).ok_or(Malformed("a flag is a number from 0 to 8"))
    }
}

impl From<FlagIndex> for u8 {
    fn from(flag: FlagIndex) -> u8 {
        flag.0
    }
}

impl fmt::Display for FlagIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for FlagIndex {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        match text.as_bytes() {
            [digit @ b'0'..=b'8'] => Ok(Self(digit - b'0')),
            _ => Err(Malformed("a flag is a number from 0 to 8")),
        }
    }
}

/// Some of the flags, as nine bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct FlagSet(u16);

impl FlagSet {
    /// No flag.
    pub const NONE: FlagSet = FlagSet(0);

    pub fn contains(self, flag: FlagIndex) -> bool {
        self.0 >> flag.0 & 1 == 1
    }

    pub fn without(self, flag: FlagIndex) -> FlagSet {
        FlagSet(self.0 & !(1 << flag.0))
    }

    /// From the left.
    pub fn iter(self) -> impl Iterator<Item = FlagIndex> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let lowest = FlagIndex::new(u8::try_from(left.trailing_zeros()).ok()?)?;
            left &= left - 1;
            Some(lowest)
        })
    }
}

impl FromIterator<FlagIndex> for FlagSet {
    fn from_iter<I: IntoIterator<Item = FlagIndex>>(flags: I) -> Self {
        FlagSet(flags.into_iter().fold(0, |set, flag| set | 1 << flag.0))
    }
}

impl JsonSchema for FlagIndex {
    fn schema_name() -> Cow<'static, str> {
        "FlagIndex".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 0, "maximum": 8 })
    }
}

/// Why a claim was refused: cards anyone can see are still out, with which the other side would be better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterExample {
    /// The flag.
    pub flag: FlagIndex,
    /// The claimer's formation.
    pub mine: Formation,
    /// What the other side has, or could have.
    pub theirs: Formation,
    /// The cards already on the other side.
    pub laid: Vec<Card>,
    /// The unplayed troops that would complete it; empty if it is complete and better, or tied by the order of play.
    pub missing: Vec<Card>,
}

/// Whether a claim would be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is proved.
    Yes,
    /// The own side is not complete, or the other is or could be better.
    No,
    /// Both sides are complete and equal: the order of play decides.
    Tie,
}

/// One flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flag {
    /// Troops and morale cards of each side, in the order they were laid.
    pub cards: BySeat<Few<Card, SIDE_MAX>>,
    /// Fog and Mud, by the side they lie on.
    pub environment: BySeat<Few<Tactic, 2>>,
    /// Who has won it.
    pub owner: Option<Seat>,
    /// Who laid the last troop or morale card here.
    pub last_placer: Option<Seat>,
}

impl Flag {
    /// Whether an environment card lies here.
    pub fn has(&self, tactic: Tactic) -> bool {
        self.environment.iter().any(|cards| cards.contains(tactic))
    }

    /// How many cards a formation needs here.
    pub fn slots(&self) -> u8 {
        if self.has(Tactic::Mud) { 4 } else { 3 }
    }

    /// Whether a card can be laid on a side.
    pub fn has_room(&self, seat: Seat) -> bool {
        self.owner.is_none() && self.cards[seat].len() < usize::from(self.slots())
    }

    /// Whether a side has all its cards.
    pub fn is_complete(&self, seat: Seat) -> bool {
        self.cards[seat].len() >= usize::from(self.slots())
    }

    /// The formation of a complete side.
    pub fn formation(&self, seat: Seat) -> Option<Formation> {
        laid(&self.cards[seat], usize::from(self.slots()), self.has(Tactic::Fog))
    }

    /// Whether `seat` could claim, for the given troops that lie face up nowhere; ties are left to the caller.
    pub fn verdict(&self, seat: Seat, unplayed: Troops) -> Verdict {
        let Some(mine) = self.formation(seat) else { return Verdict::No };
        let theirs = seat.other();
        if let Some(theirs) = self.formation(theirs) {
            return match mine.cmp(&theirs) {
                std::cmp::Ordering::Greater => Verdict::Yes,
                std::cmp::Ordering::Equal => Verdict::Tie,
                std::cmp::Ordering::Less => Verdict::No,
            };
        }
        let side = Side::new(self.cards[theirs].iter());
        match side.best(self.missing(theirs), unplayed, self.has(Tactic::Fog), Some(mine)) {
            Some(_) => Verdict::No,
            None => Verdict::Yes,
        }
    }

    /// Why a claim by `seat`, whose side is complete, is refused.
    pub fn counter(&self, flag: FlagIndex, seat: Seat, unplayed: Troops) -> Option<CounterExample> {
        let mine = self.formation(seat)?;
        let cards = &self.cards[seat.other()];
        let (theirs, missing) = if let Some(theirs) = self.formation(seat.other()) {
            (theirs, Vec::new())
        } else {
            let side = Side::new(cards.iter());
            let best = side.best(self.missing(seat.other()), unplayed, self.has(Tactic::Fog), Some(mine))?;
            (best.formation, best.added.iter().map(Card::from).collect())
        };
        Some(CounterExample { flag, mine, theirs, laid: cards.iter().collect(), missing })
    }

    fn missing(&self, seat: Seat) -> u8 {
        self.slots() - u8::try_from(self.cards[seat].len()).unwrap_or(0)
    }
}
