//! `nineflags-tools judge`: what it answers to good lines, to bad ones, and to games in which one thing was changed.

use nineflags_tools::judge;
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::vectors::{folder, text};

fn flags(lines: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    judge::flags(lines, &mut output).expect("memory can be read and written");
    output
}

fn games(lines: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    judge::games(lines, &mut output).expect("memory can be read and written");
    output
}

fn values(output: &[u8]) -> Vec<Value> {
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("an answer is JSON")).collect()
}

fn check_flag(line: &Value, answer: &str) {
    assert_eq!(String::from_utf8(flags(line.to_string().as_bytes())).expect("UTF-8"), format!("{answer}\n"));
}

#[test]
fn a_flag_is_answered_in_the_given_form() {
    check_flag(
        &json!({"id": 7, "mud": false, "fog": false, "sides": [["r10", "r9", "r8"], ["b1"]], "unplayed": ["b2", "b3"]}),
        r#"{"id":7,"claimable":["yes","no"],"form":["wedge",""],"sum":[27,0]}"#,
    );
    check_flag(
        &json!({"id": "tied", "mud": true, "fog": true, "sides": [["r10", "Al", "Co", "Sh"], ["b10", "g10", "y10", "o1"]], "unplayed": []}),
        r#"{"id":"tied","claimable":["tie","tie"],"form":["host","host"],"sum":[31,31]}"#,
    );
}

#[test]
fn of_four_cards_without_mud_the_best_three_count() {
    check_flag(
        &json!({"id": 1, "mud": false, "fog": false, "sides": [["r1", "r2", "r3", "b9"], ["g4", "g6", "p4"]], "unplayed": []}),
        r#"{"id":1,"claimable":["yes","no"],"form":["wedge","host"],"sum":[6,14]}"#,
    );
}

#[test]
fn what_is_not_known_is_ignored_and_what_may_be_left_out_has_its_default() {
    check_flag(
        &json!({"sides": [["r1", "g1", "b1"], []], "unplayed": ["r2", "r3"], "official": ["?"], "why": {"deep": [1]}}),
        r#"{"id":null,"claimable":["yes","no"],"form":["phalanx",""],"sum":[3,0]}"#,
    );
}

/// Lines that are no flags and no games, and one good flag among them.
const BAD: &[u8] = b"\n   \r\nnot json\n{\"id\":1}\n[1,2]\n\xff\xfe\n{\"id\":2,\"sides\":[[\"r11\"],[]],\"unplayed\":[]}\n\
    {\"id\":3,\"sides\":[[\"Fo\"],[]],\"unplayed\":[]}\n{\"id\":4,\"sides\":[[\"r1\",\"r2\",\"r3\",\"r4\",\"r5\"],[]],\"unplayed\":[]}\n\
    {\"id\":5,\"sides\":[[],[]],\"unplayed\":[]}";

#[test]
fn a_bad_line_gets_an_error_and_the_next_one_is_read() {
    let answers = values(&flags(BAD));
    let ids: Vec<String> = answers.iter().map(|answer| answer["id"].to_string()).collect();
    assert_eq!(ids, ["null", "1", "null", "null", "2", "3", "4", "5"]);
    assert!(answers[..7].iter().all(|answer| answer["error"].is_string()), "{answers:?}");
    assert_eq!(answers[7], json!({"id": 5, "claimable": ["no", "no"], "form": ["", ""], "sum": [0, 0]}));

    let answers = values(&games(BAD));
    assert_eq!(answers.len(), 8);
    assert!(answers.iter().all(|answer| answer["error"].is_string() || answer["ok"] == false), "{answers:?}");
    assert_eq!(answers[1]["ply"], 0, "JSON that is no game: {}", answers[1]);
}

// ---- games in which one thing was changed ------------------------------------------------------------------------

/// Every tenth game of the vectors, and those that nobody won.
fn vector_games() -> Vec<Value> {
    let Some(folder) = folder() else { return Vec::new() };
    let games = text(&folder, "games_full.jsonl.gz");
    let chosen =
        games.lines().enumerate().filter(|(number, line)| number % 10 == 0 || line.contains("\"stuck\""));
    chosen.map(|(_, line)| serde_json::from_str(line).expect("JSON")).collect()
}

