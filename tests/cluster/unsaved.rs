//! Games that play on while their shard of the backup is away: unsaved, shown as such, written later or undone in words.

use std::sync::atomic::Ordering;
use std::time::Duration;

use nineflags::ids::{RequestId, TableId};
use nineflags::protocol::{Ask, NoticeCode, RefusalCode, TableView, Update};
use nineflags::rules::card::Card;
use nineflags::rules::game::Phase;
use nineflags::rules::seat::Seat;
use nineflags::table::record::Tip;
use tokio::time::{sleep, timeout};

use crate::harness::bot::{Dice, choose, must_wait};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::process::{WITHIN, until};
use crate::harness::redis::ask;
use crate::harness::relay::gate;
use crate::harness::site::Site;

/// Two seats, and the tip each of their moves was answered with.
struct Game {
    first: Browser,
    second: Browser,
    table: TableId,
    dice: Dice,
    done: Vec<Tip>,
}

impl Game {
    /// Begins one between players at two nodes of a site, which may be the same.
    async fn begin(site: &Site, one: usize, two: usize, seed: u64) -> Self {
        let one = Browser::guest(site.address(one)).await;
        let (first, second, table) = seated(one, Browser::guest(site.address(two)).await).await;
        Self { first, second, table, dice: Dice(seed), done: Vec::new() }
    }

    /// The browser of the seat on turn, with its newest view; none once the game is over.
    async fn mover(&mut self) -> Option<(&mut Browser, TableView)> {
        let (table, least) = (self.table, self.done.last().map_or(0, |tip| tip.number));
        let newest = move |view: &TableView| view.table == table && view.tip.number >= least;
        let turn = self.first.until_table("the first seat's view", newest).await.view.turn?;
        let mover = if turn == Seat::First { &mut self.first } else { &mut self.second };
        let able = move |view: &TableView| newest(view) && !must_wait(view);
        let view = mover.until_table("the mover's view, in which something can be done", able).await;
        Some((mover, view))
    }

    /// Asks for one request of moves, again with the same id until it is done; gives whether it was done unsaved.
    async fn step(&mut self) -> Option<bool> {
        let table = self.table;
        let mut dice = std::mem::replace(&mut self.dice, Dice(0));
        let (mover, view) = self.mover().await?;
        let ask = Ask::Move { table, tip: view.tip.clone(), moves: choose(&view, &mut dice) };
        let id: RequestId = format!("{}-{}", view.tip.number, dice.below(1 << 30)).parse().expect("an id");
        let (tip, unsaved) = loop {
            match mover.ask_as(id.clone(), ask.clone()).await {
                Update::Done { tip: Some(tip), unsaved, .. } => break (tip, unsaved),
                Update::Refused { code: RefusalCode::Unavailable | RefusalCode::Frozen, .. } => {
                    sleep(Duration::from_millis(50)).await;
                }
                other => panic!("neither done nor to be repeated: {other:?}"),
            }
        };
        self.dice = dice;
        self.done.push(tip);
        Some(unsaved)
    }

    async fn steps(&mut self, count: usize) {
        for _ in 0..count {
            self.step().await.expect("the game is longer");
        }
    }

