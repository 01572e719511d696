//! Floods of one kind of request: what they cost is charged to whoever sends them, and nobody else waits for it.

use std::time::Duration;

use futures_util::StreamExt;
use nineflags::host::HEALS_MAX;
use nineflags::limits::{Allowance, Limit};
use nineflags::protocol::{Ask, LobbyList, LobbyQuery, RefusalCode, Update};
use nineflags::store::invites::INVITES_RECEIVED_MAX;
use nineflags::table::options::TableOptions;
use nineflags::table::record::Tip;
use tokio::net::TcpSocket;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::harness::bot::{Dice, play_on};
use crate::harness::browser::{Browser, accept, http, open_socket_on, seated};
use crate::harness::lone::{private_url, query};
use crate::harness::node::Node;

/// Refusals are looked for within this time.
const WITHIN: Duration = Duration::from_secs(20);

pub fn refused(update: &Update) -> Option<RefusalCode> {
    match update {
        Update::Refused { code, .. } => Some(*code),
        _ => None,
    }
}

pub fn is_done(update: &Update) -> bool {
    matches!(update, Update::Done { .. })
}

/// How much of something may be used at once.
pub fn burst(limit: Limit) -> u32 {
    match limit.line().allowance {
        Allowance::Rate { burst, .. } | Allowance::AtOnce(burst) => burst,
    }
}

pub fn letter(to: &Browser, text: &str) -> Ask {
    Ask::Tell { to: to.name.clone(), text: text.to_owned() }
}

fn invite(to: &Browser) -> Ask {
    Ask::Invite { to: to.name.clone(), options: TableOptions::default(), resume: None }
}

/// Frames of a kind that a browser has received.
pub fn heard(browser: &Browser, update: &str) -> usize {
    let start = format!("{{\"update\":\"{update}\"");
    browser.frames.iter().filter(|frame| frame.starts_with(&start)).count()
}

/// A tip that nobody ever had.
fn forged(number: u32, which: u32) -> Tip {
    Tip { number, hash: format!("{which:032x}").parse().expect("a hash") }
}

