//! The messages of the websocket are what `tests/wire/` and `docs/protocol.schema.json` say: `UPDATE=1` writes the generated ones again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use jsonschema::Validator;
use nineflags::protocol::{Request, Update};
use nineflags::rules::card::Decks;
use nineflags::rules::game::{Game, Options};
use nineflags::rules::moves::Move;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::Viewer;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The whole protocol, as one schema.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
#[schemars(title = "Nine Flags websocket, protocol 1")]
struct Protocol {
    /// What a browser sends.
    request: Request,
    /// What a node sends.
    update: Update,
}

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn fixtures(name: &str) -> BTreeMap<String, Value> {
    let path = place("tests/wire").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Parses a message and writes it again: nothing may be lost or added.
fn round_trip<T: Serialize + DeserializeOwned>(message: &Value) -> Result<(), String> {
    let parsed: T = serde_json::from_str(&message.to_string()).map_err(|error| error.to_string())?;
    let written = serde_json::to_value(parsed).map_err(|error| error.to_string())?;
    if &written == message { Ok(()) } else { Err(format!("was\n  {message}\nbecame\n  {written}")) }
}

fn check_all<T: Serialize + DeserializeOwned>(file: &str, part: &str) {
    let validator = validator(part);
    let fixtures = fixtures(file);
    assert!(!fixtures.is_empty());
    for (name, message) in fixtures {
        round_trip::<T>(&message).unwrap_or_else(|words| panic!("{file}, {name}: {words}"));
        let faults: Vec<String> = validator.iter_errors(&message).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{file}, {name} is not what the schema says: {faults:?}");
    }
}

fn schema() -> Value {
    serde_json::to_value(schemars::schema_for!(Protocol)).expect("a schema is JSON")
}

/// The schema of `request` or `update` alone.
fn validator(part: &str) -> Validator {
    let mut schema = schema();
    schema["required"] = json!([part]);
    let definitions = schema["$defs"].clone();
    let mut alone = schema["properties"][part].clone();
    alone["$defs"] = definitions;
    jsonschema::validator_for(&alone).expect("a schema that can be used")
}

/// Every value of the tag `name` in the schema: all kinds of request, or of update.
fn tags(schema: &Value, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        if let Some(tag) = value.pointer(&format!("/properties/{name}/const")).and_then(Value::as_str) {
            found.insert(tag.to_owned());
        }
        open.extend(value.as_object().into_iter().flat_map(serde_json::Map::values));
        open.extend(value.as_array().into_iter().flatten());
    }
    found
}

fn kinds(files: &[&str], name: &str) -> BTreeSet<String> {
    let messages = files.iter().flat_map(|file| fixtures(file).into_values());
    messages.filter_map(|message| message[name].as_str().map(str::to_owned)).collect()
}

/// Compares a generated file with what it should be, or writes it if `UPDATE` is set.
fn generated(name: &str, expected: &Value) {
    let path = place(name);
    let expected = format!("{expected:#}\n");
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, expected).unwrap_or_else(|error| panic!("{name}: {error}"));
        return;
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == expected, "{name} is not what the types say; `make schema` writes it again");
}

#[test]
fn requests_are_read_and_written_without_loss() {
    check_all::<Request>("requests.json", "request");
}

#[test]
fn updates_are_read_and_written_without_loss() {
    check_all::<Update>("updates.json", "update");
    check_all::<Update>("tables.json", "update");
}

#[test]
fn a_loss_is_seen() {
    let more = json!({"id": "1", "ask": "accept", "from": "Otto", "more": 1});
    assert!(round_trip::<Request>(&more).is_err());
    assert!(!validator("request").is_valid(&json!({"id": "1", "ask": "cheat"})));
}

#[test]
fn there_is_an_example_of_every_message() {
    let schema = schema();
    assert_eq!(kinds(&["requests.json"], "ask"), tags(&schema, "ask"));
    assert_eq!(kinds(&["updates.json", "tables.json"], "update"), tags(&schema, "update"));
}

#[test]
fn what_is_no_request_is_not_read() {
    for (name, text) in fixtures("not_requests.json") {
        let text = text.as_str().expect("the text of a frame");
        assert!(serde_json::from_str::<Request>(text).is_err(), "{name} was read: {text}");
    }
    let deep = format!("{{\"id\":\"1\",\"ask\":\"ping\",\"x\":{}", "[".repeat(16_000));
    assert!(serde_json::from_str::<Request>(&deep).is_err());
}

#[test]
fn what_may_be_left_out_has_its_default() {
    let short = json!({"id": "1", "ask": "invite", "to": "Mira", "options": {"rules": {"tactics": "off"}}});
    let whole = json!({"id": "1", "ask": "invite", "to": "Mira", "options": {
        "rules": {"tactics": "off", "claim_timing": "any", "environment": "fixed"}, "claim_hints": true, "talk": "everyone"}});
    let read = |value: Value| serde_json::from_value::<Request>(value).expect("a request");
    assert_eq!(read(short), read(whole));
}

