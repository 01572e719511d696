//! A primary that is away just long enough to be replaced, and one that dies together with a node.

use std::net::SocketAddr;
use std::time::Duration;

use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::table::options::TableOptions;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::harness::browser::Browser;
use crate::harness::node::Node;
use crate::harness::opponents::Opponents;
use crate::harness::process::until;
use crate::harness::redis::Redis;
use crate::harness::trio::Trio;

/// About as long as the sentinels wait before they call a primary down.
const STALL: Duration = Duration::from_millis(1_700);

/// A node has looked by then whether a game began.
const LOOKED_AT: Duration = Duration::from_secs(4);

/// A group, two nodes that use it, and their addresses.
fn site() -> (Trio, Vec<Node>, [SocketAddr; 2], TempDir) {
    let trio = Trio::start();
    let folder = tempfile::tempdir().expect("a folder");
    let url = trio.url();
    let nodes: Vec<Node> = (0..2).map(|_| Node::start(folder.path(), &[("REDIS_URL", &url)])).collect();
    let addresses = [nodes[0].address, nodes[1].address];
    (trio, nodes, addresses, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_wakes_up_during_its_failover_takes_nothing_from_a_game() {
    let (trio, _nodes, [here, there], _folder) = site();
    let mut game = Opponents::meet(&[here, there], &[there, here], 61).await;
    game.play_on(4).await;
    let old = trio.primary();
    trio.redis[old].freeze();
    let stall = async {
        sleep(STALL).await;
        trio.redis[old].thaw();
    };
    tokio::join!(game.play_on(6), stall);
    trio.until_settled();
    game.play_on(4).await;

    let old = trio.primary();
    trio.redis[old].freeze();
    // It wakes up as soon as it is called down, when another is about to be made the primary.
    let is_down = |flags: Option<String>| flags.is_some_and(|flags| flags.contains("o_down"));
    until("it is called down", || trio.sentinels.iter().any(|sentinel| is_down(sentinel.primary("flags"))));
    trio.redis[old].thaw();
    game.play_on(6).await;
    trio.until_settled();
    assert_eq!(game.finish_and_check(there).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_and_the_primary_die_together() {
    let (mut trio, mut nodes, [here, there], _folder) = site();
    let mut across = Opponents::meet(&[here, there], &[there, here], 62).await;
    let mut local = Opponents::meet(&[here, there], &[here, there], 63).await;
    local.play_on(6).await;
    across.play_on(6).await;
    let old = trio.primary();
    nodes.remove(0).kill();
    trio.redis[old].kill();
    across.play_on(6).await;
    local.play_on(6).await;
    assert_ne!(trio.until_not(old), old);
    // The other node holds all of the first game; of the second what was saved is there, and what is lost is told.
    assert_eq!(across.finish_and_check(there).await, 0);
    local.finish_and_check(there).await;
}

/// Updates that come within a time.
async fn told_within(browser: &mut Browser, time: Duration) -> Vec<Update> {
    let mut told = Vec::new();
    let _ = timeout(time, async {
        while let Some(update) = browser.next().await {
            told.push(update);
        }
    })
    .await;
    told
}

/// A primary that loses its place takes with it what no replica has: nobody is told of a game until it is on them.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_of_a_game_that_no_replica_has() {
    let (trio, _nodes, [here, there], _folder) = site();
    let (mut ann, mut ben) = (Browser::guest(here).await, Browser::guest(there).await);
    let replicas: Vec<&Redis> = trio.redis.iter().filter(|redis| redis.is_good_replica()).collect();
    let mut resume = None;
    for _ in ["begun", "resumed"] {
        let invite = Ask::Invite { to: ben.name.clone(), options: TableOptions::default(), resume };
        assert!(matches!(ann.ask(invite.clone()).await, Update::Done { .. }));
        for replica in &replicas {
            replica.freeze();
        }
        let accept = Ask::Accept { from: ann.name.clone(), invite: None };
        // Whoever asks again is not told of it either.
        for _ in ["asked", "repeated"] {
            let answer = ben.ask(accept.clone()).await;
            assert!(matches!(answer, Update::Refused { code: RefusalCode::Unavailable, .. }), "{answer:?}");
        }
        let answer = ann.ask(invite).await;
        assert!(matches!(answer, Update::Refused { code: RefusalCode::Unavailable, .. }), "{answer:?}");
        // Also not once it is looked whether the game began.
        let told = tokio::join!(told_within(&mut ann, LOOKED_AT), told_within(&mut ben, LOOKED_AT));
        let shown = told.0.iter().chain(&told.1).find(|update| matches!(update, Update::Table(_)));
        assert_eq!(shown, None);
        for replica in &replicas {
            replica.thaw();
        }
        let table = loop {
            if let Update::Done { table: Some(table), .. } = ben.ask(accept.clone()).await {
                break table;
            }
        };
        for browser in [&mut ann, &mut ben] {
            browser.until_table("the table", |view| view.table == table && !view.stopped).await;
        }
        assert!(resume.is_none_or(|resumed| resumed == table));
        assert!(matches!(ann.ask(Ask::Save { table }).await, Update::Done { .. }));
        until("the seats are free", || {
            trio.redis[trio.primary()]
                .ask(&["KEYS", "seat:*"])
                .is_some_and(|seats: Vec<String>| seats.is_empty())
        });
        resume = Some(table);
    }
}