fn verdict_on(game: &Value) -> Value {
    let answers = values(&games(game.to_string().as_bytes()));
    assert_eq!(answers.len(), 1);
    answers[0].clone()
}

fn plies(game: &mut Value) -> &mut Vec<Value> {
    game["plies"].as_array_mut().expect("plies")
}

/// Changes each game with `change`, which tells the ply of the first difference or that there is nothing to change, and
/// sees it reported there.
fn check_changed(change: impl Fn(&mut Value, &mut Dice) -> Option<usize>) {
    let (games, mut dice, mut changed) = (vector_games(), Dice::new(1), 0);
    for original in &games {
        let mut game = original.clone();
        let Some(ply) = change(&mut game, &mut dice) else { continue };
        let answer = verdict_on(&game);
        assert!(
            answer["ok"] == false && answer["ply"] == ply && answer["why"].is_string(),
            "{ply}: {answer}"
        );
        changed += 1;
    }
    assert!(games.is_empty() || changed >= 2, "only {changed} games could be changed");
}

/// The number of one of the plies that satisfy `test`.
fn some_ply(game: &Value, dice: &mut Dice, test: impl Fn(&Value) -> bool) -> Option<usize> {
    let plies = game["plies"].as_array().expect("plies");
    let found: Vec<usize> = (0..plies.len()).filter(|number| test(&plies[*number])).collect();
    (!found.is_empty()).then(|| dice.pick(&found))
}

#[test]
fn an_unchanged_game_is_right() {
    for game in vector_games() {
        let plies = game["plies"].as_array().expect("plies").len();
        assert_eq!(verdict_on(&game), json!({"id": game["id"], "ok": true, "plies": plies}));
    }
}

#[test]
fn a_legal_move_left_out_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["legal"].as_array().is_some_and(|legal| legal.len() > 1))?;
        let legal = plies(game)[ply]["legal"].as_array_mut()?;
        let out = dice.place(legal.len());
        legal.remove(out);
        Some(ply)
    });
}

#[test]
fn a_move_listed_that_is_not_legal_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["legal"].is_array())?;
        let kind = plies(game)[ply]["k"].clone();
        let more = if kind == "play" { dice.pick(&["De r11", "r1@9", "Sc", "Fo@0@0", "pass!"]) } else { "z" };
        plies(game)[ply]["legal"].as_array_mut()?.push(json!(more));
        Some(ply)
    });
}

#[test]
fn a_move_listed_twice_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["legal"].is_array())?;
        let legal = plies(game)[ply]["legal"].as_array_mut()?;
        legal.push(legal[0].clone());
        Some(ply)
    });
}

#[test]
fn another_card_drawn_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["got"].is_string())?;
        let other = if plies(game)[ply]["got"] == "r1" { "r2" } else { "r1" };
        plies(game)[ply]["got"] = json!(other);
        Some(ply)
    });
}

#[test]
fn a_deck_in_another_order_is_seen() {
    check_changed(|game, dice| {
        let (one, other) = (dice.place(20), 20 + dice.place(20));
        let pair = [game["troop_deck"][one].clone(), game["troop_deck"][other].clone()];
        game["troop_deck"].as_array_mut()?.swap(one, other);
        game["plies"].as_array()?.iter().position(|ply| pair.contains(&ply["got"]))
    });
}

#[test]
fn another_verdict_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["k"] == "claim")?;
        let candidates = plies(game)[ply]["cand"].as_array_mut()?;
        let candidate = dice.place(candidates.len());
        let others: Vec<&str> =
            ["yes", "no", "tie"].into_iter().filter(|word| candidates[candidate]["off"] != *word).collect();
        candidates[candidate]["off"] = json!(dice.pick(&others));
        Some(ply)
    });
}

#[test]
fn a_complete_flag_left_out_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["k"] == "claim")?;
        plies(game)[ply]["cand"].as_array_mut()?.pop();
        Some(ply)
    });
}

