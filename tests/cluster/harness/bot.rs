//! Random but legal play from the choices in a view, as any bot would play.

use std::time::Duration;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, RefusalCode, TableView, Update};
use nineflags::rules::game::Phase;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::{Choices, Viewer};
use tokio::time::sleep;

use super::browser::Browser;
pub use crate::model::dice::Dice;

/// Pause of a bot that asked faster than it may.
const PAUSE: Duration = Duration::from_millis(200);

/// The moves of one request, chosen at random.
pub fn choose(view: &TableView, dice: &mut Dice) -> Vec<String> {
    let choices = view.view.choices.as_ref().expect("choices for the seat on turn");
    if let Some(flag) = choices.provable.iter().flatten().next() {
        return vec![format!("claim {flag}")];
    }
    match view.view.phase {
        Phase::Play => play(choices, dice),
        Phase::ScoutDraw | Phase::Draw if !choices.draw.is_empty() => {
            vec![format!("draw {}", dice.pick(&choices.draw))]
        }
        Phase::ScoutReturn => {
            let mut hand = own_hand(view);
            let cards: Vec<String> =
                (0..choices.give_back).map(|_| hand.remove(dice.below(hand.len()))).collect();
            vec![format!("return {}", cards.join(" "))]
        }
        Phase::ScoutDraw | Phase::Draw | Phase::End => vec!["end".to_owned()],
        Phase::Over => panic!("no choices after the end"),
    }
}

/// Whether the seat on turn can do nothing until cards that it drew unsaved are shown.
pub fn must_wait(view: &TableView) -> bool {
    let Some(choices) = &view.view.choices else { return false };
    match view.view.phase {
        Phase::Play => {
            let claims = choices.provable.iter().flatten().next().is_some();
            !claims && !choices.pass && play(choices, &mut Dice(0)) == ["pass"]
        }
        Phase::ScoutReturn => own_hand(view).len() < usize::from(choices.give_back),
        _ => false,
    }
}

fn own_hand(view: &TableView) -> Vec<String> {
    let seat = match view.view.viewer {
        Viewer::First => Seat::First,
        Viewer::Second => Seat::Second,
        Viewer::Watcher => panic!("a watcher has no hand"),
    };
    view.view.hands[seat].cards.as_ref().expect("the own hand").iter().map(ToString::to_string).collect()
}

fn play(choices: &Choices, dice: &mut Dice) -> Vec<String> {
    let mut plays: Vec<String> = Vec::new();
    for (card, flags) in &choices.place {
        plays.extend(flags.iter().map(|flag| format!("{card}@{flag}")));
    }
    plays.extend(choices.deserter.iter().map(|card| format!("De {card}")));
    for (card, flags) in &choices.traitor {
        plays.extend(flags.iter().map(|flag| format!("Tr {card}@{flag}")));
    }
    for (card, flags) in &choices.redeploy {
        plays.extend(flags.iter().map(|flag| format!("Re {card}@{flag}")));
        plays.push(format!("Re {card}@x"));
    }
    if choices.scout {
        return vec!["Sc".to_owned()];
    }
    if plays.is_empty() {
        return vec!["pass".to_owned()];
    }
    let mut moves = vec![dice.pick(&plays).clone()];
    // Half of the turns are sent as one command, half step by step.
    if dice.below(2) == 0 {
        if !choices.draw_after_play.is_empty() {
            moves.push(format!("draw {}", dice.pick(&choices.draw_after_play)));
        } else if choices.end_after_play {
            moves.push("end".to_owned());
        }
    }
    moves
}

/// Plays random moves for both seats until the game is over or `records` are reached; gives the last views.
pub async fn play_on(
    first: &mut Browser,
    second: &mut Browser,
    table: TableId,
    records: u32,
    dice: &mut Dice,
) -> TableView {
    let mut number = 0;
    loop {
        let view = first
            .until_table("the first seat's view", |view| view.table == table && view.tip.number >= number)
            .await;
        let Some(turn) = view.view.turn else { return view };
        if view.tip.number >= records {
            return view;
        }
        let mover = if turn == Seat::First { &mut *first } else { &mut *second };
        let least = view.tip.number;
        let own = mover
            .until_table("the mover's view", |view| view.table == table && view.tip.number >= least)
            .await;
        let chosen = choose(&own, dice);
        let ask = Ask::Move { table, tip: own.tip.clone(), moves: chosen.clone() };
        match mover.ask(ask).await {
            Update::Done { tip: Some(tip), .. } => number = tip.number,
            // Faster than any person.
            Update::Refused { code: RefusalCode::TooMany, .. } => sleep(PAUSE).await,
            other => panic!("{chosen:?} was not done: {other:?}"),
        }
    }
}
