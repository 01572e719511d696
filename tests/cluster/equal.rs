//! Two games that are equal in a player's view leave equal traces with everybody but the opponent: in answers, views, notices
//! and the lobby, in the node's metrics and in its log.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, LobbyList, LobbyQuery, Update};
use nineflags::table::record::Tip;
use serde_json::json;

use crate::harness::browser::{Browser, http, seated};
use crate::harness::host::Host;
use crate::harness::node::{ANY, Node};

/// Metrics that tell how long something took, how large it is, or what passes by itself.
const OF_TIME: [&str; 12] = [
    "seconds",
    "bytes",
    "cpu",
    "memory",
    "files",
    "_lag",
    "heartbeat",
    "redis",
    "wake",
    "lease",
    "lobby",
    "deadlines",
];
/// Longer words are ids, hashes, seals and times, of which only the length is compared.
const WORD_MAX: usize = 12;

/// The troops as they are dealt: the first seat has the first seven, the second seat the next seven.
fn troops() -> Vec<String> {
    let of = |colour: char| (1..=10).map(move |rank| format!("{colour}{rank}"));
    "roygbp".chars().flat_map(of).collect()
}

/// What is left of one game.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    player: Vec<String>,
    watcher: Vec<String>,
    metrics: BTreeSet<String>,
    log: BTreeSet<String>,
}

/// Without what differs between any two runs.
fn plain(text: &str, names: &[(String, &str)]) -> String {
    let mut text = names.iter().fold(text.to_owned(), |text, (name, word)| text.replace(name.as_str(), word));
    // How much is saved, and how many watch, comes when it comes.
    for number in 0..10 {
        for word in ["saved", "watchers"] {
            text = text.replace(&format!("\"{word}\":{number}"), &format!("\"{word}\":N"));
        }
    }
    // So are the records that are not saved; their seals are all of one length, which the pure tests hold.
    if let Some(begin) = text.find("\"sealed\":[")
        && let Some(length) = text[begin..].find(']')
    {
        text.replace_range(begin..=begin + length, "sealed");
    }
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(begin) = rest.find(is_part) {
        let word = &rest[begin..];
        let word = &word[..word.find(|letter| !is_part(letter)).unwrap_or(word.len())];
        out.push_str(&rest[..begin]);
        if word.len() > WORD_MAX && word.contains(|letter: char| letter.is_ascii_digit()) {
            let _ = write!(out, "<{}>", word.len());
        } else {
            out.push_str(word);
        }
        rest = &rest[begin + word.len()..];
    }
    out + rest
}

/// Cards of which one may be in the other hand, in a deck, or nowhere; claims, rules and words that are none.
const WRONG: [&[&str]; 12] = [
    &["r9@1"],
    &["o3@1"],
    &["p10@1"],
    &["p1@1", "draw t"],
    &["Tr r8@1"],
    &["De r8"],
    &["claim 0"],
    &["claim 4"],
    &["draw t"],
    &["r2@1", "draw t", "draw x"],
    &["end"],
    &["nonsense"],
];

/// What anybody may ask of a table.
fn asks(table: TableId) -> [Ask; 5] {
    let hash = serde_json::from_value(json!("00ff00ff00ff00ff00ff00ff00ff00ff")).expect("a hash");
    let lobby = LobbyQuery { list: LobbyList::Tables, search: String::new(), free_only: false, page: 0 };
    [
        Ask::Seen { table, tip: Tip { number: 9, hash }, sealed: Vec::new() },
        Ask::Say { table, text: "well played".to_owned() },
        Ask::ClaimWin { table },
        Ask::Lobby(lobby),
        Ask::Ping,
    ]
}

