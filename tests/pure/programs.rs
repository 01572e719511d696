//! A program that knows nothing but the table of choices in docs/PROTOCOL.md: whatever listed thing it asks for, alone or as
//! the page writes it, is carried out, and there is always one until the game is over.

use nineflags::rules::flag::FlagIndex;
use nineflags::rules::game::Game;
use nineflags::rules::illegal::Illegal;
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::{Choices, Viewer};

use crate::dice::Dice;
use crate::random_play::{all_options, decks};

/// Games of each of the eight kinds of tables: 10,000 in all.
const GAMES: u64 = 1_250;
/// Requests of one game, at most.
const REQUESTS_MAX: usize = 1_500;

/// One line of the table: what may be asked for, and what follows it in the same request.
type Asked = Vec<String>;

/// A play alone, and with each way to end the turn.
fn with_endings(choices: &Choices, play: &str) -> Vec<Asked> {
    let draws = choices.draw_after_play.iter().map(|deck| format!("draw {deck}"));
    let end = choices.end_after_play.then(|| "end".to_owned());
    let mut all = vec![vec![play.to_owned()]];
    all.extend(draws.chain(end).map(|end| vec![play.to_owned(), end]));
    all
}

fn at(flags: &[FlagIndex], dice: &mut Dice) -> Option<FlagIndex> {
    (!flags.is_empty()).then(|| dice.pick(flags))
}

/// One request of each kind that the choices list.
fn listed(choices: &Choices, hand: &[String], dice: &mut Dice) -> Vec<Asked> {
    let mut plays = Vec::new();
    for (card, flags) in &choices.place {
        plays.extend(at(flags, dice).map(|flag| format!("{card}@{flag}")));
    }
    plays.extend((!choices.deserter.is_empty()).then(|| format!("De {}", dice.pick(&choices.deserter))));
    let traitor: Vec<_> = choices.traitor.iter().collect();
    if !traitor.is_empty() {
        let (card, flags) = dice.pick(&traitor);
        plays.extend(at(flags, dice).map(|flag| format!("Tr {card}@{flag}")));
    }
    let redeploy: Vec<_> = choices.redeploy.iter().collect();
    if !redeploy.is_empty() {
        let (card, flags) = dice.pick(&redeploy);
        plays.extend(at(flags, dice).map(|flag| format!("Re {card}@{flag}")));
        plays.push(format!("Re {card}@x"));
    }
    let mut all: Vec<Asked> = plays.iter().flat_map(|play| with_endings(choices, play)).collect();
    if choices.scout {
        all.push(vec!["Sc".to_owned()]);
        all.extend(choices.draw_after_play.iter().map(|deck| vec!["Sc".to_owned(), format!("draw {deck}")]));
    }
    all.extend(choices.draw.iter().map(|deck| vec![format!("draw {deck}")]));
    all.extend(choices.claim.iter().map(|flag| vec![format!("claim {flag}")]));
    all.extend(choices.pass.then(|| vec!["pass".to_owned()]));
    all.extend(choices.end.then(|| vec!["end".to_owned()]));
    if choices.give_back > 0 {
        let mut hand = hand.to_vec();
        dice.shuffle(&mut hand);
        hand.truncate(usize::from(choices.give_back));
        all.push(vec![format!("return {}", hand.join(" "))]);
    }
    all
}

/// Plays one game; what is refused has been listed. Gives how many requests were carried out.
fn play(mut game: Game, dice: &mut Dice, listing: fn(&Choices) -> Choices) -> Result<usize, String> {
    for requests in 0..REQUESTS_MAX {
        let Some(seat) = game.turn() else { return Ok(requests) };
        let viewer = if seat == Seat::First { Viewer::First } else { Viewer::Second };
        let view = game.view(viewer, true);
        let choices = listing(&view.choices.ok_or("no choices")?);
        let hand: Vec<String> = view.hands[seat].cards.iter().flatten().map(ToString::to_string).collect();
        let all = listed(&choices, &hand, dice);
        if all.is_empty() {
            return Err(format!("stuck in {:?}", view.phase));
        }
        let provable = choices.provable.iter().flatten().next();
        let asked = match provable {
            Some(flag) if dice.happens(1, 2) => vec![format!("claim {flag}")],
            _ => all[dice.place(all.len())].clone(),
        };
        let moves: Vec<Move> = asked
            .iter()
            .map(|text| text.parse().map_err(|_| format!("{text} is no move")))
            .collect::<Result<_, _>>()?;
        match game.after_request(seat, &moves) {
            Ok(after) => game = after,
            // A claim may be tried and fail, with a reason of its own.
            Err(Illegal::NotProved(_)) if provable.is_none_or(|flag| asked != [format!("claim {flag}")]) => {}
            Err(illegal) => return Err(format!("{asked:?} in {:?}: {illegal}", view.phase)),
        }
    }
    Err("the game goes on for ever".to_owned())
}

/// Plays games with all options of tables until one goes wrong.
fn play_all(games: u64, listing: fn(&Choices) -> Choices) -> Result<usize, String> {
    let mut requests = 0;
    for options in all_options() {
        for seed in 0..games {
            let mut dice = Dice::new(seed);
            let game = Game::start(options, &decks(&mut dice));
            requests +=
                play(game, &mut dice, listing).map_err(|why| format!("{options:?}, {seed}: {why}"))?;
        }
    }
    Ok(requests)
}

#[test]
fn whatever_is_listed_is_carried_out() {
    let requests = play_all(GAMES, Choices::clone).unwrap_or_else(|why| panic!("{why}"));
    assert!(requests > 500_000, "{requests}");
}

#[test]
fn decks_that_are_listed_before_the_play_are_noticed() {
    let early = |choices: &Choices| {
        let draw = if choices.draw.is_empty() { &choices.draw_after_play } else { &choices.draw };
        Choices { draw: draw.clone(), ..choices.clone() }
    };
    let why = play_all(10, early).expect_err("what 0.3.0 listed is refused");
    assert!(why.contains("play a card"), "{why}");
}
