//! Data, backup shards and archive in Redis groups of their own: each fails alone, and everything else goes on.

use std::net::SocketAddr;

use nineflags::host::Mover;
use nineflags::ids::{AccountId, NodeId, SessionId, TableId};
use nineflags::protocol::{Ask, ClosedWhy, RefusalCode, Update};
use nineflags::redis::group::Group;
use nineflags::redis::roles::RedisUrls;
use nineflags::store::Store;
use nineflags::store::games::Appender;
use nineflags::table::copy::{Answer, Copy};
use serde_json::{Value, json};

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, accept, http, seated};
use crate::harness::command::nineflags_with;
use crate::harness::node::Node;
use crate::harness::process::{WITHIN, until};
use crate::harness::redis::{Redis, ask};
use crate::harness::site::Site;
use crate::model::dice::Dice as Chance;
use crate::model::game::{request, start, table as some_table};

/// Games begun until there is one at a certain shard, at most: far more than it takes.
const GAMES_MAX: usize = 60;

fn records_at(redis: &Redis, table: TableId) -> u64 {
    ask(redis.port, &["XLEN", &format!("game:{table}")]).expect("the shard answers")
}

fn shard_of(site: &Site, table: TableId) -> usize {
    site.ask(&["HGET", &format!("table:{table}"), "shard"])
}

/// A new game at a shard, with one seat's player on each of two nodes.
async fn game_at(site: &Site, shard: usize) -> (Browser, Browser, TableId) {
    for _ in 0..GAMES_MAX {
        let one = Browser::guest(site.address(0)).await;
        let two = Browser::guest(site.nodes.last().expect("a node").address).await;
        let (mut first, second, table) = seated(one, two).await;
        if shard_of(site, table) == shard {
            return (first, second, table);
        }
        assert!(matches!(first.ask(Ask::Resign { table }).await, Update::Done { .. }));
    }
    panic!("no game comes to shard {shard}")
}

async fn until_closed(browser: &mut Browser, why: ClosedWhy) {
    let is_closed = |update: &Update| matches!(update, Update::TableClosed { why: told, .. } if *told == why);
    browser.until("the end of the table", is_closed).await;
}

