//! What two nodes keep to over one Redis. That each of these safeguards is needed is shown where it can be left out: the
//! schedules of the pure tests run the product's own host and lobby without it, and the scripts are compared with the models.

use std::fs;

use nineflags::protocol::{Ask, LobbyList, LobbyQuery, LobbyRows, TableView, Update};
use nineflags::rules::card::{Card, Tactic, Troop};
use serde_json::json;
use tokio::time::{Duration, sleep, timeout};

use crate::harness::browser::{Browser, seated};
use crate::harness::site::Site;

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

/// The first card of the hand to the first flag, and a draw.
fn a_turn(view: &TableView) -> Vec<String> {
    let choices = view.view.choices.as_ref().expect("the own turn");
    let (card, flags) = choices.place.iter().next().expect("a troop");
    vec![format!("{card}@{}", flags[0]), "draw t".to_owned()]
}

/// Both decks in order, but Scout on top of the tactics.
fn decks_with_scout() -> String {
    let troops: Vec<String> = Troop::all().map(|troop| Card::from(troop).to_string()).collect();
    let mut tactics: Vec<String> = Tactic::ALL.map(|tactic| Card::from(tactic).to_string()).into();
    tactics.sort_by_key(|code| code != "Sc");
    json!({"troops": troops, "tactics": tactics}).to_string()
}

/// A draw of Scout's whose request is sent twice, to two nodes.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_is_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let decks = folder.path().join("decks.json");
    fs::write(&decks, decks_with_scout()).expect("a file");
    let site = Site::start(2, &[("NINEFLAGS_TEST_DECKS", decks.to_str().expect("a path"))]);
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let (mut first, mut second, table) = seated(one, two).await;
    let view = first.until_table("the first turn", |view| view.view.choices.is_some()).await;
    let mut turn = a_turn(&view);
    "draw x".clone_into(&mut turn[1]);
    assert!(is_done(&first.ask(Ask::Move { table, tip: view.tip, moves: turn }).await));
    let view = second.until_table("the second turn", |view| view.view.choices.is_some()).await;
    let moves = a_turn(&view);
    assert!(is_done(&second.ask(Ask::Move { table, tip: view.tip, moves }).await));
    let own = |view: &TableView| view.tip.number == 5 && view.view.choices.is_some();
    let view = first.until_table("the third turn", own).await;
    let moves = vec!["Sc".to_owned(), "draw t".to_owned()];
    assert!(is_done(&first.ask(Ask::Move { table, tip: view.tip, moves }).await));

    let view = first.until_table("the second draw", |view| view.tip.number == 7).await;
    let ask = Ask::Move { table, tip: view.tip, moves: vec!["draw t".to_owned()] };
    let id = "the-same".parse().expect("an id");
    assert!(is_done(&first.ask_as(nineflags::ids::RequestId::clone(&id), ask.clone()).await));
    let mut again = Browser::connect(site.address(1), &first.cookie).await;
    assert!(is_done(&again.ask_as(id, ask).await));
    let records: Vec<(String, Vec<String>)> = site.ask(&["XRANGE", &format!("game:{table}"), "-", "+"]);
    let of_it = records.iter().filter(|(_, fields)| fields.iter().any(|field| field == "the-same"));
    assert_eq!(of_it.count(), 1);
}

/// The coming of a player is published to nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_heard_is_read_after_the_next() {
    let site = Site::start(2, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    // Of a node that lives, so that nobody takes the player for a dead one's.
    let node = uuid::Uuid::now_v7().to_string();
    let _: u64 = site.ask(&["HSET", &format!("node:{node}"), "address", "127.0.0.1:1"]);
    let _: u64 = site.ask(&["SADD", "nodes", &node]);
    let lost = json!({
        "node": node, "session": uuid::Uuid::now_v7(), "name": "Lost", "guest": false
    });
    let account = uuid::Uuid::now_v7().to_string();
    let _: u64 = site.ask(&["HSET", "online", &account, &lost.to_string()]);
    let _: u64 = site.ask(&["INCR", "lobby-version"]);
    let _next_change = Browser::guest(site.address(1)).await;
    let query = LobbyQuery { list: LobbyList::Players, search: "Lost".to_owned(), free_only: false, page: 0 };
    let is_shown = async {
        loop {
            assert!(is_done(&ann.ask(Ask::Lobby(query.clone())).await));
            let mut pages = ann.frames.iter().filter_map(|frame| match serde_json::from_str(frame) {
                Ok(Update::Lobby(page)) if page.query.search == "Lost" => Some(page),
                _ => None,
            });
            let page = pages.next_back().expect("a page comes with the answer");
            if matches!(&page.rows, LobbyRows::Players(rows) if rows.len() == 1) {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(10), is_shown).await.expect("the lobby is read again");
}