/// Plays a little with these decks, and asks all that a first seat and a watcher can think of.
async fn traces(troops: &[String], tactics: [&str; 10]) -> Traces {
    let folder = tempfile::tempdir().expect("a folder");
    let (decks, log) = (folder.path().join("decks.json"), folder.path().join("log"));
    fs::write(&decks, json!({"troops": troops, "tactics": tactics}).to_string()).expect("a file");
    let variables =
        [("NINEFLAGS_TEST_DECKS", decks.to_str().expect("a path")), ("NINEFLAGS_LOG", "nineflags=trace")];
    let node = Node::on(&Host::here(), ANY.port(), &folder.path().join("data"), &log, &variables);
    let at = node.address;
    let (mut first, mut second, table) = seated(Browser::guest(at).await, Browser::guest(at).await).await;
    let mut watcher = Browser::guest(at).await;
    let names = [(&first, "FIRST"), (&second, "SECOND"), (&watcher, "WATCHER")]
        .map(|(browser, word)| (browser.name.to_string(), word));
    let names = [names.to_vec(), vec![(at.to_string(), "ADDRESS")]].concat();
    let mut player_answers = Vec::new();
    let mut asked = 0;
    let mut id = || {
        asked += 1;
        format!("q-{asked}").parse().expect("an id")
    };
    let mut moved = async |browser: &mut Browser, moves: &[&str]| {
        let tip = browser.table.as_ref().expect("a view").tip.clone();
        let moves = moves.iter().map(|&text| text.to_owned()).collect();
        let answer = browser.ask_as(id(), Ask::Move { table, tip, moves }).await;
        json_of(&answer)
    };
    watcher.ask_as("w-1".parse().expect("an id"), Ask::Watch { table }).await;
    player_answers.push(moved(&mut first, &["r1@0", "draw t"]).await);
    second.until_table("the first move", |view| view.tip.number == 3).await;
    moved(&mut second, &["r8@0", "draw t"]).await;
    for browser in [&mut first, &mut watcher] {
        browser.until_table("the second move", |view| view.tip.number == 5).await;
    }
    for moves in WRONG {
        player_answers.push(moved(&mut first, moves).await);
    }
    player_answers.push(moved(&mut first, &["r2@0", "draw t"]).await);
    for (browser, by) in [(&mut first, "f"), (&mut watcher, "w")] {
        for (number, ask) in (2..).zip(asks(table)) {
            let answer = browser.ask_as(format!("{by}-{number}").parse().expect("an id"), ask).await;
            player_answers.push(json_of(&answer));
        }
        // What a browser says comes back to it over the bus, before its last answer or after it.
        if !browser.frames.iter().any(|frame| frame.contains("\"update\":\"message\"")) {
            browser.until("its own words", |update| matches!(update, Update::Message(_))).await;
        }
    }
    let metrics = http(at, "GET", "/metrics", "", None).await.body;
    assert!(node.terminate().success());
    let log = fs::read_to_string(&log).expect("a log");
    let of_table = |browser: &Browser| {
        let about = |frame: &&String| {
            ["table", "notice", "message"]
                .iter()
                .any(|kind| frame.contains(&format!("\"update\":\"{kind}\"")))
        };
        browser.frames.iter().filter(about).map(|frame| plain(frame, &names)).collect::<BTreeSet<String>>()
    };
    let answers = player_answers.iter().map(|answer| plain(answer, &names));
    Traces {
        player: of_table(&first).into_iter().chain(answers).collect(),
        watcher: of_table(&watcher).into_iter().collect(),
        metrics: (metrics.lines())
            .filter(|line| !line.starts_with('#') && !OF_TIME.iter().any(|word| line.contains(word)))
            .map(|line| plain(line, &names))
            .collect(),
        // Without the time that each line begins with, and how long things took.
        log: (log.lines())
            .filter_map(|line| line.split_once(' '))
            .map(|(_, line)| plain(line, &names))
            .filter(|line| !line.contains("ms="))
            .collect(),
    }
}

fn json_of(update: &Update) -> String {
    serde_json::to_string(update).expect("an update is JSON")
}

const TACTICS: [&str; 10] = ["Tr", "De", "Re", "Sc", "Mu", "Fo", "Sh", "Co", "Da", "Al"];

#[tokio::test(flavor = "multi_thread")]
async fn equal_views_leave_equal_traces() {
    let dealt = troops();
    let one = traces(&dealt, TACTICS).await;
    // The second seat has another card in hand, and the decks lie otherwise below what is drawn.
    let mut other = dealt.clone();
    other.swap(8, 40);
    other.swap(22, 59);
    other.swap(12, 10);
    let mut tactics = TACTICS;
    tactics.reverse();
    let other = traces(&other, tactics).await;
    assert_eq!(one.player, other.player);
    assert_eq!(one.watcher, other.watcher);
    let differs = |one: &BTreeSet<String>, other: &BTreeSet<String>| {
        one.symmetric_difference(other).cloned().collect::<Vec<_>>()
    };
    assert_eq!(differs(&one.metrics, &other.metrics), [""; 0]);
    assert_eq!(differs(&one.log, &other.log), [""; 0]);
    assert!(one.metrics.len() > 20 && !one.log.is_empty(), "{:#?} {:#?}", one.metrics, one.log);
    // What the first seat draws is seen.
    let mut drawn = dealt;
    drawn.swap(14, 50);
    assert_ne!(one.player, traces(&drawn, TACTICS).await.player);
}
