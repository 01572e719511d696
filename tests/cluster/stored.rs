//! What released versions stored is read by the present one: tests/stored/VERSION.json is a whole Redis as that version
//! left it, in the middle of play. `make stored` writes the file of the version that is being released.

use std::collections::BTreeMap;
use std::fs;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, Update};
use nineflags::store::Store;
use nineflags::store::archive::ArchivedGame;
use nineflags::table::copy::Copy;
use nineflags::table::options::TableOptions;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::process::until;
use crate::harness::redis::repository;
use crate::harness::site::Site;

/// A whole Redis, and how the people in it log in.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The cookies of guests, by a word for each.
    cookies: BTreeMap<String, String>,
    /// A finished game.
    finished: TableId,
    /// A saved one.
    saved: TableId,
    /// A live one.
    live: TableId,
    /// The commands that bring everything back.
    commands: Vec<Vec<String>>,
}

const PASSWORD: &str = "correct horse battery";

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

/// Plays so that there is something of everything.
async fn play(site: &Site) -> Stored {
    let node = site.address(0);
    let mut dice = Dice(41);
    let (cleo, dora) = (Browser::guest(node).await, Browser::guest(node).await);
    let (mut one, mut two, finished) = seated(cleo, dora).await;
    play_on(&mut one, &mut two, finished, u32::MAX, &mut dice).await;
    let blocked = one.name.clone();
    until("the game is archived", || site.ask::<bool>(&["EXISTS", &format!("archive:{finished}")]));

    let (ann, ben) = (Browser::sign_up(node, "Ann").await, Browser::sign_up(node, "Ben").await);
    let (mut first, mut second, saved) = seated(ann, ben).await;
    play_on(&mut first, &mut second, saved, 30, &mut dice).await;
    assert!(is_done(&first.ask(Ask::Save { table: saved }).await));
    until("the game is saved", || !site.ask::<bool>(&["EXISTS", &format!("table:{saved}")]));
    let (mut ann, ben) = if first.name.as_str() == "Ann" { (first, second) } else { (second, first) };
    assert!(is_done(&ann.ask(Ask::Block { name: blocked }).await));
    let options = TableOptions::default();
    assert!(is_done(&ann.ask(Ask::Invite { to: ben.name.clone(), options, resume: Some(saved) }).await));
    keep_invites(site);

    let (eve, finn) = (Browser::guest(node).await, Browser::guest(node).await);
    let (mut eve, mut finn, live) = seated(eve, finn).await;
    play_on(&mut eve, &mut finn, live, 25, &mut dice).await;
    assert!(is_done(&eve.ask(Ask::Say { table: live, text: "hello".to_owned() }).await));
    let cookies = [("eve", eve.cookie.clone()), ("finn", finn.cookie.clone())];
    let cookies = cookies.map(|(word, cookie)| (word.to_owned(), cookie)).into();
    Stored { cookies, finished, saved, live, commands: dump(site) }
}

/// The commands that make an empty Redis equal to a site's, but for what only lives with a node.
fn dump(site: &Site) -> Vec<Vec<String>> {
    let mut keys: Vec<String> = site.ask(&["KEYS", "*"]);
    keys.sort();
    keys.retain(|key| !key.starts_with("node:") && !key.starts_with("assets:"));
    keys.iter().flat_map(|key| dump_key(site, key)).collect()
}

fn dump_key(site: &Site, key: &str) -> Vec<Vec<String>> {
    let command = |verb: &str, rest: Vec<String>| {
        let mut words = vec![verb.to_owned(), key.to_owned()];
        words.extend(rest);
        words
    };
    match site.ask::<String>(&["TYPE", key]).as_str() {
        "string" => vec![command("SET", vec![site.ask(&["GET", key])])],
        "hash" => vec![command("HSET", site.ask(&["HGETALL", key]))],
        "set" => vec![command("SADD", site.ask(&["SMEMBERS", key]))],
        "list" => vec![command("RPUSH", site.ask(&["LRANGE", key, "0", "-1"]))],
        "zset" => {
            let pairs: Vec<(String, String)> = site.ask(&["ZRANGE", key, "0", "-1", "WITHSCORES"]);
            vec![command("ZADD", pairs.into_iter().flat_map(|(member, score)| [score, member]).collect())]
        }
        "stream" => {
            let entries: Vec<(String, Vec<String>)> = site.ask(&["XRANGE", key, "-", "+"]);
            entries.into_iter().map(|(id, fields)| command("XADD", [vec![id], fields].concat())).collect()
        }
        other => panic!("{key} is a {other}: teach the dump about it"),
    }
}

