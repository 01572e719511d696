//! Two data centres with a Redis, a sentinel and a node each, and a third place with a Redis and a sentinel alone.

use std::time::Duration;

use nineflags::rules::seat::Seat;

use crate::harness::opponents::{Opponents, archived};
use crate::harness::ready::until_ready;
use crate::harness::spread::Spread;

/// The hosts of the first centre, whose Redis begins as the primary: Redis and sentinel, node.
const A: [usize; 2] = [0, 3];
/// The hosts of the second.
const B: [usize; 2] = [1, 4];
/// The third place.
const C: [usize; 1] = [2];
/// How much later everything arrives from another place.
const FAR: Duration = Duration::from_millis(80);

/// The site, and a game across both centres that has begun and is saved.
async fn across(seed: u64) -> Option<(Spread, Opponents)> {
    let site = Spread::trio(2)?;
    assert_eq!(site.primary(), A[0]);
    let (here, there) = (site.node(0), site.node(1));
    let mut game = Opponents::meet(&[here, there], &[there, here], seed).await;
    game.play_on(6).await;
    game.until_saved().await;
    Some((site, game))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_centre_with_the_primary_is_lost_and_comes_back() {
    let Some((mut site, mut game)) = across(51).await else { return };
    let (here, there) = (site.node(0), site.node(1));
    let mut local = Opponents::meet(&[here, there], &[here, there], 52).await;
    local.play_on(6).await;
    local.until_saved().await;
    site.lose(&A);
    assert_ne!(site.until_not(A[0], &[1, 2]), A[0]);
    for game in [&mut game, &mut local] {
        game.play_on(4).await;
        game.until_saved().await;
    }
    site.bring_back(&A);
    site.until_settled();
    until_ready(here, true).await;
    game.play_on(1).await;
    assert_eq!(game.finish_and_check(here).await, 0);
    assert_eq!(local.finish_and_check(here).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_centre_without_the_primary_is_lost() {
    let Some((mut site, mut game)) = across(53).await else { return };
    site.lose(&B);
    game.play_on(4).await;
    game.until_saved().await;
    let here = site.node(0);
    // Whoever was in the other centre comes to this one; a game may begin, and end, with one replica.
    let next = Opponents::meet(&[here], &[here], 54).await;
    assert_eq!(game.finish_and_check(here).await, 0);
    assert_eq!(next.finish_and_check(here).await, 0);
    assert_eq!(site.named_by(&[0, 2]), Some(A[0]), "nothing had to take its place");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_between_the_centres_is_cut_and_mended() {
    let Some((site, mut game)) = across(55).await else { return };
    let (here, there) = (site.node(0), site.node(1));
    site.net.cut(&A, &B);
    until_ready(there, false).await;
    for seat in Seat::BOTH {
        game.players[seat].go_to(&[here]).await;
    }
    game.play_on(4).await;
    // The replica that was cut off is waited for no longer once the third place has seen that it follows nobody.
    game.until_saved().await;
    let table = game.table;
    assert_eq!(game.finish_and_check(here).await, 0);
    assert_eq!(site.named_by(&[0, 2]), Some(A[0]), "nothing had to take its place");
    site.net.heal();
    until_ready(there, true).await;
    site.until_settled();
    assert_eq!(archived(there, table).await, archived(here, table).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_games_are_read_on_the_own_side_of_a_link_that_is_slow_and_then_cut() {
    let Some((mut site, game)) = across(57).await else { return };
    site.lose(&[B[1]]);
    site.set("ARCHIVE_NEAR_REDIS_URL", &format!("redis://{}", site.redis[B[0]].address));
    site.bring_back(&[B[1]]);
    let (here, there) = (site.node(0), site.node(1));
    until_ready(there, true).await;
    site.net.slow(&A, &B, FAR);
    let table = game.table;
    assert_eq!(game.finish_and_check(here).await, 0);
    let told = archived(here, table).await;
    assert_eq!(archived(there, table).await, told);
    // What never changes is shown even where nothing else can be.
    site.net.cut(&A, &B);
    site.net.cut(&C, &B);
    until_ready(there, false).await;
    assert_eq!(archived(there, table).await, told);
    site.net.heal();
    until_ready(there, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_link_between_the_centres_costs_time_and_nothing_else() {
    let Some((site, game)) = across(56).await else { return };
    site.net.slow(&A, &B, FAR);
    site.net.slow(&A, &C, FAR);
    site.net.slow(&B, &C, FAR);
    let there = site.node(1);
    assert_eq!(game.finish_and_check(there).await, 0);
    assert_eq!(site.named_by(&[0, 1, 2]), Some(A[0]));
    let failovers = site.sentinels[0].primary("config-epoch");
    assert_eq!(failovers.as_deref(), Some("0"), "nobody was taken for dead");
}
