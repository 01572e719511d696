//! Formations, and the best one a side can have or still get, exactly and without search (RULES: section 6).

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::card::{Card, Colour, RANKS, Tactic, Troop};
use super::few::Few;
use super::troops::Troops;

/// The kinds of formation, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormationKind {
    /// Anything.
    Host,
    /// Consecutive ranks.
    Skirmish,
    /// One colour.
    Battalion,
    /// One rank.
    Phalanx,
    /// One colour and consecutive ranks.
    Wedge,
}

impl FormationKind {
    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            FormationKind::Host => "host",
            FormationKind::Skirmish => "skirmish",
            FormationKind::Battalion => "battalion",
            FormationKind::Phalanx => "phalanx",
            FormationKind::Wedge => "wedge",
        }
    }
}

/// A formation: compared by kind, then by sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Formation {
    /// The kind.
    pub kind: FormationKind,
    /// The sum of the ranks, wild cards at their best.
    pub sum: u8,
}

/// How the best formation of one kind is found.
type Find = fn(&Side, u8, Troops) -> Option<Best>;

/// The kinds of formation, strongest first.
const FINDS: [(FormationKind, Find); 5] = [
    (FormationKind::Wedge, Side::wedge),
    (FormationKind::Phalanx, Side::phalanx),
    (FormationKind::Battalion, Side::battalion),
    (FormationKind::Skirmish, Side::skirmish),
    (FormationKind::Host, Side::host),
];

/// The most cards a side of a flag can hold.
pub const SIDE_MAX: usize = 4;

/// A side of a flag, sorted for judging.
#[derive(Debug, Clone, Copy)]
pub struct Side {
    troops: Few<Troop, SIDE_MAX>,
    /// Bits of the ranks held.
    ranks: u16,
    /// All ranks differ.
    distinct: bool,
    /// The one colour of all troops; nothing if they differ.
    colour: OneColour,
    sum: u8,
    leaders: u8,
    companion: bool,
    shield_bearers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OneColour {
    Any,
    Only(Colour),
    None,
}

/// The best a side can be, and the troops that make it so.
#[derive(Debug, Clone, Copy)]
pub struct Best {
    /// The formation.
    pub formation: Formation,
    /// The troops to be added, out of those given.
    pub added: Few<Troop, SIDE_MAX>,
}

impl Side {
    /// Sorts the cards of a side; environment and guile cards count for nothing.
    pub fn new(cards: impl Iterator<Item = Card>) -> Self {
        let mut side = Self {
            troops: Few::new(),
            ranks: 0,
            distinct: true,
            colour: OneColour::Any,
            sum: 0,
            leaders: 0,
            companion: false,
            shield_bearers: false,
        };
        for card in cards {
            match (card.troop(), card.tactic()) {
                (Some(troop), _) => side.add(troop),
                (None, Some(Tactic::Alexander | Tactic::Darius)) => side.leaders += 1,
                (None, Some(Tactic::Companion)) => side.companion = true,
                (None, Some(Tactic::ShieldBearers)) => side.shield_bearers = true,
                (None, _) => {}
            }
        }
        side
    }

    fn add(&mut self, troop: Troop) {
        let bit = 1 << (troop.rank() - 1);
        self.distinct &= self.ranks & bit == 0;
        self.ranks |= bit;
        self.sum += troop.rank();
        self.colour = match self.colour {
            OneColour::Any => OneColour::Only(troop.colour()),
            OneColour::Only(colour) if colour == troop.colour() => self.colour,
            OneColour::Only(_) | OneColour::None => OneColour::None,
        };
        self.troops.push(troop);
    }

    fn wilds(&self) -> u8 {
        self.leaders + u8::from(self.companion) + u8::from(self.shield_bearers)
    }

    fn len(&self) -> u8 {
        u8::try_from(self.troops.len()).unwrap_or(0) + self.wilds()
    }

    /// The sum if every wild card takes its highest rank.
    fn top_sum(&self) -> u8 {
        self.sum + 10 * self.leaders + 8 * u8::from(self.companion) + 3 * u8::from(self.shield_bearers)
    }

    /// The best formation of this side with `missing` more cards out of `pool`, if it is better than `floor`; nothing
    /// if `pool` has too few cards or none makes it better.
    pub fn best(&self, missing: u8, pool: Troops, fog: bool, floor: Option<Formation>) -> Option<Best> {
        if pool.count() < missing {
            return None;
        }
        let above = |best: Best| floor.is_none_or(|floor| best.formation > floor).then_some(best);
        if fog {
            return self.host(missing, pool).and_then(above);
        }
        let worth = |kind| floor.is_none_or(|floor: Formation| kind >= floor.kind);
        FINDS
            .into_iter()
            .take_while(|(kind, _)| worth(*kind))
            .find_map(|(_, find)| find(self, missing, pool))
            .and_then(above)
    }

    /// The colours all troops of the side have or could have.
    fn colours(&self) -> impl Iterator<Item = Colour> + use<> {
        let one = self.colour;
        Colour::ALL.into_iter().filter(move |colour| match one {
            OneColour::Any => true,
            OneColour::Only(only) => only == *colour,
            OneColour::None => false,
        })
    }

