//! People on different nodes meet, play, watch and talk as if there were one server.

use nineflags::protocol::{Ask, ClosedWhy, Invites, LobbyList, LobbyQuery, LobbyRows, RefusalCode, Update};
use nineflags::rules::seat::Seat;
use nineflags::table::options::TableOptions;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, http, open_socket, seated};
use crate::harness::process::until;
use crate::harness::site::Site;

fn invite(to: &Browser) -> Ask {
    Ask::Invite { to: to.name.clone(), options: TableOptions::default(), resume: None }
}

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

async fn until_invited(browser: &mut Browser) {
    if browser.invites.received.is_empty() {
        let invited = |update: &Update| matches!(update, Update::Invites(Invites { received, .. }) if !received.is_empty());
        browser.until("the invite", invited).await;
    }
}

/// Waits until a browser was told that so many records are saved.
async fn until_saved(browser: &mut Browser, wanted: u32) {
    let told = |update: &Update| match update {
        Update::Saved { number, .. } => *number >= wanted,
        Update::Table(view) => view.saved >= wanted,
        _ => false,
    };
    let seen = |frame: &String| serde_json::from_str(frame).is_ok_and(|update| told(&update));
    if !browser.frames.iter().any(seen) {
        browser.until("all to be saved", told).await;
    }
}

