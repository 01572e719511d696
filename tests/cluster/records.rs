//! What is kept of games, and what anybody may read of it.

use nineflags::ids::RequestId;
use nineflags::protocol::{Ask, ClosedWhy, RefusalCode, TableView, Update};
use nineflags::store::archive::ArchivedGame;
use nineflags::table::copy::Copy;
use nineflags::table::options::TableOptions;
use nineflags::table::record::Tip;

use crate::harness::bot::{Dice, choose, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::node::Node;

fn tip_of(update: &Update) -> Option<Tip> {
    match update {
        Update::Done { tip, .. } => tip.clone(),
        _ => None,
    }
}

fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

fn id(text: &str) -> RequestId {
    text.parse().expect("an id")
}

async fn until_closed(browsers: [&mut Browser; 2]) {
    for browser in browsers {
        browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn salts_are_told_with_the_finished_game_and_request_ids_never() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = play_on(&mut first, &mut second, table, 12, &mut Dice(5)).await;
    assert!(tip_of(&first.ask_as(id("only-mine"), Ask::Resign { table }).await).is_some());
    until_closed([&mut first, &mut second]).await;

    let page = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await;
    assert!(!page.body.contains("\"request\"") && !page.body.contains("only-mine"), "{}", page.body);
    let game: ArchivedGame = serde_json::from_str(&page.body).expect("a finished game");
    assert!(game.entries.iter().all(|entry| entry.salt.is_some()), "{}", page.body);
    let copy = Copy::from_entries(table, game.entries.clone()).expect("anybody can check the chain");
    assert!(copy.has_tip(&view.tip), "it is the one that was shown");
    // While it was played, nobody was told a salt, nor the other an id.
    for frame in first.frames.iter().chain(&second.frames) {
        for entry in &game.entries {
            let salt = entry.salt.map(String::from).expect("every record is salted");
            assert!(!frame.contains(&salt), "{frame}");
        }
    }
    assert!(second.frames.iter().all(|frame| !frame.contains("only-mine")));
}

/// The next turn of whoever is on turn, as this viewer is shown it.
fn turn(view: &TableView, seed: u64) -> Ask {
    Ask::Move { table: view.table, tip: view.tip.clone(), moves: choose(view, &mut Dice(seed)) }
}

async fn on_turn(browser: &mut Browser) -> TableView {
    let held = browser.table.clone().filter(|view| view.view.choices.is_some());
    match held {
        Some(view) => view,
        None => browser.until_table("the own turn", |view| view.view.choices.is_some()).await,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_use_up_an_id_of_the_other_seat() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = on_turn(&mut first).await;
    let one = tip_of(&first.ask_as(id("guess-1"), turn(&view, 1)).await).expect("it was carried out");
    let view = second.until_table("the own turn", |view| view.view.choices.is_some()).await;
    let (ask, before) = (turn(&view, 2), view.tip.number);
    let two = tip_of(&second.ask_as(id("guess-1"), ask.clone()).await).expect("it was carried out");
    assert!(two.number > before, "the other seat's id is another request");
    // Each of them repeated is what it was.
    assert_eq!(tip_of(&second.ask_as(id("guess-1"), ask).await), Some(two));
    assert_eq!(tip_of(&first.ask_as(id("guess-1"), Ask::Resign { table }).await), Some(one.clone()));

    // The same in a game that was stopped and goes on: neither loses an id, and neither gains one.
    assert!(tip_of(&first.ask_as(id("stop"), Ask::Save { table }).await).is_some());
    until_closed([&mut first, &mut second]).await;
    let saved = second.ask_as(id("stop"), Ask::Save { table }).await;
    assert!(matches!(refused(&saved), Some(RefusalCode::NoTable)), "{saved:?}");
    let options = TableOptions::default();
    let invite = Ask::Invite { to: second.name.clone(), options, resume: Some(table) };
    assert!(matches!(first.ask(invite).await, Update::Done { .. }));
    assert!(matches!(
        second.ask(Ask::Accept { from: first.name.clone(), invite: None }).await,
        Update::Done { .. }
    ));
    first.until_table("the game goes on", |view| !view.stopped).await;
    assert_eq!(tip_of(&first.ask_as(id("guess-1"), Ask::Resign { table }).await), Some(one));
    assert!(matches!(second.ask_as(id("stop"), Ask::Save { table }).await, Update::Done { .. }));
    for browser in [&mut first, &mut second] {
        let saved = |update: &Update| matches!(update, Update::TableClosed { why: ClosedWhy::Saved, .. });
        browser.until("it is stopped again", saved).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_game_remembers_whose_request_ended_it() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    play_on(&mut first, &mut second, table, 12, &mut Dice(6)).await;
    let end = tip_of(&first.ask_as(id("end"), Ask::Resign { table }).await).expect("it was carried out");
    until_closed([&mut first, &mut second]).await;
    assert_eq!(tip_of(&first.ask_as(id("end"), Ask::Resign { table }).await), Some(end));
    assert_eq!(refused(&second.ask_as(id("end"), Ask::Resign { table }).await), Some(RefusalCode::NoTable));
}
