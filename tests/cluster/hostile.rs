//! Hostile browsers: whatever they send is refused or closed with a code, changes nothing, and keeps nobody else waiting.

use nineflags::ids::TableId;
use nineflags::limits::{Allowance, Limit};
use nineflags::protocol::{Ask, LobbyList, LobbyQuery, RefusalCode, Update};
use nineflags::session::socket::FRAME_MAX;
use nineflags::session::{MESSAGE_CHARS_MAX, MOVES_MAX};
use nineflags::table::options::TableOptions;
use nineflags::table::record::Tip;
use std::collections::BTreeMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, exchange, http, open_socket_on, seated};
use crate::harness::lone::{private_url, query};
use crate::harness::node::Node;

/// How much of something may be used at once.
fn burst(limit: Limit) -> u32 {
    match limit.line().allowance {
        Allowance::Rate { burst, .. } | Allowance::AtOnce(burst) => burst,
    }
}

fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

/// What a game and the lobby hold in Redis, without the nodes' own words and what was counted.
async fn held(url: &str, table: TableId) -> Vec<String> {
    let mut keys: Vec<String> = query(url, &["KEYS", "*"]).await;
    keys.retain(|key| !key.starts_with("node") && !key.starts_with("limit:"));
    keys.sort();
    let records: u64 = query(url, &["XLEN", &format!("game:{table}")]).await;
    let seats: BTreeMap<String, String> = query(url, &["HGETALL", &format!("table:{table}")]).await;
    let seats = seats.into_iter().map(|(field, value)| format!("{field}={value}"));
    keys.into_iter().chain([records.to_string()]).chain(seats).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut stranger = Browser::guest(node.address).await;
    let url = private_url(data.path());
    let tip = first.table.clone().expect("a view").tip;
    // The lobby's row of a new table is told within a moment of its start; it is not what is looked at here.
    let before = held(&url, table).await;

    let moves = |moves: &[&str]| Ask::Move {
        table,
        tip: tip.clone(),
        moves: moves.iter().map(ToString::to_string).collect(),
    };
    let old = |tip: Tip| Ask::Move { table, tip, moves: vec!["draw t".to_owned()] };
    let other_hash = Tip { hash: "0".repeat(32).parse().expect("a hash"), ..tip.clone() };
    let later = Tip { number: tip.number + 5, ..tip.clone() };
    let mine = first.table.clone().expect("a view").view.hands.first.cards.expect("a hand")[0].to_string();
    let laid = format!("{mine}@3");
    for (ask, code) in [
        (moves(&[&laid, "claim 3"]), RefusalCode::Illegal),
        (moves(&["claim 0"]), RefusalCode::Illegal),
        (moves(&["resign"]), RefusalCode::Malformed),
        (moves(&["draw t"; MOVES_MAX]), RefusalCode::Illegal),
        (moves(&["draw t"; MOVES_MAX + 1]), RefusalCode::Malformed),
        (moves(&["r7@9"]), RefusalCode::Malformed),
        (moves(&["x".repeat(9_000).as_str()]), RefusalCode::Malformed),
        (old(Tip::default()), RefusalCode::OldTip),
        (old(other_hash), RefusalCode::OldTip),
        (old(later.clone()), RefusalCode::OldTip),
        (Ask::Seen { table, tip: later, sealed: Vec::new() }, RefusalCode::WentBack),
        (Ask::ClaimWin { table }, RefusalCode::NotAway),
        (Ask::Watch { table }, RefusalCode::Seated),
    ] {
        let answer = first.ask(ask.clone()).await;
        assert_eq!(refused(&answer), Some(code), "{ask:?}: {answer:?}");
    }
    assert_eq!(refused(&second.ask(moves(&[&laid])).await), Some(RefusalCode::NotYourTurn));
    let theirs = [moves(&[&laid]), Ask::Resign { table }, Ask::Save { table }, Ask::ClaimWin { table }];
    for ask in theirs {
        assert_eq!(refused(&stranger.ask(ask).await), Some(RefusalCode::NotSeated));
    }
    let nowhere = TableId::random();
    for ask in [
        Ask::Watch { table: nowhere },
        Ask::Resign { table: nowhere },
        Ask::Save { table: nowhere },
        Ask::ClaimWin { table: nowhere },
        Ask::Move { table: nowhere, tip: Tip::default(), moves: vec!["draw t".to_owned()] },
        Ask::Seen { table: nowhere, tip: Tip::default(), sealed: Vec::new() },
    ] {
        let answer = stranger.ask(ask.clone()).await;
        assert_eq!(refused(&answer), Some(RefusalCode::NoTable), "{ask:?}: {answer:?}");
    }
    let said = stranger.ask(Ask::Say { table, text: "hello".to_owned() }).await;
    assert_eq!(refused(&said), Some(RefusalCode::NoTalk));
    let more =
        Ask::Invite { to: first.name.clone(), options: TableOptions::default(), resume: Some(nowhere) };
    assert_eq!(refused(&stranger.ask(more).await), Some(RefusalCode::NoSavedGame));
    assert_eq!(held(&url, table).await, before);
    let again = Browser::connect(node.address, &first.cookie).await;
    assert_eq!(again.table.map(|view| view.tip), Some(tip));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_no_requests() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut browser = Browser::guest(node.address).await;
    let whole = format!("{:<FRAME_MAX$}", "{\"id\":\"big\",\"ask\":\"ping\"}");
    browser.send_text(&whole).await;
    browser.until("an answer to the largest frame", is_done).await;
    for text in [
        "{\"id\":\"x\",\"ask\":\"watch\",\"table\":\"7\"}",
        "{\"id\":\"x\",\"ask\":\"tell\",\"to\":\"<b>\",\"text\":\"\"}",
        "{\"id\":\"x\",\"ask\":\"move\",\"moves\":[]}",
        "\u{0}",
    ] {
        browser.send_text(text).await;
        let update = browser.until("a refusal", |update| refused(update).is_some()).await;
        assert_eq!(refused(&update), Some(RefusalCode::Malformed), "{text}");
    }
    browser.send_text(&format!("{whole} ")).await;
    assert_eq!(browser.until_closed().await, Some(4400), "one byte too many");

    let mut binary = Browser::guest(node.address).await;
    binary.send(Frame::binary(vec![1, 2, 3])).await;
    assert_eq!(binary.until_closed().await, Some(4400));
    assert!(is_done(&Browser::guest(node.address).await.ask(Ask::Ping).await), "nobody else is concerned");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_at_the_limit_and_beyond() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut ann = Browser::guest(node.address).await;
    let mut mira = Browser::guest(node.address).await;
    let tell = |text: String| Ask::Tell { to: mira.name.clone(), text };
    let longest = "\u{1f642}".repeat(MESSAGE_CHARS_MAX);
    assert!(is_done(&ann.ask(tell(longest.clone())).await));
    assert_eq!(refused(&ann.ask(tell(format!("{longest}!"))).await), Some(RefusalCode::BadText));
    let mut refusals = 0;
    for number in 1..=burst(Limit::Letters) * 2 {
        let answer = ann.ask(tell(format!("word {number}"))).await;
        match refused(&answer) {
            Some(code) => {
                assert_eq!(code, RefusalCode::TooMany);
                refusals += 1;
            }
            None => assert!(is_done(&answer), "{answer:?}"),
        }
        assert!(number >= burst(Limit::Letters) || refusals == 0, "refused before the limit");
    }
    assert!(refusals > 0);

    let search = |length| LobbyQuery {
        list: LobbyList::Players,
        search: "a".repeat(length),
        free_only: false,
        page: u32::MAX,
    };
    assert!(is_done(&mira.ask(Ask::Lobby(search(20))).await));
    assert_eq!(refused(&mira.ask(Ask::Lobby(search(21))).await), Some(RefusalCode::BadText));

    let mut fast = Browser::guest(node.address).await;
    for number in 0..burst(Limit::Requests) {
        fast.send_text(&format!("{{\"id\":\"b{number}\",\"ask\":\"ping\"}}")).await;
    }
    for _ in 0..burst(Limit::Requests) {
        let answer = fast.until("an answer", |update| is_done(update) || refused(update).is_some()).await;
        assert!(is_done(&answer), "within the limit: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_keep_nobody_waiting_and_are_closed() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut half = Vec::new();
    for start in ["", "GET /socket HTTP/1.1\r\n", "GET / HTTP/1.1\r\nhost: x\r\nx: "] {
        let mut stream = TcpStream::connect(node.address).await.expect("the node accepts");
        stream.write_all(start.as_bytes()).await.expect("it can be sent");
        half.push(stream);
    }
    assert!(is_done(&Browser::guest(node.address).await.ask(Ask::Ping).await));
    for mut stream in half {
        let mut rest = Vec::new();
        // Closed by the node, in order or not: either ends the reading.
        let read =
            tokio::time::timeout(std::time::Duration::from_mins(1), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "a silent connection is closed");
    }
    let host = node.address;
    for (shake, status) in [
        ("connection: close\r\n".to_owned(), "400"),
        (
            "upgrade: websocket\r\nconnection: upgrade, close\r\nsec-websocket-version: 8\r\n".to_owned(),
            "400",
        ),
        (
            "upgrade: websocket\r\nconnection: upgrade, close\r\nsec-websocket-version: 13\r\n".to_owned(),
            "400",
        ),
        (format!("connection: close\r\nx: {}\r\n", "x".repeat(20_000)), "431"),
    ] {
        let request = format!("GET /socket HTTP/1.1\r\nhost: {host}\r\n{shake}\r\n");
        let answer = exchange(node.address, request.as_bytes()).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{shake:.60}: {answer:.60}");
    }
    let health = http(node.address, "GET", "/healthz", "", None).await;
    assert_eq!((health.status, health.body.as_str()), (200, "alive\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stops_reading_is_closed_and_nobody_waits_for_it() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    // A browser with little room in its system, so that what it does not read soon waits at the node.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let stream = socket.connect(node.address).await.expect("the node accepts");
    let guest = Browser::guest(node.address).await;
    let cookie = guest.cookie.clone();
    drop(guest);
    let mut slow = Browser::over(open_socket_on(stream, node.address, &cookie).await, &cookie).await;
    let url = private_url(data.path());
    let online = async || query::<usize>(&url, &["HLEN", "online"]).await;
    // It watches whole games and reads nothing of them, until it is gone.
    let mut players = Vec::new();
    for _ in 0..slow.welcome.limits.watched_tables {
        let pair = seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
        assert!(is_done(&slow.ask(Ask::Watch { table: pair.2 }).await));
        players.push(pair);
    }
    let all = 2 * players.len();
    for (first, second, table) in &mut players {
        // Both players are served all the time: this waits for each answer and each view.
        let over = play_on(first, second, *table, u32::MAX, &mut Dice(81)).await;
        assert!(over.view.ending.is_some());
        if online().await == all {
            break;
        }
    }
    assert_eq!(online().await, all, "the slow reader is still there");
    assert_eq!(slow.until_closed().await, Some(4408));
    // And it may come back.
    let again = Browser::connect(node.address, &cookie).await;
    assert_eq!(again.name, slow.name);
}
