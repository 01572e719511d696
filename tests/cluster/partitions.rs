//! The network between nodes and a Redis group is cut, and mended again.

use nineflags::protocol::{Ask, RefusalCode, Update};
use nineflags::rules::seat::Seat;

use crate::harness::opponents::{Attempt, Opponents};
use crate::harness::player::{Player, fresh_id};
use crate::harness::process::until;
use crate::harness::ready::{is_ready, until_ready};
use crate::harness::redis::Redis;
use crate::harness::spread::Spread;

/// The hosts of a site with three Redis and two nodes: the first Redis begins as the primary.
const PRIMARY: usize = 0;
const OTHER_REDIS: [usize; 2] = [1, 2];
const NODE_0: usize = 3;
const NODE_1: usize = 4;

/// A site whose first Redis is the primary, with two players at one node who have moved a few times.
async fn beside_the_primary(seed: u64) -> Option<(Spread, Opponents)> {
    let site = Spread::trio(2)?;
    assert_eq!(site.primary(), PRIMARY);
    let mut pair = Opponents::meet(&[site.node(0)], &[site.node(0)], seed).await;
    pair.play_on(6).await;
    pair.until_saved().await;
    Some((site, pair))
}

/// Both seats make at least one more move.
async fn both_move(pair: &mut Opponents) {
    let made = |pair: &Opponents, seat: Seat| pair.players[seat].acknowledged.len();
    let before = Seat::BOTH.map(|seat| made(pair, seat));
    while Seat::BOTH.into_iter().zip(before).any(|(seat, before)| made(pair, seat) == before) {
        assert!(pair.step().await, "the game is over too early");
    }
}

