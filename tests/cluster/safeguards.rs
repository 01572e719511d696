//! Each safeguard of the cluster, with a twin in which it is switched off: the same check must then see the fault.

use std::fs;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, LobbyList, LobbyQuery, LobbyRows, TableView, Update};
use nineflags::rules::card::{Card, Tactic, Troop};
use nineflags::store::Store;
use nineflags::table::copy::Copy;
use nineflags::table::record::Tip;
use serde_json::json;
use tokio::time::{Duration, sleep, timeout};

use crate::harness::browser::{Browser, seated};
use crate::harness::site::Site;

/// A site of two nodes, without a safeguard or with all.
fn site(without: Option<&str>, more: &[(&str, &str)]) -> Site {
    let mut variables = more.to_vec();
    variables.extend(without.map(|safeguard| ("NINEFLAGS_TEST_WITHOUT", safeguard)));
    Site::start(2, &variables)
}

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

// ---- a record follows only its tip -------------------------------------------------------------------------------

/// How many of some games, in which both seats ask on two nodes at the same instant, do not end as one chain with all
/// that was acknowledged.
async fn broken_games(without: Option<&str>) -> usize {
    let site = site(without, &[]);
    let mut broken = 0;
    for _ in 0..4 {
        let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await);
        let (mut first, mut second, table) = seated(one, two).await;
        let view = first.until_table("the first turn", |view| view.view.choices.is_some()).await;
        let ask = Ask::Move { table, tip: view.tip.clone(), moves: a_turn(&view) };
        // Both records are on their way before Redis takes one: either may lose, both may not have one number.
        site.redis.freeze();
        let thaw = async {
            sleep(Duration::from_millis(300)).await;
            site.redis.thaw();
        };
        let (moved, resigned, ()) = tokio::join!(first.ask(ask), second.ask(Ask::Resign { table }), thaw);
        let tips: Vec<Tip> = [moved, resigned].into_iter().filter_map(tip_of).collect();
        broken += usize::from(!is_kept(&site, table, &tips).await);
    }
    broken
}

/// The first card of the hand to the first flag, and a draw.
fn a_turn(view: &TableView) -> Vec<String> {
    let choices = view.view.choices.as_ref().expect("the own turn");
    let (card, flags) = choices.place.iter().next().expect("a troop");
    vec![format!("{card}@{}", flags[0]), "draw t".to_owned()]
}

fn tip_of(answer: Update) -> Option<Tip> {
    match answer {
        Update::Done { tip, .. } => tip,
        _ => None,
    }
}

/// Whether a game gets into the archive as one chain that follows the rules and went through some tips.
async fn is_kept(site: &Site, table: TableId, tips: &[Tip]) -> bool {
    let store = Store::connect(&site.redis.url()).await.expect("a store");
    for _ in 0..30 {
        if let Some(game) = store.archive_read(table).await.expect("it is read") {
            let copy = Copy::from_entries(table, game.entries);
            return copy.is_ok_and(|copy| tips.iter().all(|tip| copy.has_tip(tip)));
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_follows_only_its_tip() {
    assert_eq!(broken_games(None).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_comparing_the_tip_games_break() {
    assert!(broken_games(Some("compare")).await > 0);
}

// ---- a request is made once --------------------------------------------------------------------------------------

/// Both decks in order, but Scout on top of the tactics.
fn decks_with_scout() -> String {
    let troops: Vec<String> = Troop::all().map(|troop| Card::from(troop).to_string()).collect();
    let mut tactics: Vec<String> = Tactic::ALL.map(|tactic| Card::from(tactic).to_string()).into();
    tactics.sort_by_key(|code| code != "Sc");
    json!({"troops": troops, "tactics": tactics}).to_string()
}

/// How often a draw of Scout's is made whose request is sent twice, to two nodes.
async fn draws_of_one_request(without: Option<&str>) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let decks = folder.path().join("decks.json");
    fs::write(&decks, decks_with_scout()).expect("a file");
    let site = site(without, &[("NINEFLAGS_TEST_DECKS", decks.to_str().expect("a path"))]);
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
    records.iter().filter(|(_, fields)| fields.iter().any(|field| field == "the-same")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_repeated_is_made_once() {
    assert_eq!(Box::pin(draws_of_one_request(None)).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_request_ids_a_repeated_request_is_made_twice() {
    assert_eq!(Box::pin(draws_of_one_request(Some("request"))).await, 2);
}

// ---- an account has one live session -----------------------------------------------------------------------------

/// How many sessions of one account can make the next move, after a second login on another node.
async fn sessions_that_can_move(without: Option<&str>) -> usize {
    let site = site(without, &[]);
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let (first, _second, table) = seated(one, two).await;
    let later = Browser::connect(site.address(1), &first.cookie).await;
    // Until the older one would have been told.
    sleep(Duration::from_secs(2)).await;
    let mut able = 0;
    for mut session in [first, later] {
        let Some(view) = session.table.clone() else { continue };
        // Refused by the rules, which come after the session: a session that is not live is refused or closed before.
        let ask = Ask::Move { table, tip: view.tip, moves: vec!["pass".to_owned()] };
        let asked = timeout(Duration::from_secs(5), async { session.try_ask(ask).await });
        if let Ok(Some(Update::Refused { code: nineflags::protocol::RefusalCode::Illegal, .. })) = asked.await
        {
            able += 1;
        }
    }
    able
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_moves_in_one_session_only() {
    assert_eq!(sessions_that_can_move(None).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_check_of_the_session_two_can_move() {
    assert_eq!(sessions_that_can_move(Some("session")).await, 2);
}

// ---- a gap is read again -----------------------------------------------------------------------------------------

/// Whether a player whose coming was published to nobody is shown after the next change.
async fn lost_change_is_repaired(without: Option<&str>) -> bool {
    let site = site(without, &[]);
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
    sleep(Duration::from_secs(2)).await;
    let query = LobbyQuery { list: LobbyList::Players, search: "Lost".to_owned(), free_only: false, page: 0 };
    assert!(is_done(&ann.ask(Ask::Lobby(query)).await));
    let mut pages = ann.frames.iter().filter_map(|frame| match serde_json::from_str(frame) {
        Ok(Update::Lobby(page)) if page.query.search == "Lost" => Some(page),
        _ => None,
    });
    let page = pages.next_back().expect("a page comes with the answer");
    matches!(&page.rows, LobbyRows::Players(rows) if rows.len() == 1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_heard_is_read_after_the_next() {
    assert!(lost_change_is_repaired(None).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_looking_for_gaps_a_change_stays_unheard() {
    assert!(!lost_change_is_repaired(Some("gap")).await);
}
