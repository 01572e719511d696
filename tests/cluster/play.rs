//! Whole games through the public websocket of a real node with a real Redis.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nineflags::protocol::{Ask, ClosedWhy, RefusalCode, TableView, Update};
use nineflags::rules::game::EndReason;
use nineflags::rules::seat::Seat;
use nineflags::rules::view::{View, Viewer};
use nineflags::table::options::TableOptions;
use nineflags::table::record::Tip;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::harness::bot::{Dice, choose, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::node::Node;
use crate::harness::process::{WITHIN, until};
use crate::harness::relay::gate;
use crate::harness::site::Site;

fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_play_a_whole_game_while_a_third_watches() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let ann = Browser::sign_up(node.address, "Ann").await;
    let mira = Browser::sign_up(node.address, "Mira").await;
    let (mut first, mut second, table) = seated(ann, mira).await;
    let mut dice = Dice(7);
    play_on(&mut first, &mut second, table, 20, &mut dice).await;

    let mut watcher = Browser::guest(node.address).await;
    watcher.ask(Ask::Watch { table }).await;
    let joined = watcher.until_table("a view in the middle", |view| view.table == table).await;
    assert!(joined.view.choices.is_none());
    assert!(joined.view.hands.iter().all(|hand| hand.cards.is_none()));

    let over = play_on(&mut first, &mut second, table, u32::MAX, &mut dice).await;
    let ending = over.view.ending.expect("an ending");
    let seen = watcher.until_table("the end", |view| view.view.ending.is_some()).await;
    assert_eq!(seen.view.ending, Some(ending));
    assert_eq!(seen.view.flags, over.view.flags);

    // Whatever the watcher was told before the end shows no card that did not lie open.
    for frame in watcher.frames.iter().filter(|frame| frame.contains("\"update\":\"table\"")) {
        if let Ok(Update::Table(view)) = serde_json::from_str(frame)
            && view.view.ending.is_none()
        {
            assert!(view.view.hands.iter().all(|hand| hand.cards.is_none()), "{frame}");
            assert!(view.view.decks.returned.is_empty(), "{frame}");
        }
    }

    first
        .until("the table is put away", |update| {
            matches!(update, Update::TableClosed { why: ClosedWhy::Finished, .. })
        })
        .await;
    let game = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!(game.status, 200, "{}", game.body);
    let game = game.json();
    assert_eq!(game["commitment"], over.commitment);
    assert_eq!(game["entries"].as_array().map(Vec::len), Some(over.tip.number as usize));
    assert_eq!(game["ending"], serde_json::to_value(ending).expect("JSON"));

    // Both are free again.
    let again = first
        .ask(Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: None })
        .await;
    assert!(matches!(again, Update::Done { .. }), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_views_is_sent_what_changes_which_does_not_grow() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    play_on(&mut first, &mut second, table, 6, &mut Dice(7)).await;
    let cookie =
        http(node.address, "POST", "/api/guest", "", Some(&json!({}))).await.cookie.expect("a cookie");
    let mut keeper = Browser::keeping_views(node.address, &cookie).await;
    keeper.ask(Ask::Watch { table }).await;
    let mut kept = keeper.until_table("the whole view", |view| view.table == table).await;
    let before = keeper.frames.len();

    let over = play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(8)).await;
    keeper.until_table("the end", |view| view.view.ending.is_some()).await;
    let (mut told, mut longest) = (0, 0);
    for frame in &keeper.frames[before..] {
        match serde_json::from_str(frame).expect("an update") {
            Update::Table(view) => kept = *view,
            Update::TableChanges(changed) => {
                kept = kept.changed(*changed).expect("no line is missing");
                (told, longest) = (told + 1, longest.max(frame.len()));
            }
            _ => {}
        }
        assert_eq!(kept.log.len(), kept.tip.number as usize - 1);
    }
    assert!(told > 20, "{told} times what changed");
    assert!(longest < 2_048, "{longest} bytes for a watcher, however long the game is");
    // The end tells what lay face down, so that all comes once more.
    let hidden =
        |view: TableView| TableView { view: View { viewer: Viewer::Watcher, ..view.view }, saved: 0, ..view };
    let (kept, over) = (hidden(kept), hidden(over));
    assert_eq!((&kept.view, &kept.log, &kept.tip), (&over.view, &over.log, &over.tip));
    let wrong = http(node.address, "GET", "/socket?tables=all", &cookie, None).await;
    assert_eq!(wrong.status, 400, "there is no such thing: {}", wrong.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_moves_once() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = first.table.clone().expect("a view");
    let ask = Ask::Move { table, tip: view.tip.clone(), moves: choose(&view, &mut Dice(3)) };
    let one = first.ask_as("same-id".parse().expect("an id"), ask.clone()).await;
    let two = first.ask_as("same-id".parse().expect("an id"), ask.clone()).await;
    assert_eq!(one, two);

    // The same after the connection was lost.
    let mut again = Browser::connect(node.address, &first.cookie).await;
    let three = again.ask_as("same-id".parse().expect("an id"), ask).await;
    assert_eq!(one, three);
    let Update::Done { tip: Some(tip), .. } = one else { panic!("not done: {one:?}") };
    assert_eq!(again.table.clone().map(|view| view.tip), Some(tip));
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_moves_are_refused_and_change_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let tip = first.table.clone().expect("a view").tip;
    let ask = |moves: &[&str]| Ask::Move {
        table,
        tip: tip.clone(),
        moves: moves.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(refused(&second.ask(ask(&["draw t"])).await), Some(RefusalCode::NotYourTurn));
    assert_eq!(refused(&first.ask(ask(&["draw t"])).await), Some(RefusalCode::Illegal));
    assert_eq!(refused(&first.ask(ask(&["claim 4"])).await), Some(RefusalCode::Illegal));
    assert_eq!(refused(&first.ask(ask(&["r11@3"])).await), Some(RefusalCode::Malformed));
    assert_eq!(refused(&first.ask(ask(&[])).await), Some(RefusalCode::Malformed));
    let theirs = second.table.clone().expect("a view").view.hands.second.cards.expect("the own hand")[0];
    assert_eq!(refused(&first.ask(ask(&[&format!("{theirs}@3")])).await), Some(RefusalCode::Illegal));
    // All or none: the first of two moves is fine, the second is not.
    let mine = first.table.clone().expect("a view").view.hands.first.cards.expect("the own hand")[0];
    assert_eq!(
        refused(&first.ask(ask(&[&format!("{mine}@3"), "claim 3"])).await),
        Some(RefusalCode::Illegal)
    );
    let mut third = Browser::guest(node.address).await;
    assert_eq!(refused(&third.ask(ask(&[&format!("{mine}@3")])).await), Some(RefusalCode::NotSeated));
    let old = Ask::Move { table, tip: Tip::default(), moves: vec![format!("{mine}@3")] };
    assert_eq!(refused(&first.ask(old).await), Some(RefusalCode::OldTip));
    let again = Browser::connect(node.address, &first.cookie).await;
    assert_eq!(again.table.map(|view| view.tip), Some(tip));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_takes_over_and_the_first_can_take_back() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut one = Browser::sign_up(node.address, "Noor").await;
    let mut two = Browser::connect(node.address, &one.cookie).await;
    assert_eq!(one.until_closed().await, Some(4409));
    assert!(matches!(two.ask(Ask::Ping).await, Update::Done { .. }));
    let mut back = Browser::connect(node.address, &one.cookie).await;
    assert_eq!(two.until_closed().await, Some(4409));
    assert!(matches!(back.ask(Ask::Ping).await, Update::Done { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_game_is_resumed_on_another_day() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let ann = Browser::sign_up(node.address, "Ann").await;
    let mira = Browser::sign_up(node.address, "Mira").await;
    let (mut first, mut second, table) = seated(ann, mira).await;
    let mut dice = Dice(11);
    let before = play_on(&mut first, &mut second, table, 30, &mut dice).await;
    let saved = second.ask(Ask::Save { table }).await;
    assert!(matches!(saved, Update::Done { .. }), "{saved:?}");
    for browser in [&mut first, &mut second] {
        browser
            .until("the saved game in the list", |update| {
                matches!(update, Update::Games(games) if games.saved.iter().any(|row| row.table == table))
            })
            .await;
    }
    let cookies = (first.cookie.clone(), second.cookie.clone());
    drop((first, second));
    assert!(node.terminate().success());

    let node = Node::start(data.path(), &[]);
    let mut first = Browser::connect(node.address, &cookies.0).await;
    let mut second = Browser::connect(node.address, &cookies.1).await;
    assert!(first.welcome.table.is_none());
    assert_eq!(first.welcome.games.saved.len(), 1);
    let resume =
        Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: Some(table) };
    assert!(matches!(first.ask(resume).await, Update::Done { .. }));
    if second.invites.received.is_empty() {
        second.until("the invite", |update| matches!(update, Update::Invites(_))).await;
    }
    let accepted = second.ask(Ask::Accept { from: first.name.clone(), invite: None }).await;
    assert!(matches!(accepted, Update::Done { table: Some(at), .. } if at == table), "{accepted:?}");
    let after = first.until_table("the resumed game", |view| view.table == table && !view.stopped).await;
    assert_eq!(after.view.flags, before.view.flags);
    assert_eq!(after.view.hands.first, before.view.hands.first);
    let over = play_on(&mut first, &mut second, table, u32::MAX, &mut dice).await;
    assert!(over.view.ending.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_in_play_survives_the_node() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut dice = Dice(5);
    let before = play_on(&mut first, &mut second, table, 15, &mut dice).await;
    node.kill();

    let node = Node::start(data.path(), &[]);
    let mut first = Browser::connect(node.address, &first.cookie).await;
    let mut second = Browser::connect(node.address, &second.cookie).await;
    let after = first.table.clone().expect("still seated");
    assert_eq!(after.tip, before.tip);
    let resigned = second.ask(Ask::Resign { table }).await;
    assert!(matches!(resigned, Update::Done { .. }), "{resigned:?}");
    let over = first.until_table("the end", |view| view.view.ending.is_some()).await;
    let ending = over.view.ending.expect("just seen");
    assert_eq!((ending.winner, ending.reason), (Some(Seat::First), EndReason::Resignation));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_away_too_long_loses_only_when_the_other_says_so() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_AWAY_WIN_SECS", "1")]);
    let (mut first, second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    assert_eq!(refused(&first.ask(Ask::ClaimWin { table }).await), Some(RefusalCode::NotAway));
    drop(second);
    first.until_table("the absence", |view| view.away_since_ms.second.is_some()).await;
    let won = loop {
        match first.ask(Ask::ClaimWin { table }).await {
            Update::Refused { code: RefusalCode::NotAway, .. } => {
                sleep(Duration::from_millis(100)).await;
            }
            other => break other,
        }
    };
    assert!(matches!(won, Update::Done { .. }), "{won:?}");
    let over = first.until_table("the end", |view| view.view.ending.is_some()).await;
    let ending = over.view.ending.expect("just seen");
    assert_eq!((ending.winner, ending.reason), (Some(Seat::First), EndReason::Absence));
}

/// The seat that is away comes back at another node and moves while the claim is on its way to the shard: what the claim is
/// answered with.
async fn claim_and_come_back(site: &Site, shut: &AtomicBool) -> Update {
    let (away, claims) = (Browser::guest(site.address(1)).await, Browser::guest(site.address(1)).await);
    let (mut first, second, table) = seated(away, claims).await;
    let own = first.until_table("the own view", |view| view.table == table).await;
    let mut claims = Browser::connect(site.address(0), &second.cookie).await;
    let cookie = first.cookie.clone();
    drop(first);
    let view = claims.until_table("the absence", |view| view.away_since_ms.first.is_some()).await;
    let since_ms = u128::from(view.away_since_ms.first.expect("just seen"));
    let now_ms = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    until("it has been away for long enough", || now_ms() > since_ms + 1_100);
    shut.store(true, Ordering::Relaxed);
    let back = async {
        // The claim is looked at before.
        sleep(Duration::from_millis(50)).await;
        let mut back = Browser::connect(site.address(1), &cookie).await;
        let moves = choose(&own, &mut Dice(3));
        let made = back.ask(Ask::Move { table, tip: own.tip.clone(), moves }).await;
        assert!(matches!(made, Update::Done { .. }), "{made:?}");
        shut.store(false, Ordering::Relaxed);
        back
    };
    let (answer, _back) = tokio::join!(claims.ask(Ask::ClaimWin { table }), back);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_loses_by_absence_who_has_moved_since() {
    let mut site = Site::start_apart(0, 1);
    let (port, shut) = gate(site.shards[0].port);
    let (url, soon) = (format!("redis://127.0.0.1:{port}"), ("NINEFLAGS_AWAY_WIN_SECS", "1"));
    site.add(&[soon, ("BACKUP_REDIS_URLS", &url)]);
    // The table there is not to wait until the claim is decided.
    site.add(&[soon, ("NINEFLAGS_TEST_WITHOUT", "hear")]);
    let answered = async {
        loop {
            match claim_and_come_back(&site, &shut).await {
                // The claim was given up before the other was back.
                Update::Refused { code: RefusalCode::Unavailable, .. } => {}
                answer => return answer,
            }
        }
    };
    let answer = timeout(WITHIN, answered).await.expect("an answer in time");
    assert_eq!(refused(&answer), Some(RefusalCode::NotAway), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_frames_get_a_refusal_or_a_close() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut browser = Browser::guest(node.address).await;
    let deep = format!("{}{}", "[".repeat(4_000), "]".repeat(4_000));
    for text in
        ["", "no JSON", "{}", "[1]", "{\"id\":\"x\"}", "{\"id\":\"x\",\"ask\":\"fly\"}", deep.as_str()]
    {
        browser.send_text(text).await;
        let update = browser.until("a refusal", |update| matches!(update, Update::Refused { .. })).await;
        assert_eq!(refused(&update), Some(RefusalCode::Malformed));
    }
    assert!(matches!(browser.ask(Ask::Ping).await, Update::Done { .. }));
    let huge = "x".repeat(20_000);
    // The node may close before it has read all of it.
    browser.send_text(&huge).await;
    assert_eq!(browser.until_closed().await, Some(4400));

    let mut flood = Browser::guest(node.address).await;
    for number in 0..400 {
        flood.send_text(&format!("{{\"id\":\"f{number}\",\"ask\":\"ping\"}}")).await;
    }
    assert_eq!(flood.until_closed().await, Some(4429));
    assert!(flood.frames.iter().any(|frame| frame.contains("too_many")));
}
