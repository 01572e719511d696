//! How long saved games are kept, how many, and that a game is saved or finished, never both.

use std::time::Duration;

use futures_util::future::join_all;
use nineflags::ids::TableId;
use nineflags::protocol::{Ask, Update};
use nineflags::store::Store;
use tokio::time::sleep;

use crate::harness::browser::{Browser, http, seated};
use crate::harness::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn saved_games_end_with_their_guests_and_with_their_accounts() {
    const DAY: i64 = 24 * 3_600;
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let (one, two) = (Browser::guest(node).await, Browser::guest(node).await);
    let (mut one, _two, table) = seated(one, two).await;
    assert!(matches!(one.ask(Ask::Save { table }).await, Update::Done { .. }));
    one.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    let lists: [String; 2] = site.ask::<Vec<String>>(&["KEYS", "saved-by:*"]).try_into().expect("two lists");
    let kept = [format!("saved:{table}"), format!("saved-row:{table}"), lists[0].clone(), lists[1].clone()];
    let ttls = || kept.clone().map(|key| site.ask::<i64>(&["TTL", &key]));
    assert!(ttls().iter().all(|ttl| (29 * DAY..=30 * DAY).contains(ttl)), "as long as guests: {:?}", ttls());
    // A guest that is used lives longer, and so does its game.
    let used: Vec<String> = site.ask(&["KEYS", "login:*"]);
    for key in used.iter().chain(&kept) {
        let _: u64 = site.ask(&["EXPIRE", key, "5000"]);
    }
    assert_eq!(http(node, "GET", "/api/me", &one.cookie, None).await.status, 200);
    assert_eq!(
        ttls().iter().filter(|ttl| **ttl > 29 * DAY).count(),
        3,
        "all but the other's list: {:?}",
        ttls()
    );
    // An account's game is kept for a year.
    let body = serde_json::json!({"name": "Ann", "password": "correct horse battery"});
    let ann = http(node, "POST", "/api/upgrade", &one.cookie, Some(&body)).await.cookie.expect("a login");
    assert!(ttls()[..2].iter().all(|ttl| *ttl > 360 * DAY), "{:?}", ttls());
    assert!(ttls()[2..].contains(&-1), "{:?}", ttls());

    // Tables that everybody left are saved whatever there is: the oldest game goes from a full list, and at all where nobody
    // else has it.
    let store = Store::connect(&site.redis.url()).await.expect("a store");
    let mut game = store.saved_read(table).await.expect("it is read").expect("it is there");
    for list in &lists {
        let _: u64 = site.ask(&["ZADD", list, "1", &table.to_string()]);
        for _ in 0..99 {
            let _: u64 = site.ask(&["ZADD", list, "2", &TableId::random().to_string()]);
        }
    }
    game.table = TableId::random();
    let _: u64 = site.ask(&["HSET", &format!("table:{}", game.table), "made_ms", "1"]);
    store.saved_put(&game, "2").await.expect("an answer");
    assert_eq!(
        site.ask::<u64>(&["EXISTS", &format!("saved:{}", game.table)]),
        0,
        "the table was made again since"
    );
    store.saved_put(&game, "1").await.expect("it is kept");
    let counts = || lists.clone().map(|list| site.ask::<u64>(&["ZCARD", &list]));
    assert_eq!(counts(), [100, 100]);
    assert_eq!(site.ask::<u64>(&["EXISTS", &kept[0], &kept[1]]), 0, "nobody has it");
    assert_eq!(site.ask::<u64>(&["EXISTS", &format!("saved:{}", game.table)]), 1);

    let gone = http(node, "POST", "/api/delete", &ann, Some(&body)).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert!(counts().contains(&0), "the account's list is gone with it");
}

fn is_end(frame: &str, table: TableId) -> bool {
    frame.contains("\"table_closed\"") && frame.contains(&table.to_string())
}

/// One of the two stops the game at one node, the other gives it up at another, at once or while the first puts it away.
#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_is_saved_and_resigned_at_once_is_one_of_both() {
    let site = Site::start(2, &[]);
    let pairs = (0..6).map(async |pair| {
        let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await);
        save_and_resign(&site, one, two, Duration::from_millis(pair)).await;
    });
    let stands_still = async {
        loop {
            // It wakes with a request under way, and what was published unheard.
            site.nodes[0].signal("STOP");
            sleep(Duration::from_millis(20)).await;
            site.nodes[0].signal("CONT");
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        _ = join_all(pairs) => {}
        () = stands_still => {}
    }
    site.nodes[0].signal("CONT");
    assert_eq!(site.ask::<Vec<String>>(&["KEYS", "table:*"]), Vec::<String>::new());
    assert_eq!(site.ask::<Vec<String>>(&["KEYS", "seat:*"]), Vec::<String>::new());
}

async fn save_and_resign(site: &Site, mut one: Browser, mut two: Browser, later: Duration) {
    for _ in 0..5 {
        let (mut first, mut second, table) = seated(one, two).await;
        let resigned = async {
            sleep(later).await;
            second.ask(Ask::Resign { table }).await
        };
        let answers = tokio::join!(first.ask(Ask::Save { table }), resigned);
        for browser in [&mut first, &mut second] {
            // It may come before the answer.
            while !browser.frames.iter().any(|frame| is_end(frame, table)) {
                browser.until("the end", |_| true).await;
            }
        }
        let done = [&answers.0, &answers.1].map(|answer| matches!(answer, Update::Done { .. }));
        let held =
            ["saved", "archive"].map(|kind| site.ask::<u64>(&["EXISTS", &format!("{kind}:{table}")]) == 1);
        assert_eq!(held, done, "saved, finished: {answers:?}");
        assert!(held[0] != held[1], "saved, finished: {held:?}");
        (one, two) = (first, second);
    }
}
