//! What is kept of games, and what anybody may read of it.

use nineflags::ids::{AccountId, RequestId, TableId};
use nineflags::protocol::{Ask, ClosedWhy, RefusalCode, TableView, Update};
use nineflags::store::Store;
use nineflags::store::archive::ArchivedGame;
use nineflags::table::copy::{Answer, Copy, Effect, Intent};
use nineflags::table::options::TableOptions;
use nineflags::table::record::Tip;
use serde_json::json;

use crate::harness::bot::{Dice, choose, play_on};
use crate::harness::browser::{Browser, Reply, accept, exchange, http, seated};
use crate::harness::node::Node;
use crate::harness::site::Site;
use crate::model::game::request;

fn tip_of(update: &Update) -> Option<Tip> {
    match update {
        Update::Done { tip, .. } => tip.clone(),
        _ => None,
    }
}

fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

fn id(text: &str) -> RequestId {
    text.parse().expect("an id")
}

async fn until_closed(browsers: [&mut Browser; 2]) {
    for browser in browsers {
        browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn salts_are_told_with_the_finished_game_and_request_ids_never() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = play_on(&mut first, &mut second, table, 12, &mut Dice(5)).await;
    assert!(tip_of(&first.ask_as(id("only-mine"), Ask::Resign { table }).await).is_some());
    until_closed([&mut first, &mut second]).await;

    let page = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await;
    assert!(!page.body.contains("\"request\"") && !page.body.contains("only-mine"), "{}", page.body);
    let game: ArchivedGame = serde_json::from_str(&page.body).expect("a finished game");
    assert!(game.entries.iter().all(|entry| entry.salt.is_some()), "{}", page.body);
    let copy = Copy::from_entries(table, game.entries.clone()).expect("anybody can check the chain");
    assert!(copy.has_tip(&view.tip), "it is the one that was shown");
    // While it was played, nobody was told a salt, nor the other an id.
    for frame in first.frames.iter().chain(&second.frames) {
        for entry in &game.entries {
            let salt = entry.salt.map(String::from).expect("every record is salted");
            assert!(!frame.contains(&salt), "{frame}");
        }
    }
    assert!(second.frames.iter().all(|frame| !frame.contains("only-mine")));
}

/// The next turn of whoever is on turn, as this viewer is shown it.
fn turn(view: &TableView, seed: u64) -> Ask {
    Ask::Move { table: view.table, tip: view.tip.clone(), moves: choose(view, &mut Dice(seed)) }
}

async fn on_turn(browser: &mut Browser) -> TableView {
    let held = browser.table.clone().filter(|view| view.view.choices.is_some());
    match held {
        Some(view) => view,
        None => browser.until_table("the own turn", |view| view.view.choices.is_some()).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_use_up_an_id_of_the_other_seat() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = on_turn(&mut first).await;
    let one = tip_of(&first.ask_as(id("guess-1"), turn(&view, 1)).await).expect("it was carried out");
    let view = second.until_table("the own turn", |view| view.view.choices.is_some()).await;
    let (ask, before) = (turn(&view, 2), view.tip.number);
    let two = tip_of(&second.ask_as(id("guess-1"), ask.clone()).await).expect("it was carried out");
    assert!(two.number > before, "the other seat's id is another request");
    // Each of them repeated is what it was.
    assert_eq!(tip_of(&second.ask_as(id("guess-1"), ask).await), Some(two));
    assert_eq!(tip_of(&first.ask_as(id("guess-1"), Ask::Resign { table }).await), Some(one.clone()));

    // The same in a game that was stopped and goes on: neither loses an id, and neither gains one.
    assert!(tip_of(&first.ask_as(id("stop"), Ask::Save { table }).await).is_some());
    until_closed([&mut first, &mut second]).await;
    let saved = second.ask_as(id("stop"), Ask::Save { table }).await;
    assert!(matches!(refused(&saved), Some(RefusalCode::NoTable)), "{saved:?}");
    let options = TableOptions::default();
    let invite = Ask::Invite { to: second.name.clone(), options, resume: Some(table) };
    assert!(matches!(first.ask(invite).await, Update::Done { .. }));
    assert!(matches!(accept(&mut second, first.name.clone()).await, Update::Done { .. }));
    first.until_table("the game goes on", |view| !view.stopped).await;
    assert_eq!(tip_of(&first.ask_as(id("guess-1"), Ask::Resign { table }).await), Some(one));
    assert!(matches!(second.ask_as(id("stop"), Ask::Save { table }).await, Update::Done { .. }));
    for browser in [&mut first, &mut second] {
        let saved = |update: &Update| matches!(update, Update::TableClosed { why: ClosedWhy::Saved, .. });
        browser.until("it is stopped again", saved).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_game_remembers_whose_request_ended_it() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    play_on(&mut first, &mut second, table, 12, &mut Dice(6)).await;
    let end = tip_of(&first.ask_as(id("end"), Ask::Resign { table }).await).expect("it was carried out");
    until_closed([&mut first, &mut second]).await;
    assert_eq!(tip_of(&first.ask_as(id("end"), Ask::Resign { table }).await), Some(end));
    assert_eq!(refused(&second.ask_as(id("end"), Ask::Resign { table }).await), Some(RefusalCode::NoTable));
}

// ---- the archive -------------------------------------------------------------------------------------------------

/// Two guests play at a site until the end, or give up after so many records.
async fn finished(site: &Site, records: u32, seed: u64) -> (Browser, Browser, TableId) {
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    played_by(one, two, records, seed).await
}

async fn played_by(one: Browser, two: Browser, records: u32, seed: u64) -> (Browser, Browser, TableId) {
    let (mut first, mut second, table) = seated(one, two).await;
    let view = play_on(&mut first, &mut second, table, records, &mut Dice(seed)).await;
    if view.view.turn.is_some() {
        assert!(tip_of(&first.ask(Ask::Resign { table }).await).is_some());
    }
    until_closed([&mut first, &mut second]).await;
    (first, second, table)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_game_takes_three_kilobytes_and_can_be_read_by_people() {
    let site = Site::start(1, &[]);
    let (_, _, table) = finished(&site, u32::MAX, 77).await;
    let keys: Vec<String> = site.ask(&["KEYS", &format!("*{table}*")]);
    let archive = format!("archive:{table}");
    let bytes: u64 = site.ask(&["MEMORY", "USAGE", &archive, "SAMPLES", "0"]);
    assert!(bytes <= 3_072, "{bytes} bytes");
    // What else there is of it, for whoever is late, is gone soon.
    for key in keys.iter().filter(|key| **key != archive) {
        let ttl: i64 = site.ask(&["TTL", key]);
        assert!((1..=300).contains(&ttl), "{key} goes after {ttl} s");
    }
    let result: String = site.ask(&["HGET", &archive, "result"]);
    assert!(result.starts_with("first ") || result.starts_with("second "), "{result}");

    let shown = std::process::Command::new(env!("CARGO_BIN_EXE_nineflags"))
        .args(["archive", "show", &table.to_string(), "--redis-url", &site.redis.url()])
        .output()
        .expect("the binary starts");
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(shown.status.success(), "{text}{}", String::from_utf8_lossy(&shown.stderr));
    assert!(text.contains(&format!("result  {result}")) && text.contains("(salted), sound"), "{text}");
    assert!(text.contains("   0  2") && text.contains("start 1 game="), "{text}");
    let none = std::process::Command::new(env!("CARGO_BIN_EXE_nineflags"))
        .args(["archive", "show", &TableId::random().to_string(), "--redis-url", &site.redis.url()])
        .output()
        .expect("the binary starts");
    assert!(!none.status.success());
    assert!(String::from_utf8_lossy(&none.stderr).contains("there is no finished game"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_reads_rows_in_one_exchange_and_a_bad_game_concerns_nobody_but_itself() {
    let site = Site::start(1, &[]);
    let (mut one, mut two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let mut tables = Vec::new();
    for seed in 0..4 {
        let table;
        (one, two, table) = played_by(one, two, 12, 80 + seed).await;
        tables.push(table);
    }
    let _: u64 = site.ask(&["DEL", &format!("archive:{}", tables[0])]);
    let _: String = site.ask(&["SET", &format!("archive:{}", tables[0]), "garbage"]);
    let _: u64 = site.ask(&["HSET", &format!("archive:{}", tables[1]), "ended", "garbage"]);
    let _: u64 = site.ask(&["ZADD", "archive-recent", "9999999999999", "no id at all"]);
    let node = site.address(0);
    let list = http(node, "GET", "/api/games", "", None).await;
    assert_eq!(list.status, 200, "{}", list.body);
    let listed: Vec<String> =
        list.json()["games"].as_array().expect("rows").iter().map(|row| row["table"].to_string()).collect();
    assert_eq!(listed, [tables[3], tables[2]].map(|table| format!("\"{table}\"")));
    let page = http(node, "GET", &format!("/api/player/{}", one.name), "", None).await;
    assert_eq!(page.json()["games"].as_array().map(Vec::len), Some(2), "{}", page.body);
    for (table, status) in [(tables[0], 503), (tables[1], 503), (tables[2], 200)] {
        assert_eq!(http(node, "GET", &format!("/api/game/{table}"), "", None).await.status, status);
    }
    // A game that is gone leaves the lists.
    let _: u64 = site.ask(&["DEL", &format!("archive:{}", tables[2])]);
    http(node, "GET", "/api/games", "", None).await;
    let place: Option<String> = site.ask(&["ZSCORE", "archive-recent", &tables[2].to_string()]);
    assert_eq!(place, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn games_of_a_few_moves_are_in_no_list_and_guests_games_end() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let (one, two, short) = finished(&site, 3, 90).await;
    let ttl: i64 = site.ask(&["TTL", &format!("archive:{short}")]);
    assert!((1..=600).contains(&ttl), "a game of a few moves goes soon: {ttl}");
    let listed = |reply: Reply| reply.json()["games"].as_array().expect("rows").len();
    assert_eq!(listed(http(node, "GET", "/api/games", "", None).await), 0);
    assert_eq!(listed(http(node, "GET", &format!("/api/player/{}", one.name), "", None).await), 0);
    assert_eq!(
        http(node, "GET", &format!("/api/game/{short}"), "", None).await.status,
        200,
        "for who just played"
    );

    let (one, _, long) = played_by(one, two, 12, 91).await;
    let ttl: i64 = site.ask(&["TTL", &format!("archive:{long}")]);
    assert!(ttl > 29 * 24 * 3_600, "a game of guests goes with them: {ttl}");
    assert_eq!(listed(http(node, "GET", &format!("/api/player/{}", one.name), "", None).await), 1);
    // An account's game stays, and so does that of a guest who became one.
    let ann = Browser::sign_up(node, "Ann").await;
    let (ann, one, kept) = played_by(ann, one, 12, 92).await;
    let one = if one.name.as_str() == "Ann" { ann } else { one };
    assert_eq!(site.ask::<i64>(&["TTL", &format!("archive:{kept}")]), -1);
    let body = serde_json::json!({"name": "Berta", "password": "correct horse battery"});
    let upgraded = http(node, "POST", "/api/upgrade", &one.cookie, Some(&body)).await;
    assert_eq!(upgraded.status, 200, "{}", upgraded.body);
    assert_eq!(site.ask::<i64>(&["TTL", &format!("archive:{long}")]), -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_made_once_and_shows_the_views_that_are_asked_for() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let (_, _, table) = finished(&site, 20, 95).await;
    let path = format!("/api/game/{table}");
    let whole = http(node, "GET", &path, "", None).await.json();
    let count = whole["entries"].as_array().expect("records").len();
    assert_eq!(whole["views"].as_array().map(Vec::len), Some(count));
    assert!(whole.get("views_from").is_none());
    let without = http(node, "GET", &format!("{path}?views=none"), "", None).await.json();
    assert_eq!(
        (without["views"].as_array().map(Vec::len), &without["entries"]),
        (Some(0), &whole["entries"])
    );
    let some = http(node, "GET", &format!("{path}?views=3-6"), "", None).await.json();
    assert_eq!(some["views_from"], 3);
    for place in 0..4 {
        assert_eq!(some["views"][place], whole["views"][place + 3]);
    }
    assert_eq!(some["views"].as_array().map(Vec::len), Some(4));
    let last = http(node, "GET", &format!("{path}?views=last"), "", None).await.json();
    assert_eq!(
        (&last["views_from"], &last["views"]),
        (&json!(count - 1), &json!([whole["views"][count - 1]]))
    );
    let beyond = http(node, "GET", &format!("{path}?views=900-18446744073709551614"), "", None).await.json();
    assert_eq!(beyond["views"].as_array().map(Vec::len), Some(0));
    for words in ["", "x", "3", "6-3", "-3", "3-", "1-18446744073709551615", "a-b", "1-2-3"] {
        let reply = http(node, "GET", &format!("{path}?views={words}"), "", None).await;
        assert_eq!(reply.status, 400, "{words}: {}", reply.body);
        assert!(reply.json()["words"].as_str().is_some_and(|told| told.contains("20-39")), "{}", reply.body);
    }

    // Whoever has it is told that it is the same, in each encoding; a game that is not there never is.
    let with = async |path: &str, encoding: &str, tag: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {node}\r\naccept-encoding: {encoding}\r\nif-none-match: {tag}\r\nconnection: close\r\n\r\n"
        );
        exchange(node, request.as_bytes()).await
    };
    let fresh = with(&path, "identity", "\"other\"").await;
    assert!(fresh.starts_with("HTTP/1.1 200 "), "{fresh}");
    let tag = fresh.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").trim().to_owned();
    assert!(tag.contains(env!("CARGO_PKG_VERSION")), "{tag}");
    let packed = format!("{}-br\"", tag.trim_end_matches('"'));
    for (encoding, tag) in [("identity", tag), ("br", packed)] {
        for held in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let reply = with(&path, encoding, &held).await;
            assert!(reply.starts_with("HTTP/1.1 304 ") && reply.ends_with("\r\n\r\n"), "{held}: {reply}");
            let nowhere = with(&format!("/api/game/{}", TableId::random()), encoding, &held).await;
            assert!(nowhere.starts_with("HTTP/1.1 404 "), "{nowhere}");
        }
    }
}

// ---- saved games -------------------------------------------------------------------------------------------------

async fn saved(first: Browser, second: Browser) -> (Browser, Browser, TableId) {
    let (mut first, mut second, table) = seated(first, second).await;
    assert!(tip_of(&first.ask(Ask::Save { table }).await).is_some());
    until_closed([&mut first, &mut second]).await;
    (first, second, table)
}

async fn resumed(first: &mut Browser, second: &mut Browser, table: TableId) -> Update {
    let invite =
        Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: Some(table) };
    let answer = first.ask(invite).await;
    if refused(&answer).is_some() {
        return answer;
    }
    let answer = accept(second, first.name.clone()).await;
    first.until_table("the game goes on", |view| view.table == table && !view.stopped).await;
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_game_is_gone_when_both_have_dropped_it() {
    let site = Site::start(1, &[]);
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let (mut one, mut two, table) = saved(one, two).await;
    let store = Store::connect(&site.redis.url()).await.expect("a store");
    let accounts = store.saved_read(table).await.expect("it is read").expect("it is there").accounts;
    let told = store.saved_of(accounts.first).await.expect("the list")[0].expires_ms.expect("an end");
    let ends: u64 = site.ask(&["PEXPIRETIME", &format!("saved:{table}")]);
    assert!(told.abs_diff(ends) < 60_000, "it is kept as long as its players are told: {told}, {ends}");
    let drop = Ask::DropSaved { table };
    let mut stranger = Browser::guest(site.address(0)).await;
    assert!(matches!(stranger.ask(drop.clone()).await, Update::Done { .. }), "it has none to drop");
    assert!(matches!(one.ask(drop.clone()).await, Update::Done { .. }));
    one.until("the new list", |update| matches!(update, Update::Games(games) if games.saved.is_empty()))
        .await;
    // The other has it, and they may go on; while they do it cannot be dropped.
    assert!(matches!(resumed(&mut two, &mut one, table).await, Update::Done { .. }));
    assert_eq!(refused(&two.ask(drop.clone()).await), None, "the list has it no more");
    assert!(tip_of(&one.ask(Ask::Save { table }).await).is_some());
    until_closed([&mut one, &mut two]).await;
    for browser in [&mut one, &mut two] {
        assert!(matches!(browser.ask(drop.clone()).await, Update::Done { .. }));
        assert!(matches!(browser.ask(drop.clone()).await, Update::Done { .. }), "again does no harm");
    }
    let left: Vec<String> = site.ask(&["KEYS", "saved*"]);
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(refused(&resumed(&mut two, &mut one, table).await), Some(RefusalCode::NoSavedGame));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_saved_games_than_can_be_listed() {
    let site = Site::start(1, &[]);
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let (one, two, _) = saved(one, two).await;
    let accounts: Vec<String> = site.ask(&["KEYS", "saved-by:*"]);
    let (mut first, mut second, table) = seated(one, two).await;
    for (full, mine) in [(0, "go on with one of them"), (1, "has 50 saved games already")] {
        let key = &accounts[full];
        for _ in 0..49 {
            let _: u64 = site.ask(&["ZADD", key, "1", &TableId::random().to_string()]);
        }
        let account: AccountId = key["saved-by:".len()..].parse().expect("an account");
        let name: String = site.ask(&["HGET", &format!("account:{account}"), "name"]);
        let answers = [first.ask(Ask::Save { table }).await, second.ask(Ask::Save { table }).await];
        for (browser, answer) in [&first, &second].into_iter().zip(&answers) {
            let Update::Refused { code: RefusalCode::TooManySaved, words, .. } = answer else {
                panic!("{answer:?}");
            };
            let is_mine = browser.name.as_str() == name;
            assert!(full == 1 || words.contains(mine) == is_mine, "{words}");
        }
        let _: u64 = site.ask(&["ZREMRANGEBYSCORE", key, "1", "1"]);
    }
    assert!(tip_of(&first.ask(Ask::Save { table }).await).is_some(), "there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_is_stopped_fifty_times_at_most() {
    let site = Site::start(1, &[]);
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let (mut one, mut two, table) = saved(one, two).await;
    // As if it had been stopped 49 times.
    let store = Store::connect(&site.redis.url()).await.expect("a store");
    let game = store.saved_read(table).await.expect("it is read").expect("it is there");
    let mut copy = Copy::from_entries(table, game.entries).expect("a game");
    for round in 0..48 {
        for (intent, what) in [(Intent::Resume, "on"), (Intent::Save, "off")] {
            let id = request(&format!("{what}-{round}"));
            let proposal = copy.propose(nineflags::rules::seat::Seat::First, &id, &intent).expect("by turns");
            let answer = Answer::Appended { time_ms: game.ended_ms + round };
            assert_eq!(copy.outcome(proposal, answer), Effect::Applied);
        }
    }
    assert_eq!(copy.saves(), 49);
    let _: u64 = site.ask(&["HSET", &format!("table:{table}"), "made_ms", "1"]);
    store.saved_put(&ArchivedGame::of(&copy).expect("a game"), "1").await.expect("it is kept");
    let _: u64 = site.ask(&["DEL", &format!("table:{table}")]);
    assert!(matches!(resumed(&mut one, &mut two, table).await, Update::Done { .. }));
    let fiftieth = one.ask_as(id("fiftieth"), Ask::Save { table }).await;
    assert!(tip_of(&fiftieth).is_some(), "{fiftieth:?}");
    until_closed([&mut one, &mut two]).await;
    assert!(matches!(resumed(&mut one, &mut two, table).await, Update::Done { .. }));
    assert_eq!(refused(&two.ask(Ask::Save { table }).await), Some(RefusalCode::TooManySaves));
    assert_eq!(one.ask_as(id("fiftieth"), Ask::Save { table }).await, fiftieth, "it was carried out before");
    // It can be played to its end.
    assert!(tip_of(&two.ask(Ask::Resign { table }).await).is_some());
}
