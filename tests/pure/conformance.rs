//! Every formation, every verdict and every game of the test vectors; by the official rules wherever the program they
//! come from is known to be wrong.

use std::collections::BTreeMap;
use std::path::Path;

use nineflags::rules::card::{Card, Tactic};
use nineflags::rules::formation::{Formation, Side};
use nineflags_tools::judge;
use serde_json::{Value, json};

use crate::vectors::{array, folder, parsed, strings, text};

/// Runs a judge over lines and gives its answers by id.
fn answers(lines: &str, run: fn(&[u8], &mut Vec<u8>) -> std::io::Result<()>) -> BTreeMap<String, Value> {
    let mut output = Vec::new();
    run(lines.as_bytes(), &mut output).expect("memory can be read and written");
    let answers = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let answers = answers.map(|line| serde_json::from_slice::<Value>(line).expect("an answer is JSON"));
    answers.map(|answer| (answer["id"].to_string(), answer)).collect()
}

fn judged_flags(flags: &[Value]) -> BTreeMap<String, Value> {
    let only_given = |flag: &Value| {
        let kept = ["id", "mud", "fog", "sides", "unplayed"];
        let kept = kept.map(|key| (key.to_owned(), flag[key].clone()));
        Value::Object(kept.into_iter().collect()).to_string()
    };
    let lines: Vec<String> = flags.iter().map(only_given).collect();
    answers(&lines.join("\n"), |input, output| judge::flags(input, output))
}

/// Compares the verdicts, `expected` being the key of the right ones.
fn check_verdicts(flags: &[Value], expected: &str) {
    let answers = judged_flags(flags);
    assert_eq!(answers.len(), flags.len(), "each flag has its answer and its own id");
    for flag in flags {
        let answer = &answers[&flag["id"].to_string()];
        assert_eq!(answer["claimable"], flag[expected], "{flag}\n{answer}");
    }
}

/// `[[form, sum] or null, …]` of an answer, as `official_form` has it.
fn formations(answer: &Value) -> Value {
    let side = |side: usize| match answer["form"][side].as_str() {
        Some("") => Value::Null,
        _ => json!([answer["form"][side], answer["sum"][side]]),
    };
    json!([side(0), side(1)])
}

fn formation_of(cards: &[&str], fog: bool) -> Formation {
    let side = Side::new(cards.iter().map(|card| parsed::<Card>(card)));
    let best = side.best(0, nineflags::rules::troops::Troops::default(), fog, None);
    best.expect("a complete side has a formation").formation
}

#[test]
fn every_formation_of_the_unit_vectors() {
    let Some(folder) = folder() else { return };
    let evals = array(&folder, "evals.json");
    assert_eq!(evals.len(), 87);
    for eval in evals {
        let cards = strings(&eval["cards"]);
        assert_eq!(
            cards.len(),
            if eval["mud"] == true { 4 } else { 3 + usize::from(eval["excess"] == true) }
        );
        let line =
            json!({"id": 0, "mud": eval["mud"], "fog": eval["fog"], "sides": [cards, []], "unplayed": []});
        let answer = &judged_flags(&[line])["0"];
        assert_eq!((&answer["form"][0], &answer["sum"][0]), (&eval["form"], &eval["sum"]), "{eval}");
    }
}

#[test]
fn every_verdict_of_the_unit_vectors() {
    let Some(folder) = folder() else { return };
    let flags = array(&folder, "flags.json");
    assert_eq!(flags.len(), 26);
    check_verdicts(&flags, "official");
}

#[test]
fn every_edge_case() {
    let Some(folder) = folder() else { return };
    let flags = array(&folder, "edge_cases.json");
    assert_eq!(flags.len(), 35);
    check_verdicts(&flags, "expect");
    let answers = judged_flags(&flags);
    for flag in flags {
        assert_eq!(formations(&answers[&flag["id"].to_string()]), flag["form"], "{flag}");
    }
}

fn random_flags(folder: &Path) -> Vec<Value> {
    let text = text(folder, "flags_random.jsonl.gz");
    let flags: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(flags.len(), 14_000);
    flags
}

#[test]
fn every_verdict_and_formation_of_the_random_flags() {
    let Some(folder) = folder() else { return };
    let flags = random_flags(&folder);
    check_verdicts(&flags, "official");
    let answers = judged_flags(&flags);
    for flag in &flags {
        let answer = &answers[&flag["id"].to_string()];
        assert_eq!(formations(answer), flag["official_form"], "{flag}");
        let complete = [0, 1].map(|side| answer["form"][side] != "");
        assert_eq!(json!(complete), flag["complete"], "{flag}");
    }
}

/// Errors A and B of the vectors' README: a leader with Shield Bearers, and the only cards they are misjudged with.
fn known_error(cards: &[&str], mud: bool) -> bool {
    let tactics: Vec<Tactic> = cards.iter().filter_map(|card| card.parse().ok()).collect();
    let leader = tactics.iter().any(|tactic| tactic.is_leader());
    let mut ranks: Vec<u8> =
        cards.iter().filter_map(|card| Some(parsed::<Card>(card).troop()?.rank())).collect();
    ranks.sort_unstable();
    let one_high = ranks.len() == 1 && ranks[0] >= 6;
    leader && tactics.contains(&Tactic::ShieldBearers) && (one_high || (mud && ranks == [2, 5]))
}

#[test]
fn where_the_program_values_a_formation_otherwise_it_is_a_known_error() {
    let Some(folder) = folder() else { return };
    let mut errors = 0;
    for flag in random_flags(&folder) {
        for side in [0, 1] {
            let (official, excess) = (&flag["official_form"][side], flag["excess"][side] == true);
            if official.is_null() || json!([flag["go_form"][side], flag["go_sum"][side]]) == *official {
                continue;
            }
            let cards = strings(&flag["sides"][side]);
            // Of four cards where three count, any three may be the ones misjudged.
            let without = |out: usize| [&cards[..out], &cards[out + 1..]].concat();
            let known = known_error(&cards, flag["mud"] == true)
                || (excess && (0..cards.len()).any(|out| known_error(&without(out), false)));
            assert!(known && flag["fog"] == false, "{flag}");
            errors += 1;
        }
    }
    assert!(errors > 400, "the errors are in these flags");
    assert_eq!(formation_of(&["Al", "Sh", "r9"], false).sum, 22);
}

#[test]
fn every_game_move_by_move() {
    let Some(folder) = folder() else { return };
    let games = text(&folder, "games_full.jsonl.gz");
    let answers = answers(&games, |input, output| judge::games(input, output));
    assert_eq!(answers.len(), 600);
    for game in games.lines() {
        let game: Value = serde_json::from_str(game).expect("JSON");
        let plies = game["plies"].as_array().expect("plies").len();
        let expected = json!({"id": game["id"], "ok": true, "plies": plies});
        assert_eq!(answers[&game["id"].to_string()], expected);
    }
}
