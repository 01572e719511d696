//! Games on a Redis group whose primary dies, hangs, hands over or loses power.

use std::time::Duration;

use nineflags::ids::TableId;
use tokio::time::sleep;

use crate::harness::pair::Pair;
use crate::harness::process::until;
use crate::harness::redis::Redis;
use crate::harness::sentinel::Sentinel;
use crate::harness::trio::Trio;

/// How many records of a game a Redis holds, and whether it thinks it is the primary, at one instant.
fn records_and_role(redis: &Redis, table: TableId) -> (u32, String) {
    let mut questions = redis::pipe();
    questions.atomic().cmd("XLEN").arg(format!("game:{table}")).cmd("ROLE");
    let (records, role): (u32, Vec<redis::Value>) = redis.ask_all(&questions).expect("an answer");
    let role = role.into_iter().next().expect("a role");
    (records, redis::from_redis_value(role).expect("a word"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_primary_loses_no_move_and_comes_back_as_a_replica() {
    let mut trio = Trio::start();
    let old = trio.primary();
    let mut party = Pair::on_group(&trio, 21).await;
    assert!(party.play_to(15).await);
    party.until_saved().await;
    trio.redis[old].kill();
    // At once, while the sentinels still name it.
    trio.redis[old].start_again();
    assert!(party.play_to(25).await);
    party.until_saved().await;
    let new = trio.until_not(old);
    until("the old primary follows", || trio.redis[old].is_good_replica());
    assert_eq!(trio.redis[old].replication("master_port"), Some(trio.redis[new].port.to_string()));
    party.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_primary_that_wakes_up_is_not_written_to() {
    let trio = Trio::start();
    let old = trio.primary();
    let mut party = Pair::on_group(&trio, 22).await;
    assert!(party.play_to(10).await);
    party.until_saved().await;
    trio.redis[old].freeze();
    assert!(party.play_to(14).await);
    trio.until_not(old);
    let before = party.acknowledged.last().expect("a move").number;
    trio.redis[old].thaw();
    loop {
        // Its demotion takes seconds, and the game has only so many moves.
        sleep(Duration::from_millis(300)).await;
        assert!(party.play_to(party.acknowledged.last().expect("a move").number + 1).await);
        let (records, role) = records_and_role(&trio.redis[old], party.table);
        if role != "master" {
            break;
        }
        assert!(records <= before, "the old primary has {records} records of {before} before it woke");
    }
    party.until_saved().await;
    party.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_failover_loses_no_move() {
    let trio = Trio::start();
    let old = trio.primary();
    let mut party = Pair::on_group(&trio, 23).await;
    assert!(party.play_to(10).await);
    until("the failover is ordered", || trio.sentinels[0].fail_over());
    while trio.sentinels[1].primary_port() == Some(trio.redis[old].port) {
        assert!(party.step().await, "the game is longer than the failover");
        sleep(Duration::from_millis(200)).await;
    }
    trio.until_not(old);
    assert!(party.play_to(party.acknowledged.last().expect("a move").number + 2).await);
    party.until_saved().await;
    party.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_power_cut_the_group_comes_back_with_its_games() {
    let mut trio = Trio::start();
    let primary = trio.primary();
    let mut party = Pair::on_group(&trio, 24).await;
    assert!(party.play_to(12).await);
    party.until_saved().await;
    for redis in &mut trio.redis {
        redis.kill();
    }
    for redis in &mut trio.redis {
        redis.start_again();
    }
    trio.until_settled();
    assert_eq!(trio.primary(), primary);
    party.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_behind_a_clock_that_jumped_is_over_while_the_sentinels_are_blind() {
    let mut trio = Trio::start();
    let primary = trio.primary();
    // Blind ones tell of the replicas what they saw last.
    for sentinel in &trio.sentinels {
        assert!(sentinel.ask(&["SENTINEL", "DEBUG", "info-period", "600000"]), "Redis 7 knows it");
        sentinel.freeze();
    }
    sleep(Duration::from_millis(2_500)).await;
    for redis in &mut trio.redis {
        redis.kill();
    }
    for sentinel in &trio.sentinels {
        sentinel.thaw();
    }
    until("the sentinels are blind", || trio.sentinels.iter().all(Sentinel::is_blind));
    for redis in &mut trio.redis {
        redis.start_again();
    }
    until("it goes on as the primary", || trio.redis[primary].role().as_deref() == Some("master"));
    assert!(trio.sentinels.iter().all(Sentinel::is_blind), "nobody waited until they see again");
    until("the others follow it", || {
        trio.redis
            .iter()
            .filter(|redis| redis.replication("master_link_status").as_deref() == Some("up"))
            .count()
            == 2
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_killed_while_the_sentinels_are_blind_is_replaced_once_they_see() {
    let mut trio = Trio::start();
    let old = trio.primary();
    let mut pair = Pair::on_group(&trio, 31).await;
    assert!(pair.play_to(8).await);
    pair.until_saved().await;
    for sentinel in &trio.sentinels {
        assert!(sentinel.ask(&["SENTINEL", "DEBUG", "tilt-period", "5000"]), "Redis 7 knows it");
        sentinel.freeze();
    }
    sleep(Duration::from_millis(2_500)).await;
    trio.sentinels.iter().for_each(Sentinel::thaw);
    until("the sentinels are blind", || trio.sentinels.iter().all(Sentinel::is_blind));
    trio.redis[old].kill();
    trio.redis[old].start_again();
    trio.until_not(old);
    pair.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_whose_disk_was_full_before_a_power_cut_comes_back_with_everything() {
    let mut trio = Trio::start();
    let primary = trio.primary();
    let mut pair = Pair::on_group(&trio, 28).await;
    assert!(pair.play_to(12).await);
    pair.until_saved().await;
    let before = records_and_role(&trio.redis[primary], pair.table).0;
    trio.redis.iter_mut().for_each(Redis::kill);
    trio.redis[primary].leave_hole();
    // Without the node that could fill what is missing.
    pair.node.signal("STOP");
    trio.redis.iter_mut().for_each(Redis::start_again);
    trio.until_settled();
    assert_eq!(trio.primary(), primary);
    let (records, role) = records_and_role(&trio.redis[primary], pair.table);
    assert!(records >= before && role == "master", "{records} records of {before} at a {role}");
    pair.node.signal("CONT");
    pair.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_away_during_a_failover_follows_the_new_primary_whatever_its_file_says() {
    let mut trio = Trio::start();
    let old = trio.primary();
    let stale = (old + 1) % 3;
    let mut pair = Pair::on_group(&trio, 25).await;
    assert!(pair.play_to(8).await);
    pair.until_saved().await;
    trio.redis[stale].kill();
    until("the sentinels hold it to be down", || {
        trio.sentinels
            .iter()
            .all(|sentinel| sentinel.replicas("flags").iter().any(|flags| flags.contains("s_down")))
    });
    trio.redis[old].freeze();
    let new = trio.until_not(old);
    let old_primary = format!("replicaof 127.0.0.1 {}", trio.redis[old].port);
    assert!(trio.redis[stale].written().contains(&old_primary), "its file names the old primary");
    trio.redis[stale].start_again();
    trio.redis[old].thaw();
    until("the stale one answers", || trio.redis[stale].role().is_some());
    let new_port = trio.redis[new].port.to_string();
    assert_eq!(trio.redis[stale].replication("master_port").as_deref(), Some(new_port.as_str()));
    until("both follow", || trio.redis.iter().filter(|redis| redis.is_good_replica()).count() == 2);
    assert_eq!(trio.redis[stale].replication("master_port"), Some(new_port));
    pair.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_comes_back_at_once_with_an_empty_disk_empties_nobody() {
    let mut trio = Trio::start();
    let old = trio.primary();
    let mut pair = Pair::on_group(&trio, 26).await;
    assert!(pair.play_to(12).await);
    pair.until_saved().await;
    let before = pair.acknowledged.last().expect("a move").number;
    trio.redis[old].kill();
    trio.redis[old].empty();
    // Long before the sentinels call it down.
    trio.redis[old].start_again();
    let new = trio.until_not(old);
    let (records, role) = records_and_role(&trio.redis[new], pair.table);
    assert!(records >= before && role == "master", "{records} records of {before} at a {role}");
    until("it follows", || trio.redis[old].is_good_replica());
    assert!(records_and_role(&trio.redis[old], pair.table).0 >= before, "it was given everything");
    pair.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_file_is_damaged_is_given_everything_again() {
    let mut trio = Trio::start();
    let replica = (trio.primary() + 1) % 3;
    let mut pair = Pair::on_group(&trio, 27).await;
    assert!(pair.play_to(12).await);
    pair.until_saved().await;
    trio.redis[replica].kill();
    trio.redis[replica].damage();
    trio.redis[replica].start_again();
    trio.until_settled();
    assert!(trio.redis[replica].folder().join("appendonlydir.damaged").exists());
    pair.finish_and_check().await;
}