    fn wedge(&self, missing: u8, pool: Troops) -> Option<Best> {
        if !self.distinct || self.colour == OneColour::None {
            return None;
        }
        let size = self.len() + missing;
        (size..=RANKS).rev().find_map(|top| {
            self.colours().find_map(|colour| {
                let taken = self.fill_run(top, size, pool.ranks_of(colour))?;
                let added = ranks_in(taken).filter_map(|rank| Troop::new(colour, rank)).collect();
                Some(Best {
                    formation: Formation { kind: FormationKind::Wedge, sum: run_sum(top, size) },
                    added,
                })
            })
        })
    }

    fn skirmish(&self, missing: u8, pool: Troops) -> Option<Best> {
        if !self.distinct {
            return None;
        }
        let size = self.len() + missing;
        let ranks = pool.ranks();
        (size..=RANKS).rev().find_map(|top| {
            let taken = self.fill_run(top, size, ranks)?;
            let added = ranks_in(taken).filter_map(|rank| pool.of_rank(rank).iter().next()).collect();
            Some(Best {
                formation: Formation { kind: FormationKind::Skirmish, sum: run_sum(top, size) },
                added,
            })
        })
    }

    /// The ranks to be added so that the side is the run of `size` ranks up to `top`, if wild cards and the ranks
    /// `there` can fill its gaps.
    fn fill_run(&self, top: u8, size: u8, there: u16) -> Option<u16> {
        let run = ((1u16 << size) - 1) << (top - size);
        if self.ranks & !run != 0 {
            return None;
        }
        let mut gaps = run & !self.ranks;
        if self.companion {
            const EIGHT: u16 = 1 << 7;
            if gaps & EIGHT == 0 {
                return None;
            }
            gaps &= !EIGHT;
        }
        if !self.shield_bearers {
            return self.lead(gaps, there);
        }
        (0..3)
            .map(|low| 1u16 << low)
            .filter(|bit| gaps & bit != 0)
            .find_map(|bit| self.lead(gaps & !bit, there))
    }

    /// Leaders take what is not there, then any gap; the rest is added.
    fn lead(&self, gaps: u16, there: u16) -> Option<u16> {
        let mut free = u32::from(self.leaders).checked_sub((gaps & !there).count_ones())?;
        let mut rest = gaps & there;
        while free > 0 && rest != 0 {
            rest &= rest - 1;
            free -= 1;
        }
        (free == 0).then_some(rest)
    }

    fn phalanx(&self, missing: u8, pool: Troops) -> Option<Best> {
        let size = self.len() + missing;
        (1..=RANKS).rev().find_map(|rank| {
            let fits = self.ranks & !(1 << (rank - 1)) == 0
                && (!self.companion || rank == 8)
                && (!self.shield_bearers || rank <= 3);
            let there = pool.of_rank(rank);
            if !fits || there.count() < missing {
                return None;
            }
            let added = there.iter().take(usize::from(missing)).collect();
            Some(Best { formation: Formation { kind: FormationKind::Phalanx, sum: rank * size }, added })
        })
    }

    fn battalion(&self, missing: u8, pool: Troops) -> Option<Best> {
        let of_colour = |colour| self.top_up(FormationKind::Battalion, missing, pool.of_colour(colour));
        self.colours().filter_map(of_colour).max_by_key(|best| best.formation.sum)
    }

    fn host(&self, missing: u8, pool: Troops) -> Option<Best> {
        self.top_up(FormationKind::Host, missing, pool)
    }

    /// The side with the highest troops of a pool added.
    fn top_up(&self, kind: FormationKind, missing: u8, pool: Troops) -> Option<Best> {
        if pool.count() < missing {
            return None;
        }
        let mut added = Few::new();
        let mut rank = RANKS;
        while added.len() < usize::from(missing) {
            for troop in pool.of_rank(rank).iter().take(usize::from(missing) - added.len()) {
                added.push(troop);
            }
            rank -= 1;
        }
        let sum = self.top_sum() + added.iter().map(Troop::rank).sum::<u8>();
        Some(Best { formation: Formation { kind, sum }, added })
    }
}

fn run_sum(top: u8, size: u8) -> u8 {
    size * (2 * top - size + 1) / 2
}

fn ranks_in(bits: u16) -> impl Iterator<Item = u8> {
    (1..=RANKS).filter(move |rank| bits >> (rank - 1) & 1 == 1)
}

/// The best formation of the cards that lie on a side. Where more than `size` lie, because Mud was taken away, the
/// best `size` of them count.
pub fn laid(cards: &Few<Card, SIDE_MAX>, size: usize, fog: bool) -> Option<Formation> {
    let whole = |cards: &mut dyn Iterator<Item = Card>| {
        Side::new(cards).best(0, Troops::default(), fog, None).map(|best| best.formation)
    };
    match cards.len().cmp(&size) {
        Ordering::Less => None,
        Ordering::Equal => whole(&mut cards.iter()),
        Ordering::Greater => {
            let all_but = |out| cards.iter().enumerate().filter(move |(place, _)| *place != out);
            (0..cards.len()).filter_map(|out| whole(&mut all_but(out).map(|(_, card)| card))).max()
        }
    }
}
