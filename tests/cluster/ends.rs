//! How a node begins and ends: in order, by a power cut, and in words where it cannot begin. Nothing accepted is lost.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use nineflags::protocol::{Ask, Update};
use tokio::time::{Instant, sleep};

use crate::harness::bot::{Dice, choose, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::lone::{Redis, private_url, query};
use crate::harness::node::Node;

/// How long a condition may take to come true.
const WITHIN: Duration = Duration::from_secs(30);

async fn until(what: &str, mut test: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !test().await {
        assert!(Instant::now() < deadline, "no {what} in time");
        sleep(Duration::from_millis(20)).await;
    }
}

/// The process of the Redis a node started.
async fn private_redis(data: &Path) -> u32 {
    let info: String = query(&private_url(data), &["INFO", "server"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix("process_id:"));
    line.and_then(|id| id.trim().parse().ok()).expect("a process id")
}

/// Whether a process runs; one that has ended and was not waited for does not.
fn runs(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .and_then(|rest| rest.chars().next())
        .is_some_and(|state| state != 'Z' && state != 'X')
}

/// Runs the program until it ends by itself.
fn serve(data: &Path, variables: &[(&str, &str)]) -> (Output, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("NINEFLAGS_LOG", "error");
    let output = command.envs(variables.iter().copied()).output().expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, words)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_ends_in_order_and_goes_on_where_it_was() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let redis = private_redis(data.path()).await;
    let ready = http(node.address, "GET", "/readyz", "", None).await;
    assert_eq!((ready.status, ready.body.as_str()), (200, "ready\n"));

    // A finished game, a saved one, and one in play.
    let ann = Browser::sign_up(node.address, "Ann").await;
    let mira = Browser::sign_up(node.address, "Mira").await;
    let (mut first, mut second, finished) = seated(ann, mira).await;
    play_on(&mut first, &mut second, finished, 12, &mut Dice(20)).await;
    assert!(matches!(first.ask(Ask::Resign { table: finished }).await, Update::Done { .. }));
    for browser in [&mut first, &mut second] {
        browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    }
    let (mut first, mut second, saved) = seated(first, second).await;
    assert!(matches!(second.ask(Ask::Save { table: saved }).await, Update::Done { .. }));
    for browser in [&mut first, &mut second] {
        browser.until("the save", |update| matches!(update, Update::TableClosed { .. })).await;
    }
    let (mut first, mut second, table) = seated(first, second).await;
    let before = play_on(&mut first, &mut second, table, 8, &mut Dice(21)).await;

    let (cookies, address) = ([first.cookie.clone(), second.cookie.clone()], node.address);
    // With a Redis of its own there is no other node to go to: browsers are told to come back.
    let stop = tokio::task::spawn_blocking(move || node.terminate());
    assert_eq!((first.until_closed().await, second.until_closed().await), (Some(1001), Some(1001)));
    let status = stop.await.expect("no panic");
    assert_eq!(status.code(), Some(0));
    assert!(!runs(redis), "the private Redis ends with its node");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());

    let node = Node::start(data.path(), &[]);
    let first = Browser::connect(node.address, &cookies[0]).await;
    let second = Browser::connect(node.address, &cookies[1]).await;
    let view = first.welcome.table.as_deref().expect("still seated");
    assert_eq!((&view.tip, &view.view.flags), (&before.tip, &before.view.flags));
    assert_eq!(second.welcome.table.as_deref().map(|view| &view.tip), Some(&before.tip));
    assert_eq!(first.welcome.games.saved[0].table, saved);
    assert_eq!(second.welcome.games.finished[0].table, finished);
    let game = http(node.address, "GET", &format!("/api/game/{finished}"), "", None).await;
    assert_eq!(game.status, 200, "{}", game.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_takes_the_private_redis_along_and_loses_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let mut node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut dice = Dice(31);
    for round in 0..3 {
        let number = first.table.as_ref().expect("a view").tip.number;
        play_on(&mut first, &mut second, table, number + 4, &mut dice).await;
        // One more move, and the cut right after its answer.
        let own = first.table.clone().filter(|view| view.view.choices.is_some());
        let (mover, view) = if let Some(view) = own {
            (&mut first, view)
        } else {
            let tip = first.table.as_ref().expect("a view").tip.number;
            let view = second.until_table("the turn", |view| view.tip.number >= tip).await;
            (&mut second, view)
        };
        let ask = Ask::Move { table, tip: view.tip.clone(), moves: choose(&view, &mut dice) };
        let Update::Done { tip: Some(accepted), .. } = mover.ask(ask).await else { panic!("not done") };
        let redis = private_redis(data.path()).await;
        node.kill();
        until("end of the private Redis", async || !runs(redis)).await;
        node = Node::start(data.path(), &[]);
        first = Browser::connect(node.address, &first.cookie).await;
        second = Browser::connect(node.address, &second.cookie).await;
        let there = first.table.as_ref().map(|view| view.tip.clone());
        assert_eq!(there, Some(accepted), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_says_why_not() {
    let data = tempfile::tempdir().expect("a folder");
    let redis = Redis::start().await;
    let node = Node::start(data.path(), &[("REDIS_URL", &redis.url())]);
    let ready = async || http(node.address, "GET", "/readyz", "", None).await;
    assert_eq!(ready().await.status, 200);
    redis.signal("STOP");
    until("word that Redis is away", async || ready().await.status == 503).await;
    assert!(ready().await.body.len() > "no\n".len());
    assert_eq!(http(node.address, "GET", "/healthz", "", None).await.status, 200, "the process is well");
    redis.signal("CONT");
    until("readiness", async || ready().await.status == 200).await;
    let mut browser = Browser::guest(node.address).await;
    assert!(matches!(browser.ask(Ask::Ping).await, Update::Done { .. }));
}

#[test]
fn without_redis_server_the_program_says_what_to_do() {
    let data = tempfile::tempdir().expect("a folder");
    let (output, words) = serve(data.path(), &[("PATH", "")]);
    assert_eq!(output.status.code(), Some(1), "{words}");
    for part in ["redis-server is not installed", "apt-get install redis-server", "REDIS_URL"] {
        assert!(words.contains(part), "{words}");
    }
    assert!(output.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_node_from_serving_is_said_in_words() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (output, words) = serve(data.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("another node is using"), "{words}");

    let other = tempfile::tempdir().expect("a folder");
    let (output, words) = serve(other.path(), &[("REDIS_URL", "http://127.0.0.1:1")]);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("http://127.0.0.1:1") || words.contains("Redis"), "{words}");

    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["serve", "--listen", &node.address.to_string(), "--data"]).arg(other.path());
    let output = command.output().expect("the binary starts");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains(&format!("cannot serve on {}", node.address)), "{words}");
    assert_eq!(http(node.address, "GET", "/healthz", "", None).await.status, 200);
}

/// Makes one move for the seat on turn and gives the number of records after it.
async fn one_move(first: &mut Browser, second: &mut Browser, dice: &mut Dice) -> u32 {
    let view = first.table.clone().expect("a view");
    let number = view.tip.number;
    let mover = if view.view.choices.is_some() { first } else { second };
    let view = mover.until_table("the turn", |view| view.tip.number >= number).await;
    let ask = Ask::Move { table: view.table, tip: view.tip.clone(), moves: choose(&view, dice) };
    match mover.ask(ask).await {
        Update::Done { tip: Some(tip), .. } => tip.number,
        other => panic!("not done: {other:?}"),
    }
}

fn saved_in(browser: &Browser) -> u32 {
    let told = browser.frames.iter().filter_map(|frame| match serde_json::from_str(frame) {
        Ok(Update::Saved { number, .. }) => Some(number),
        Ok(Update::Table(view)) => Some(view.saved),
        _ => None,
    });
    told.max().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_means_that_every_replica_has_it() {
    let data = tempfile::tempdir().expect("a folder");
    let primary = Redis::start().await;
    let node = Node::start(data.path(), &[("REDIS_URL", &primary.url())]);
    let (mut first, mut second, _) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut dice = Dice(41);
    let saved =
        |number| move |update: &Update| matches!(update, Update::Saved { number: n, .. } if *n >= number);
    // Nobody to wait for: what Redis has written is saved.
    let number = one_move(&mut first, &mut second, &mut dice).await;
    if saved_in(&first) < number {
        first.until("saved without a replica", saved(number)).await;
    }
    // A replica that comes later counts from its first moment.
    let replica = Redis::replica_of(&primary).await;
    first.until_table("the move", |view| view.tip.number >= number).await;
    let number = one_move(&mut first, &mut second, &mut dice).await;
    if saved_in(&first) < number {
        first.until("saved with the replica", saved(number)).await;
    }
    replica.signal("STOP");
    first.until_table("the move", |view| view.tip.number >= number).await;
    let held_up = one_move(&mut first, &mut second, &mut dice).await;
    first.until_table("the move, accepted at once", |view| view.tip.number >= held_up).await;
    let later = one_move(&mut first, &mut second, &mut dice).await;
    first.until_table("the next one too", |view| view.tip.number >= later).await;
    // Longer than one WAIT takes to come back short.
    sleep(Duration::from_millis(700)).await;
    assert!(matches!(first.ask(Ask::Ping).await, Update::Done { .. }));
    assert!(saved_in(&first) < held_up, "called saved though a replica does not have it");
    replica.signal("CONT");
    if saved_in(&first) < later {
        first.until("saved once the replica has it", saved(later)).await;
    }
    let records: u64 =
        replica.query(&["XLEN", &format!("game:{}", first.table.as_ref().expect("a view").table)]).await;
    assert!(records >= u64::from(later));
}
