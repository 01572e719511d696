//! Finished games read from a Redis on the node's own side: what it has, what it lacks, and when it is gone.

use nineflags::redis::roles::RedisUrls;
use nineflags::store::Store;
use nineflags_tools::load;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::browser::http;
use crate::harness::lone::Redis;
use crate::harness::node::Node;
use crate::load::options;

/// The finished games as a node lists them, and each with its records.
async fn shown(node: &Node) -> Vec<Value> {
    let list = http(node.address, "GET", "/api/games", "", None).await.json();
    let games = list["games"].as_array().expect("a list").clone();
    let mut all = vec![list];
    for game in games {
        let path = format!("/api/game/{}", game["table"].as_str().expect("an id"));
        let reply = http(node.address, "GET", &path, "", None).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        all.push(reply.json());
    }
    all
}

/// How often a Redis was asked for finished games in this way.
async fn asked(redis: &Redis, command: &str) -> u64 {
    let info: String = redis.query(&["INFO", "commandstats"]).await;
    let line = info.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_games_come_from_the_near_redis_and_what_it_lacks_from_the_archive() {
    let primary = Redis::start().await;
    let (replica, empty, gone) =
        (Redis::replica_of(&primary).await, Redis::start().await, Redis::start().await);
    let gone_url = gone.url();
    drop(gone);
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().expect("a folder")).collect();
    let near = [String::new(), replica.url(), empty.url(), gone_url];
    let url = primary.url();
    let start = |(folder, near): (&TempDir, &String)| {
        Node::start(folder.path(), &[("REDIS_URL", &url), ("ARCHIVE_NEAR_REDIS_URL", near)])
    };
    let nodes: Vec<Node> = folders.iter().zip(&near).map(start).collect();
    let report = load::run(options(nodes[0].address, "--pairs 2"), |_| {}).await.expect("a run");
    assert!(report.is_clean(), "{report}");

    let games = shown(&nodes[0]).await;
    assert_eq!(games.len(), 3, "a list of two games, and both");
    let (at_primary, at_replica) = (asked(&primary, "hmget").await, asked(&replica, "hmget").await);
    assert_eq!(at_replica, 0);
    assert_eq!(shown(&nodes[1]).await, games);
    assert_eq!(asked(&replica, "hmget").await, 4, "both rows of the list, and each game");
    let by_now = asked(&primary, "hmget").await;
    assert_eq!(shown(&nodes[2]).await, games, "the near one has nothing of it");
    assert_eq!(asked(&empty, "hmget").await, 4);
    assert!(asked(&primary, "hmget").await >= by_now + 4, "both for the list, and each");
    assert!(by_now < at_primary + 4, "the near one had all of it");
    assert_eq!(shown(&nodes[3]).await, games, "the near one is gone");

    // One that hangs is given up, and left alone for some seconds.
    replica.signal("STOP");
    assert_eq!(shown(&nodes[1]).await, games);
    replica.signal("CONT");
}

#[tokio::test]
async fn the_near_redis_is_one_address() {
    let primary = Redis::start().await;
    let urls = RedisUrls::from(&primary.url());
    let near = "redis+sentinel://a:1/data".into();
    let refused = Store::connect(urls.clone().with_near(Some(&near))).await.err().expect("a refusal");
    assert!(refused.to_string().contains("one address"), "{refused}");
    assert!(Store::connect(urls.with_near(Some(&"".into()))).await.is_ok(), "left out");
}
