//! An action of several steps that is cut off between any two of them is gone on with by another node.

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, Update};
use nineflags::table::options::TableOptions;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, http, seated};
use crate::harness::process::until;
use crate::harness::site::Site;

/// A site whose first node dies at a point; the second lives on.
fn site_dying_at(point: &str) -> Site {
    let mut site = Site::start(1, &[("NINEFLAGS_TEST_STOP_AT", point)]);
    site.add(&[]);
    site
}

async fn guests_on_the_first(site: &Site) -> (Browser, Browser) {
    (Browser::guest(site.address(0)).await, Browser::guest(site.address(0)).await)
}

/// Sends a request whose node will not live to answer it.
async fn last_words(browser: &mut Browser, ask: Ask) {
    let request = nineflags::protocol::Request { id: "last-words".parse().expect("an id"), ask };
    browser.send_text(&serde_json::to_string(&request).expect("JSON")).await;
}

/// Waits for the end of the first node.
fn until_dead(site: &mut Site) {
    assert!(!site.nodes.remove(0).wait().success(), "the node died where it should");
}

fn is_free(site: &Site, table: TableId) -> bool {
    site.ask::<Vec<String>>(&["KEYS", "seat:*"]).is_empty()
        && site.ask::<u64>(&["SCARD", "tables"]) == 0
        && !site.ask::<bool>(&["EXISTS", &format!("table:{table}")])
}

async fn start_is_gone_on_with(point: &str) {
    let mut site = site_dying_at(point);
    let (mut ann, mut ben) = guests_on_the_first(&site).await;
    let invite = Ask::Invite { to: ben.name.clone(), options: TableOptions::default(), resume: None };
    assert!(matches!(ann.ask(invite).await, Update::Done { .. }));
    last_words(&mut ben, Ask::Accept { from: ann.name.clone(), invite: None }).await;
    until_dead(&mut site);
    // Nobody comes back at first: the living node sees by itself that the game begins.
    let table = only(&site, "tables");
    until("record 0 is in the backup", || site.ask::<bool>(&["EXISTS", &format!("game:{table}")]));
    let mut ann = Browser::connect(site.address(0), &ann.cookie).await;
    let ben = Browser::connect(site.address(0), &ben.cookie).await;
    for browser in [&ann, &ben] {
        let view = browser.welcome.table.as_ref().expect("a seat");
        assert_eq!((view.tip.number, view.table.to_string()), (1, table.clone()));
    }
    let table = ann.welcome.table.as_ref().expect("a seat").table;
    assert!(matches!(ann.ask(Ask::Resign { table }).await, Update::Done { .. }));
}

/// The only member of a set.
fn only(site: &Site, set: &str) -> String {
    let members: Vec<String> = site.ask(&["SMEMBERS", set]);
    assert_eq!(members.len(), 1, "{set}: {members:?}");
    members[0].clone()
}

async fn end_is_gone_on_with(point: &str) {
    let mut site = site_dying_at(point);
    let (one, two) = guests_on_the_first(&site).await;
    let (mut first, mut second, table) = seated(one, two).await;
    play_on(&mut first, &mut second, table, 20, &mut Dice(5)).await;
    last_words(&mut first, Ask::Resign { table }).await;
    until_dead(&mut site);
    until("the seats are free", || is_free(&site, table));
    assert_eq!(site.ask::<u64>(&["ZCARD", "archive-recent"]), 1);
    let archived = http(site.address(0), "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!(archived.status, 200, "{}", archived.body);
    assert!(site.ask::<i64>(&["TTL", &format!("game:{table}")]) != -1, "the backup goes by itself");
    for browser in [first, second] {
        let back = Browser::connect(site.address(0), &browser.cookie).await;
        assert!(back.welcome.table.is_none());
        assert_eq!(back.welcome.games.finished.len(), 1);
    }
}

async fn save_is_gone_on_with(point: &str) {
    let mut site = site_dying_at(point);
    let (one, two) = guests_on_the_first(&site).await;
    let (mut first, mut second, table) = seated(one, two).await;
    play_on(&mut first, &mut second, table, 20, &mut Dice(5)).await;
    last_words(&mut first, Ask::Save { table }).await;
    until_dead(&mut site);
    until("the seats are free", || is_free(&site, table));
    let first = Browser::connect(site.address(0), &first.cookie).await;
    let second = Browser::connect(site.address(0), &second.cookie).await;
    assert_eq!(first.welcome.games.saved.len(), 1);
    resume(first, second, table).await;
}

/// Resumes a saved game, and plays it to its end.
async fn resume(mut first: Browser, mut second: Browser, table: TableId) {
    let offer =
        Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: Some(table) };
    assert!(matches!(first.ask(offer).await, Update::Done { .. }));
    let accepted = second.ask(Ask::Accept { from: first.name.clone(), invite: None }).await;
    assert!(matches!(accepted, Update::Done { .. }), "{accepted:?}");
    goes_on(&mut first, &mut second, table).await;
}