/// What a node says that does not start with these groups.
fn start_refused(groups: &[(&'static str, String)]) -> String {
    let data = tempfile::tempdir().expect("a folder");
    let folder = data.path().to_str().expect("a path");
    let said = nineflags_with(groups, &["serve", "--listen", "127.0.0.1:0", "--data", folder]);
    assert!(!said.success, "{said:?}");
    said.err
}

/// The value of a metric of a node.
async fn metric(node: SocketAddr, name: &str) -> f64 {
    let page = http(node, "GET", "/metrics", "", None).await.body;
    let line = page.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0.0, |value| value.trim().parse().expect("a number"))
}

async fn until_metric(site: &Site, name: &str, value: f64) {
    until_metric_at(site.address(0), name, value).await;
}

async fn until_metric_at(node: SocketAddr, name: &str, value: f64) {
    let deadline = std::time::Instant::now() + WITHIN;
    while (metric(node, name).await - value).abs() > f64::EPSILON {
        assert!(std::time::Instant::now() < deadline, "{name} is not {value}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

async fn until_ready(site: &Site) {
    for node in &site.nodes {
        let deadline = std::time::Instant::now() + WITHIN;
        while http(node.address, "GET", "/readyz", "", None).await.status != 200 {
            assert!(std::time::Instant::now() < deadline, "the node is not ready");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn games_are_spread_and_each_role_has_its_own_redis() {
    let site = Site::start_apart(2, 2);
    for shard in 0..2 {
        let (mut first, mut second, table) = game_at(&site, shard).await;
        play_on(&mut first, &mut second, table, 5, &mut Dice(3)).await;
        assert!(records_at(&site.shards[shard], table) >= 5);
        assert_eq!(records_at(&site.shards[1 - shard], table), 0);
        play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(4)).await;
        for browser in [&mut first, &mut second] {
            until_closed(browser, ClosedWhy::Finished).await;
        }
        let game = http(site.address(1), "GET", &format!("/api/game/{table}"), "", None).await;
        assert_eq!(game.status, 200, "{}", game.body);
        let archive = site.archive.as_ref().expect("an archive");
        assert_eq!(ask(archive.port, &["EXISTS", &format!("archive:{table}")]), Some(1));
    }
    for pattern in ["game:*", "archive*"] {
        assert_eq!(site.ask::<Vec<String>>(&["KEYS", pattern]), Vec::<String>::new());
    }

    let said = nineflags_with(&site.groups(), &["inspect", "redis", "--json"]);
    let shown: Value = serde_json::from_str(&said.out).expect("one JSON object");
    let groups = shown["redis"].as_array().expect("groups");
    let roles: Vec<&Value> = groups.iter().map(|group| &group["roles"]).collect();
    assert_eq!(roles, ["data", "backup-0", "backup-1", "archive"]);
    let said = nineflags_with(&site.groups(), &["archive", "verify"]);
    assert!(said.success && said.out.contains("0 not as they were played"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_game_is_resumed_at_any_shard() {
    let site = Site::start_apart(2, 2);
    let (mut first, mut second, table) = game_at(&site, 1).await;
    let number = play_on(&mut first, &mut second, table, 6, &mut Dice(7)).await.tip.number;
    let stale: Vec<u8> = ask(site.shards[1].port, &["DUMP", &format!("game:{table}")]).expect("a dump");
    play_on(&mut first, &mut second, table, 10, &mut Dice(8)).await;
    assert!(matches!(first.ask(Ask::Save { table }).await, Update::Done { .. }));
    for browser in [&mut first, &mut second] {
        until_closed(browser, ClosedWhy::Saved).await;
    }
    until("the backup ends by itself", || {
        ask::<i64>(site.shards[1].port, &["TTL", &format!("game:{table}")]).is_some_and(|ends| ends > 0)
    });
    // An older part of the game, as a shard has it that was away when the game was put away.
    for shard in &site.shards {
        let mut restore = redis::cmd("RESTORE");
        restore.arg(format!("game:{table}")).arg(0).arg(&stale).arg("REPLACE");
        assert_eq!(
            shard.ask_all::<Vec<String>>(redis::pipe().add_command(restore)),
            Some(vec!["OK".to_owned()])
        );
    }
    let options = first.table.as_ref().expect("a view").options;
    let invite = Ask::Invite { to: second.name.clone(), options, resume: Some(table) };
    assert!(matches!(first.ask(invite).await, Update::Done { .. }));
    let accepted = accept(&mut second, first.name.clone()).await;
    assert!(
        matches!(accepted, Update::Done { table: Some(resumed), .. } if resumed == table),
        "{accepted:?}"
    );
    let view = first.until_table("the game goes on", |view| view.table == table && !view.stopped).await;
    assert!(view.tip.number > 10 && number < 10, "{:?}", view.tip);
    second.until_table("the game goes on", |view| view.table == table && !view.stopped).await;
    play_on(&mut first, &mut second, table, view.tip.number + 4, &mut Dice(9)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_shard_more_is_for_new_games_once_every_node_knows_it() {
    let mut site = Site::start_apart(2, 1);
    let (mut first, mut second, table) = game_at(&site, 0).await;
    play_on(&mut first, &mut second, table, 5, &mut Dice(11)).await;
    let cookies = [first.cookie.clone(), second.cookie.clone()];
    site.add_shard();
    // One node knows the new shard, one does not yet: nobody sits where the other could not.
    let old = site.nodes.remove(0);
    let address = old.address;
    assert!(old.terminate().success());
    site.add_at(address, &[]);
    for _ in 0..8 {
        let (mut first, _second, table) =
            seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await).await;
        assert_eq!(shard_of(&site, table), 0);
        assert!(matches!(first.ask(Ask::Resign { table }).await, Update::Done { .. }));
    }
    let old = site.nodes.remove(0);
    let address = old.address;
    assert!(old.terminate().success());
    site.add_at(address, &[]);
    // The running game stays where it is, and new ones come to the new shard.
    let mut first = Browser::connect(site.address(0), &cookies[0]).await;
    let mut second = Browser::connect(site.address(1), &cookies[1]).await;
    play_on(&mut first, &mut second, table, 12, &mut Dice(12)).await;
    assert_eq!((shard_of(&site, table), records_at(&site.shards[1], table)), (0, 0));
    let (mut third, mut fourth, table) = game_at(&site, 1).await;
    play_on(&mut third, &mut fourth, table, 5, &mut Dice(13)).await;
    assert!(records_at(&site.shards[1], table) >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_would_look_for_games_elsewhere_does_not_start() {
    let mut site = Site::start_apart(2, 2);
    let (_first, _second, _) = game_at(&site, 0).await;
    let urls: Vec<String> = site.shards.iter().map(Redis::url).collect();
    let data = ("REDIS_URL", site.redis.url());
    for wrong in [format!("{} {}", urls[1], urls[0]), String::new(), site.redis.url()] {
        let words = start_refused(&[data.clone(), ("BACKUP_REDIS_URLS", wrong)]);
        assert!(words.contains("BACKUP_REDIS_URLS names another Redis for shard 0"), "{words}");
    }
    // One that was lost may be replaced, and with nothing being played the groups may be others.
    site.shards[1].kill();
    site.shards[1].start_empty();
    site.add(&[]);
    let of_one = Site::start(1, &[]);
    let mut apart = vec![("REDIS_URL", of_one.redis.url()), ("BACKUP_REDIS_URLS", urls[0].clone())];
    assert!(start_refused(&apart).contains("BACKUP_REDIS_URLS"), "a node lives that looks elsewhere");
    drop(of_one.nodes);
    let left = ask::<Vec<String>>(of_one.redis.port, &["SMEMBERS", "nodes"]).expect("nodes");
    for node in left {
        let _: u64 = ask(of_one.redis.port, &["DEL", &format!("node:{node}")]).expect("an answer");
    }
    apart.push(("NINEFLAGS_ADDRESS", "moved:1".to_owned()));
    let settings: Vec<(&str, &str)> = apart.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(folder.path(), &settings);
    assert_eq!(http(node.address, "GET", "/readyz", "", None).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn running_games_go_on_while_the_data_hang() {
    let site = Site::start_apart(2, 1);
    let (mut first, mut second, table) = game_at(&site, 0).await;
    play_on(&mut first, &mut second, table, 4, &mut Dice(21)).await;
    site.redis.freeze();
    until_metric(&site, "nineflags_redis_away{group=\"data\"}", 1.0).await;
    let view = play_on(&mut first, &mut second, table, 20, &mut Dice(22)).await;
    assert!(view.tip.number >= 20 && records_at(&site.shards[0], table) >= 20);
    // What needs the data is refused in words.
    let refused = http(site.address(0), "POST", "/api/guest", "", Some(&json!({}))).await;
    assert_eq!(refused.status, 503, "{}", refused.body);
    let refused = first.ask(Ask::Save { table }).await;
    // A game can be stopped, and is put away when the data are back.
    assert!(matches!(refused, Update::Done { .. }), "{refused:?}");
    site.redis.thaw();
    for browser in [&mut first, &mut second] {
        until_closed(browser, ClosedWhy::Saved).await;
    }
    until_metric(&site, "nineflags_redis_away{group=\"data\"}", 0.0).await;
    until_ready(&site).await;
    until("the seats are free", || site.ask::<Vec<String>>(&["KEYS", "seat:*"]).is_empty());
    let (mut third, mut fourth, table) = game_at(&site, 0).await;
    play_on(&mut third, &mut fourth, table, 5, &mut Dice(23)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_shard_stops_no_other_and_is_refilled_from_memory() {
    let mut site = Site::start_apart(2, 2);
    let (mut first, mut second, table) = game_at(&site, 0).await;
    let number = play_on(&mut first, &mut second, table, 9, &mut Dice(31)).await.tip.number;
    let (mut third, mut fourth, other) = game_at(&site, 1).await;
    site.shards[0].kill();
    until_metric(&site, "nineflags_redis_away{group=\"backup-0\"}", 1.0).await;
    // Games at the other shard go on and end, and new ones begin there, all of them.
    play_on(&mut third, &mut fourth, other, u32::MAX, &mut Dice(32)).await;
    until_closed(&mut third, ClosedWhy::Finished).await;
    for _ in 0..4 {
        let (one, two) = (Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await);
        let (mut one, mut two, table) = seated(one, two).await;
        assert_eq!(shard_of(&site, table), 1);
        play_on(&mut one, &mut two, table, 4, &mut Dice(33)).await;
    }
    for node in &site.nodes {
        assert_eq!(http(node.address, "GET", "/readyz", "", None).await.status, 200, "nodes stay ready");
    }
    let said = nineflags_with(&site.groups(), &["inspect", "tables", "--json"]);
    let shown: Value = serde_json::from_str(&said.out).expect("one JSON object");
    let tables = shown["tables"].as_array().expect("tables");
    for shown in tables {
        assert_eq!(shown["records"].is_null(), shown["shard"] == 0, "{shown}");
    }

    site.shards[0].start_empty();
    until_metric(&site, "nineflags_redis_away{group=\"backup-0\"}", 0.0).await;
    until("the shard is refilled", || records_at(&site.shards[0], table) >= u64::from(number));
    let view = play_on(&mut first, &mut second, table, number + 6, &mut Dice(34)).await;
    until("the shard has the new ones", || records_at(&site.shards[0], table) >= u64::from(view.tip.number));
    play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(35)).await;
    for browser in [&mut first, &mut second] {
        until_closed(browser, ClosedWhy::Finished).await;
        assert!(!browser.frames.iter().any(|frame| frame.contains("went_back")), "nothing was lost");
    }
    let game = http(site.address(0), "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!(game.status, 200, "{}", game.body);
    assert!(metric(site.address(0), "nineflags_redis_errors_total{group=\"backup-0\"}").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_and_an_archive_that_hang_hold_up_nothing_else() {
    let site = Site::start_apart(2, 2);
    let (mut first, mut second, table) = game_at(&site, 0).await;
    play_on(&mut first, &mut second, table, 6, &mut Dice(51)).await;
    let archive = site.archive.as_ref().expect("an archive");
    site.shards[0].freeze();
    archive.freeze();
    for group in ["backup-0", "archive"] {
        until_metric(&site, &format!("nineflags_redis_away{{group=\"{group}\"}}"), 1.0).await;
    }
    // Nodes go on to say that they live, records of other nodes become saved, and the lobby is told of tables.
    let (mut third, mut fourth, other) = game_at(&site, 1).await;
    play_on(&mut third, &mut fourth, other, 12, &mut Dice(52)).await;
    for browser in [&mut third, &mut fourth] {
        let is_saved = |update: &Update| matches!(update, Update::Saved { number, .. } if *number >= 8);
        let told = browser.frames.iter().filter_map(|frame| serde_json::from_str(frame).ok());
        if !told.into_iter().any(|update: Update| is_saved(&update)) {
            browser.until("the word that records are saved", is_saved).await;
        }
    }
    let row = format!("table:{other}");
    until("the lobby is told", || site.ask::<u32>(&["HGET", &row, "number"]) >= 12);
    let said = nineflags_with(&site.groups(), &["inspect", "nodes", "--json"]);
    let shown: Value = serde_json::from_str(&said.out).expect("one JSON object");
    assert_eq!(shown["nodes"]["live"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(shown["nodes"]["dead"].as_array().map(Vec::len), Some(0), "{shown}");
    site.shards[0].thaw();
    archive.thaw();
    until_metric(&site, "nineflags_redis_away{group=\"backup-0\"}", 0.0).await;
    play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(53)).await;
    until_closed(&mut second, ClosedWhy::Finished).await;
    assert!(!first.frames.iter().any(|frame| frame.contains("went_back")), "nothing was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_archive_people_sign_up_play_and_save() {
    let mut site = Site::start_apart(2, 1);
    let (mut first, mut second, table) = game_at(&site, 0).await;
    site.archive.as_mut().expect("an archive").kill();
    until_metric(&site, "nineflags_redis_away{group=\"archive\"}", 1.0).await;
    let ann = Browser::sign_up(site.address(0), "Ann").await;
    let mira = Browser::sign_up(site.address(1), "Mira").await;
    let (mut third, mut fourth, other) = seated(ann, mira).await;
    play_on(&mut third, &mut fourth, other, 6, &mut Dice(41)).await;
    assert!(matches!(third.ask(Ask::Save { table: other }).await, Update::Done { .. }));
    until_closed(&mut fourth, ClosedWhy::Saved).await;
    let mut ann = Browser::connect(site.address(0), &third.cookie).await;
    assert!(ann.welcome.games.finished_unknown && ann.welcome.games.finished.is_empty());
    assert_eq!(ann.welcome.games.saved.len(), 1);
    let pages = ["/api/games".to_owned(), format!("/api/game/{table}")];
    for path in &pages {
        let refused = http(site.address(0), "GET", path, "", None).await;
        assert_eq!((refused.status, &refused.json()["code"]), (503, &"unavailable".into()), "{path}");
    }

    // A game that ends stays at its table, which can be looked at, until the archive is back.
    play_on(&mut first, &mut second, table, u32::MAX, &mut Dice(42)).await;
    let mut watcher = Browser::guest(site.address(1)).await;
    assert!(matches!(watcher.ask(Ask::Watch { table }).await, Update::Done { .. }));
    let view = watcher.until_table("the end", |view| view.table == table).await;
    assert!(view.view.turn.is_none());
    let resign = first.ask(Ask::Resign { table }).await;
    assert!(matches!(resign, Update::Refused { code: RefusalCode::NotRunning, .. }), "{resign:?}");
    assert_eq!(site.ask::<u64>(&["EXISTS", &format!("table:{table}")]), 1);

    site.archive.as_mut().expect("an archive").start_empty();
    for browser in [&mut first, &mut second, &mut watcher] {
        until_closed(browser, ClosedWhy::Finished).await;
    }
    assert_eq!(http(site.address(0), "GET", &pages[1], "", None).await.status, 200);
    let is_known = |update: &Update| matches!(update, Update::Games(games) if !games.finished_unknown);
    ann.until("her games, without having asked", is_known).await;
    let again = Browser::connect(site.address(0), &first.cookie).await;
    assert!(!again.welcome.games.finished_unknown);
    assert_eq!(again.welcome.games.finished.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_did_not_answer_at_the_start_is_looked_at_before_it_is_used() {
    let mut site = Site::start_apart(1, 1);
    let (mut first, mut second, table) = game_at(&site, 0).await;
    let folder = tempfile::tempdir().expect("a folder");
    let stranger = Redis::alone(folder.path());
    ask::<String>(stranger.port, &["SET", "shard-id", "another"]).expect("it is written");
    for shard in [&stranger, &site.shards[0]] {
        shard.freeze();
    }
    // A node that names another Redis serves until that one is seen, and never writes to it.
    site.add(&[("BACKUP_REDIS_URLS", &stranger.url())]);
    let mut wrong = site.nodes.pop().expect("just added");
    stranger.thaw();
    assert!(!wrong.wait().success());
    assert_eq!(ask::<Vec<String>>(stranger.port, &["KEYS", "*"]), Some(vec!["shard-id".to_owned()]));
    // One that names the right one goes on with it.
    site.add(&[]);
    site.shards[0].thaw();
    // Until it has seen that the shard is there it answers at once that it is not.
    until_metric_at(site.address(1), "nineflags_redis_away{group=\"backup-0\"}", 0.0).await;
    let mut again = Browser::connect(site.address(1), &first.cookie).await;
    let number = again.until_table("the game", |view| view.table == table).await.tip.number;
    first = again;
    play_on(&mut first, &mut second, table, number + 4, &mut Dice(43)).await;
    until("everything is saved", || records_at(&site.shards[0], table) >= u64::from(number + 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_noticed_that_a_group_hangs_dies_and_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut redis = Redis::alone(folder.path());
    let group = Group::named("backup-3", redis.url()).expect("a URL");
    tokio::spawn(group.clone().watch());
    assert!(!group.is_away());
    redis.freeze();
    tokio::time::timeout(WITHIN, group.away()).await.expect("it hangs");
    redis.thaw();
    tokio::time::timeout(WITHIN, group.back()).await.expect("it goes on");
    redis.kill();
    tokio::time::timeout(WITHIN, group.away()).await.expect("it is dead");
    let error = group.write_nothing().await.expect_err("nobody is there");
    assert!(error.to_string().contains("backup-3"), "{error}");
    redis.start_empty();
    tokio::time::timeout(WITHIN, group.back()).await.expect("it lives");
    // It answers, but takes nothing.
    let _: String = ask(redis.port, &["CONFIG", "SET", "min-replicas-to-write", "1"]).expect("an answer");
    group.write_nothing().await.expect_err("there is no replica");
    assert!(group.is_away());
    let _: String = ask(redis.port, &["CONFIG", "SET", "min-replicas-to-write", "0"]).expect("an answer");
    tokio::time::timeout(WITHIN, group.back()).await.expect("it takes writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_live_session_appends_at_a_shard_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, shard] = ["data", "backup"].map(|name| Redis::alone(&folder.path().join(name)));
    let store =
        Store::connect(RedisUrls::new(data.url(), &[shard.url().into()], None)).await.expect("a store");
    let names: Vec<&str> = store.groups().into_iter().map(|(name, _)| name).collect();
    assert_eq!((names, store.archive().is(store.data())), (vec!["data", "backup-0"], true));
    let (appender, work) = Appender::open(store.backup(0), store.data(), NodeId::random());
    tokio::spawn(work);
    let account = store.guest_create().await.expect("a guest");
    let (old, new, node) = (SessionId::random(), SessionId::random(), NodeId::random());
    for session in [old, new] {
        store.enter(&account, None, node, session).await.expect("entered");
    }
    let first = Copy::open(some_table()).propose_start(&request("start"), start(&mut Chance(5)));
    let append = async |account: AccountId, session: SessionId| {
        let mover = Some(Mover { account, session });
        appender.append(some_table(), &first, mover, Box::new(|_| {})).await.expect("an answer")
    };
    assert_eq!(append(account.id, old).await, Answer::NotLive, "another took over");
    assert_eq!(append(AccountId::random(), new).await, Answer::NotLive);
    assert!(store.game_read(0, some_table()).await.expect("a stream").is_empty());
    assert!(matches!(append(account.id, new).await, Answer::Appended { .. }));
    // Nobody can take over while the data are away.
    data.freeze();
    assert!(matches!(append(account.id, new).await, Answer::Already { .. }));
    assert!(matches!(append(account.id, old).await, Answer::Already { .. }));
}