    /// Plays to the end, and compares the archive with every answer.
    async fn finish_and_check(mut self, site: &Site) {
        while self.step().await.is_some() {}
        let path = format!("/api/game/{}", self.table);
        let archived = async {
            loop {
                let reply = http(site.address(0), "GET", &path, "", None).await;
                if reply.status == 200 {
                    return reply.json();
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        let game = timeout(WITHIN, archived).await.expect("the game is in the archive, and can be read");
        for tip in &self.done {
            assert_eq!(
                game["entries"][tip.number as usize - 1]["hash"],
                tip.hash.to_string(),
                "record {}",
                tip.number
            );
        }
    }
}

/// How many records of a table its shard has.
fn records(site: &Site, table: TableId) -> u32 {
    ask(site.shards[0].port, &["XLEN", &format!("game:{table}")]).expect("the shard answers")
}

/// Connects to another node, once that reaches the shard again.
async fn come_back(site: &Site, node: usize, cookie: &str) -> Browser {
    let welcomed = async {
        loop {
            if let Some(browser) = Browser::try_connect(site.address(node), cookie).await {
                return browser;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(WITHIN, welcomed).await.expect("a welcome in time")
}

fn is_all_saved(view: &TableView) -> bool {
    view.unsaved == 0
}

#[tokio::test(flavor = "multi_thread")]
async fn two_seats_on_one_node_play_on_and_everything_is_written_in_order() {
    let site = Site::start_apart(1, 1);
    let mut game = Game::begin(&site, 0, 0, 31).await;
    game.steps(4).await;
    let before = game.done.last().expect("a move").number;
    site.shards[0].freeze();
    assert_eq!(game.step().await, Some(true), "done, and said to be unsaved");
    game.steps(5).await;
    let view = game.mover().await.expect("a running game").1;
    assert!(view.unsaved >= 6, "{} records are shown as unsaved", view.unsaved);
    assert!(view.saved <= before);
    site.shards[0].thaw();
    game.first.until_table("all is saved", is_all_saved).await;
    let tip = game.done.last().expect("a move").number;
    until("the shard has every record", || records(&site, game.table) == tip);
    game.finish_and_check(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unsaved_shows_no_hidden_card_and_a_resignation_waits() {
    let site = Site::start_apart(1, 1);
    let mut game = Game::begin(&site, 0, 0, 41).await;
    game.steps(2).await;
    let table = game.table;
    site.shards[0].freeze();
    let (mover, view) = loop {
        let (_, view) = game.mover().await.expect("a running game");
        if view.view.phase == Phase::Play {
            break game.mover().await.expect("a running game");
        }
        game.steps(1).await;
    };
    let (seat, choices) = (view.view.turn.expect("a turn"), view.view.choices.expect("choices"));
    let (card, flags) = choices.place.first_key_value().expect("a card to lay");
    let turn = vec![format!("{card}@{}", flags[0]), format!("draw {}", choices.draw_after_play[0])];
    let before = view.view.hands[seat].cards.clone().expect("the own hand");
    let done = mover.ask(Ask::Move { table, tip: view.tip, moves: turn }).await;
    let Update::Done { tip: Some(tip), unsaved: true, .. } = done else { panic!("not done: {done:?}") };
    let provisional =
        mover.until_table("the own turn", |view| view.tip == tip).await.view.hands[seat].clone();
    let kept: Vec<Card> = before.iter().copied().filter(|held| held != card).collect();
    assert_eq!(provisional.cards, Some(kept), "what was drawn is a back");
    assert_eq!(usize::from(provisional.troops + provisional.tactics), before.len());

    let id: RequestId = "give-up".parse().expect("an id");
    let refused = mover.ask_as(id.clone(), Ask::Resign { table }).await;
    assert!(matches!(refused, Update::Refused { code: RefusalCode::Unavailable, .. }), "{refused:?}");
    site.shards[0].thaw();
    let saved = mover.until_table("all is saved", |view| view.tip == tip && is_all_saved(view)).await;
    assert_eq!(saved.view.hands[seat].cards.as_ref().map(Vec::len), Some(before.len()), "it is shown");
    assert_eq!(saved.view.hands[seat.other()].cards, None);
    let given_up = async {
        loop {
            match mover.ask_as(id.clone(), Ask::Resign { table }).await {
                Update::Refused { code: RefusalCode::Unavailable, .. } => {
                    sleep(Duration::from_millis(50)).await;
                }
                other => break other,
            }
        }
    };
    let given_up = timeout(WITHIN, given_up).await.expect("an answer in time");
    assert!(matches!(given_up, Update::Done { unsaved: false, .. }), "{given_up:?}");
    mover.until_table("both hands", |view| view.view.hands[seat.other()].cards.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seats_on_two_nodes_agree_over_the_data_group() {
    let site = Site::start_apart(3, 1);
    let mut game = Game::begin(&site, 0, 1, 32).await;
    let mut watcher = Browser::guest(site.address(2)).await;
    watcher.ask(Ask::Watch { table: game.table }).await;
    game.steps(3).await;
    // Each node has heard of all that was published.
    let number = game.done.last().expect("a move").number;
    for browser in [&mut game.first, &mut game.second, &mut watcher] {
        browser.until_table("the last move", |view| view.tip.number >= number).await;
    }
    site.shards[0].freeze();
    assert_eq!(game.step().await, Some(true));
    game.steps(6).await;
    let tip = game.done.last().expect("a move").clone();
    let shown = watcher.until_table("the bench sees it", |view| view.tip == tip).await;
    assert!(shown.unsaved >= 7, "{}", shown.unsaved);
    site.shards[0].thaw();
    game.second.until_table("all is saved", is_all_saved).await;
    watcher.until_table("the bench sees that", is_all_saved).await;
    assert_eq!(records(&site, game.table), tip.number);
    game.finish_and_check(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_whose_publication_was_lost_reaches_the_other_seat_without_the_shard() {
    let site = Site::start_apart(2, 1);
    let one = Browser::guest(site.address(0)).await;
    let name = one.name.clone();
    let (first, second, table) = seated(one, Browser::guest(site.address(1)).await).await;
    let mut game = Game { first, second, table, dice: Dice(39), done: Vec::new() };
    game.steps(2).await;
    let (browser, mut view) = game.mover().await.expect("a running game");
    let turn = view.view.turn;
    let deaf = &site.nodes[usize::from(browser.name == name)];
    let port = site.shards[0].port;
    deaf.signal("STOP");
    ask::<u64>(port, &["CLIENT", "KILL", "TYPE", "pubsub"]).expect("an answer");
    until("the mover's node hears again", || {
        let told: Option<(String, u64)> = ask(port, &["PUBSUB", "NUMSUB", &format!("table:{table}")]);
        told.is_some_and(|(_, nodes)| nodes == 1)
    });
    let mut done = Vec::new();
    while view.view.turn == turn {
        let moves = choose(&view, &mut Dice(40));
        let answer = browser.ask(Ask::Move { table, tip: view.tip.clone(), moves }).await;
        let Update::Done { tip: Some(tip), unsaved: false, .. } = answer else { panic!("{answer:?}") };
        view = browser.until_table("the move", |view| view.tip.number >= tip.number).await;
        done.push(tip);
    }
    site.shards[0].freeze();
    deaf.signal("CONT");
    game.done.extend(done);
    game.steps(4).await;
    site.shards[0].thaw();
    game.first.until_table("all is saved", is_all_saved).await;
    game.finish_and_check(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_that_comes_back_empty_is_filled_before_anything_new() {
    let mut site = Site::start_apart(1, 1);
    let mut game = Game::begin(&site, 0, 0, 33).await;
    game.steps(5).await;
    site.shards[0].kill();
    game.steps(4).await;
    site.shards[0].start_empty();
    game.first.until_table("all is saved", is_all_saved).await;
    let tip = game.done.last().expect("a move").number;
    until("the shard has every record", || records(&site, game.table) == tip);
    game.finish_and_check(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_waits_once_it_has_played_on_for_too_long() {
    let mut site = Site::start_apart(0, 1);
    site.add(&[("NINEFLAGS_UNSAVED_SECS", "1")]);
    let mut game = Game::begin(&site, 0, 0, 34).await;
    game.steps(2).await;
    site.shards[0].freeze();
    assert_eq!(game.step().await, Some(true));
    let table = game.table;
    let mut dice = Dice(35);
    let (id, ask) = loop {
        sleep(Duration::from_millis(300)).await;
        let (mover, view) = game.mover().await.expect("a running game");
        let ask = Ask::Move { table, tip: view.tip.clone(), moves: choose(&view, &mut dice) };
        let id: RequestId = format!("late-{}", view.tip.number).parse().expect("an id");
        match mover.ask_as(id.clone(), ask.clone()).await {
            Update::Done { tip: Some(tip), unsaved: true, .. } => game.done.push(tip),
            Update::Refused { code: RefusalCode::Frozen, words, .. } => {
                assert!(words.contains("1 second"), "{words}");
                break (id, ask);
            }
            other => panic!("neither done nor frozen: {other:?}"),
        }
    };
    site.shards[0].thaw();
    game.first.until_table("all is saved", is_all_saved).await;
    let (mover, _) = game.mover().await.expect("a running game");
    let again = mover.ask_as(id, ask).await;
    let Update::Done { tip: Some(tip), .. } = again else { panic!("not done: {again:?}") };
    game.done.push(tip);
    game.finish_and_check(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_others_came_before_are_undone_in_words() {
    let mut site = Site::start_apart(2, 1);
    let mut game = Game::begin(&site, 0, 0, 36).await;
    let mut watcher = Browser::guest(site.address(0)).await;
    watcher.ask(Ask::Watch { table: game.table }).await;
    game.steps(3).await;
    site.shards[0].kill();
    game.steps(3).await;
    let last = game.done.last().expect("a move").clone();
    watcher.until_table("the bench sees it", |view| view.tip == last).await;
    // The shard has lost everything, the only node that holds the game sleeps, and both players go on elsewhere.
    site.nodes[0].signal("STOP");
    site.shards[0].start_empty();
    game.first = come_back(&site, 1, &game.first.cookie).await;
    game.second = come_back(&site, 1, &game.second.cookie).await;
    game.done.clear();
    game.dice = Dice(99);
    game.steps(4).await;
    site.nodes[0].signal("CONT");
    let is_word = |update: &Update| matches!(update, Update::Notice { code: NoticeCode::WentBack, .. });
    let word = watcher.until("the word", is_word).await;
    let Update::Notice { words, table, tip, .. } = word else { panic!("just looked at: {word:?}") };
    assert_eq!((table, tip.map(|tip| tip.number)), (Some(game.table), Some(1)));
    assert!(words.contains("went back to move 0:"), "{words}");
    assert!(words.contains(&format!("{} records", last.number - 1)), "{words}");
    let newest = game.done.last().expect("a move").clone();
    watcher.until_table("what counts", |view| view.tip == newest).await;
    game.finish_and_check(&site).await;
}

/// A seat makes a move at a node that is cut off from the shard, and from everything if that is one group, sees the answer,
/// and makes another move at a second node: what it is told there.
async fn take_back(is_apart: bool, settings: &[(&str, &str)]) -> Update {
    let mut site = if is_apart { Site::start_apart(0, 1) } else { Site::start(0, &[]) };
    let (port, shut) = gate(site.shards.first().unwrap_or(&site.redis).port);
    let url = format!("redis://127.0.0.1:{port}");
    site.add(&[(if is_apart { "BACKUP_REDIS_URLS" } else { "REDIS_URL" }, &url)]);
    site.add(settings);
    let mut game = Game::begin(&site, 0, 0, 52).await;
    game.steps(4).await;
    while game.mover().await.expect("a running game").1.view.phase != Phase::Play {
        game.steps(1).await;
    }
    let (player, before) = game.mover().await.expect("a running game");
    let (cookie, turn) = (player.cookie.clone(), before.view.turn.expect("a turn"));
    shut.store(true, Ordering::Relaxed);
    while game.mover().await.expect("a running game").1.view.turn == Some(turn) {
        assert_eq!(game.step().await, Some(true), "done, and said to be unsaved");
    }
    assert_eq!(game.step().await, Some(true), "the answer");
    let last = game.done.last().expect("a move").clone();
    let made = game.first.until_table("the answer", |view| view.tip == last).await;
    let mut taker = come_back(&site, 1, &cookie).await;
    let mut dice = Dice(1);
    let other = loop {
        let moves = choose(&before, &mut dice);
        if made.log[before.tip.number as usize - 1].text != moves[0] {
            break moves;
        }
    };
    let (table, tip) = (game.table, before.tip.clone());
    let asked = taker.ask(Ask::Move { table, tip, moves: other });
    let opened = async {
        // Where nobody can tell of the move the cut lasts for a moment more.
        sleep(Duration::from_millis(if is_apart { 0 } else { 500 })).await;
        shut.store(is_apart, Ordering::Relaxed);
    };
    let (told, ()) = tokio::join!(asked, opened);
    shut.store(false, Ordering::Relaxed);
    if settings.is_empty() {
        taker.until_table("what was played and answered", |view| view.tip == last).await;
        *(if turn == Seat::First { &mut game.first } else { &mut game.second }) = taker;
        game.finish_and_check(&site).await;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_unsaved_is_not_taken_back_at_another_node() {
    for is_apart in [true, false] {
        let told = take_back(is_apart, &[]).await;
        assert!(matches!(told, Update::Refused { code: RefusalCode::OldTip, .. }), "{told:?}");
        // Without the question it is taken back, unless the first node tells of the cut, and with it of the moves, before the other
        // is asked: a busy machine may need some tries.
        let mut is_taken_back = false;
        for _ in 0..5 {
            let told = take_back(is_apart, &[("NINEFLAGS_TEST_WITHOUT", "hear")]).await;
            is_taken_back = matches!(told, Update::Done { .. });
            if is_taken_back {
                break;
            }
        }
        assert!(is_taken_back, "something else keeps it from that");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_gives_back_what_only_it_still_has() {
    let mut site = Site::start_apart(2, 1);
    let mut game = Game::begin(&site, 0, 0, 37).await;
    game.steps(3).await;
    site.shards[0].freeze();
    game.steps(4).await;
    let tip = game.done.last().expect("a move").clone();
    let view = game.second.until_table("the last move", |view| view.tip == tip).await;
    assert!(view.unsaved >= 4 && view.sealed.len() >= view.unsaved as usize);
    site.nodes.remove(0).kill();
    site.shards[0].thaw();
    game.first = come_back(&site, 0, &game.first.cookie).await;
    let (table, seen) = (game.table, tip.clone());
    let mut forged = view.sealed.clone();
    forged.last_mut().expect("a seal").replace_range(40..44, "AAAA");
    for sealed in [Vec::new(), forged, vec!["nonsense".to_owned()]] {
        let refused = game.first.ask(Ask::Seen { table, tip: seen.clone(), sealed }).await;
        assert!(matches!(refused, Update::Refused { code: RefusalCode::WentBack, .. }), "{refused:?}");
    }
    game.second = come_back(&site, 0, &game.second.cookie).await;
    let given = game.second.ask(Ask::Seen { table, tip: seen, sealed: view.sealed }).await;
    assert!(matches!(&given, Update::Done { tip: Some(there), .. } if *there == tip), "{given:?}");
    game.first.until_table("the last move", |view| view.tip == tip).await;
    game.finish_and_check(&site).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_ends_writes_what_is_unsaved_before() {
    let mut site = Site::start_apart(0, 1);
    site.add(&[("NINEFLAGS_GRACE_SECS", "60"), ("NINEFLAGS_DRAIN_SPREAD_MS", "10")]);
    let mut game = Game::begin(&site, 0, 0, 38).await;
    game.steps(3).await;
    site.shards[0].freeze();
    game.steps(4).await;
    let tip = game.done.last().expect("a move").number;
    let mut node = site.nodes.remove(0);
    node.signal("TERM");
    // Long enough for the node to be done with everything else.
    game.first.until_closed().await;
    game.second.until_closed().await;
    site.shards[0].thaw();
    assert!(node.wait().success());
    assert_eq!(records(&site, game.table), tip);
}
