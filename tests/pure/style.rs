//! The house rules that a program can check, each with a twin that proves the check can fail.

use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// A file of the project: its path from the top, with `/`, and what is in it.
struct File {
    path: String,
    text: String,
}

impl File {
    fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// All files below `folder` whose names end in one of `endings`, in order.
fn files(folder: &str, endings: &[&str]) -> Vec<File> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![top.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a folder that can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                let text = fs::read_to_string(&path).expect("a text file");
                let path =
                    path.strip_prefix(top).expect("below the top").to_string_lossy().replace('\\', "/");
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// What the server and the tools are made of.
fn sources() -> Vec<File> {
    let found = ["src", "tools/src"].map(|folder| files(folder, &[".rs"]));
    assert!(found.iter().all(|found| found.len() > 5), "the sources are there");
    found.into_iter().flatten().collect()
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

/// The code of a line: nothing for a comment.
fn code(line: &str) -> &str {
    let line = line.trim_start();
    if line.starts_with("//") { "" } else { line.split(" // ").next().unwrap_or(line) }
}

fn faulty_lines(files: &[File], fault: impl Fn(&File, &str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(words) = fault(file, code(line)) {
                faults.push(format!("{}:{}: {words}", file.path, index + 1));
            }
        }
    }
    faults
}

// ---- imports only point down -------------------------------------------------------------------------------------

/// The modules from the bottom to the top; a longer name is a part that lies elsewhere than its whole.
const LAYERS: [&str; 63] = [
    "ids",
    "limits",
    "origin",
    "fault",
    "redis/authorities",
    "redis/url",
    "redis/roles",
    "setting",
    "supervisor",
    "files",
    "config",
    "rules",
    "table/options",
    "table/record",
    "table",
    "chance",
    "protocol",
    "metrics",
    "outbox",
    "member",
    "lobby",
    "host",
    "passwords",
    "store/keys",
    "redis/error",
    "redis/timeouts",
    "redis/slot",
    "redis/endpoint",
    "redis/stranger",
    "redis/wire",
    "redis/sentinel",
    "redis/place",
    "redis/away",
    "redis/primary",
    "redis/group",
    "redis/saver",
    "redis/script",
    "redis/condition",
    "redis/watch",
    "redis/health",
    "redis/care",
    "redis/watchdog",
    "redis/failover",
    "redis/folder",
    "redis/private",
    "redis",
    "store",
    "archive_files",
    "cluster",
    "session",
    "http",
    "lease",
    "readiness",
    "node",
    "inspect",
    "rebalance",
    "lib",
    "main",
    "tools/judge",
    "tools/load",
    "tools/bench",
    "tools/lib",
    "tools/main",
];

/// Where a module lies in [`LAYERS`]: the longest name that begins its path.
fn layer(module: &str) -> Option<usize> {
    let fits =
        |name: &str| module == name || module.strip_prefix(name).is_some_and(|rest| rest.starts_with('/'));
    (0..LAYERS.len()).filter(|index| fits(LAYERS[*index])).max_by_key(|index| LAYERS[*index].len())
}

/// The module a source file is: `src/table/mod.rs` is `table`, `tools/src/load/link.rs` is `tools/load/link`.
fn module_of(path: &str) -> String {
    let module = path.replacen("src/", "", 1);
    module.trim_end_matches(".rs").trim_end_matches("/mod").to_owned()
}

/// The paths after each `crate::` and `super::` of a module, without its tests, two names deep: `use crate::{ids::X,
/// table::{copy, record::Tip}}` gives `ids/X`, `table/copy`, `table/record`.
fn imports(module: &str, text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let text: String = text.lines().map(code).collect::<Vec<_>>().join("\n");
    let own: Vec<&str> = module.split('/').collect();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let mut words = words(&text[at + "crate::".len()..]).peekable();
        read_paths(&mut words, &[], &mut found);
    }
    for (at, _) in text.match_indices("super::").filter(|(at, _)| !text[..*at].ends_with("super::")) {
        let (mut rest, mut up) = (&text[at..], own.len());
        while let Some(after) = rest.strip_prefix("super::") {
            (rest, up) = (after, up.saturating_sub(1));
        }
        read_paths(&mut words(rest).peekable(), &own[..up], &mut found);
    }
    found
}

/// Names, `::` and single other characters, without white space.
fn words(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        text = text.trim_start();
        let name = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let other = if text.starts_with("::") { 2 } else { text.chars().next()?.len_utf8() };
        let (word, rest) = text.split_at(if name > 0 { name } else { other });
        text = rest;
        Some(word)
    })
}

