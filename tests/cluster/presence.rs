//! What Redis holds of a node and what the node has come together again, whatever was lost on the way.

use std::time::{Duration, Instant};

use nineflags::protocol::{Ask, CloseCode, Update};
use serde_json::json;

use crate::harness::browser::{Browser, seated};
use crate::harness::process::until;
use crate::harness::site::Site;

/// How long after its Redis is back a tab that was closed meanwhile may still be shown; far less on a quiet machine.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// How long Redis is away: longer than any exchange with it is waited for.
const AWAY: Duration = Duration::from_secs(6);

fn online(site: &Site) -> u64 {
    site.ask(&["HLEN", "online"])
}

#[tokio::test(flavor = "multi_thread")]
async fn tabs_closed_while_redis_was_away_are_gone_soon_after() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let (mut stays, leaves, table) = seated(Browser::guest(node).await, Browser::guest(node).await).await;
    let mut closed = vec![leaves];
    for _ in 0..18 {
        closed.push(Browser::guest(node).await);
    }
    assert_eq!(online(&site), 20);

    site.redis.freeze();
    drop(closed);
    tokio::time::sleep(AWAY).await;
    site.redis.thaw();
    let back = Instant::now();
    until("they are gone", || online(&site) == 1);
    assert!(back.elapsed() < GONE_WITHIN, "gone after {:?}", back.elapsed());
    stays
        .until_table("the absence", |view| {
            view.away_since_ms.first.is_some() || view.away_since_ms.second.is_some()
        })
        .await;
    assert_eq!(stays.table.as_ref().map(|view| view.table), Some(table));
    assert!(matches!(stays.ask(Ask::Ping).await, Update::Done { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_login_ended_unheard_is_closed() {
    let site = Site::start(1, &[]);
    let mut browser = Browser::guest(site.address(0)).await;
    let entry: Vec<String> = site.ask(&["HGETALL", "online"]);
    let entry: serde_json::Value = serde_json::from_str(&entry[1]).expect("an entry");
    // As a log-out elsewhere whose word was lost in a failover.
    let _: u64 = site.ask(&["DEL", &format!("login:{}", entry["login"].as_str().expect("a login"))]);
    assert_eq!(browser.until_closed().await, Some(CloseCode::GoingAway as u16), "to show its cookie again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_keeps_nobody_out() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let browser = Browser::guest(node).await;
    let cookie = browser.cookie.clone();
    let account = site.ask::<Vec<String>>(&["HKEYS", "online"]).remove(0);
    drop(browser);
    until("it has left", || online(&site) == 0);
    let stranger = uuid::Uuid::now_v7().to_string();
    let _: u64 = site.ask(&["HSET", &format!("invites:{account}"), &stranger, "a newer version's"]);
    let _: u64 = site.ask(&["SADD", &format!("blocked:{account}"), "nobody"]);
    let _: String = site.ask(&["SET", &format!("seat:{account}"), "nowhere"]);
    let _: u64 = site.ask(&["HSET", "online", &account, "1"]);
    let mut browser = Browser::connect(node, &cookie).await;
    assert!(matches!(browser.ask(Ask::Ping).await, Update::Done { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_came_after_its_leave_is_taken_out() {
    let site = Site::start(1, &[]);
    let browser = Browser::guest(site.address(0)).await;
    let entry: Vec<String> = site.ask(&["HGETALL", "online"]);
    drop(browser);
    until("it has left", || online(&site) == 0);
    // As Redis would do that was stopped when the session came, and has the entry still before it.
    let _: u64 = site.ask(&["HSET", "online", &entry[0], &entry[1]]);
    until("it is gone again", || online(&site) == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_node_that_nobody_knows_are_taken_out() {
    let site = Site::start(1, &[]);
    let stranger = uuid::Uuid::now_v7().to_string();
    let entry = json!({"node": stranger, "session": uuid::Uuid::now_v7(), "name": "Nobody", "guest": true});
    let _: u64 = site.ask(&["HSET", "online", &uuid::Uuid::now_v7().to_string(), &entry.to_string()]);
    until("it is gone", || online(&site) == 0);
    until("it is forgotten", || !nodes(&site).contains(&stranger));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_lost_of_a_node_is_told_again() {
    let site = Site::start(2, &[]);
    let node = site.address(0);
    let (mut first, second, table) = seated(Browser::guest(node).await, Browser::guest(node).await).await;
    let mut watcher = Browser::guest(node).await;
    assert!(matches!(watcher.ask(Ask::Watch { table }).await, Update::Done { .. }));
    let watchers = || site.ask::<String>(&["HGET", &format!("table:{table}"), "watchers"]);
    until("the watcher is counted", || watchers() == "1");
    let id = nodes(&site).into_iter().find(|id| held_by(&site, id) > 0).expect("the node of all");
    // Everything that names the node.
    let _: u64 = site.ask(&["DEL", "online"]);
    let _: u64 = site.ask(&["SREM", "nodes", &id]);
    let _: u64 = site.ask(&["DEL", &format!("node:{id}")]);
    let _: u64 = site.ask(&["DEL", &format!("watchers:{table}")]);
    let _: u64 = site.ask(&["HSET", &format!("table:{table}"), "watchers", "0"]);

    until("all three are online", || online(&site) == 3);
    until("the node is among the nodes", || nodes(&site).contains(&id));
    until("the watcher is counted again", || watchers() == "1");
    drop(second);
    first
        .until_table("the absence", |view| {
            view.away_since_ms.first.is_some() || view.away_since_ms.second.is_some()
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_that_a_node_does_not_have_are_counted_no_longer() {
    let site = Site::start(2, &[]);
    let (_first, _second, table) =
        seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await).await;
    let key = format!("watchers:{table}");
    for id in nodes(&site) {
        let _: u64 = site.ask(&["HSET", &key, &id, "7"]);
    }
    until("nobody watches", || site.ask::<u64>(&["HLEN", &key]) == 0);
}

fn nodes(site: &Site) -> Vec<String> {
    site.ask(&["SMEMBERS", "nodes"])
}

/// How many of the players online are at a node.
fn held_by(site: &Site, id: &str) -> usize {
    site.ask::<Vec<String>>(&["HVALS", "online"]).iter().filter(|text| text.contains(id)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_watchers_leave_is_told_though_redis_failed_just_then() {
    let site = Site::start(1, &[]);
    let node = site.address(0);
    let (_first, _second, table) = seated(Browser::guest(node).await, Browser::guest(node).await).await;
    let mut watcher = Browser::guest(node).await;
    assert!(matches!(watcher.ask(Ask::Watch { table }).await, Update::Done { .. }));
    let watchers = || site.ask::<String>(&["HGET", &format!("table:{table}"), "watchers"]);
    until("the watcher is counted", || watchers() == "1");
    let key = format!("watchers:{table}");
    let counted: Vec<String> = site.ask(&["HGETALL", &key]);
    // Of another type the script cannot use it.
    let _: String = site.ask(&["SET", &key, "broken"]);
    assert!(matches!(watcher.ask(Ask::Unwatch { table }).await, Update::Done { .. }));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(watchers(), "1", "it could not be told");
    let _: u64 = site.ask(&["DEL", &key]);
    let _: u64 = site.ask(&["HSET", &key, &counted[0], &counted[1]]);
    until("nobody is counted", || watchers() == "0");
}

/// A browser that comes back is told all the letters it missed, also more than its outbox takes at once.
#[tokio::test(flavor = "multi_thread")]
async fn as_many_letters_as_are_kept_come_to_who_missed_them() {
    let rates = "letters_per_account_minute=600 letters_per_receiver_minute=600 \
                 letters_per_receiver_and_network_minute=600 requests_per_account_second=1000";
    let mut site = Site::start(1, &[("NINEFLAGS_LIMITS", rates)]);
    let here = site.address(0);
    let (mut ann, ben) = (Browser::guest(here).await, Browser::guest(here).await);
    let kept = 50;
    for number in 0..kept {
        let letter = Ask::Tell { to: ben.name.clone(), text: format!("letter {number}.") };
        assert!(matches!(ann.ask(letter).await, Update::Done { .. }));
    }
    let mut ben = Browser::connect(here, &ben.cookie).await;
    let last = format!("letter {}.", kept - 1);
    ben.until("the last letter", |update| matches!(update, Update::Message(message) if message.text == last))
        .await;
    for number in 0..kept {
        let letter = format!("letter {number}.");
        assert_eq!(ben.frames.iter().filter(|frame| frame.contains(&letter)).count(), 1, "{letter}");
    }
    assert!(site.nodes[0].is_there());
}

/// A letter that its node was told of does not end with the node: the browser gets it at the next one.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_a_node_takes_with_it_comes_at_the_next() {
    let mut site = Site::start(2, &[]);
    let (here, there) = (site.address(0), site.address(1));
    let (mut ann, ben) = (Browser::guest(here).await, Browser::guest(there).await);
    site.nodes[1].signal("STOP");
    let letter = Ask::Tell { to: ben.name.clone(), text: "Still there?".to_owned() };
    assert!(matches!(ann.ask(letter.clone()).await, Update::Done { .. }));
    site.nodes.remove(1).kill();
    let mut ben = Browser::connect(here, &ben.cookie).await;
    let is_it =
        |update: &Update| matches!(update, Update::Message(message) if message.text == "Still there?");
    ben.until("the letter", is_it).await;
    // Whoever is there gets it once, whatever else is read again.
    assert!(matches!(ann.ask(letter).await, Update::Done { .. }));
    assert!(matches!(ben.ask(Ask::Ping).await, Update::Done { .. }));
    let letters = ben.frames.iter().filter(|frame| frame.contains("Still there?")).count();
    assert_eq!(letters, 2, "the one that was lost, and the one after it");
    // Who does not want to hear of the sender any more is not shown it again.
    assert!(matches!(ben.ask(Ask::Block { name: ann.name.clone() }).await, Update::Done { .. }));
    let mut ben = Browser::connect(here, &ben.cookie).await;
    assert!(matches!(ben.ask(Ask::Ping).await, Update::Done { .. }));
    assert!(!ben.frames.iter().any(|frame| frame.contains("Still there?")));
}
