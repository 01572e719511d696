//! How long saved games are kept, and how many.

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, Update};
use nineflags::store::Store;

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
