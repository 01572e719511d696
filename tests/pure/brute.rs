//! Formations and claims by trying everything: slow, and simple enough to be believed.

use nineflags::rules::card::{Card, Colour, RANKS, Tactic, Troop};
use nineflags::rules::formation::{Formation, FormationKind};

/// The best formation of these cards, every wild card being tried as every troop it may stand for.
pub fn formation(cards: &[Card], fog: bool) -> Formation {
    let mut troops = [(Colour::Red, 0); 4];
    as_troops(cards, fog, &mut troops, 0)
}

fn as_troops(cards: &[Card], fog: bool, troops: &mut [(Colour, u8); 4], count: usize) -> Formation {
    let Some((card, rest)) = cards.split_first() else { return plain(&troops[..count], fog) };
    if let Some(troop) = card.troop() {
        troops[count] = (troop.colour(), troop.rank());
        return as_troops(rest, fog, troops, count + 1);
    }
    let ranks = match card.tactic() {
        Some(Tactic::Alexander | Tactic::Darius) => 1..=RANKS,
        Some(Tactic::Companion) => 8..=8,
        Some(Tactic::ShieldBearers) => 1..=3,
        other => panic!("{other:?} does not lie on a side"),
    };
    let troops_meant =
        Colour::ALL.into_iter().flat_map(|colour| ranks.clone().map(move |rank| (colour, rank)));
    let mut best = Formation { kind: FormationKind::Host, sum: 0 };
    for meant in troops_meant {
        troops[count] = meant;
        best = best.max(as_troops(rest, fog, troops, count + 1));
    }
    best
}

/// The formation of troops without wild cards.
fn plain(troops: &[(Colour, u8)], fog: bool) -> Formation {
    let sum = troops.iter().map(|(_, rank)| rank).sum();
    let one_colour = troops.iter().all(|(colour, _)| *colour == troops[0].0);
    let one_rank = troops.iter().all(|(_, rank)| *rank == troops[0].1);
    let lowest = troops.iter().map(|(_, rank)| *rank).min().unwrap_or(0);
    let has = |wanted| troops.iter().any(|(_, rank)| *rank == wanted);
    let consecutive = (lowest..).take(troops.len()).all(has);
    let kind = match (one_colour, consecutive, one_rank) {
        _ if fog => FormationKind::Host,
        (true, true, _) => FormationKind::Wedge,
        (_, _, true) => FormationKind::Phalanx,
        (true, _, _) => FormationKind::Battalion,
        (_, true, _) => FormationKind::Skirmish,
        _ => FormationKind::Host,
    };
    Formation { kind, sum }
}

/// The best formation of the laid cards with `missing` of the unplayed troops; nothing if there are too few.
pub fn best_reply(laid: &[Card], missing: usize, unplayed: &[Troop], fog: bool) -> Option<Formation> {
    if missing == 0 {
        return Some(formation(laid, fog));
    }
    let with = |place: usize| {
        let mut cards = laid.to_vec();
        cards.push(unplayed[place].into());
        best_reply(&cards, missing - 1, &unplayed[place + 1..], fog)
    };
    (0..unplayed.len()).filter_map(with).max()
}

/// The best formation of a complete side: of four cards where three count, any three.
pub fn complete(cards: &[Card], size: usize, fog: bool) -> Option<Formation> {
    if cards.len() <= size {
        return (cards.len() == size).then(|| formation(cards, fog));
    }
    let without = |out: usize| formation(&[&cards[..out], &cards[out + 1..]].concat(), fog);
    (0..cards.len()).map(without).max()
}