#[test]
fn a_flag_won_without_a_grant_or_not_won_in_spite_of_one_is_seen() {
    check_changed(|game, dice| {
        let refused = |ply: &Value| ply["won"].is_null() && ply["try"].is_array();
        let ply = some_ply(game, dice, refused)?;
        plies(game)[ply]["won"] = plies(game)[ply]["try"].clone();
        Some(ply)
    });
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["won"].is_array())?;
        plies(game)[ply]["won"].as_array_mut()?.pop();
        Some(ply)
    });
}

#[test]
fn a_ply_left_out_is_seen() {
    for kind in ["claim", "play", "draw", "skip", "scout_draw", "scout_return"] {
        check_changed(|game, dice| {
            let mut ply = some_ply(game, dice, |ply| ply["k"] == kind)?;
            // Of two draws in a row either may seem to be the missing one, so leave out the last.
            while kind == "scout_draw" && plies(game)[ply + 1]["k"] == kind {
                ply += 1;
            }
            plies(game).remove(ply);
            Some(ply)
        });
    }
}

#[test]
fn the_other_player_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |_| true)?;
        plies(game)[ply]["p"] = json!(1 - plies(game)[ply]["p"].as_i64()?);
        Some(ply)
    });
}

#[test]
fn a_ply_that_cannot_be_read_is_seen() {
    check_changed(|game, dice| {
        let ply = some_ply(game, dice, |ply| ply["m"].is_string())?;
        let bad = dice.pick(&[
            "{}",
            "7",
            "{\"p\":0}",
            "null",
            "{\"p\":0,\"k\":\"dance\"}",
            "{\"p\":-1,\"k\":\"play\"}",
        ]);
        plies(game)[ply] = serde_json::from_str(bad).expect("JSON");
        Some(ply)
    });
}

#[test]
fn another_result_is_seen() {
    let after_all = |game: &Value| game["plies"].as_array().map(Vec::len);
    check_changed(|game, _| {
        game["winner"] = json!(i32::from(game["winner"] == 0));
        after_all(game)
    });
    check_changed(|game, dice| {
        let flag = dice.place(9);
        game["flags"][flag] = json!(i32::from(game["flags"][flag] == 0));
        after_all(game)
    });
    check_changed(|game, dice| {
        let words = ["breakthrough", "envelopment", "both", "stuck"];
        let others: Vec<&str> = words.into_iter().filter(|word| game["end"] != *word).collect();
        game["end"] = json!(dice.pick(&others));
        after_all(game)
    });
}

#[test]
fn a_game_may_end_by_resignation_or_be_unfinished() {
    for mut game in vector_games() {
        let half = plies(&mut game).len() / 2;
        plies(&mut game).truncate(half);
        for key in ["winner", "end", "flags"] {
            game.as_object_mut().expect("a game").remove(key);
        }
        assert_eq!(verdict_on(&game)["ok"], true, "unfinished");

        plies(&mut game).push(json!({"p": 0, "k": "resign", "m": "resign"}));
        game["winner"] = json!(1);
        game["end"] = json!("resign");
        assert_eq!(verdict_on(&game), json!({"id": game["id"], "ok": true, "plies": half + 1}));
        game["winner"] = json!(0);
        assert_eq!(verdict_on(&game)["ply"], half + 1);
        plies(&mut game).push(json!({"p": 0, "k": "skip"}));
        assert_eq!(verdict_on(&game)["ply"], half + 1, "nothing follows the end");
    }
}

#[test]
fn lists_that_are_not_given_are_not_compared() {
    for mut game in vector_games() {
        for ply in plies(&mut game) {
            let ply = ply.as_object_mut().expect("a ply");
            ply.remove("legal");
            ply.remove("got");
            ply.insert("more".to_owned(), json!([1]));
        }
        assert_eq!(verdict_on(&game)["ok"], true);
    }
}

#[test]
fn a_game_without_a_whole_deal_is_refused() {
    for game in vector_games().iter().take(3) {
        for (key, value) in [
            ("first", json!(2)),
            ("hands", json!([["r1"], []])),
            ("troop_deck", json!([])),
            ("tactic_deck", json!(["Sc"])),
        ] {
            let mut game = game.clone();
            game[key] = value;
            let answer = verdict_on(&game);
            assert!(answer["ok"] == false && answer["ply"] == 0, "{answer}");
        }
    }
}
