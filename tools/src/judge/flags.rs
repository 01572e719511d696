//! One flag situation: whether either side can claim it, and what formations it has.

use nineflags::rules::card::{Card, Tactic, TacticKind, Troop};
use nineflags::rules::flag::{Flag, Formation};
use nineflags::rules::formation::SIDE_MAX;
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::rules::troops::Troops;
use serde::Deserialize;
use serde_json::{Value, json};

use super::word;

/// A flag situation.
#[derive(Deserialize)]
struct FlagLine {
    #[serde(default)]
    mud: bool,
    #[serde(default)]
    fog: bool,
    sides: [Vec<Card>; 2],
    unplayed: Vec<Troop>,
}

/// Judges one, or says in words why it is none.
pub(super) fn judge(line: &Value) -> Result<Value, String> {
    let line = FlagLine::deserialize(line).map_err(|error| error.to_string())?;
    let flag = line.flag()?;
    let unplayed: Troops = line.unplayed.iter().copied().collect();
    let verdicts = BySeat::make(|seat| flag.verdict(seat, unplayed));
    let formations = BySeat::make(|seat| flag.formation(seat));
    Ok(json!({
        "claimable": [word(verdicts.first), word(verdicts.second)],
        "form": [name(formations.first), name(formations.second)],
        "sum": [sum(formations.first), sum(formations.second)],
    }))
}

impl FlagLine {
    /// A card that is there twice is taken as given: some vectors have one.
    fn flag(&self) -> Result<Flag, String> {
        let mut flag = Flag::default();
        let environment = [(self.fog, Tactic::Fog), (self.mud, Tactic::Mud)];
        for (_, tactic) in environment.into_iter().filter(|(there, _)| *there) {
            flag.environment.first.push(tactic);
        }
        for (seat, cards) in Seat::BOTH.into_iter().zip(&self.sides) {
            if cards.len() > SIDE_MAX {
                return Err("a side has at most four cards".to_owned());
            }
            for card in cards {
                if card.tactic().is_some_and(|tactic| tactic.kind() != TacticKind::Morale) {
                    return Err(format!("{card} does not lie on a side"));
                }
                flag.cards[seat].push(*card);
            }
        }
        Ok(flag)
    }
}

fn name(formation: Option<Formation>) -> &'static str {
    formation.map_or("", |formation| formation.kind.name())
}

fn sum(formation: Option<Formation>) -> u8 {
    formation.map_or(0, |formation| formation.sum)
}
