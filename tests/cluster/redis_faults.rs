//! Redis that cannot be used, cannot be used yet, or should be set up otherwise: each is said in words, and no password is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::rules::seat::Seat;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::harness::bot::{Dice, choose};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::command::{inspect, nineflags};
use crate::harness::node::Node;
use crate::harness::pair::Pair;
use crate::harness::process::{Process, WITHIN, free_port, until};
use crate::harness::redis::{Redis, ask};
use crate::harness::relay::relay;
use crate::harness::sentinel::Sentinel;
use crate::harness::trio::Trio;

/// In every password of these tests, so that none can be printed unseen.
const SECRET: &str = "hush";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs a node that cannot serve until it has ended, and gives its words.
fn refused_with(url: &str) -> String {
    let data = folder();
    let said =
        nineflags(url, &["serve", "--listen", "127.0.0.1:0", "--data", &data.path().to_string_lossy()]);
    assert!(!said.success && !said.out.contains("ready"), "{said:?}");
    assert!(!said.err.contains(SECRET), "{said:?}");
    said.err
}

/// A node that waits for its Redis.
struct Waiting {
    log: PathBuf,
    _process: Process,
    _data: TempDir,
}

impl Waiting {
    fn on(url: &str) -> Self {
        let data = folder();
        let log = data.path().join("node.log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path()).env("REDIS_URL", url);
        Self { _process: Process::start(command, &log), log, _data: data }
    }

    fn says(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for these words, which are said once however long it takes.
    fn until_it_says(&self, words: &str) {
        until(words, || self.says().contains(words));
        std::thread::sleep(Duration::from_millis(1_500));
        let says = self.says();
        let waits = says.lines().filter(|line| line.contains("waiting for Redis") && line.contains(words));
        assert_eq!(waits.count(), 1, "{says}");
        assert!(!self.says().contains("is ready at"), "{}", self.says());
    }

    fn until_ready(&self) {
        until("the node is ready", || self.says().contains("is ready at"));
    }
}

#[test]
fn a_wrong_password_or_missing_rights_end_a_node_with_one_sentence() {
    let place = folder();
    let redis = Redis::with(place.path(), &[]);
    let set_up: [&[&str]; 3] = [
        &["ACL", "SETUSER", "reader", "on", ">hush-2", "~*", "&*", "+@read", "+@connection"],
        &["ACL", "SETUSER", "writer", "on", ">hush-3", "~other:*", "&*", "+@all"],
        &["CONFIG", "SET", "requirepass", "hush-1"],
    ];
    for words in set_up {
        ask::<String>(redis.port, words).expect("Redis takes it");
    }
    let at = |who: &str| refused_with(&format!("redis://{who}127.0.0.1:{}", redis.port));
    let says = at("");
    assert!(says.contains("it wants a password, and the URL has none"), "{says}");
    for wrong in [":hush-0@", "nobody:hush-0@", "reader:hush-3@"] {
        let says = at(wrong);
        assert!(says.contains("the password of its URL, or the user name, is wrong"), "{says}");
        assert_eq!(says.lines().filter(|line| line.starts_with("nineflags: ")).count(), 1, "{says}");
    }
    for poor in ["reader:hush-2@", "writer:hush-3@"] {
        let says = at(poor);
        assert!(says.contains("the user of its URL lacks rights"), "{says}");
    }
    let data = folder();
    let url = format!("redis://:hush-1@127.0.0.1:{}", redis.port);
    Node::start(data.path(), &[("REDIS_URL", &url)]);
}

#[test]
fn another_kind_of_redis_ends_a_node_with_one_sentence() {
    let place = folder();
    // By itself it would take the port 10,000 higher for its bus, which somebody else may have.
    let bus = free_port().to_string();
    let cluster = Redis::with(place.path(), &["--cluster-enabled", "yes", "--cluster-port", &bus]);
    let says = refused_with(&cluster.url());
    assert!(says.contains("it runs as a Redis Cluster"), "{says}");
    let port = free_port();
    let _sentinel = Sentinel::start(&place.path().join("sentinel"), port, free_port());
    until("the sentinel answers", || ask::<String>(port, &["PING"]).is_some());
    let says = refused_with(&format!("redis://127.0.0.1:{port}"));
    assert!(says.contains("it is a sentinel: write redis+sentinel://"), "{says}");
}

/// Turns the first number of the version into a 6.
fn age(bytes: &mut [u8]) {
    const FIELD: &[u8] = b"redis_version:";
    if let Some(at) = bytes.windows(FIELD.len()).position(|window| window == FIELD)
        && let Some(major) = bytes.get_mut(at + FIELD.len())
    {
        *major = b'6';
    }
}

#[test]
fn a_redis_that_is_too_old_ends_a_node_with_one_sentence() {
    let place = folder();
    let redis = Redis::with(place.path(), &[]);
    let says = refused_with(&format!("redis://127.0.0.1:{}", relay(redis.port, |_, bytes| age(bytes))));
    assert!(says.contains("its version is 6.") && says.contains("7.0 is the oldest"), "{says}");
}

#[test]
fn what_passes_is_waited_for_and_said_once() {
    let place = folder();
    let redis = Redis::with(place.path(), &[]);
    let set = |name: &str, value: &str| {
        ask::<String>(redis.port, &["CONFIG", "SET", name, value]).expect("Redis takes it");
    };
    for (name, bad, good, words) in [
        ("maxmemory", "1", "0", "its memory is full"),
        ("min-replicas-to-write", "1", "0", "too few replicas follow it"),
    ] {
        set(name, bad);
        let node = Waiting::on(&redis.url());
        node.until_it_says(words);
        set(name, good);
        node.until_ready();
    }
}

#[test]
fn a_replica_at_a_fixed_address_is_waited_for_until_it_is_promoted() {
    let (one, other) = (folder(), folder());
    let primary = Redis::with(one.path(), &[]);
    let replica = Redis::with(other.path(), &["--replicaof", &format!("127.0.0.1 {}", primary.port)]);
    let node = Waiting::on(&replica.url());
    node.until_it_says("it is a replica, which takes no writes");
    assert_eq!(ask::<String>(replica.port, &["REPLICAOF", "NO", "ONE"]).as_deref(), Some("OK"));
    node.until_ready();
}

#[test]
fn a_redis_that_reads_its_file_is_waited_for() {
    let place = folder();
    let fill = "for i = 1, 10000 do redis.call('SET', 'key:' .. i, i) end";
    {
        let before = Redis::with(place.path(), &[]);
        ask::<()>(before.port, &["EVAL", fill, "0"]).expect("Redis takes it");
        ask::<String>(before.port, &["SAVE"]).expect("Redis saves");
    }
    // Some ten seconds for the keys of the file.
    let slow = ["--key-load-delay", "1000", "--loading-process-events-interval-bytes", "1024"];
    let redis = Redis::loading(place.path(), &slow);
    let node = Waiting::on(&redis.url());
    until("it is told that Redis reads its file", || {
        node.says().contains("it is reading its file after a start")
    });
    node.until_ready();
}

#[test]
fn sentinels_that_do_not_know_the_name_are_told_of() {
    let place = folder();
    let port = free_port();
    let _sentinel = Sentinel::start(place.path(), port, free_port());
    until("the sentinel answers", || ask::<String>(port, &["PING"]).is_some());
    let node = Waiting::on(&format!("redis+sentinel://127.0.0.1:{port}/another?password={SECRET}"));
    node.until_it_says("it knows no primary by the name another");
    assert!(!node.says().contains(SECRET), "{}", node.says());
}

#[test]
fn settings_that_lose_games_are_warned_of_and_the_node_serves() {
    let (one, other) = (folder(), folder());
    let redis = Redis::with(one.path(), &["--maxmemory-policy", "allkeys-lru"]);
    let replica = Redis::with(other.path(), &["--replicaof", &format!("127.0.0.1 {}", redis.port)]);
    until("the replica follows", || replica.replication("master_link_status").as_deref() == Some("up"));
    let node = Waiting::on(&redis.url());
    node.until_ready();
    let (says, shown) = (node.says(), nineflags(&redis.url(), &["inspect", "redis"]).out);
    for words in ["appendonly is off", "maxmemory-policy is allkeys-lru", "min-replicas-to-write is 0"] {
        assert!(shown.contains(words), "{words} is missing:\n{shown}");
        assert!(says.contains(words), "{words} is missing:\n{says}");
    }
    let warnings = inspect(&redis.url(), &["redis"])["redis"][0]["primary"]["warnings"].take();
    assert_eq!(warnings.as_array().map(Vec::len), Some(3), "{warnings}");
}

async fn ready(node: &Node) -> (u16, String) {
    let reply = http(node.address, "GET", "/readyz", "", None).await;
    (reply.status, reply.body)
}

async fn until_ready(node: &Node, status: u16, words: &str) {
    let deadline = tokio::time::Instant::now() + WITHIN;
    loop {
        let seen = ready(node).await;
        if seen.0 == status && seen.1.contains(words) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{status} {words} in time, not {seen:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// Makes Redis unable to save, so that it refuses writes: a folder is where its file should go.
fn cannot_save(redis: &Redis, folder: &Path) {
    std::fs::create_dir(folder.join("in-the-way")).expect("a folder");
    for words in [["save", "900 1"], ["dbfilename", "in-the-way"]] {
        ask::<String>(redis.port, &["CONFIG", "SET", words[0], words[1]]).expect("Redis takes it");
    }
    until("Redis cannot save", || {
        // One may be under way.
        let _ = ask::<String>(redis.port, &["BGSAVE"]);
        let info: String = ask(redis.port, &["INFO", "persistence"]).expect("an answer");
        info.contains("rdb_last_bgsave_status:err")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_no_writes_is_refused_in_time_and_forgotten_when_it_does_again() {
    let (place, data) = (folder(), folder());
    // Without it the name of its file cannot be changed while it runs.
    let redis = Redis::with(place.path(), &["--enable-protected-configs", "yes"]);
    let mut pair = Pair::on(Node::start(data.path(), &[("REDIS_URL", &redis.url())]), 41).await;
    let set = |name: &str, value: &str| {
        ask::<String>(redis.port, &["CONFIG", "SET", name, value]).expect("Redis takes it");
    };
    for (round, fault) in ["full", "alone", "no disk"].into_iter().enumerate() {
        assert!(pair.play_to(u32::try_from(round).expect("small") * 8 + 8).await);
        let words = match fault {
            "full" => {
                set("maxmemory", "1");
                "Redis (data): its memory is full"
            }
            "alone" => {
                set("min-replicas-to-write", "1");
                "Redis (data): it takes no writes, since too few replicas follow it"
            }
            _ => {
                cannot_save(&redis, place.path());
                "Redis (data): it cannot write to its disk"
            }
        };
        until_ready(&pair.node, 503, words).await;
        assert_eq!(http(pair.node.address, "GET", "/healthz", "", None).await.status, 200);
        let sign_up = json!({"name": format!("Late-{round}"), "password": "correct horse battery"});
        let reply = http(pair.node.address, "POST", "/api/signup", "", Some(&sign_up)).await;
        assert_eq!((reply.status, &reply.json()["code"]), (503, &"unavailable".into()), "{reply:?}");
        // A move is refused in time, or played on with until it can be written down.
        let refused = pair.step_once().await;
        assert!(matches!(refused, None | Some(RefusalCode::Unavailable)), "{refused:?}");
        set("maxmemory", "0");
        set("min-replicas-to-write", "0");
        set("save", "");
        until_ready(&pair.node, 200, "ready\n").await;
        let reply = http(pair.node.address, "POST", "/api/signup", "", Some(&sign_up)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    pair.finish_and_check().await;
}

/// A metric of the data group, as the node tells it.
async fn of_data(node: &Node, name: &str) -> Option<f64> {
    let page = http(node.address, "GET", "/metrics", "", None).await.body;
    let begin = format!("{name}{{group=\"data\"}} ");
    page.lines().find_map(|line| line.strip_prefix(begin.as_str())?.parse().ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_replica_missing_the_group_goes_on_and_says_so() {
    let mut trio = Trio::start();
    let mut pair = Pair::on_group(&trio, 42).await;
    until_ready(&pair.node, 200, "ready\n").await;
    assert_eq!(ready(&pair.node).await.1, "ready\n");
    let lost = (trio.primary() + 1) % 3;
    trio.redis[lost].kill();
    until_ready(&pair.node, 200, "ready, but data has 1 of 2 replicas\n").await;
    assert_eq!(of_data(&pair.node, "nineflags_redis_replicas").await, Some(1.0));
    assert_eq!(of_data(&pair.node, "nineflags_redis_replicas_expected").await, Some(2.0));
    assert_eq!(of_data(&pair.node, "nineflags_redis_writable").await, Some(1.0));
    let shown = nineflags(&trio.url(), &["inspect", "redis"]).out;
    assert!(shown.contains("Reduced: 1 of 2 replicas follow."), "{shown}");
    assert_eq!(inspect(&trio.url(), &["redis"])["redis"][0]["attached"], 1);
    // Moves are accepted and called saved, and what is answered only when saved is answered.
    assert!(pair.play_to(16).await);
    pair.until_saved().await;
    let guest = async {
        while http(pair.node.address, "POST", "/api/guest", "", Some(&json!({}))).await.status != 200 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(WITHIN, guest).await.expect("a guest is let in, in time");
    trio.redis[lost].start_again();
    until_ready(&pair.node, 200, "ready\n").await;
    until("both follow", || trio.redis.iter().filter(|redis| redis.is_good_replica()).count() == 2);
    pair.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_cannot_be_read_is_refused_in_words_while_others_are_played_and_saved() {
    let (place, data) = (folder(), folder());
    let redis = Redis::alone(place.path());
    let mut whole = Pair::on(Node::start(data.path(), &[("REDIS_URL", &redis.url())]), 43).await;
    let node = whole.node.address;
    let one = Browser::guest(node).await;
    let (mut first, mut second, table) = seated(one, Browser::guest(node).await).await;
    let key = format!("game:{table}");
    let _: u64 = ask(redis.port, &["DEL", &key]).expect("Redis answers");
    let _: String = ask(redis.port, &["SET", &key, "no game"]).expect("Redis answers");

    let view = first.until_table("the table", |view| view.table == table).await;
    let mover = if view.view.turn == Some(Seat::First) { &mut first } else { &mut second };
    let own = mover.until_table("the mover's view", |view| view.table == table).await;
    let chosen = choose(&own, &mut Dice(6));
    let refused = mover.ask(Ask::Move { table, tip: own.tip.clone(), moves: chosen }).await;
    let Update::Refused { code: RefusalCode::Unavailable, words, .. } = refused else {
        panic!("{refused:?}")
    };
    assert!(words.contains("cannot read this game"), "{words}");

    assert!(whole.play_to(20).await);
    whole.until_saved().await;
    assert_eq!(of_data(&whole.node, "nineflags_redis_away").await, Some(0.0), "it is no absence");
}
