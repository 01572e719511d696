//! Sets of troops.

use super::card::{Colour, RANKS, TROOPS, Troop};

/// A set of troops as 60 bits; each colour has ten of them, rank 1 lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Troops(u64);

impl Troops {
    /// All 60.
    pub const ALL: Troops = Troops((1 << 60) - 1);

    /// Adds one.
    pub fn insert(&mut self, troop: Troop) {
        self.0 |= 1 << troop.0;
    }

    /// Takes one out.
    pub fn remove(&mut self, troop: Troop) {
        self.0 &= !(1 << troop.0);
    }

    /// Whether it is there.
    pub fn contains(self, troop: Troop) -> bool {
        self.0 >> troop.0 & 1 == 1
    }

    /// How many there are.
    pub fn count(self) -> u8 {
        u8::try_from(self.0.count_ones()).unwrap_or(u8::MAX)
    }

    /// The ranks of one colour that are there, as bits 0 to 9 for ranks 1 to 10.
    pub fn ranks_of(self, colour: Colour) -> u16 {
        u16::try_from(self.0 >> (colour as u8 * RANKS) & 0x3ff).unwrap_or(0)
    }

    /// The ranks that are there in any colour.
    pub fn ranks(self) -> u16 {
        Colour::ALL.into_iter().fold(0, |ranks, colour| ranks | self.ranks_of(colour))
    }

    /// Only those of one rank.
    #[must_use]
    pub fn of_rank(self, rank: u8) -> Troops {
        const ONE_RANK: u64 = 1 | 1 << 10 | 1 << 20 | 1 << 30 | 1 << 40 | 1 << 50;
        Troops(self.0 & ONE_RANK << (rank - 1))
    }

    /// Only those of one colour.
    #[must_use]
    pub fn of_colour(self, colour: Colour) -> Troops {
        Troops(self.0 & 0x3ff << (colour as u8 * RANKS))
    }

    /// All of them, by colour and rank.
    pub fn iter(self) -> impl Iterator<Item = Troop> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let lowest = left.trailing_zeros();
            left &= left.wrapping_sub(1);
            u8::try_from(lowest).ok().filter(|index| *index < TROOPS).map(Troop)
        })
    }
}

impl FromIterator<Troop> for Troops {
    fn from_iter<I: IntoIterator<Item = Troop>>(troops: I) -> Self {
        let mut set = Troops::default();
        troops.into_iter().for_each(|troop| set.insert(troop));
        set
    }
}
