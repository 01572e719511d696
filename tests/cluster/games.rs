//! Games after their end and beside the board: archive, replay, talk by options, benches, absence and saving.

use nineflags::protocol::{Ask, ClosedWhy, NoticeCode, RefusalCode, Update};
use nineflags::table::options::{TableOptions, Talk};
use nineflags::table::record::{Tip, hex};
use sha2::{Digest, Sha256};

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::node::Node;

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_archive_lists_games_and_anyone_can_check_the_decks() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let ann = Browser::sign_up(node.address, "Ann").await;
    let mira = Browser::sign_up(node.address, "Mira").await;
    let (mut first, mut second, table) = seated(ann, mira).await;
    let shown = first.table.clone().expect("a view").commitment;
    let running = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!((running.status, &running.json()["code"]), (404, &"no_game".into()), "no deck before the end");
    play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(51)).await;
    for browser in [&mut first, &mut second] {
        browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    }

    let game = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await.json();
    let entries = game["entries"].as_array().expect("records");
    let start = entries[0]["record"].as_str().expect("record 0");
    assert_eq!(hex(&Sha256::digest(start.as_bytes())), shown, "the decks were fixed before the first move");
    assert_eq!(game["commitment"], shown.as_str());
    assert!(start.contains("troops=") && start.contains("tactics_deck=") && start.contains("nonce="));
    assert_eq!(game["views"].as_array().map(Vec::len), Some(entries.len()), "a view after each record");
    assert_eq!(game["log"].as_array().map(Vec::len), Some(entries.len() - 1));
    let times: Vec<u64> = entries.iter().filter_map(|entry| entry["time_ms"].as_u64()).collect();
    assert_eq!(times.len(), entries.len());
    assert!(times.is_sorted() && times[0] > 0, "{times:?}");
    assert_eq!(
        (&game["started_ms"], &game["ended_ms"]),
        (&entries[0]["time_ms"], &entries[entries.len() - 1]["time_ms"])
    );

    for path in ["/api/games", "/api/games?page=0", "/api/player/ann", "/api/player/MIRA?page=0"] {
        let page = http(node.address, "GET", path, "", None).await.json();
        let rows = page["games"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        assert_eq!((rows.len(), &page["more"]), (1, &false.into()), "{path}");
        assert_eq!(rows[0]["table"], table.to_string());
        assert_eq!(rows[0]["ending"], game["ending"]);
    }
    let beyond = http(node.address, "GET", "/api/games?page=9999", "", None).await.json();
    assert_eq!(beyond["games"].as_array().map(Vec::len), Some(0));
    for (path, status) in [
        ("/api/player/Nobody", 404),
        ("/api/player/%3Cb%3E", 404),
        ("/api/game/7", 404),
        ("/api/games?page=-1", 400),
        ("/api/games?page=99999999", 400),
    ] {
        assert_eq!(http(node.address, "GET", path, "", None).await.status, status, "{path}");
    }
}

