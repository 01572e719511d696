//! A Redis that accepts and never answers: nobody waits for it longer than for one exchange, and then not at all.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use nineflags::ids::TableId;
use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::rules::seat::Seat;
use nineflags::table::options::TableOptions;
use serde_json::json;

use crate::harness::bot::{Dice, choose, play_on};
use crate::harness::browser::{Browser, accept, http, seated};
use crate::harness::site::Site;

/// One exchange with Redis, and as much again for a busy machine.
const EXCHANGE: Duration = Duration::from_secs(4);
/// How long one command may take.
const COMMAND: Duration = Duration::from_secs(2);
/// Callers at once.
const HTTP_CALLERS: usize = 440;
const WEBSOCKETS: usize = 50;

/// The longest that any of many callers waits, of whom all are told that the store is away.
async fn longest_wait(site: &Site, cookie: &str, browsers: &mut [Browser]) -> Duration {
    let node = site.address(0);
    let reads = (0..HTTP_CALLERS).map(|_| async {
        let began = Instant::now();
        let reply = http(node, "GET", "/api/me", cookie, None).await;
        assert_eq!(reply.status, 503, "{}", reply.body);
        began.elapsed()
    });
    let asks = browsers.iter_mut().map(|browser| async {
        let began = Instant::now();
        let to = "Nobody".parse().expect("a name");
        let answer = browser.ask(Ask::Block { name: to }).await;
        assert!(matches!(answer, Update::Refused { code: RefusalCode::Unavailable, .. }), "{answer:?}");
        began.elapsed()
    });
    let (reads, asks) = tokio::join!(join_all(reads), join_all(asks));
    reads.into_iter().chain(asks).max().expect("some")
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_redis_that_never_answers() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let login = http(node, "POST", "/api/guest", "", Some(&json!({}))).await;
    let cookie = login.cookie.expect("a login");
    let mut browsers = Vec::new();
    for _ in 0..WEBSOCKETS {
        browsers.push(Browser::guest(node).await);
    }
    site.redis.freeze();
    let longest = longest_wait(&site, &cookie, &mut browsers).await;
    assert!(longest < EXCHANGE, "somebody waited for {longest:?}");

    // By now it is known, and everybody is told at once: what is left is what the machine takes for so many requests.
    let known = longest_wait(&site, &cookie, &mut browsers).await;
    assert!(known < EXCHANGE / 2, "somebody waited for {known:?} although it was known");

    site.redis.thaw();
    let back = async {
        while http(node, "GET", "/api/me", &cookie, None).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), back).await.expect("it serves again, in time");
}

/// Before it is known that the data group hangs, a seat that wants to stop the game keeps nobody from moving for as long as a
/// command may take.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_does_not_wait_for_data_that_hang() {
    let site = Site::start_apart(1, 1);
    let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await);
    let (mut first, mut second, table) = seated(one, two).await;
    let view = play_on(&mut first, &mut second, table, 4, &mut Dice(24)).await;
    let is_first = view.view.turn == Some(Seat::First);
    let (mut mover, mut other) = if is_first { (first, second) } else { (second, first) };
    let own = mover.until_table("the newest view", |own| own.tip == view.tip).await;
    let chosen = choose(&own, &mut Dice(25));
    let wanted = Ask::Move { table, tip: own.tip, moves: chosen };
    site.redis.freeze();
    let hung = Instant::now();
    let (_, done) = tokio::join!(other.ask(Ask::Save { table }), mover.ask(wanted));
    let is_answered = !matches!(done, Update::Refused { code: RefusalCode::Unavailable, .. });
    assert!(is_answered, "{done:?}");
    assert!(hung.elapsed() < COMMAND, "{:?}", hung.elapsed());
    site.redis.thaw();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_could_not_be_shown_at_its_start_is_shown_later_and_kept_up_to_date() {
    let site = Site::start_apart(1, 1);
    let node = site.address(0);
    let (mut one, mut two) = (Browser::guest(node).await, Browser::guest(node).await);
    let invite = Ask::Invite { to: two.name.clone(), options: TableOptions::default(), resume: None };
    assert!(matches!(one.ask(invite).await, Update::Done { .. }));
    two.until("the invite", |update| matches!(update, Update::Invites(all) if !all.received.is_empty()))
        .await;
    // The lobby has the table, but nobody can read it.
    site.shards[0].freeze();
    let accepted = accept(&mut two, one.name.clone()).await;
    assert!(matches!(accepted, Update::Refused { code: RefusalCode::Unavailable, .. }), "{accepted:?}");
    let tables: Vec<String> = site.ask(&["SMEMBERS", "tables"]);
    let table: TableId = tables[0].parse().expect("a table");
    assert!(one.table.is_none() && two.table.is_none(), "it cannot be shown yet");
    site.shards[0].thaw();
    for browser in [&mut one, &mut two] {
        browser.until_table("the table", |view| view.table == table).await;
    }
    if one.table.as_ref().is_some_and(|view| view.names.first != one.name) {
        std::mem::swap(&mut one, &mut two);
    }
    play_on(&mut one, &mut two, table, 6, &mut Dice(35)).await;
}
