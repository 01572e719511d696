//! `docs/LIMITS.md` says what the source does: each rate, each size, and an owner, a bound and an end of each Redis key.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nineflags::limits::ALL;
use nineflags::{cluster, host, http, outbox, protocol, session, store, table};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the rows of one section's table, without its head.
fn rows(section: &str) -> Vec<Vec<String>> {
    let page = read("docs/LIMITS.md");
    let (_, text) = page.split_once(&format!("## {section}\n")).unwrap_or_else(|| panic!("no {section}"));
    let text = text.split("\n## ").next().unwrap_or_default();
    let rows = text.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

fn named(row: &[String]) -> String {
    row[0].trim_matches('`').to_owned()
}

#[test]
fn every_rate_is_on_the_page_as_it_is_in_the_source() {
    let expected: Vec<String> = ALL
        .iter()
        .map(|limit| {
            let line = limit.line();
            format!("| `{}` | {} | {} | {} |", line.name, line.allowance, line.what, line.refusal)
        })
        .collect();
    let page = read("docs/LIMITS.md");
    let is_row =
        |line: &&str| ALL.iter().any(|limit| line.starts_with(&format!("| `{}` |", limit.line().name)));
    let written: Vec<&str> = page.lines().filter(is_row).collect();
    assert_eq!(written, expected, "docs/LIMITS.md should have:\n{}", expected.join("\n"));
    assert_eq!(rows("Rates, and numbers at once").len(), ALL.len(), "nothing else is there");
}

#[test]
fn every_size_on_the_page_is_the_one_in_the_source() {
    let known: BTreeMap<&str, usize> = [
        ("session::socket::FRAME_MAX", session::socket::FRAME_MAX),
        ("session::socket::GOODBYE_BYTES", usize::try_from(session::socket::GOODBYE_BYTES).expect("small")),
        ("http::server::REFUSALS_MAX", http::server::REFUSALS_MAX as usize),
        ("cluster::sessions::EVENTS", cluster::sessions::EVENTS),
        ("cluster::sessions::TURNS", cluster::sessions::TURNS),
        ("session::MESSAGE_CHARS_MAX", session::MESSAGE_CHARS_MAX),
        ("session::MOVES_MAX", session::MOVES_MAX),
        ("session::WATCHED_MAX", session::WATCHED_MAX),
        ("session::pace::REFUSALS_MAX", session::pace::REFUSALS_MAX as usize),
        ("outbox::OUTBOX_FRAMES", outbox::OUTBOX_FRAMES),
        ("outbox::OUTBOX_BYTES", outbox::OUTBOX_BYTES),
        ("store::accounts::BLOCKED_MAX", store::accounts::BLOCKED_MAX),
        ("store::invites::INVITES_SENT_MAX", store::invites::INVITES_SENT_MAX),
        ("store::invites::INVITES_RECEIVED_MAX", store::invites::INVITES_RECEIVED_MAX),
        ("store::invites::INVITES_KNOWN_MAX", store::invites::INVITES_KNOWN_MAX),
        ("cluster::tables::INBOX", cluster::tables::INBOX),
        ("host::HEALS_MAX", host::HEALS_MAX),
        ("table::seal::SEALED_MAX", table::seal::SEALED_MAX),
        ("cluster::bus::QUEUE", cluster::bus::QUEUE),
        ("cluster::lobby_line::CHANGES", cluster::lobby_line::CHANGES),
        ("protocol::LOBBY_PAGE", protocol::LOBBY_PAGE),
    ]
    .into();
    let written = rows("Sizes and queues");
    let names: BTreeSet<String> = written.iter().map(|row| named(row)).collect();
    assert_eq!(names, known.keys().map(ToString::to_string).collect());
    for row in written {
        assert_eq!(row[1], known[named(&row).as_str()].to_string(), "{row:?}");
        assert!(row[2..].iter().all(|cell| !cell.is_empty()), "{row:?}");
    }
}

/// The names of keys in the source: `pub const X: &str = "name"`, and what stands before the first colon of a `format!`.
fn keys() -> BTreeSet<String> {
    let source = read("src/store/keys.rs");
    let mut keys = BTreeSet::new();
    for line in source.lines().map(str::trim) {
        let text = if line.starts_with("pub const ") {
            line.split('"').nth(1).map(str::to_owned)
        } else {
            line.strip_prefix("format!(\"").and_then(|rest| rest.split(':').next()).map(str::to_owned)
        };
        keys.extend(text);
    }
    keys
}

#[test]
fn every_key_has_an_owner_a_bound_and_an_end() {
    let keys = keys();
    assert!(keys.len() > 30, "the page of keys is read: {keys:?}");
    let written = rows("What is stored");
    let on_page: BTreeSet<String> = written.iter().map(|row| named(row)).collect();
    let missing: Vec<&String> = keys.difference(&on_page).collect();
    assert!(missing.is_empty(), "not in docs/LIMITS.md: {missing:?}");
    for row in written {
        assert_eq!(row.len(), 4, "{row:?}");
        let is_pattern = row[2].starts_with("a pattern");
        assert!(!row[1].is_empty() && !row[2].is_empty() && (is_pattern || !row[3].is_empty()), "{row:?}");
    }
}

/// Lines of files that make a key: `format!("name:{`.
fn made_in(folder: &Path, begins: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() {
            found.extend(made_in(&path, begins));
        } else {
            let text = fs::read_to_string(&path).expect("a text file");
            let lines = text.lines().filter(|line| begins.iter().any(|begin| line.contains(begin.as_str())));
            found.extend(lines.map(|line| format!("{}: {}", path.display(), line.trim())));
        }
    }
    found
}

#[test]
fn keys_are_made_on_one_page() {
    let page = read("src/store/keys.rs");
    let begins =
        page.lines().filter_map(|line| Some(line.trim().strip_prefix("format!(")?.split_once('{')?.0));
    let begins: Vec<String> = begins.map(|begin| format!("{begin}{{")).collect();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (on_page, elsewhere): (Vec<_>, Vec<_>) =
        made_in(&source, &begins).into_iter().partition(|line| line.contains("store/keys.rs"));
    assert!(on_page.len() > 15, "the page of keys is read: {on_page:?}");
    assert!(elsewhere.is_empty(), "only store/keys.rs makes a Redis key: {elsewhere:#?}");
}

/// A user of a Redis that lacks the right to a key is refused at the start, not when somebody needs the key.
#[test]
fn the_rights_to_every_key_are_tried_at_the_start() {
    let (page, rights) = (read("src/store/keys.rs"), read("src/store/rights.rs"));
    // Patterns are made of keys that stand there, too; what gives no text only reads a key.
    let makes = |line: &&str| line.contains(") -> String {") || line.contains(": &str = ");
    let lines = page.lines().filter(makes).filter(|line| !line.contains('*'));
    let names = lines.filter_map(|line| {
        let text = line.strip_prefix("pub fn ").or_else(|| line.strip_prefix("pub const "))?;
        Some(format!("keys::{}", text.split(['(', ':', '<']).next()?))
    });
    let names: Vec<String> = names.collect();
    assert!(names.len() > 30, "the page of keys is read: {names:?}");
    let missing: Vec<&String> = names.iter().filter(|name| !rights.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "not in store/rights.rs: {missing:?}");
}