/// Two players with these options, and a watcher.
async fn table_with(node: &Node, talk: Talk) -> (Browser, Browser, Browser) {
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    let options = TableOptions { talk, ..TableOptions::default() };
    assert!(is_done(&ann.ask(Ask::Invite { to: mira.name.clone(), options, resume: None }).await));
    let accepted = mira.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await;
    let Update::Done { table: Some(table), .. } = accepted else { panic!("{accepted:?}") };
    for browser in [&mut ann, &mut mira] {
        browser.until_table("the table", |view| view.table == table).await;
    }
    let mut watcher = Browser::guest(node.address).await;
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await));
    (ann, mira, watcher)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_talk_is_an_option_of_the_table() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    for (talk, players, bench) in
        [(Talk::Everyone, true, true), (Talk::Players, true, false), (Talk::Nobody, false, false)]
    {
        let (mut ann, mut mira, mut watcher) = table_with(&node, talk).await;
        let table = ann.table.as_ref().expect("a view").table;
        assert_eq!(ann.table.as_ref().map(|view| view.options.talk), Some(talk));
        let say = |text: &str| Ask::Say { table, text: text.to_owned() };
        for (browser, allowed) in [(&mut ann, players), (&mut mira, players), (&mut watcher, bench)] {
            let said = browser.ask(say("good luck")).await;
            let expected = if allowed { None } else { Some(RefusalCode::NoTalk) };
            assert_eq!(refused(&said), expected, "{talk:?}");
        }
        // Who comes later reads what was said on the own side, and only that.
        let mut late = Browser::guest(node.address).await;
        assert!(is_done(&late.ask(Ask::Watch { table }).await));
        if bench {
            // It came before the answer.
            let words = late.frames.iter().find_map(|frame| match serde_json::from_str(frame) {
                Ok(Update::Message(words)) => Some(words),
                _ => None,
            });
            let words = words.expect("the bench's words");
            assert_eq!((words.from, words.table), (watcher.name.clone(), Some(table)));
        }
        assert!(is_done(&late.ask(Ask::Ping).await));
        let told = late.frames.iter().filter(|frame| frame.contains("\"update\":\"message\"")).count();
        assert_eq!(told, usize::from(bench), "{talk:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_leaves_and_is_shown_no_more() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut watcher = Browser::guest(node.address).await;
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await));
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await), "twice is once");
    assert_eq!(first.until_table("the bench", |view| view.watchers == 1).await.watchers, 1);
    assert!(is_done(&watcher.ask(Ask::Unwatch { table }).await));
    assert!(watcher.frames.iter().any(|frame| frame.contains("\"why\":\"unwatched\"")));
    first.until_table("an empty bench", |view| view.watchers == 0).await;
    let before = watcher.frames.len();
    play_on(&mut first, &mut second, table, 6, &mut Dice(61)).await;
    assert!(is_done(&watcher.ask(Ask::Ping).await));
    let shown =
        watcher.frames[before..].iter().filter(|frame| frame.contains("\"update\":\"table\"")).count();
    assert_eq!(shown, 0);
    assert!(is_done(&watcher.ask(Ask::Unwatch { table }).await), "again does no harm");
    assert_eq!(refused(&watcher.ask(Ask::Resign { table }).await), Some(RefusalCode::NotSeated));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_keeps_the_seat_and_the_other_may_save() {
    let data = tempfile::tempdir().expect("a folder");
    let node =
        Node::start(data.path(), &[("NINEFLAGS_AWAY_SAVE_SECS", "7"), ("NINEFLAGS_AWAY_WIN_SECS", "900")]);
    let (mut first, second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let limits = first.welcome.limits;
    assert_eq!((limits.away_save_secs, limits.away_win_secs), (7, 900));
    let cookie = second.cookie.clone();
    drop(second);
    let away = first.until_table("the absence", |view| view.away_since_ms.second.is_some()).await;
    assert!(away.away_since_ms.first.is_none());
    assert_eq!(refused(&first.ask(Ask::ClaimWin { table }).await), Some(RefusalCode::NotAway), "not so soon");
    let mut second = Browser::connect(node.address, &cookie).await;
    assert_eq!(second.welcome.table.as_ref().map(|view| view.table), Some(table), "the seat is kept");
    first.until_table("the return", |view| view.away_since_ms.second.is_none()).await;
    drop(first.ask(Ask::Ping).await);
    second.until_table("both here", |view| view.away_since_ms.first.is_none()).await;
    drop(second);
    first.until_table("the absence", |view| view.away_since_ms.second.is_some()).await;
    assert!(is_done(&first.ask(Ask::Save { table }).await));
    first
        .until("the save", |update| matches!(update, Update::TableClosed { why: ClosedWhy::Saved, .. }))
        .await;
    let gone = refused(&first.ask(Ask::Save { table }).await);
    assert!(matches!(gone, Some(RefusalCode::NoTable | RefusalCode::NotRunning)), "{gone:?}");
    let second = Browser::connect(node.address, &cookie).await;
    assert!(second.welcome.table.is_none());
    assert_eq!(second.welcome.games.saved[0].table, table);
    let private = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!(private.status, 404, "a saved game's decks are nobody's to read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tip_nobody_has_means_that_the_game_went_back() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = play_on(&mut first, &mut second, table, 6, &mut Dice(71)).await;
    let seen = first.ask(Ask::Seen { table, tip: view.tip.clone(), sealed: Vec::new() }).await;
    assert!(matches!(&seen, Update::Done { tip: Some(tip), .. } if *tip == view.tip), "{seen:?}");
    let older = first.ask(Ask::Seen { table, tip: Tip::default(), sealed: Vec::new() }).await;
    assert!(is_done(&older), "an older tip is no reason to worry");
    let ahead = Tip { number: view.tip.number + 3, ..view.tip.clone() };
    assert_eq!(
        refused(&first.ask(Ask::Seen { table, tip: ahead, sealed: Vec::new() }).await),
        Some(RefusalCode::WentBack)
    );
    let noticed = first.frames.iter().any(|frame| {
        matches!(serde_json::from_str(frame), Ok(Update::Notice { code: NoticeCode::WentBack, .. }))
    });
    assert!(noticed, "the player is told in words");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_ended_or_stopped_its_game_is_answered_alike_when_it_is_repeated() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second) = (Browser::guest(node.address).await, Browser::guest(node.address).await);
    for (number, ask) in [|table| Ask::Save { table }, |table| Ask::Resign { table }].into_iter().enumerate()
    {
        let (mut one, mut two, table) = seated(first, second).await;
        let id = |who: &str| format!("last-{number}-{who}").parse().expect("an id");
        let done = one.ask_as(id("one"), ask(table)).await;
        assert!(is_done(&done), "{done:?}");
        for browser in [&mut one, &mut two] {
            browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
        }
        assert_eq!(one.ask_as(id("one"), ask(table)).await, done);
        // Another request is none that was carried out, and neither is one of somebody who does not sit there.
        assert_eq!(refused(&one.ask_as(id("other"), ask(table)).await), Some(RefusalCode::NoTable));
        let mut stranger = Browser::guest(node.address).await;
        assert_eq!(refused(&stranger.ask_as(id("one"), ask(table)).await), Some(RefusalCode::NoTable));
        (first, second) = (one, two);
    }
}