fn closed(update: &Update, wanted: ClosedWhy) -> bool {
    matches!(update, Update::TableClosed { why, .. } if *why == wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_are_one_site() {
    let site = Site::start(3, &[]);
    let one = Browser::guest(site.address(0)).await;
    let two = Browser::guest(site.address(1)).await;
    let mut watcher = Browser::guest(site.address(2)).await;
    let (mut first, mut second, table) = seated(one, two).await;

    let tables = LobbyQuery { list: LobbyList::Tables, search: String::new(), free_only: false, page: 0 };
    watcher.ask(Ask::Lobby(tables)).await;
    let shows = |update: &Update| match update {
        Update::Lobby(page) => {
            matches!(&page.rows, LobbyRows::Tables(rows) if rows.iter().any(|row| row.table == table))
        }
        _ => false,
    };
    let seen = |frame: &String| serde_json::from_str(frame).is_ok_and(|update| shows(&update));
    if !watcher.frames.iter().any(seen) {
        watcher.until("the table in the lobby of a third node", shows).await;
    }
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await));
    first.until_table("a watcher to be counted", |view| view.watchers == 1).await;

    assert!(is_done(&first.ask(Ask::Tell { to: watcher.name.clone(), text: "hello".to_owned() }).await));
    watcher.until("the words", |update| matches!(update, Update::Message(m) if m.text == "hello")).await;
    assert!(is_done(&second.ask(Ask::Say { table, text: "good luck".to_owned() }).await));
    first.until("the words", |update| matches!(update, Update::Message(m) if m.text == "good luck")).await;

    play_on(&mut first, &mut second, table, 30, &mut Dice(7)).await;
    // Each node tells its own seat that all is saved, whichever of them appended the last record.
    for browser in [&mut first, &mut second] {
        until_saved(browser, 30).await;
    }
    assert!(is_done(&first.ask(Ask::Save { table }).await));
    for browser in [&mut first, &mut second, &mut watcher] {
        browser.until("the table to be saved", |update| closed(update, ClosedWhy::Saved)).await;
    }
    let offer = Ask::Invite { to: first.name.clone(), options: TableOptions::default(), resume: Some(table) };
    assert!(is_done(&second.ask(offer).await));
    until_invited(&mut first).await;
    assert!(is_done(&first.ask(Ask::Accept { from: second.name.clone(), invite: None }).await));
    second.until_table("the game to go on", |view| view.table == table && !view.stopped).await;

    drop(first);
    second.until_table("the absence", |view| view.away_since_ms.first.is_some()).await;
    assert!(is_done(&second.ask(Ask::Resign { table }).await));
    let over = second.until_table("the end", |view| view.view.ending.is_some()).await;
    assert_eq!(over.view.ending.and_then(|ending| ending.winner), Some(Seat::First));
    second.until("the table to be closed", |update| closed(update, ClosedWhy::Finished)).await;
    let archived = http(site.address(2), "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!(archived.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_only_the_tables_it_has_somebody_at() {
    let site = Site::start(3, &[]);
    let (first, second, table) =
        seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await).await;
    let channel = format!("table:{table}");
    let heard_by = || site.ask::<(String, u64)>(&["PUBSUB", "NUMSUB", &channel]).1;
    assert_eq!(heard_by(), 2);
    drop(second);
    until("the second node drops its copy", || heard_by() == 1);
    drop(first);
    until("the first node drops its copy", || heard_by() == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_logins_at_once_on_two_nodes_one_stays() {
    let site = Site::start(2, &[]);
    let reply = http(site.address(0), "POST", "/api/guest", "", Some(&serde_json::json!({}))).await;
    let cookie = reply.cookie.expect("a login");
    for round in 0..20 {
        let (one, two) = tokio::join!(
            Browser::connect(site.address(round % 2), &cookie),
            Browser::connect(site.address((round + 1) % 2), &cookie),
        );
        let mut sessions = [one, two];
        let live: Vec<bool> = futures_util::future::join_all(sessions.iter_mut().map(stays)).await;
        assert_eq!(live.iter().filter(|live| **live).count(), 1, "round {round}: {live:?}");
        let online: u64 = site.ask(&["HLEN", "online"]);
        assert_eq!(online, 1);
    }
}

/// Whether a session is the live one: the other is closed, with the code that says so.
async fn stays(browser: &mut Browser) -> bool {
    let closed = tokio::time::timeout(std::time::Duration::from_millis(700), browser.until_closed()).await;
    match closed {
        Ok(code) => {
            assert_eq!(code, Some(4409));
            false
        }
        Err(_) => matches!(browser.ask(Ask::Ping).await, Update::Done { .. }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_accepts_at_once_on_two_nodes_no_player_gets_two_tables() {
    let site = Site::start(2, &[]);
    for round in 0..12 {
        let mut ann = Browser::guest(site.address(0)).await;
        let mut ben = Browser::guest(site.address(1)).await;
        let mut cleo = Browser::guest(site.address(round % 2)).await;
        // Ann has invited Ben, and Cleo has invited Ann: both are accepted at the same instant.
        assert!(is_done(&ann.ask(invite(&ben)).await));
        assert!(is_done(&cleo.ask(invite(&ann)).await));
        until_invited(&mut ben).await;
        until_invited(&mut ann).await;
        let (from_ann, from_cleo) = (ann.name.clone(), cleo.name.clone());
        let (one, two) = tokio::join!(
            ben.ask(Ask::Accept { from: from_ann, invite: None }),
            ann.ask(Ask::Accept { from: from_cleo, invite: None }),
        );
        let started = [&one, &two].iter().filter(|answer| is_done(answer)).count();
        assert_eq!(started, 1, "{one:?} {two:?}");
    }
    let tables: u64 = site.ask(&["SCARD", "tables"]);
    let seats = site.ask::<Vec<String>>(&["KEYS", "seat:*"]).len() as u64;
    assert!(tables > 0 && seats == 2 * tables, "{seats} seats at {tables} tables");
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_invites_from_two_nodes_start_one_game() {
    let site = Site::start(2, &[]);
    for _ in 0..12 {
        let mut ann = Browser::guest(site.address(0)).await;
        let mut ben = Browser::guest(site.address(1)).await;
        let (to_ben, to_ann) = (invite(&ben), invite(&ann));
        let (one, two) = tokio::join!(ann.ask(to_ben), ben.ask(to_ann));
        let tables: Vec<_> = [one, two]
            .into_iter()
            .filter_map(|answer| match answer {
                Update::Done { table, .. } => table,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(tables.len(), 1, "one of the two starts the game");
        ann.until_table("the table", |view| view.table == tables[0]).await;
        ben.until_table("the table", |view| view.table == tables[0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_is_accepted_or_withdrawn_but_not_both() {
    let site = Site::start(2, &[]);
    for _ in 0..12 {
        let mut ann = Browser::guest(site.address(0)).await;
        let mut ben = Browser::guest(site.address(1)).await;
        assert!(is_done(&ann.ask(invite(&ben)).await));
        until_invited(&mut ben).await;
        let (from, to) = (ann.name.clone(), ben.name.clone());
        let (accepted, withdrawn) = tokio::join!(
            ben.ask(Ask::Accept { from, invite: None }),
            ann.ask(Ask::Withdraw { to, invite: None })
        );
        assert_ne!(is_done(&accepted), is_done(&withdrawn), "{accepted:?} {withdrawn:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_outlives_the_node_of_its_sender() {
    let mut site = Site::start(2, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut ben = Browser::guest(site.address(1)).await;
    assert!(is_done(&ann.ask(invite(&ben)).await));
    until_invited(&mut ben).await;
    site.nodes.remove(0).kill();
    let accepted = ben.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await;
    let Update::Done { table: Some(table), .. } = accepted else { panic!("{accepted:?}") };
    let ann = Browser::connect(site.address(0), &ann.cookie).await;
    assert_eq!(ann.welcome.table.map(|view| view.table), Some(table));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_node_left_behind_is_taken_out_and_nothing_else() {
    let mut site = Site::start(2, &[]);
    let mut stays = Browser::guest(site.address(1)).await;
    let living = Browser::guest(site.address(1)).await;
    let name = living.name.clone();
    let (one, two, table) = seated(Browser::guest(site.address(0)).await, living).await;
    let (_gone, mut living) = if one.name == name { (two, one) } else { (one, two) };
    let dead = Browser::guest(site.address(0)).await;
    let mut watcher = Browser::guest(site.address(0)).await;
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await));
    living.until_table("the watcher", |view| view.watchers == 1).await;
    assert_eq!(site.ask::<u64>(&["HLEN", "online"]), 5);

    site.nodes.remove(0).kill();
    until("the dead node's players are gone", || site.ask::<u64>(&["HLEN", "online"]) == 2);
    let gone = living.until_table("the watcher to be gone", |view| view.watchers == 0).await;
    assert!(gone.away_since_ms.first.is_some() != gone.away_since_ms.second.is_some());
    assert!(is_done(&stays.ask(Ask::Ping).await));
    assert!(matches!(stays.ask(invite(&dead)).await, Update::Refused { code: RefusalCode::NotOnline, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_with_nobody_connected_is_saved_by_itself_once() {
    let site = Site::start(2, &[("NINEFLAGS_ABANDONED_SECS", "1")]);
    let (mut first, mut second, table) =
        seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await).await;
    play_on(&mut first, &mut second, table, 20, &mut Dice(3)).await;
    let cookie = first.cookie.clone();
    drop((first, second));
    until("the game is saved", || site.ask::<bool>(&["EXISTS", &format!("saved:{table}")]));
    until("the table is closed", || !site.ask::<bool>(&["EXISTS", &format!("table:{table}")]));
    assert_eq!(site.ask::<u64>(&["ZCARD", "deadlines"]), 0);
    let saved: String = site.ask(&["GET", &format!("saved:{table}")]);
    assert_eq!(saved.matches("\"save\"").count(), 1, "saved by one record");
    let back = Browser::connect(site.address(1), &cookie).await;
    assert_eq!(back.welcome.games.saved.len(), 1);
    assert!(back.welcome.table.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_sends_new_sockets_elsewhere_and_exits_cleanly() {
    let mut site = Site::start(2, &[("NINEFLAGS_DRAIN_SPREAD_MS", "1500")]);
    let mut browsers = Vec::new();
    for _ in 0..4 {
        browsers.push(Browser::guest(site.address(0)).await);
    }
    let cookie = browsers[0].cookie.clone();
    let draining = site.address(0);
    site.nodes[0].signal("TERM");
    for browser in &mut browsers {
        browser.until("to be asked to reconnect", |update| matches!(update, Update::Reconnect { .. })).await;
    }
    let ready = http(draining, "GET", "/readyz", "", None).await;
    assert_eq!((ready.status, ready.body.as_str()), (503, "draining\n"));
    assert_eq!(http(draining, "GET", "/healthz", "", None).await.status, 200);
    assert!(is_done(&browsers[3].ask(Ask::Ping).await), "a session is served until it goes");
    assert!(refused_elsewhere(draining, &cookie).await);
    // A browser opens its new socket before it lets go of the old one: nobody sees it leave.
    let mut moved = Browser::connect(site.address(1), &cookie).await;
    assert_eq!(browsers[0].until_closed().await, Some(4409));
    assert!(is_done(&moved.ask(Ask::Ping).await));
    drop(browsers);
    assert!(site.nodes.remove(0).wait().success());
}

/// Whether a node refuses a websocket with the words that send a browser elsewhere.
async fn refused_elsewhere(node: std::net::SocketAddr, cookie: &str) -> bool {
    let reply = http(node, "GET", "/socket", cookie, None).await;
    reply.status == 503 && reply.json()["code"] == "draining" && {
        let refused = tokio::spawn({
            let cookie = cookie.to_owned();
            async move { open_socket(node, &cookie).await }
        });
        refused.await.is_err()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_of_records_that_a_live_node_does_not_know_are_not_used() {
    let mut site = Site::start(0, &[]);
    // A node of an older version, which announces fewer kinds.
    let old = format!("node:{}", uuid::Uuid::now_v7());
    let _: u64 = site.ask(&["HSET", &old, "address", "127.0.0.1:1", "records", "0"]);
    let _: u64 = site.ask(&["SADD", "nodes", &old["node:".len()..]]);
    let node = site.add(&[]);
    let (mut first, _second, table) = seated(Browser::guest(node).await, Browser::guest(node).await).await;
    let refused = first.ask(Ask::Save { table }).await;
    assert!(matches!(refused, Update::Refused { code: RefusalCode::Upgrading, .. }), "{refused:?}");

    let _: u64 = site.ask(&["DEL", &old]);
    let saved = async {
        while !is_done(&first.ask(Ask::Save { table }).await) {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let saved = tokio::time::timeout(std::time::Duration::from_secs(30), saved).await;
    saved.expect("used once the older node is gone");
}