async fn goes_on(first: &mut Browser, second: &mut Browser, table: TableId) {
    for browser in [&mut *first, &mut *second] {
        browser.until_table("the game to go on", |view| view.table == table && !view.stopped).await;
    }
    let over = play_on(first, second, table, u32::MAX, &mut Dice(11)).await;
    assert!(over.view.ending.is_some());
}

async fn resume_is_gone_on_with(point: &str) {
    let mut site = site_dying_at(point);
    // The game is saved on the node that lives; only the resuming is cut off.
    let (one, two) = (Browser::guest(site.address(1)).await, Browser::guest(site.address(1)).await);
    let (mut first, mut second, table) = seated(one, two).await;
    play_on(&mut first, &mut second, table, 20, &mut Dice(5)).await;
    assert!(matches!(first.ask(Ask::Save { table }).await, Update::Done { .. }));
    until("the seats are free", || is_free(&site, table));
    let mut first = Browser::connect(site.address(0), &first.cookie).await;
    let mut second = Browser::connect(site.address(0), &second.cookie).await;
    let offer =
        Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: Some(table) };
    assert!(matches!(first.ask(offer).await, Update::Done { .. }));
    last_words(&mut second, Ask::Accept { from: first.name.clone(), invite: None }).await;
    until_dead(&mut site);
    let mut first = Browser::connect(site.address(0), &first.cookie).await;
    let mut second = Browser::connect(site.address(0), &second.cookie).await;
    goes_on(&mut first, &mut second, table).await;
    until("the seats are free", || is_free(&site, table));
    assert!(!site.ask::<bool>(&["EXISTS", &format!("saved:{table}")]));
    let game = http(site.address(0), "GET", &format!("/api/game/{table}"), "", None).await.json();
    let resumed = game["entries"].as_array().expect("records").iter();
    assert_eq!(resumed.filter(|entry| entry["record"] == "resume").count(), 1);
}

/// Two nodes of which the first stands still at a point.
fn site_freezing_at(point: &str) -> Site {
    let mut site = Site::start(1, &[("NINEFLAGS_TEST_FREEZE_AT", point)]);
    site.add(&[]);
    site
}

/// Waits until the first node stands still.
fn until_frozen(site: &Site) {
    let status = format!("/proc/{}/stat", site.nodes[0].pid());
    let stopped = || std::fs::read_to_string(&status).is_ok_and(|stat| stat.contains(") T "));
    until("the node stands still", stopped);
}

/// A node that stood still as it put a saved game away does not save it once more where it was resumed since.
async fn late_save_changes_nothing(point: &str) {
    let site = site_freezing_at(point);
    let here = site.address(1);
    let at_first = Browser::guest(site.address(0)).await;
    let name = at_first.name.clone();
    let (mut first, mut second, table) = seated(at_first, Browser::guest(here).await).await;
    play_on(&mut first, &mut second, table, 20, &mut Dice(5)).await;
    // The first node is the first that puts it away.
    site.nodes[1].signal("STOP");
    let saver = if first.name == name { &mut first } else { &mut second };
    last_words(saver, Ask::Save { table }).await;
    until_frozen(&site);
    site.nodes[1].signal("CONT");
    until("the other node puts it away", || is_free(&site, table));
    let mut first = Browser::connect(here, &first.cookie).await;
    let mut second = Browser::connect(here, &second.cookie).await;
    let offer =
        Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: Some(table) };
    assert!(matches!(first.ask(offer).await, Update::Done { .. }));
    let accept = Ask::Accept { from: first.name.clone(), invite: None };
    assert!(matches!(second.ask(accept).await, Update::Done { .. }));
    site.nodes[0].signal("CONT");
    goes_on(&mut first, &mut second, table).await;
    until("the seats are free", || is_free(&site, table));
    until("nothing is saved", || site.ask::<Vec<String>>(&["KEYS", "saved*"]).is_empty());
    assert_eq!(site.ask::<u64>(&["ZCARD", "archive-recent"]), 1);
}