/// Reads one path, or one group of paths in braces, that continues `before`.
fn read_paths<'a, W: Iterator<Item = &'a str>>(
    words: &mut Peekable<W>,
    before: &[&'a str],
    found: &mut BTreeSet<String>,
) {
    let mut path = before.to_vec();
    while let Some(word) = words.next() {
        if word == "{" {
            while words.peek().is_some_and(|word| *word != "}") {
                read_paths(words, &path, found);
                while words.next_if(|word| *word != "}" && *word != ",").is_some() {}
                words.next_if_eq(&",");
            }
            words.next();
            return;
        }
        path.push(word);
        if words.next_if_eq(&"::").is_none() {
            break;
        }
    }
    found.insert(path[..path.len().min(2)].join("/"));
}

fn upward_imports(files: &[File]) -> BTreeSet<String> {
    let mut faults = BTreeSet::new();
    for file in files {
        let path = &file.path;
        let module = module_of(path);
        let Some(own) = layer(&module) else {
            faults.insert(format!("{path}: which layer is this? Add it to LAYERS"));
            continue;
        };
        let package = if path.starts_with("tools/") { "tools/" } else { "" };
        for import in imports(&module, &file.text) {
            let name =
                if import.starts_with(package) { import.clone() } else { format!("{package}{import}") };
            faults.extend(match layer(&name) {
                Some(used) if used <= own => None,
                Some(used) => {
                    Some(format!("{path}: {} uses {}, which is above it", LAYERS[own], LAYERS[used]))
                }
                None => Some(format!("{path}: crate::{import} is in no layer")),
            });
        }
    }
    faults
}

#[test]
fn imports_only_point_down() {
    none(&Vec::from_iter(upward_imports(&sources())));
}

#[test]
fn an_import_that_points_up_is_seen() {
    let up = |path: &str, text: &str| upward_imports(&[File::of(path, text)]).len();
    assert_eq!(up("src/rules/game.rs", "use crate::store::Store;"), 1);
    assert_eq!(
        up("src/lobby/mod.rs", "use crate::{\n    ids::{TableId, NodeId},\n    http::{self, login},\n};"),
        1
    );
    assert_eq!(up("src/store/games.rs", "fn f() { crate::session::go() }"), 1);
    assert_eq!(up("src/table/record.rs", "use crate::table::copy::Copy;"), 1);
    assert_eq!(up("tools/src/judge.rs", "use crate::load::choice::Dice;"), 1);
    assert_eq!((up("src/newcomer.rs", ""), up("tools/src/newcomer.rs", "")), (1, 1));
    assert_eq!(up("src/redis/sentinel.rs", "use super::{url::HostPort, group::Group};"), 1);
    assert_eq!(
        up("src/redis/group.rs", "use super::sentinel::Sentinels;\nuse super::super::store::keys;"),
        0
    );
    assert_eq!(
        up("src/redis/url.rs", "#[cfg(test)]\nmod tests {\n    use super::super::group::Group;\n}"),
        0
    );
    assert_eq!(
        up("src/table/copy.rs", "use crate::{ids::TableId, rules::game::Game, table::record::{Entry, Tip}};"),
        0
    );
    assert_eq!(up("src/http/mod.rs", "// crate::node\nuse crate::session::socket::{Socket, open};"), 0);
}

#[test]
fn a_group_of_imports_is_read_whole() {
    let found = imports(
        "node",
        "use crate::{ids::X, table::{copy, record::Tip}, lobby};\nlet x = crate::rules::seat::Seat::First;",
    );
    let expected = ["ids/X", "lobby", "rules/seat", "table/copy", "table/record"];
    assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}

// ---- the pure layers ---------------------------------------------------------------------------------------------

const IMPURE: [&str; 11] = [
    "async fn",
    ".await",
    "tokio",
    "redis::",
    "std::fs",
    "std::net",
    "std::env",
    "SystemTime",
    "Instant::",
    "getrandom",
    "Uuid::now",
];

fn impurities(files: &[File]) -> Vec<String> {
    let pure = |path: &str| {
        ["src/rules/", "src/table/", "src/lobby/", "src/protocol.rs"].iter().any(|p| path.starts_with(p))
    };
    faulty_lines(files, |file, line| {
        let word = IMPURE.iter().find(|word| pure(&file.path) && line.contains(**word))?;
        Some(format!("{word}: this part does no I/O, reads no clock and draws no random number"))
    })
}

#[test]
fn rules_table_lobby_and_protocol_are_pure() {
    none(&impurities(&sources()));
}

#[test]
fn an_impurity_is_seen() {
    let of = |path: &str| impurities(&[File::of(path, "let now = std::time::SystemTime::now();")]).len();
    assert_eq!((of("src/rules/game.rs"), of("src/redis/private.rs")), (1, 0));
}

fn redis_commands(files: &[File]) -> Vec<String> {
    faulty_lines(files, |file, line| {
        let outside = !file.path.starts_with("src/store/") && !file.path.starts_with("src/redis/");
        (outside && line.contains("redis::cmd("))
            .then(|| "only redis and store name a Redis command".to_owned())
    })
}

#[test]
fn only_redis_and_store_name_a_redis_command() {
    none(&redis_commands(&sources()));
    assert_eq!(redis_commands(&[File::of("src/http/mod.rs", "redis::cmd(\"GET\")")]).len(), 1);
}

fn secret_leaks(files: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with("src/rules/")) {
        let before =
            file.text.split("pub struct Game ").next().filter(|before| before.len() < file.text.len());
        let attributes = before.map(|before| before.rsplit("\n\n").next().unwrap_or(before));
        if attributes.is_some_and(|text| text.contains("Serialize"))
            || file.text.contains("Serialize for Game ")
        {
            faults.push(format!("{}: Game holds secrets and has no Serialize; View has", file.path));
        }
    }
    faults
}

