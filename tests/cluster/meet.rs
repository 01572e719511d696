//! People meeting in the lobby through the public websocket: presence, invites, messages, blocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nineflags::protocol::{Ask, LobbyList, LobbyQuery, LobbyRows, NoticeCode, RefusalCode, Update};
use nineflags::table::options::TableOptions;
use nineflags::table::options::Talk;

use crate::harness::browser::{Browser, seated};
use crate::harness::host::Host;
use crate::harness::node::Node;
use crate::harness::process::{free_port, until};
use crate::harness::redis::Redis;
use crate::harness::relay::relay;
use crate::harness::site::Site;

fn invite(to: &Browser) -> Ask {
    Ask::Invite { to: to.name.clone(), options: TableOptions::default(), resume: None }
}

fn done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

fn refused(update: &Update, code: RefusalCode) -> bool {
    matches!(update, Update::Refused { code: given, .. } if *given == code)
}

async fn notice(browser: &mut Browser, code: NoticeCode) {
    browser
        .until("a notice", |update| matches!(update, Update::Notice { code: given, .. } if *given == code))
        .await;
}

async fn until_invited(browser: &mut Browser, count: usize) {
    if browser.invites.received.len() != count {
        browser
            .until(
                "the invites",
                |update| matches!(update, Update::Invites(invites) if invites.received.len() == count),
            )
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lobby_shows_who_comes_and_goes() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut ann = Browser::sign_up(node.address, "Ann").await;
    let mira = Browser::sign_up(node.address, "Mira").await;
    let shows = |update: &Update, names: &[&str]| match update {
        Update::Lobby(page) => match &page.rows {
            LobbyRows::Players(rows) => rows.iter().map(|row| row.name.as_str()).eq(names.iter().copied()),
            LobbyRows::Tables(_) => false,
        },
        _ => false,
    };
    ann.until("both", |update| shows(update, &["Ann", "Mira"])).await;
    let query = LobbyQuery { list: LobbyList::Players, search: "MI".to_owned(), free_only: false, page: 9 };
    assert!(done(&ann.ask(Ask::Lobby(query)).await));
    let found = ann.frames.iter().rev().find_map(|frame| {
        serde_json::from_str::<Update>(frame).ok().filter(|u| matches!(u, Update::Lobby(_)))
    });
    let Some(Update::Lobby(page)) = found else { panic!("no page") };
    assert_eq!((page.players, page.matching, page.query.page), (2, 1, 0));
    drop(mira);
    ann.until("nobody of that name", |update| shows(update, &[])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn invites_are_sent_declined_withdrawn_and_lapse() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_INVITE_SECS", "2")]);
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    assert!(done(&ann.ask(invite(&mira)).await));
    assert!(refused(&ann.ask(invite(&mira)).await, RefusalCode::AlreadyInvited));
    until_invited(&mut mira, 1).await;
    assert!(done(&mira.ask(Ask::Decline { from: ann.name.clone(), invite: None }).await));
    notice(&mut ann, NoticeCode::InviteDeclined).await;
    assert!(refused(
        &mira.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await,
        RefusalCode::NoInvite
    ));

    assert!(done(&ann.ask(invite(&mira)).await));
    until_invited(&mut mira, 1).await;
    assert!(done(&ann.ask(Ask::Withdraw { to: mira.name.clone(), invite: None }).await));
    notice(&mut mira, NoticeCode::InviteWithdrawn).await;
    until_invited(&mut mira, 0).await;

    assert!(done(&ann.ask(invite(&mira)).await));
    until_invited(&mut mira, 1).await;
    notice(&mut ann, NoticeCode::InviteExpired).await;
    until_invited(&mut mira, 0).await;
    assert!(refused(
        &mira.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await,
        RefusalCode::NoInvite
    ));

    assert!(refused(&ann.ask(invite_name("Nobody-here")).await, RefusalCode::NotOnline));
    assert!(refused(&ann.ask(invite_name(ann.name.as_str())).await, RefusalCode::Yourself));
}

fn invite_name(name: &str) -> Ask {
    Ask::Invite { to: name.parse().expect("a name"), options: TableOptions::default(), resume: None }
}

/// What is published while the subscription is down is heard by nobody: here an invite goes, and nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_told_once_the_subscription_is_back() {
    let site = Site::start(1, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::guest(site.address(0)).await;
    assert!(done(&ann.ask(invite(&mira)).await));
    until_invited(&mut mira, 1).await;
    for key in site.ask::<Vec<String>>(&["KEYS", "invites*"]) {
        site.ask::<u64>(&["DEL", &key]);
    }
    assert!(site.ask::<u64>(&["CLIENT", "KILL", "TYPE", "pubsub"]) > 0);
    until_invited(&mut mira, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_has_become_silent_is_noticed_and_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let redis = Redis::alone(folder.path());
    // Connections below this number answer everything, and tell of no publication any more.
    let silent = Arc::new(AtomicUsize::new(0));
    let (known, newest) = (Arc::clone(&silent), Arc::new(AtomicUsize::new(0)));
    let last = Arc::clone(&newest);
    let port = relay(redis.port, move |number, bytes| {
        last.fetch_max(number, Ordering::SeqCst);
        if number < known.load(Ordering::SeqCst) {
            drop_publications(bytes);
        }
    });
    let (url, log) = (format!("redis://127.0.0.1:{port}"), folder.path().join("node.log"));
    let node = Node::on(&Host::here(), free_port(), folder.path(), &log, &[("REDIS_URL", &url)]);
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    silent.store(newest.load(Ordering::SeqCst) + 1, Ordering::SeqCst);
    assert!(done(&ann.ask(invite(&mira)).await));
    until_invited(&mut mira, 1).await;
    let log = std::fs::read_to_string(&log).expect("what the node said");
    assert!(log.contains("silent although it publishes to itself"), "{log}");
}

/// Takes the publications out of what Redis says.
fn drop_publications(bytes: &mut Vec<u8>) {
    const PUBLICATION: &[u8] = b"*3\r\n$7\r\nmessage\r\n";
    while let Some(at) = bytes.windows(PUBLICATION.len()).position(|window| window == PUBLICATION) {
        let begin = at + PUBLICATION.len();
        let length =
            bulk_length(&bytes[begin..]) + bulk_length(&bytes[begin + bulk_length(&bytes[begin..])..]);
        bytes.drain(at..begin + length);
    }
}

/// How long a text is as Redis writes it, `$LENGTH\r\nTEXT\r\n`.
fn bulk_length(bytes: &[u8]) -> usize {
    let end = bytes.windows(2).position(|window| window == b"\r\n").expect("a length");
    let digits = std::str::from_utf8(&bytes[1..end]).expect("digits");
    end + 2 + digits.parse::<usize>().expect("a number") + 2
}

#[tokio::test(flavor = "multi_thread")]
async fn accepting_clears_the_other_invites_and_tells_their_senders() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    let mut otto = Browser::guest(node.address).await;
    assert!(done(&otto.ask(invite(&mira)).await));
    until_invited(&mut mira, 1).await;
    assert!(done(&ann.ask(invite(&mira)).await));
    until_invited(&mut mira, 2).await;
    let accepted = mira.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await;
    assert!(matches!(accepted, Update::Done { table: Some(_), .. }), "{accepted:?}");
    notice(&mut otto, NoticeCode::InviteVoid).await;
    until_invited(&mut mira, 0).await;
    assert!(refused(&otto.ask(invite(&mira)).await, RefusalCode::Playing));
    assert!(refused(&mira.ask(invite(&otto)).await, RefusalCode::YouArePlaying));
}

/// The answer and the view that tell of an end come before the table is put away: nobody notices.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_seen_the_end_of_a_game_begins_the_next_at_once() {
    let site = Site::start_apart(2, 1);
    let (mut first, mut second, mut table) =
        seated(Browser::guest(site.address(0)).await, Browser::guest(site.address(1)).await).await;
    for round in 0..6 {
        let end = if round % 2 == 0 { Ask::Resign { table } } else { Ask::Save { table } };
        assert!(done(&first.ask(end).await));
        if round > 2 {
            (first, second) = (second, first);
            first.until_table("the end", |view| view.stopped || view.view.ending.is_some()).await;
        }
        second.invites.received.clear();
        let last = table;
        (first, second, table) = seated(first, second).await;
        assert_ne!(table, last);
    }
    // At one's own table that is put away nobody plays.
    assert!(done(&second.ask(Ask::Resign { table }).await));
    for browser in [&mut first, &mut second] {
        browser.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
        assert!(refused(&browser.ask(Ask::Watch { table }).await, RefusalCode::NoTable));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_game_begins_without_whoever_offered_it() {
    let site = Site::start(1, &[]);
    let mut ann = Browser::guest(site.address(0)).await;
    let mut mira = Browser::guest(site.address(0)).await;
    assert!(done(&ann.ask(invite(&mira)).await));
    until_invited(&mut mira, 1).await;
    let (name, cookie) = (ann.name.clone(), ann.cookie.clone());
    drop(ann);
    until("it has left", || site.ask::<u64>(&["HLEN", "online"]) == 1);
    let accept = Ask::Accept { from: name, invite: None };
    assert!(refused(&mira.ask(accept.clone()).await, RefusalCode::NotOnline));
    let mut ann = Browser::connect(site.address(0), &cookie).await;
    assert!(done(&mira.ask(accept).await), "it stands until it lapses");
    ann.until_table("the table", |_| true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn crossing_invites_start_one_game() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    for _ in 0..5 {
        let mut ann = Browser::guest(node.address).await;
        let mut mira = Browser::guest(node.address).await;
        let (to_mira, to_ann) = (invite(&mira), invite(&ann));
        let (one, two) = tokio::join!(ann.ask(to_mira), mira.ask(to_ann));
        assert!(done(&one) && done(&two), "{one:?} {two:?}");
        let at = ann.until_table("a table", |_| true).await.table;
        assert_eq!(mira.until_table("the same table", |_| true).await.table, at);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_reach_only_those_they_are_for() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    let tell = |to: &Browser, text: &str| Ask::Tell { to: to.name.clone(), text: text.to_owned() };
    assert!(done(&ann.ask(tell(&mira, "hello <b>")).await));
    mira.until("the words", |update| matches!(update, Update::Message(words) if words.text == "hello <b>"))
        .await;
    for text in ["", "   ", "two\nlines", &"x".repeat(301)] {
        assert!(refused(&ann.ask(tell(&mira, text)).await, RefusalCode::BadText), "{text:?}");
    }
    assert!(done(&mira.ask(Ask::Block { name: ann.name.clone() }).await));
    assert!(refused(&ann.ask(tell(&mira, "again")).await, RefusalCode::Blocked));
    assert!(refused(&ann.ask(invite(&mira)).await, RefusalCode::Blocked));
    assert!(done(&mira.ask(Ask::Unblock { name: ann.name.clone() }).await));
    assert!(done(&ann.ask(tell(&mira, "at last")).await));

    let (mut first, mut second, table) = seated(ann, mira).await;
    let mut bench = [Browser::guest(node.address).await, Browser::guest(node.address).await];
    for watcher in &mut bench {
        assert!(done(&watcher.ask(Ask::Watch { table }).await));
    }
    first.until_table("two watchers", |view| view.watchers == 2).await;
    let say = |text: &str| Ask::Say { table, text: text.to_owned() };
    assert!(done(&bench[0].ask(say("look at flag 3")).await));
    bench[1].until("the bench's words", |update| matches!(update, Update::Message(_))).await;
    assert!(done(&first.ask(say("good luck")).await));
    second.until("the player's words", |update| matches!(update, Update::Message(_))).await;
    assert!(done(&first.ask(Ask::Ping).await));
    assert!(done(&bench[0].ask(Ask::Ping).await));
    assert!(!first.frames.iter().any(|frame| frame.contains("look at flag 3")));
    assert!(!bench[0].frames.iter().any(|frame| frame.contains("good luck")));
    let [gone, _] = bench;
    drop(gone);
    first.until_table("one watcher", |view| view.watchers == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_talk_is_silent() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    let options = TableOptions { talk: Talk::Nobody, ..TableOptions::default() };
    assert!(done(&ann.ask(Ask::Invite { to: mira.name.clone(), options, resume: None }).await));
    until_invited(&mut mira, 1).await;
    mira.ask(Ask::Accept { from: ann.name.clone(), invite: None }).await;
    let table = ann.until_table("the table", |_| true).await.table;
    let said = ann.ask(Ask::Say { table, text: "hello".to_owned() }).await;
    assert!(refused(&said, RefusalCode::NoTalk), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_tables_are_watched_at_once() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut watcher = Browser::guest(node.address).await;
    let limit = watcher.welcome.limits.watched_tables;
    let mut players = Vec::new();
    for number in 0..=limit {
        let (first, second, table) =
            seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
        players.push((first, second));
        let answer = watcher.ask(Ask::Watch { table }).await;
        if number < limit {
            assert!(done(&answer), "{answer:?}");
        } else {
            assert!(refused(&answer, RefusalCode::TooManyWatched), "{answer:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_repeated_are_said_once_and_a_table_is_quiet_for_who_blocked_the_speaker() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut ann, mut mira, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let say = |text: &str| Ask::Say { table, text: text.to_owned() };
    let tell = Ask::Tell { to: mira.name.clone(), text: "psst".to_owned() };
    for (id, ask) in [("said", say("hello")), ("told", tell)] {
        // A browser whose connection broke sends again what was not answered.
        for _ in 0..2 {
            let id: nineflags::ids::RequestId = id.parse().expect("an id");
            assert!(done(&ann.ask_as(id, ask.clone()).await));
        }
    }
    assert!(done(&mira.ask(Ask::Ping).await));
    let heard = |browser: &Browser, text: &str| {
        browser.frames.iter().filter(|frame| frame.contains(&format!("\"text\":\"{text}\""))).count()
    };
    assert_eq!((heard(&mira, "hello"), heard(&mira, "psst")), (1, 1));

    assert!(done(&mira.ask(Ask::Block { name: ann.name.clone() }).await));
    assert!(done(&ann.ask(say("are you there")).await));
    assert!(done(&mira.ask(say("peace")).await));
    ann.until("the other's words", |update| matches!(update, Update::Message(m) if m.text == "peace")).await;
    assert!(done(&mira.ask(Ask::Ping).await));
    assert_eq!(heard(&mira, "are you there"), 0);
}