/// Whether a primary takes nothing, since nobody follows it.
fn refuses(redis: &Redis) -> bool {
    redis.role().as_deref() == Some("master")
        && redis.ask::<String>(&["SET", "probe", "", "EX", "1"]).is_none()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_cut_off_primary_has_is_healed_in_when_it_still_applies() {
    let Some((site, mut pair)) = beside_the_primary(31).await else { return };
    let mut others = Opponents::meet(&[site.node(1)], &[site.node(1)], 32).await;
    others.play_on(3).await;
    site.net.cut_off(&[PRIMARY, NODE_0]);
    both_move(&mut pair).await;
    until("the primary that was cut off accepts nothing", || refuses(&site.redis[PRIMARY]));
    let attempt = pair.attempt().await;
    assert!(matches!(attempt, Attempt::Unknown | Attempt::Done { unsaved: true }), "{attempt:?}");
    site.until_not(PRIMARY, &OTHER_REDIS);
    others.play_on(4).await;
    others.until_saved().await;

    site.net.heal();
    pair.play_on(1).await;
    site.until_settled();
    assert_eq!(pair.finish_and_check(site.node(1)).await, 0);
    assert_eq!(others.finish_and_check(site.node(0)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_cut_off_primary_has_is_undone_with_a_word_when_another_move_was_made() {
    let Some((site, mut pair)) = beside_the_primary(33).await else { return };
    let mover = pair.turn().await.expect("a game that goes on");
    let stays = mover.other();
    site.net.cut_off(&[PRIMARY, NODE_0]);
    both_move(&mut pair).await;
    site.until_not(PRIMARY, &OTHER_REDIS);
    // Whoever moved first there goes on at another device on the other side, where nobody knows of it.
    let first_device = pair.players[mover].change_device(&[site.node(1)]).await.expect("a table");
    let own = pair.players[mover].browser.table.clone().expect("a view");
    assert_eq!(own.view.turn, Some(mover));
    pair.move_otherwise(mover, own).await;

    site.net.heal();
    pair.players[stays].until_went_back().await;
    // Not the newest of all: the mover has not heard yet that what the first device was told is undone.
    let newest = pair.players[mover].acknowledged.last().expect("a move").tip.number;
    pair.players[stays].until_view(pair.table, newest).await;
    let answer = pair.players[mover].ask(first_device).await;
    assert!(matches!(answer, Update::Refused { code: RefusalCode::WentBack, .. }), "{answer:?}");
    site.until_settled();
    let undone = pair.finish_and_check(site.node(1)).await;
    assert!(undone >= 2, "both had moved: {undone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_its_redis_refuses_in_time_and_is_equal_again_when_it_is_back() {
    let Some(site) = Spread::trio(2) else { return };
    let (here, there) = (site.node(0), site.node(1));
    let mut pair = Opponents::meet(&[here], &[here], 34).await;
    let mut watcher = Player::guest(&[there]).await;
    let answer = watcher.ask(Ask::Watch { table: pair.table }).await;
    assert!(matches!(answer, Update::Done { .. }), "{answer:?}");
    pair.play_on(4).await;
    // The first seat is at the other node when that loses Redis.
    pair.players.first.go_to(&[there]).await;
    while pair.turn().await != Some(Seat::First) {
        assert!(pair.step().await, "the game is over too early");
    }
    site.net.cut(&[NODE_1], &[PRIMARY, 1, 2]);
    assert_eq!(pair.attempt().await, Attempt::Unknown);
    let refused = watcher
        .ask_once(
            &fresh_id(),
            &Ask::Tell { to: pair.players.second.browser.name.clone(), text: "Hm".to_owned() },
        )
        .await;
    assert!(matches!(refused, Some(Update::Refused { code: RefusalCode::Unavailable, .. })), "{refused:?}");
    until_ready(there, false).await;
    assert!(is_ready(here).await);
    pair.players.first.go_to(&[here]).await;
    pair.play_on(6).await;
    pair.until_saved().await;

    site.net.heal();
    until_ready(there, true).await;
    watcher.until_view(pair.table, pair.newest()).await;
    pair.players.first.go_to(&[there]).await;
    pair.play_on(2).await;
    assert_eq!(pair.finish_and_check(there).await, 0);
    assert_eq!(site.primary(), PRIMARY);
}

/// The sentinels and the nodes see each other, and the nodes also the old primary, which nobody else sees.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_only_the_nodes_still_see_is_left() {
    let Some((site, mut pair)) = beside_the_primary(35).await else { return };
    site.net.cut(&[PRIMARY], &OTHER_REDIS);
    let new = site.until_not(PRIMARY, &OTHER_REDIS);
    pair.play_on(2).await;
    let records = |redis: usize| site.redis[redis].ask::<u32>(&["XLEN", &format!("game:{}", pair.table)]);
    let left_with = records(PRIMARY).expect("an answer");
    until("the new primary has every move", || records(new).is_some_and(|records| records > left_with));
    assert_eq!(site.redis[PRIMARY].role().as_deref(), Some("master"));
    let table = pair.table;
    pair.play_on(4).await;
    pair.until_saved().await;
    let records = |redis: usize| site.redis[redis].ask::<u32>(&["XLEN", &format!("game:{table}")]);
    assert_eq!(records(PRIMARY), Some(left_with), "the old primary was given nothing more");
    site.net.heal();
    site.until_settled();
    assert_eq!(pair.finish_and_check(site.node(1)).await, 0);
}

/// The primary hears everybody and carries everything out, and nobody hears it.
#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_hears_but_cannot_be_heard_carries_nothing_out_twice() {
    let Some((site, mut pair)) = beside_the_primary(36).await else { return };
    site.net.cut_one_way(&[PRIMARY], &[1, 2, NODE_0, NODE_1]);
    assert!(pair.step().await);
    assert_ne!(site.until_not(PRIMARY, &OTHER_REDIS), PRIMARY);
    pair.play_on(4).await;
    site.net.heal();
    site.until_settled();
    assert_eq!(pair.finish_and_check(site.node(1)).await, 0);
}