/// A node that stood still as it resumed a game does not forget the same game where it was resumed and saved again since.
async fn late_resume_forgets_nothing(point: &str) {
    let site = site_freezing_at(point);
    let here = site.address(1);
    let (mut first, mut second, table) = seated(Browser::guest(here).await, Browser::guest(here).await).await;
    play_on(&mut first, &mut second, table, 20, &mut Dice(5)).await;
    assert!(matches!(first.ask(Ask::Save { table }).await, Update::Done { .. }));
    until("the seats are free", || is_free(&site, table));
    let offer =
        Ask::Invite { to: second.name.clone(), options: TableOptions::default(), resume: Some(table) };
    let mut first = Browser::connect(here, &first.cookie).await;
    let mut second = Browser::connect(site.address(0), &second.cookie).await;
    assert!(matches!(first.ask(offer).await, Update::Done { .. }));
    // The first node is the first that opens the table.
    site.nodes[1].signal("STOP");
    last_words(&mut second, Ask::Accept { from: first.name.clone(), invite: None }).await;
    until_frozen(&site);
    site.nodes[1].signal("CONT");
    first.until_table("the game to go on", |view| view.table == table && !view.stopped).await;
    assert!(matches!(first.ask(Ask::Save { table }).await, Update::Done { .. }));
    until("the seats are free", || is_free(&site, table));
    site.nodes[0].signal("CONT");
    // What the late node does is done when it answers; what it had asked Redis before is late at first.
    let mut second = loop {
        if let Some(second) = Browser::try_connect(site.address(0), &second.cookie).await {
            break second;
        }
    };
    assert!(matches!(second.ask(Ask::Watch { table }).await, Update::Refused { .. }));
    assert!(is_free(&site, table), "nothing of the table came back");
    until("its stream ends", || site.ask::<i64>(&["TTL", &format!("game:{table}")]) > 0);
    let first = Browser::connect(here, &first.cookie).await;
    assert_eq!([&first, &second].map(|browser| browser.welcome.games.saved.len()), [1, 1]);
    resume(first, second, table).await;
}

macro_rules! cut_off_at {
    ($($name:ident: $check:ident($point:literal);)*) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $check($point).await;
        })*
    };
}

cut_off_at! {
    a_start_cut_off_before_record_0: start_is_gone_on_with("start:seated");
    a_start_cut_off_after_record_0: start_is_gone_on_with("start:begun");
    an_end_cut_off_before_the_archive: end_is_gone_on_with("finish:appended");
    an_end_cut_off_after_the_archive: end_is_gone_on_with("finish:kept");
    an_end_cut_off_before_the_seats_are_free: end_is_gone_on_with("finish:expiring");
    an_end_cut_off_after_the_seats_are_free: end_is_gone_on_with("finish:closed");
    a_save_cut_off_before_the_game_is_kept: save_is_gone_on_with("finish:appended");
    a_save_cut_off_after_the_game_is_kept: save_is_gone_on_with("finish:kept");
    a_save_cut_off_before_the_seats_are_free: save_is_gone_on_with("finish:expiring");
    a_save_cut_off_after_the_seats_are_free: save_is_gone_on_with("finish:closed");
    a_resume_cut_off_before_the_backup_is_filled: resume_is_gone_on_with("resume:seated");
    a_resume_cut_off_after_the_backup_is_filled: resume_is_gone_on_with("resume:filled");
    a_resume_cut_off_after_its_record: resume_is_gone_on_with("resume:goes-on");
    a_resume_cut_off_after_the_saved_game_is_dropped: resume_is_gone_on_with("resume:dropped");
    a_save_that_is_late_before_the_game_is_kept: late_save_changes_nothing("finish:appended");
    a_save_that_is_late_after_the_game_is_kept: late_save_changes_nothing("finish:kept");
    a_save_that_is_late_before_the_seats_are_free: late_save_changes_nothing("finish:expiring");
    a_resume_that_is_late_before_the_backup_is_filled: late_resume_forgets_nothing("resume:seated");
    a_resume_that_is_late_after_the_backup_is_filled: late_resume_forgets_nothing("resume:filled");
    a_resume_that_is_late_after_its_record: late_resume_forgets_nothing("resume:goes-on");
}