#[test]
fn the_schema_is_what_the_types_say() {
    generated("docs/protocol.schema.json", &schema());
}

#[test]
fn the_tables_are_what_the_rules_say() {
    generated("tests/wire/tables.json", &Value::Object(tables().into_iter().collect()));
}

/// A short game with a Scout, a claim and Mud, as its viewers see it at several moments.
fn tables() -> BTreeMap<String, Value> {
    let mut table = Table::new();
    let mut found = BTreeMap::new();
    found.insert("1 the start, for the seat on turn".to_owned(), table.update(Viewer::First));
    table.play(Seat::First, "r7@0, draw x");
    found.insert("2 the other side's turn".to_owned(), table.update(Viewer::First));
    table.play(Seat::Second, "r10@0, draw x");
    table.play(Seat::First, "r6@0, draw x");
    table.play(Seat::Second, "r9@0, draw t");
    table.play(Seat::First, "Sc, draw t");
    found.insert("3 Scout draws".to_owned(), table.update(Viewer::First));
    table.play(Seat::First, "draw t, draw x");
    found.insert("4 Scout gives back".to_owned(), table.update(Viewer::First));
    table.play(Seat::First, "return o7 Al");
    found.insert("5 after Scout, for the one who returned".to_owned(), table.update(Viewer::First));
    found.insert("5 after Scout, for a watcher".to_owned(), table.update(Viewer::Watcher));
    table.end(Seat::First);
    table.play(Seat::Second, "r8@0");
    found.insert("6 a claim may be tried".to_owned(), table.update(Viewer::Second));
    table.play(Seat::Second, "claim 0, draw t");
    table.play(Seat::First, "r5@1, draw t");
    table.play(Seat::Second, "Mu@1");
    found.insert("7 Mud, before the draw".to_owned(), table.update(Viewer::Second));
    table.play(Seat::Second, "draw t");
    table.play(Seat::First, "resign");
    found.insert("8 the end, for a watcher".to_owned(), table.update(Viewer::Watcher));
    found
}

struct Table {
    game: Game,
    log: Vec<(Seat, Move)>,
}

impl Table {
    /// Troops lie in order of colour and rank, so that First holds r1 to r7; the tactics begin with Scout, Mud, Alexander.
    fn new() -> Self {
        let troops = ["r", "o", "y", "g", "b", "p"].iter();
        let troops = troops.flat_map(|colour| (1..=10).map(move |rank| format!("{colour}{rank}")));
        let tactics = ["Sc", "Mu", "Al", "Da", "Co", "Sh", "Fo", "Re", "De", "Tr"];
        let decks = Decks {
            troops: troops.map(|card| card.parse().expect("a troop")).collect(),
            tactics: tactics.iter().map(|card| card.parse().expect("a tactic")).collect(),
        };
        Self { game: Game::start(Options::default(), &decks), log: Vec::new() }
    }

    fn play(&mut self, seat: Seat, moves: &str) {
        for text in moves.split(", ") {
            let mv: Move = text.parse().expect("a move");
            self.game.play(seat, mv).unwrap_or_else(|why| panic!("{seat} {text}: {why}"));
            self.log.push((seat, mv));
        }
    }

    /// Ends the turn if it still is this seat's.
    fn end(&mut self, seat: Seat) {
        if self.game.turn() == Some(seat) {
            self.play(seat, "end");
        }
    }

    fn update(&self, viewer: Viewer) -> Value {
        let number = self.log.len() + 1;
        let over = self.game.ending().is_some();
        let line = |(seat, mv): &(Seat, Move)| json!({"seat": seat, "text": mv.seen_by(*seat, viewer, over)});
        json!({
            "update": "table",
            "table": "0192f0c1-7b1e-7a3c-9d58-2f6b7c8d9e0f",
            "tip": {"number": number, "hash": format!("{number:032x}")},
            "saved": number - 1,
            "names": {"first": "Mira", "second": "Otto"},
            "away_since_ms": {"first": null, "second": (number > 12).then_some(1_764_000_100_000_u64)},
            "watchers": 2,
            "options": {
                "rules": {"tactics": "on", "claim_timing": "any", "environment": "fixed"},
                "claim_hints": true,
                "talk": "everyone",
            },
            "commitment": "5".repeat(64),
            "started_ms": 1_764_000_000_000_u64,
            "last_ms": 1_764_000_000_000_u64 + 1000 * number as u64,
            "stopped": false,
            "view": self.game.view(viewer, true),
            "log": self.log.iter().map(line).collect::<Vec<_>>(),
        })
    }
}
