//! Accounts over HTTP: names, passwords, logins, guests, cookies, foreign pages and limits on attempts.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nineflags::limits::Key;
use nineflags::passwords::{HASHES_AT_ONCE, PASSWORD_MAX, PASSWORD_MIN, Passwords};
use nineflags::protocol::{Ask, Update};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::browser::{Browser, Reply, exchange, http, http_with, refused_with, seated};
use crate::harness::node::Node;

pub(super) const PASSWORD: &str = "correct horse battery";

async fn post(node: SocketAddr, path: &str, cookie: &str, body: &Value) -> Reply {
    http(node, "POST", path, cookie, Some(body)).await
}

pub(super) async fn sign_up(node: SocketAddr, name: &str) -> Reply {
    post(node, "/api/signup", "", &json!({"name": name, "password": PASSWORD})).await
}

async fn log_in(node: SocketAddr, name: &str, password: &str) -> Reply {
    post(node, "/api/login", "", &json!({"name": name, "password": password})).await
}

async fn me(node: SocketAddr, cookie: &str) -> Reply {
    http(node, "GET", "/api/me", cookie, None).await
}

pub(super) fn cookie(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.cookie.clone().expect("a login")
}

#[track_caller]
pub(super) fn failed(reply: &Reply, status: u16, code: &str) -> String {
    assert_eq!((reply.status, reply.json()["code"].as_str()), (status, Some(code)), "{}", reply.body);
    assert!(reply.cookie.is_none(), "a failure sets no cookie");
    reply.json()["words"].as_str().expect("words").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_a_name_is_named() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let twenty = "a".repeat(20);
    for (name, part) in [
        ("", "at least 2"),
        ("a", "at least 2"),
        (&format!("{twenty}a"), "at most 20"),
        ("a b", "letters a to z"),
        ("a\u{430}nn", "letters a to z"),
        ("<b>", "letters a to z"),
        ("Guest-12", "Guest-"),
        ("gUEST-x", "Guest-"),
    ] {
        let words = failed(&sign_up(node.address, name).await, 400, "bad_name");
        assert!(words.contains(part), "{name:?}: {words}");
    }
    for name in ["ab", &twenty, "A-b_9"] {
        let reply = sign_up(node.address, name).await;
        assert_eq!((reply.status, reply.json()["name"].as_str()), (200, Some(name)), "{}", reply.body);
    }
    failed(&sign_up(node.address, "a-B_9").await, 409, "name_taken");
    let shown = me(node.address, &cookie(&log_in(node.address, "a-B_9", PASSWORD).await)).await;
    assert_eq!((&shown.json()["name"], &shown.json()["guest"]), (&json!("A-b_9"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_neither_short_nor_endless() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let with = async |name: &str, length: usize| {
        let body = json!({"name": name, "password": "p".repeat(length)});
        post(node.address, "/api/signup", "", &body).await
    };
    failed(&with("Ann", PASSWORD_MIN - 1).await, 400, "bad_password");
    failed(&with("Ann", PASSWORD_MAX + 1).await, 400, "bad_password");
    cookie(&with("Ann", PASSWORD_MIN).await);
    cookie(&with("Mira", PASSWORD_MAX).await);
    failed(&log_in(node.address, "Ann", &"p".repeat(PASSWORD_MAX + 1)).await, 403, "wrong_login");
    for body in ["", "{", "[]", "{\"name\":\"Otto\"}", "{\"name\":1,\"password\":2}"] {
        let origin = format!("http://{}", node.address);
        let reply = http_with(node.address, "POST", "/api/signup", &[("origin", &origin)], body).await;
        failed(&reply, 400, "malformed");
    }
    let long = json!({"name": "Otto", "password": "p".repeat(5_000)});
    failed(&post(node.address, "/api/signup", "", &long).await, 413, "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_in_and_out_and_what_a_stranger_learns() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let first = cookie(&sign_up(node.address, "Ann").await);
    let wrong = failed(&log_in(node.address, "Ann", "wrong password").await, 403, "wrong_login");
    let nobody = failed(&log_in(node.address, "Nobody", "wrong password").await, 403, "wrong_login");
    let no_name = failed(&log_in(node.address, "<>", "wrong password").await, 403, "wrong_login");
    assert_eq!((&wrong, &wrong), (&nobody, &no_name), "nobody learns which names exist");

    let second = cookie(&log_in(node.address, "ann", PASSWORD).await);
    assert_ne!(first, second);
    let mut live = Browser::connect(node.address, &second).await;
    let out = post(node.address, "/api/logout", &first, &json!({})).await;
    assert_eq!(
        (out.status, out.cookie.as_deref()),
        (200, Some(format!("nineflags-{}=", node.address.port()).as_str()))
    );
    assert!(out.set_cookie.is_some_and(|text| text.contains("Max-Age=0")));
    failed(&me(node.address, &first).await, 401, "logged_out");
    assert_eq!(refused_with(node.address, &first).await, Some(4401));
    // The window of the other login stays.
    assert!(matches!(live.ask(Ask::Ping).await, Update::Done { .. }));
    post(node.address, "/api/logout", &second, &json!({})).await;
    assert_eq!(live.until_closed().await, Some(4401));
    assert_eq!(refused_with(node.address, &second).await, Some(4401));
    assert_eq!(refused_with(node.address, "").await, Some(4401));
    assert_eq!(post(node.address, "/api/logout", "", &json!({})).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_ends_all_other_logins() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let own = cookie(&sign_up(node.address, "Ann").await);
    let other = cookie(&log_in(node.address, "Ann", PASSWORD).await);
    let mut thief = Browser::connect(node.address, &other).await;
    let change = |old: &str, new: &str| json!({"old": old, "new": new});
    let path = "/api/password";
    failed(
        &post(node.address, path, &own, &change("wrong one", "another password")).await,
        403,
        "wrong_password",
    );
    failed(&post(node.address, path, &own, &change(PASSWORD, "short")).await, 400, "bad_password");
    failed(&post(node.address, path, "", &change(PASSWORD, "another password")).await, 401, "logged_out");
    assert_eq!(me(node.address, &other).await.status, 200);
    // Whoever does not know what became of the change asks again.
    for _ in 0..2 {
        let changed = post(node.address, path, &own, &change(PASSWORD, "another password")).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
    }
    failed(&me(node.address, &other).await, 401, "logged_out");
    assert_eq!(thief.until_closed().await, Some(4401), "an open window of an ended login is closed");
    assert_eq!(refused_with(node.address, &other).await, Some(4401));
    assert_eq!(me(node.address, &own).await.status, 200);
    failed(&log_in(node.address, "Ann", PASSWORD).await, 403, "wrong_login");
    cookie(&log_in(node.address, "Ann", "another password").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_becomes_an_account_and_keeps_its_games() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_ARCHIVE_MIN_RECORDS", "0")]);
    sign_up(node.address, "Otto").await;
    let (mut ann, second, table) =
        seated(Browser::guest(node.address).await, Browser::guest(node.address).await).await;
    // It is told when it ends, and its browser keeps the cookie as long: a day, and a month once it has played.
    let days = |you: &Value, now_ms: u64| {
        (you["expires_ms"].as_u64().expect("an end") - now_ms + 43_200_000) / 86_400_000
    };
    assert_eq!(days(&json!(ann.welcome.you), ann.welcome.now_ms), 1);
    let shown = me(node.address, &ann.cookie).await;
    assert_eq!(days(&shown.json(), ann.welcome.now_ms), 30);
    for shown in [shown, me(node.address, &ann.cookie).await] {
        let kept = shown
            .set_cookie
            .as_deref()
            .and_then(|text| text.split("Max-Age=").nth(1)?.split(';').next()?.parse().ok());
        assert!(kept.is_some_and(|secs: u64| secs > 29 * 86_400), "{:?}", shown.set_cookie);
    }
    let wanted = |name: &str| json!({"name": name, "password": PASSWORD});
    ann.ask(Ask::Resign { table }).await;
    ann.until("the list", |update| matches!(update, Update::Games(games) if games.finished.len() == 1)).await;
    failed(&post(node.address, "/api/upgrade", &ann.cookie, &wanted("otto")).await, 409, "name_taken");
    failed(&post(node.address, "/api/upgrade", &ann.cookie, &wanted("x")).await, 400, "bad_name");
    let upgraded = post(node.address, "/api/upgrade", &ann.cookie, &wanted("Ann")).await;
    assert_eq!(upgraded.json(), json!({"name": "Ann", "guest": false}));
    let new_cookie = cookie(&upgraded);
    // A window that has the new cookie already is not sent away by the word for the one that has not.
    let mut early = Browser::connect(node.address, &new_cookie).await;
    assert_eq!(ann.until_closed().await, Some(4409));
    let shown = me(node.address, &new_cookie).await.json();
    assert_eq!((&shown["name"], &shown["account"]), (&json!("Ann"), &json!(ann.welcome.you.account)));
    failed(&me(node.address, &ann.cookie).await, 401, "logged_out");
    // The word comes half a second after the answer.
    sleep(Duration::from_millis(700)).await;
    assert!(matches!(early.ask(Ask::Ping).await, Update::Done { .. }), "closed with {:?}", early.closed);
    let again = Browser::connect(node.address, &cookie(&log_in(node.address, "Ann", PASSWORD).await)).await;
    assert_eq!((again.name.as_str(), again.welcome.you.guest), ("Ann", false));
    assert!(again.welcome.you.account.is_some());
    assert_eq!(again.welcome.you.account, ann.welcome.you.account, "the name is another, the account is not");
    assert_eq!(again.welcome.games.finished[0].table, table);
    let page = http(node.address, "GET", "/api/player/ann?page=0", "", None).await.json();
    assert_eq!((&page["name"], &page["online"]), (&json!("Ann"), &json!(true)));
    assert_eq!(page["games"][0]["table"], json!(table));
    failed(&post(node.address, "/api/upgrade", &again.cookie, &wanted("More")).await, 409, "not_guest");
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_deleted_with_its_password_and_not_while_playing() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let ann = Browser::sign_up(node.address, "Ann").await;
    let guest = Browser::guest(node.address).await;
    let (mut first, mut second, table) = seated(ann, guest).await;
    let (own, other) = if first.name.as_str() == "Ann" { (&first, &second) } else { (&second, &first) };
    let (own, other) = (own.cookie.clone(), other.cookie.clone());
    let confirm = |password: &str| json!({"password": password});
    let path = "/api/delete";
    failed(&post(node.address, path, &own, &confirm(PASSWORD)).await, 409, "you_are_playing");
    first.ask(Ask::Resign { table }).await;
    second.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    first.until("the end", |update| matches!(update, Update::TableClosed { .. })).await;
    failed(&post(node.address, path, &own, &confirm("wrong one")).await, 403, "wrong_password");
    let gone = post(node.address, path, &own, &confirm(PASSWORD)).await;
    assert_eq!(gone.status, 200, "{}", gone.body);
    assert_eq!(gone.cookie, Some(format!("nineflags-{}=", node.address.port())));
    failed(&me(node.address, &own).await, 401, "logged_out");
    failed(&log_in(node.address, "Ann", PASSWORD).await, 403, "wrong_login");
    let closed = if first.cookie == own { first.until_closed().await } else { second.until_closed().await };
    assert_eq!(closed, Some(4401));
    assert_eq!(post(node.address, path, &other, &json!({})).await.status, 200, "a guest has no password");
    // The name rests; the game stays in the archive under the old names.
    failed(&sign_up(node.address, "ANN").await, 409, "name_taken");
    let game = http(node.address, "GET", &format!("/api/game/{table}"), "", None).await;
    assert_eq!(game.status, 200, "{}", game.body);
    // The game tells the accounts, so that nobody who has the name later is taken for its player.
    let accounts = game.json()["accounts"].clone();
    let pages =
        ["first", "second"].map(|seat| format!("/api/player/{}", accounts[seat].as_str().expect("an id")));
    for page in pages.iter().map(String::as_str).chain(["/api/player/Ann"]) {
        failed(&http(node.address, "GET", page, "", None).await, 404, "deleted");
    }
}

/// Everything the private Redis has written down.
fn written(data: &Path) -> Vec<u8> {
    let folder = fs::read_dir(data.join("appendonlydir")).expect("the append-only files");
    folder.flat_map(|file| fs::read(file.expect("a file").path()).expect("a file that can be read")).collect()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_is_the_browsers_alone() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let reply = sign_up(node.address, "Ann").await;
    let text = reply.set_cookie.clone().expect("a cookie");
    for part in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age=2592000"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("Secure"), "{text}");
    let name = format!("nineflags-{}=", node.address.port());
    let value = cookie(&reply).strip_prefix(&name).expect("its name").to_owned();
    assert!(value.len() >= 43, "256 bits");
    let written = written(data.path());
    assert!(contains(&written, "account-name:ann") && contains(&written, "$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!contains(&written, &value), "only a hash of the cookie is kept");
    assert!(!contains(&written, PASSWORD));
    drop(node);

    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_ORIGIN", "https://play.example.org/")]);
    let body = json!({"name": "Ann", "password": PASSWORD}).to_string();
    let own = [("origin", "https://play.example.org")];
    let reply = http_with(node.address, "POST", "/api/signup", &own, &body).await;
    let text = reply.set_cookie.expect("a cookie");
    assert!(text.starts_with("__Host-nineflags=") && text.ends_with("; Secure"), "{text}");
    assert!(!text.contains("Domain"), "{text}");
    let other = format!("http://{}", node.address);
    failed(
        &http_with(node.address, "POST", "/api/guest", &[("origin", &other)], "{}").await,
        403,
        "foreign_origin",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_sites_can_do_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let login = cookie(&sign_up(node.address, "Ann").await);
    for path in ["signup", "login", "guest", "logout", "password", "upgrade", "delete"] {
        let path = format!("/api/{path}");
        for origin in ["http://evil.example", "null", "", &format!("http://{}.evil.example", node.address)] {
            let headers = [("origin", origin), ("cookie", login.as_str())];
            failed(&http_with(node.address, "POST", &path, &headers, "{}").await, 403, "foreign_origin");
        }
        failed(
            &http_with(node.address, "POST", &path, &[("cookie", &login)], "{}").await,
            403,
            "foreign_origin",
        );
    }
    assert_eq!(me(node.address, &login).await.status, 200);
    let shake = |more: &str| {
        format!(
            "GET /socket HTTP/1.1\r\nhost: {}\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n",
            node.address
        )
    };
    let foreign = exchange(node.address, shake("origin: http://evil.example\r\n").as_bytes()).await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
}

/// Threads of this process with a name.
fn threads(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").expect("Linux lists threads");
    let named = tasks
        .flatten()
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|found| found.trim() == name));
    named.count()
}

#[test]
fn only_so_many_passwords_are_hashed_at_once() {
    let name = "hashing-bound";
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().thread_name(name).build();
    let most = runtime.expect("a runtime").block_on(async {
        let passwords = Passwords::default();
        let hashes: Vec<_> = (0..12)
            .map(|_| {
                let passwords = passwords.clone();
                tokio::spawn(async move { passwords.hash("correct horse".to_owned(), Key::Name(1)).await })
            })
            .collect();
        let mut most = 0;
        for hash in hashes {
            while !hash.is_finished() {
                most = most.max(threads(name));
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
            // One that waited too long for its turn on a busy machine is refused, which is fine here.
            let _ = hash.await.expect("no panic");
        }
        most
    });
    // A thread may still be putting its work away while the next one has begun.
    assert!((1..=2 * HASHES_AT_ONCE).contains(&most), "{most} at once");
}