/// A finished game as the store has it.
async fn archived_at(site: &Site, table: TableId) -> ArchivedGame {
    let store = Store::connect(&site.redis.url()).await.expect("a store");
    store.archive_read(table).await.expect("it is read").expect("it is there")
}

async fn is_read(stored: &Stored) {
    let mut site = Site::start(0, &[]);
    for command in &stored.commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let _: redis::Value = site.ask(&words);
    }
    let node = site.add(&[]);

    let archived = http(node, "GET", &format!("/api/game/{}", stored.finished), "", None).await;
    assert_eq!(archived.status, 200, "{}", archived.body);
    let game: ArchivedGame = serde_json::from_str(&archived.body).expect("a finished game");
    assert!(game.entries.iter().all(|entry| entry.request.is_withheld()), "ids are nobody's but the asker's");
    let kept = archived_at(&site, stored.finished).await;
    let copy = Copy::from_entries(stored.finished, kept.entries.clone()).expect("a sound chain");
    assert_eq!(copy.commitment(), game.commitment);
    assert_eq!(kept.clone().without_ids(), game);
    let names = game.names.first;
    let page = http(node, "GET", &format!("/api/player/{names}"), "", None).await.json();
    assert_eq!(page["games"][0]["table"], stored.finished.to_string());
    // Listed once, it is packed, with all that it was.
    assert_eq!(site.ask::<String>(&["TYPE", &format!("archive:{}", stored.finished)]), "hash");
    assert_eq!(archived_at(&site, stored.finished).await, kept);

    let eve = Browser::connect(node, &stored.cookies["eve"]).await;
    let finn = Browser::connect(node, &stored.cookies["finn"]).await;
    assert_eq!(eve.welcome.table.as_ref().map(|view| view.table), Some(stored.live));
    ends(eve, finn, stored.live).await;

    let mut ann = log_in(node, "Ann").await;
    let mut ben = log_in(node, "Ben").await;
    assert_eq!(ann.welcome.blocked.len(), 1);
    assert_eq!(ann.welcome.games.saved.first().map(|row| row.table), Some(stored.saved));
    assert_eq!(ben.welcome.invites.received.len(), 1);
    assert!(is_done(&ben.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await));
    for browser in [&mut ann, &mut ben] {
        browser.until_table("the game to go on", |view| view.table == stored.saved && !view.stopped).await;
    }
    ends(ann, ben, stored.saved).await;
}

/// Plays a live game to its end.
async fn ends(one: Browser, two: Browser, table: TableId) {
    let first = one.table.as_ref().expect("a seat").names.first.clone();
    let (mut first, mut second) = if one.name == first { (one, two) } else { (two, one) };
    let over = play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(5)).await;
    assert!(over.view.ending.is_some());
}

async fn log_in(node: std::net::SocketAddr, name: &str) -> Browser {
    let body = json!({"name": name, "password": PASSWORD});
    let reply = http(node, "POST", "/api/login", "", Some(&body)).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    Browser::connect(node, &reply.cookie.expect("a login")).await
}

/// When the invites in a file lapse, in milliseconds since 1970: not while anybody reads it.
const FOR_EVER_MS: u64 = 4_102_444_800_000;

/// Has the invites that stand last for ever, which no setting allows.
fn keep_invites(site: &Site) {
    for key in site.ask::<Vec<String>>(&["KEYS", "invites:*"]) {
        let invites: BTreeMap<String, String> = site.ask(&["HGETALL", &key]);
        for (from, text) in invites {
            let mut invite: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            invite["expires_ms"] = json!(FOR_EVER_MS);
            let _: u64 = site.ask(&["HSET", &key, &from, &invite.to_string()]);
        }
    }
    for pair in site.ask::<Vec<String>>(&["ZRANGE", "invites-by-time", "0", "-1"]) {
        let _: u64 = site.ask(&["ZADD", "invites-by-time", &FOR_EVER_MS.to_string(), &pair]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_present_version_stores_it_reads_again() {
    let site = Site::start(1, &[]);
    let stored = Box::pin(play(&site)).await;
    if std::env::var_os("UPDATE_STORED").is_some() {
        let path = repository(&format!("tests/stored/{}.json", env!("CARGO_PKG_VERSION")));
        fs::write(path, serde_json::to_string_pretty(&stored).expect("JSON")).expect("a file");
    }
    Box::pin(is_read(&stored)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_released_version_stored_is_read() {
    let mut versions = 0;
    for file in fs::read_dir(repository("tests/stored")).expect("a folder") {
        let path = file.expect("a file").path();
        let text = fs::read_to_string(&path).expect("a text");
        is_read(&serde_json::from_str(&text).expect("a stored Redis")).await;
        versions += 1;
    }
    assert!(versions > 0, "there is a file for each release");
}
