//! A node that stood still for half a minute goes on where it was, in a cluster that has long gone on without it.

use std::collections::HashMap;
use std::time::Duration;

use nineflags::ids::RequestId;
use nineflags::protocol::{Ask, CloseCode, Request, Update};
use nineflags::rules::seat::Seat;
use redis::FromRedisValue;
use tokio::time::{Instant, sleep_until};

use crate::harness::bot::{Dice, choose};
use crate::harness::browser::Browser;
use crate::harness::command::inspect;
use crate::harness::opponents::Opponents;
use crate::harness::player::{Player, fresh_id};
use crate::harness::process::until;
use crate::harness::site::Site;

/// How long it stands still.
const STANDS_STILL: Duration = Duration::from_secs(30);

/// The live nodes, by their addresses.
fn nodes(site: &Site) -> Vec<String> {
    let inspected = inspect(&site.redis.url(), &["nodes"]);
    let nodes = inspected["nodes"]["live"].as_array().expect("a list");
    nodes.iter().map(|node| node["address"].as_str().expect("an address").to_owned()).collect()
}

/// Everyone online, with the session and the node.
fn online(site: &Site) -> HashMap<String, String> {
    let answer: redis::Value = site.ask(&["HGETALL", "online"]);
    HashMap::from_redis_value(answer).expect("names and sessions")
}

/// Sends a request without waiting for anything.
async fn send(browser: &mut Browser, ask: Ask) -> RequestId {
    let id = fresh_id();
    browser.send_text(&serde_json::to_string(&Request { id: id.clone(), ask }).expect("JSON")).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stood_still_changes_nothing_and_serves_again() {
    let site = Site::start(2, &[]);
    let (lives, zombie) = (site.address(0), site.address(1));
    let mut pair = Opponents::meet(&[zombie], &[zombie], 41).await;
    let mut watcher = Player::guest(&[zombie]).await;
    let answer = watcher.ask(Ask::Watch { table: pair.table }).await;
    assert!(matches!(answer, Update::Done { .. }), "{answer:?}");
    pair.play_on(6).await;
    // Both have the last view before the node stands still.
    let mover = pair.turn().await.expect("a game that goes on");
    let newest = pair.newest();
    pair.players[mover].until_view(pair.table, newest).await;

    site.nodes[1].signal("STOP");
    let stopped = Instant::now();
    // A move reaches the node while it stands still: its system takes it in.
    let own = pair.players[mover].browser.table.clone().expect("a view");
    let ask = Ask::Move { table: pair.table, tip: own.tip.clone(), moves: choose(&own, &mut Dice(5)) };
    let mut old = [Seat::First, Seat::Second].map(|_| None);
    let late = send(&mut pair.players[mover].browser, ask).await;
    until("the node is taken out", || nodes(&site) == [lives.to_string()]);
    for (seat, old) in Seat::BOTH.into_iter().zip(&mut old) {
        *old = Some(pair.players[seat].leave_for(&[lives]).await);
    }
    pair.play_on(8).await;
    sleep_until(stopped + STANDS_STILL).await;
    let before = online(&site);
    site.nodes[1].signal("CONT");

    for old in old.iter_mut().flatten() {
        assert_eq!(old.until_closed().await, Some(CloseCode::TakenOver as u16));
        let done = |frame: &String| frame.contains("\"done\"") && frame.contains(late.as_str());
        assert!(!old.frames.iter().any(done), "the late move was not made");
    }
    until("the node is in the cluster again", || nodes(&site).contains(&zombie.to_string()));
    // Whoever stayed is online again, with a table that is up to date.
    watcher.until_view(pair.table, pair.newest()).await;
    until("the one who stayed is online again", || online(&site).len() == 3);
    let after = online(&site);
    assert!(
        before.iter().all(|(account, session)| after.get(account) == Some(session)),
        "{before:?} {after:?}"
    );
    // It serves again: a game between the two nodes, and the one that went on without it.
    let mut next = Opponents::meet(&[zombie], &[lives], 42).await;
    next.play_on(4).await;
    pair.play_on(1).await;
    for seat in Seat::BOTH {
        assert_eq!(pair.players[seat].browser.closed, None, "nobody was thrown out");
    }
    assert_eq!(pair.finish_and_check(zombie).await, 0);
    assert_eq!(next.finish_and_check(lives).await, 0);
}

/// A pair at two nodes of which the first stands still while the other seat saves the game; it wakes with a move under way.
/// Gives the site, the sleeper's move, and the answer of the one who saves.
async fn saved_unheard(site: &Site, dropped: bool) -> (Opponents, Seat, RequestId) {
    let (sleeper, saves_at) = (site.address(0), site.address(1));
    let mut pair = Opponents::meet(&[sleeper], &[saves_at], 43).await;
    pair.play_on(6).await;
    let newest = pair.newest();
    for seat in Seat::BOTH {
        pair.players[seat].until_view(pair.table, newest).await;
    }
    let here = if pair.players.first.nodes[0] == sleeper { Seat::First } else { Seat::Second };
    while pair.turn().await != Some(here) {
        pair.play_on(1).await;
    }
    let newest = pair.newest();
    let own = pair.players[here].until_view(pair.table, newest).await;
    pair.players[here.other()].until_view(pair.table, newest).await;

    site.nodes[0].signal("STOP");
    let moves = choose(&own, &mut Dice(5));
    let ask = Ask::Move { table: pair.table, tip: own.tip, moves };
    let late = send(&mut pair.players[here].browser, ask).await;
    let saver = &mut pair.players[here.other()].browser;
    assert!(matches!(saver.ask(Ask::Save { table: pair.table }).await, Update::Done { .. }));
    let table = pair.table;
    saver.until("the table closes", |update| matches!(update, Update::TableClosed { .. })).await;
    if dropped {
        let _: u64 = site.ask(&["DEL", &format!("game:{table}")]);
    }
    site.nodes[0].signal("CONT");
    (pair, here, late)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_that_was_on_its_way_while_the_game_was_saved_is_refused() {
    for dropped in [false, true] {
        let site = Site::start(2, &[]);
        let (mut pair, here, late) = saved_unheard(&site, dropped).await;
        let table = pair.table;
        let browser = &mut pair.players[here].browser;
        let seen = |frames: &[String], words: &str| frames.iter().any(|frame| frame.contains(words));
        let (refused, closed) = (format!(r#""refused","id":"{late}""#), r#""why":"saved""#);
        while !seen(&browser.frames, &refused) || !seen(&browser.frames, closed) {
            browser.until("the refusal, and the end of the table", |_| true).await;
        }
        let left: i64 = site.ask(&["TTL", &format!("game:{table}")]);
        assert!(left > 0 || dropped && left == -2, "the stream has an end: {left}");
        let seat: Vec<Option<String>> = site.ask(&["KEYS", "seat:*"]);
        assert!(seat.is_empty(), "{seat:?}");
    }
}