#[test]
fn the_game_cannot_be_serialised() {
    none(&secret_leaks(&sources()));
    let leak = "use serde::Serialize;\n\n#[derive(Clone, Serialize)]\npub struct Game {\n}";
    assert_eq!(secret_leaks(&[File::of("src/rules/game.rs", leak)]).len(), 1);
    assert_eq!(
        secret_leaks(&[File::of("src/rules/game.rs", &leak.replace("Clone, Serialize", "Clone"))]).len(),
        0
    );
}

// ---- files -------------------------------------------------------------------------------------------------------

/// Lines a file may have; a little above the aim of 400.
const LONGEST: usize = 450;

/// Files that may be longer, and why.
const LONGER: [(&str, &str); 2] =
    [("src/protocol.rs", "one page holds every message"), ("src/metrics.rs", "one page holds every metric")];

fn too_long(files: &[File]) -> Vec<String> {
    let excused = |path: &str| LONGER.iter().any(|(name, _)| *name == path);
    let lines = |file: &File| file.text.lines().count();
    let long = files.iter().filter(|file| lines(file) > LONGEST && !excused(&file.path));
    long.map(|file| {
        format!("{}: {} lines; more than {LONGEST} are too many for one file", file.path, lines(file))
    })
    .collect()
}

#[test]
fn files_are_short() {
    let mut all = sources();
    all.extend(files("static", &[".js", ".css", ".html"]));
    all.extend(files("tools/tests", &[".rs"]));
    all.extend(files("tests", &[".rs", ".js"]).into_iter().filter(|file| !file.path.contains("/output/")));
    none(&too_long(&all));
    assert_eq!(too_long(&[File::of("src/long.rs", &"line\n".repeat(LONGEST + 1))]).len(), 1);
}