pub async fn metric(node: &Node, name: &str) -> f64 {
    let page = http(node.address, "GET", "/metrics", "", None).await.body;
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_tip_holds_no_table_up() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", "seen_per_account_minute=100000")]);
    let (mut first, mut second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let view = play_on(&mut first, &mut second, table, 6, &mut Dice(71)).await;
    let seen = |tip| Ask::Seen { table, tip, sealed: Vec::new() };
    let ahead = view.tip.number + 1;

    let mut strangers = [Browser::guest(node.address).await, Browser::guest(node.address).await];
    let watched = strangers[0].ask(Ask::Watch { table }).await;
    assert!(is_done(&watched), "{watched:?}");
    assert!(is_done(&strangers[0].ask(seen(view.tip.clone())).await), "what it sees");
    for (place, code) in [RefusalCode::WentBack, RefusalCode::NotSeated].into_iter().enumerate() {
        for tip in [forged(ahead, 1), forged(4_000_000_000, 2)] {
            let answer = strangers[place].ask(seen(tip)).await;
            assert_eq!(refused(&answer), Some(code), "{answer:?}");
        }
    }

    // While one seat's forged tip is asked of the other nodes, the other seat and the bench are served.
    second
        .send_text(&format!(
            r#"{{"id":"forged","ask":"seen","table":"{table}","tip":{{"number":{ahead},"hash":"{:032x}"}}}}"#,
            3
        ))
        .await;
    let served = async {
        assert!(is_done(&first.ask(Ask::Ping).await));
        let answer = first.ask(Ask::ClaimWin { table }).await;
        assert_eq!(refused(&answer), Some(RefusalCode::NotAway), "{answer:?}");
        assert!(is_done(&strangers[1].ask(Ask::Watch { table }).await));
    };
    let waiting = second.until("the fate of the forged tip", |update| refused(update).is_some());
    tokio::select! {
        biased;
        _ = waiting => panic!("the table waited for the forged tip"),
        () = served => {}
    }
    second.until("the fate of the forged tip", |update| refused(update).is_some()).await;

    // However many are made up, few are asked of the other nodes, and what is far ahead not at all.
    let client = redis::Client::open(private_url(data.path())).expect("a URL");
    let mut channel = client.get_async_pubsub().await.expect("Redis answers");
    channel.subscribe(format!("table:{table}")).await.expect("the channel");
    for which in 0..30 {
        let number = if which % 3 == 0 { ahead + 32 + which } else { ahead + which % 32 };
        let answer = second.ask(seen(forged(number, 100 + which))).await;
        let code = refused(&answer);
        assert!(matches!(code, Some(RefusalCode::WentBack | RefusalCode::TooMany)), "{answer:?}");
    }
    let mut heals = 0;
    let mut messages = channel.on_message();
    while let Ok(Some(message)) = timeout(Duration::from_millis(300), messages.next()).await {
        let payload: String = message.get_payload().expect("text");
        heals += usize::from(payload.contains(r#""kind":"heal""#));
    }
    assert!((1..=HEALS_MAX).contains(&heals), "{heals} heals were asked for");
    assert!(metric(&node, "nineflags_went_back_total").await < 0.5, "nothing went back");

    // Who told the truth is answered all the time.
    assert!(is_done(&timeout(WITHIN, second.ask(seen(view.tip))).await.expect("an answer")));
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_of_strangers_are_bounded_at_their_receiver_and_never_close_it() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    // A receiver with little room in its system that reads nothing for now.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let stream = socket.connect(node.address).await.expect("the node accepts");
    let cookie = Browser::guest(node.address).await.cookie;
    let mut receiver = Browser::over(open_socket_on(stream, node.address, &cookie).await, &cookie).await;
    let long = "\u{1f642}".repeat(300);
    let (mut done, mut refusals) = (0, 0);
    for number in 0..8 {
        let mut stranger = Browser::guest(node.address).await;
        for _ in 0..burst(Limit::Letters) {
            let answer = stranger.ask(letter(&receiver, &long)).await;
            match refused(&answer) {
                None => done += 1,
                Some(code) => {
                    assert_eq!(code, RefusalCode::TooMany, "{answer:?}");
                    refusals += 1;
                }
            }
        }
        assert!(number > 2 || refusals == 0, "refused before the limit");
    }
    let most = burst(Limit::LettersTo);
    assert!((most..most + 5).contains(&done), "{done} went out, {refusals} were refused");
    assert!(is_done(&receiver.ask(Ask::Ping).await), "it is still there");
    assert!(heard(&receiver, "message") <= most as usize + 5);

    // Whom one has written to is no stranger.
    let mut friend = Browser::guest(node.address).await;
    assert_eq!(refused(&friend.ask(letter(&receiver, "let me in")).await), Some(RefusalCode::TooMany));
    assert!(is_done(&receiver.ask(letter(&friend, "hello")).await));
    friend.until("the letter", |update| matches!(update, Update::Message(_))).await;
    assert!(is_done(&friend.ask(letter(&receiver, "at last")).await));
    receiver.until("the answer", |update| matches!(update, Update::Message(m) if m.text == "at last")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_plays_gets_few_letters_of_strangers() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (mut first, mut second, _) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut stranger = Browser::guest(node.address).await;
    let few = burst(Limit::LettersTo) / 4;
    for _ in 0..few {
        assert!(is_done(&stranger.ask(letter(&first, "psst")).await));
    }
    assert_eq!(refused(&stranger.ask(letter(&first, "psst")).await), Some(RefusalCode::TooMany));
    assert!(is_done(&second.ask(letter(&first, "good luck")).await), "the other seat is no stranger");
    let mut friend = Browser::guest(node.address).await;
    assert_eq!(refused(&friend.ask(letter(&first, "psst")).await), Some(RefusalCode::TooMany));
    assert!(is_done(&first.ask(letter(&friend, "yes?")).await));
    friend.until("the letter", |update| matches!(update, Update::Message(_))).await;
    assert!(is_done(&friend.ask(letter(&first, "psst")).await), "an answer is none of a stranger");
    // Nor is it one under another name, or another form of it.
    let body = serde_json::json!({"name": "Mira", "password": "correct horse battery"});
    let upgraded = http(node.address, "POST", "/api/upgrade", &first.cookie, Some(&body)).await;
    let _mira = Browser::connect(node.address, &upgraded.cookie.expect("a login")).await;
    for name in ["Mira", "mira"] {
        let ask = Ask::Tell { to: name.parse().expect("a name"), text: "psst".to_owned() };
        let answer = friend.ask(ask).await;
        assert!(is_done(&answer), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_outlive_a_websocket() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let receiver = Browser::guest(node.address).await;
    let mut sender = Browser::guest(node.address).await;
    for number in 0..burst(Limit::Letters) {
        assert!(is_done(&sender.ask(letter(&receiver, &format!("word {number}"))).await));
    }
    for _ in 0..2 {
        sender = Browser::connect(node.address, &sender.cookie).await;
        assert_eq!(refused(&sender.ask(letter(&receiver, "more")).await), Some(RefusalCode::TooMany));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invites_of_many_are_bounded_at_their_receiver_and_gathered() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let mut receiver = Browser::guest(node.address).await;
    let mut senders = Vec::new();
    for number in 0..INVITES_RECEIVED_MAX + 3 {
        let mut sender = Browser::guest(node.address).await;
        let answer = sender.ask(invite(&receiver)).await;
        if number < INVITES_RECEIVED_MAX {
            assert!(is_done(&answer), "{answer:?}");
        } else {
            assert_eq!(refused(&answer), Some(RefusalCode::TooManyInvites), "{answer:?}");
        }
        senders.push(sender);
    }
    let is_all =
        |update: &Update| matches!(update, Update::Invites(i) if i.received.len() == INVITES_RECEIVED_MAX);
    receiver.until("all invites", is_all).await;

    // By turns, as fast as it goes: the sender is refused soon, and the receiver is told a few times at most.
    let before = heard(&receiver, "invites");
    let mut refusals = 0;
    let began = Instant::now();
    for _ in 0..40 {
        senders[0].ask(Ask::Withdraw { to: receiver.name.clone(), invite: None }).await;
        let answer = senders[0].ask(invite(&receiver)).await;
        refusals += u32::from(refused(&answer) == Some(RefusalCode::TooMany));
    }
    assert!(refusals > 20, "{refusals}");
    assert!(is_done(&receiver.ask(Ask::Ping).await));
    let gathered = usize::try_from(began.elapsed().as_millis() / 500 + 2).expect("small");
    let told = heard(&receiver, "invites") - before;
    assert!(heard(&receiver, "notice") <= burst(Limit::InvitesTo) as usize);
    assert!(told <= gathered, "told {told} times in {:?}", began.elapsed());
    let again = Browser::connect(node.address, &receiver.cookie).await;
    assert!(again.frames[0].len() < 64 * 1_024, "a welcome of {} bytes", again.frames[0].len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_watched_already_is_not_sent_again() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (_first, _second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut watcher = Browser::guest(node.address).await;
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await));
    watcher.until_table("itself on the bench", |view| view.watchers == 1).await;
    let before = heard(&watcher, "table");
    let mut refusals = 0;
    for _ in 0..2 * burst(Limit::Watches) {
        refusals +=
            u32::from(refused(&watcher.ask(Ask::Watch { table }).await) == Some(RefusalCode::TooMany));
    }
    assert_eq!(heard(&watcher, "table"), before);
    assert!(refusals > 0, "it is charged all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_without_a_pause_end_a_websocket() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    for frame in [Frame::Ping(vec![7; 100].into()), Frame::Pong(Vec::new().into()), Frame::text("")] {
        let mut pinger = Browser::guest(node.address).await;
        let flood = async {
            // Until the node has closed it.
            for _ in 0..burst(Limit::Requests) + 1_000 {
                if pinger.try_send(frame.clone()).await.is_err() {
                    break;
                }
            }
        };
        timeout(WITHIN, flood).await.expect("it is closed, or the frames are taken");
        assert_eq!(pinger.until_closed().await, Some(4429), "{frame:?}");
    }
    let mut browser = Browser::guest(node.address).await;
    for _ in 0..5 {
        browser.send(Frame::Ping(Vec::new().into())).await;
    }
    assert!(is_done(&browser.ask(Ask::Ping).await), "a few cost nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_the_lobby_that_nobody_knows_have_it_read_once_a_second_at_most() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let url = private_url(data.path());
    let mut browser = Browser::guest(node.address).await;
    let reloads = "nineflags_reloads_total{what=\"lobby\"}";
    let before = metric(&node, reloads).await;
    let began = Instant::now();
    for _ in 0..50 {
        let old = "{\"version\":1,\"change\":{\"kind\":\"new\"}}";
        query::<u32>(&url, &["PUBLISH", "lobby", old]).await;
    }
    for version in 0..50 {
        let new = format!("{{\"version\":{},\"change\":{{\"kind\":\"new\"}}}}", 1_000_000 + version);
        query::<u32>(&url, &["PUBLISH", "lobby", &new]).await;
        query::<u32>(&url, &["PUBLISH", "lobby", "nonsense"]).await;
    }
    // Whoever comes is shown all the same.
    let guest = Browser::guest(node.address).await;
    let asked =
        LobbyQuery { list: LobbyList::Players, search: guest.name.to_string(), free_only: false, page: 0 };
    assert!(is_done(&browser.ask(Ask::Lobby(asked)).await));
    let is_there = |update: &Update| matches!(update, Update::Lobby(page) if page.matching == 1);
    // The first page may have come before the answer.
    if !browser.frames.iter().any(|frame| serde_json::from_str(frame).is_ok_and(|update| is_there(&update))) {
        browser.until("the guest", is_there).await;
    }
    let reads = metric(&node, reloads).await - before;
    let most = began.elapsed().as_secs_f64() + 1.5;
    assert!(reads <= most, "{reads} reads in {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_table_is_not_woken() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (_first, _second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    let mut watcher = Browser::guest(node.address).await;
    assert!(is_done(&watcher.ask(Ask::Watch { table }).await));
    watcher.until_table("itself on the bench", |view| view.watchers == 1).await;
    let wakes = metric(&node, "nineflags_table_wakes_total").await;
    assert!(wakes > 0.5, "a bench that changed is counted");
    sleep(Duration::from_secs(3)).await;
    assert!(metric(&node, "nineflags_table_wakes_total").await - wakes < 0.5, "nothing was due");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_game_that_ends_as_it_starts_ends_no_session() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "games_started_per_account_hour=100000 invites_per_account_minute=100000";
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", limits)]);
    let (mut one, mut two) = (Browser::guest(node.address).await, Browser::guest(node.address).await);
    for _ in 0..20 {
        let invited = one.ask(invite(&two)).await;
        assert!(is_done(&invited), "{invited:?}");
        // The list may be of the game before: then it comes again.
        let mut accepted = two.ask(Ask::Accept { from: one.name.clone(), invite: None }).await;
        if refused(&accepted) == Some(RefusalCode::InviteChanged) {
            accepted = two.ask(Ask::Accept { from: one.name.clone(), invite: None }).await;
        }
        let Update::Done { table: Some(table), .. } = accepted else { panic!("not started: {accepted:?}") };
        // The other has not been shown the table yet.
        assert!(is_done(&two.ask(Ask::Resign { table }).await));
        assert!(is_done(&one.ask(Ask::Ping).await), "closed with {:?}", one.closed);
        let freed = async {
            while query::<u32>(&private_url(data.path()), &["EXISTS", &format!("table:{table}")]).await > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(WITHIN, freed).await.expect("it is put away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_read_that_fails_ends_no_session() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let url = private_url(data.path());
    let (mut one, mut two) = (Browser::guest(node.address).await, Browser::guest(node.address).await);
    // Every list is of a wrong kind for a while, so that reading it fails.
    let id: String = {
        let online: std::collections::BTreeMap<String, String> = query(&url, &["HGETALL", "online"]).await;
        let entry = online.iter().find(|(_, text)| text.contains(two.name.as_str()));
        entry.expect("it is online").0.clone()
    };
    let key = format!("saved-by:{id}");
    query::<()>(&url, &["SET", &key, "nonsense"]).await;
    let node_key = query::<Vec<String>>(&url, &["KEYS", "node:*"]).await.remove(0);
    let event = format!("{{\"account\":\"{id}\",\"event\":{{\"kind\":\"games_changed\"}}}}");
    query::<u32>(&url, &["PUBLISH", &node_key, &event]).await;
    assert!(is_done(&one.ask(invite(&two)).await));
    two.until("the invite", |update| matches!(update, Update::Invites(i) if !i.received.is_empty())).await;
    assert!(is_done(&two.ask(Ask::Ping).await), "closed with {:?}", two.closed);
    query::<()>(&url, &["DEL", &key]).await;
    two.until("its games, read again", |update| matches!(update, Update::Games(_))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn games_that_start_are_charged_to_both_players_and_to_the_address() {
    let start = async |one: &mut Browser, two: &mut Browser| {
        assert!(is_done(&one.ask(invite(two)).await));
        two.until("the invite", |update| matches!(update, Update::Invites(all) if !all.received.is_empty()))
            .await;
        let answer = accept(two, one.name.clone()).await;
        let Update::Done { table: Some(table), .. } = answer else { return Err(answer) };
        one.until_table("the table", |view| view.table == table).await;
        assert!(is_done(&one.ask(Ask::Resign { table }).await));
        for browser in [one, two] {
            browser.until("its end", |update| matches!(update, Update::TableClosed { .. })).await;
        }
        Ok(())
    };
    let words = |answer: Result<(), Update>| match answer {
        Err(Update::Refused { code: RefusalCode::TooMany, words, .. }) => words,
        other => panic!("{other:?}"),
    };
    let limit = |name: Limit, number: u32| format!("{}={number}", name.line().name);

    // Three times as many an hour as at once.
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", &limit(Limit::Starts, 6))]);
    let mut players = Vec::new();
    for _ in 0..4 {
        players.push(Browser::guest(node.address).await);
    }
    let [busy, other, third, fourth] = &mut players[..] else { panic!("four") };
    for _ in 0..2 {
        start(busy, other).await.expect("it is allowed");
    }
    assert!(words(start(third, busy).await).starts_with(Limit::Starts.line().refusal));
    assert!(words(start(busy, fourth).await).starts_with("That player starts too many games"));

    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", &limit(Limit::StartsFrom, 6))]);
    let (mut one, mut two) = (Browser::guest(node.address).await, Browser::guest(node.address).await);
    start(&mut one, &mut two).await.expect("it is allowed");
    let (mut one, mut two) = (Browser::guest(node.address).await, Browser::guest(node.address).await);
    assert!(words(start(&mut one, &mut two).await).starts_with(Limit::StartsFrom.line().refusal));
}