fn without_opening(files: &[File]) -> Vec<String> {
    let silent = files.iter().filter(|file| !file.text.starts_with("//! "));
    silent.map(|file| format!("{}: open the file with a sentence, //! …", file.path)).collect()
}

#[test]
fn every_source_opens_with_a_sentence() {
    let others = ["tests", "tools/tests", "benches"].into_iter().flat_map(|folder| files(folder, &[".rs"]));
    none(&without_opening(&sources().into_iter().chain(others).collect::<Vec<_>>()));
    assert_eq!(without_opening(&[File::of("src/silent.rs", "use std::fmt;")]).len(), 1);
}

fn unwraps(files: &[File]) -> Vec<String> {
    faulty_lines(files, |_, line| {
        line.contains(concat!(".unw", "rap()"))
            .then(|| "say with expect why it cannot happen, or refuse".to_owned())
    })
}

#[test]
fn no_source_unwraps() {
    none(&unwraps(&sources()));
    assert_eq!(unwraps(&[File::of("src/bold.rs", concat!("let x = y.unw", "rap();"))]).len(), 1);
}

// ---- scripts -----------------------------------------------------------------------------------------------------

/// No scripts of their own: they stand in front of others, in the same text.
const SHARED: [&str; 3] = ["redis/prelude.lua", "redis/logins.lua", "redis/saved.lua"];

/// What the comment at the top of a script must speak of.
const HEADER: [&str; 4] = ["keys", "argv", "returns", "publishes"];

fn scripts_without_header(scripts: &[File], sources: &[File]) -> Vec<String> {
    let mut faults = Vec::new();
    for script in scripts.iter().filter(|script| !SHARED.contains(&script.path.as_str())) {
        let header: Vec<&str> = script.text.lines().take_while(|line| line.starts_with("--")).collect();
        let header = header.join("\n").to_lowercase();
        let absent = HEADER.iter().filter(|word| !header.contains(**word));
        faults.extend(absent.map(|word| format!("{}: its first lines do not say {word}", script.path)));
        let name = script.path.rsplit('/').next().unwrap_or(&script.path);
        if !name.contains('_') {
            faults.push(format!("{}: a script is called noun_verb.lua", script.path));
        }
        if !sources.iter().any(|file| file.text.contains(name.trim_end_matches(".lua"))) {
            faults.push(format!("{}: nothing uses it", script.path));
        }
    }
    faults
}

#[test]
fn every_script_says_what_it_takes_and_gives() {
    none(&scripts_without_header(&files("redis", &[".lua"]), &sources()));
}

#[test]
fn a_script_without_a_header_is_seen() {
    let user = [File::of("src/store/games.rs", "include_str!(\"../../redis/game_append.lua\")")];
    let good = "-- Appends.\n-- KEYS: the stream\n-- ARGV: entries\n-- Returns: ok\n-- Publishes: table:{id}\nreturn 1";
    let faults = |path: &str, text: &str| scripts_without_header(&[File::of(path, text)], &user).len();
    assert_eq!(faults("redis/game_append.lua", good), 0);
    assert_eq!(faults("redis/game_append.lua", "-- KEYS, ARGV\nreturn 1 -- returns, publishes"), 2);
    assert_eq!(faults("redis/game_forgotten.lua", good), 1);
}
