//! Addresses over HTTP: which methods, bodies and queries each takes, and what it says to others.

use crate::harness::bot::Dice;
use crate::harness::browser::{exchange, http, http_with};
use crate::harness::host::Host;
use crate::harness::node::{Node, origin_of};
use crate::harness::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn every_address_says_which_methods_and_bodies_it_takes() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (host, origin) = (node.address, origin_of(node.address));
    let ask = async |method: &str, path: &str, more: &str, body: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\norigin: {origin}\r\nconnection: close\r\n{more}\r\n{body}"
        );
        let answer = exchange(host, request.as_bytes()).await;
        let status: u16 = answer.split(' ').nth(1).and_then(|text| text.parse().ok()).expect("a status");
        (status, answer)
    };
    let changes = ["signup", "login", "guest", "logout", "password", "upgrade", "delete"];
    let changes = changes.map(|name| format!("/api/{name}"));
    let others =
        ["/", "/rules", "/nothing", "/healthz", "/readyz", "/socket", "/assets/x/y", "/api/me", "/api/games"];
    let others = others.map(str::to_owned);
    for path in changes.iter().chain(&others) {
        let (fits, methods): (&[&str], _) =
            if changes.contains(path) { (&["POST"], "POST") } else { (&["GET", "HEAD"], "GET, HEAD") };
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            let (status, answer) = ask(method, path, "", "").await;
            let is_refused = status == 405 && answer.contains(&format!("\r\nallow: {methods}\r\n"));
            assert!(
                if fits.contains(&method) { status != 405 } else { is_refused },
                "{method} {path}: {answer}"
            );
        }
    }
    let json = "content-type: application/json\r\n";
    for path in &changes {
        // None of the addresses says what is wrong in other words than this.
        let has_body = !["/api/guest", "/api/logout"].contains(&path.as_str());
        assert_eq!(ask("POST", path, json, "").await.0, 411, "{path}");
        assert_eq!(ask("POST", path, &format!("{json}content-length: 4097\r\n"), "").await.0, 413, "{path}");
        for media in
            ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"]
        {
            let more = format!("content-type: {media}\r\ncontent-length: 2\r\n");
            let (status, answer) = ask("POST", path, &more, "{}").await;
            assert_eq!(status == 415, has_body, "{path} {media}: {answer}");
            assert!(!has_body || answer.contains("Content-Type: application/json"), "{answer}");
        }
        for (body, words) in [("nonsense", "it is no JSON"), ("", "it is no JSON"), ("5", "invalid type")] {
            let more = format!("{json}content-length: {}\r\n", body.len());
            let (status, answer) = ask("POST", path, &more, body).await;
            assert!(!has_body || status == 400 && answer.contains(words), "{path} {body}: {answer}");
        }
    }
    let more = format!("{json}content-length: 2\r\n");
    assert!(ask("POST", "/api/login", &more, "{}").await.1.contains("missing field `name`"));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_queries_are_refused_with_what_may_be_asked() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let game = "/api/game/0190a6f0-0000-7000-8000-000000000000";
    for (path, status, words) in [
        ("/api/games?page=-1", 400, "`page` is a whole number from 0 to 10000"),
        ("/api/games?page=", 400, "`page` is"),
        ("/api/games?page=x", 400, "`page` is"),
        ("/api/games?page=1.0", 400, "`page` is"),
        ("/api/games?page=10001", 400, "`page` is"),
        ("/api/games?page=99999999999999999999", 400, "`page` is"),
        ("/api/games?page=0&page=0", 400, "`page` is"),
        ("/api/player/Ann?page=-1", 400, "`page` is"),
        ("/api/player/Ann?page=1", 404, "Nobody has that name"),
        ("/api/games?page=10000", 200, ""),
        ("/api/games?", 200, ""),
        ("/api/games?%zz&=&other=-1", 200, ""),
        (&format!("{game}?views=none&views=0-3"), 400, "`views` is `none`"),
        (&format!("{game}?views="), 400, "`views` is `none`"),
        (&format!("{game}?views=3-1"), 400, "`views` is `none`"),
        (&format!("{game}?views=0-18446744073709551615"), 400, "`views` is `none`"),
        (&format!("{game}?views=-1-3"), 400, "`views` is `none`"),
        (&format!("{game}?views=0-3"), 404, "no finished game"),
        (&format!("{game}?views=none"), 404, "no finished game"),
    ] {
        let reply = http(node.address, "GET", path, "", None).await;
        assert_eq!(reply.status, status, "{path}: {}", reply.body);
        assert!(reply.body.contains(words), "{path}: {}", reply.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_another_version_is_made_ready_once() {
    let site = Site::start(1, &[]);
    let key = "assets:0123456789abcdef";
    let _: u64 = site.ask(&["HSET", key, "app.js", &"let a = 1;\n".repeat(100)]);
    let get = async || {
        let headers = [("accept-encoding", "br")];
        http_with(site.address(0), "GET", "/assets/0123456789abcdef/app.js", &headers, "").await
    };
    let first = get().await;
    assert!(first.status == 200 && first.body.len() < 200, "{}", first.body.len());
    // What is asked for again is not read and compressed again.
    let _: u64 = site.ask(&["DEL", key]);
    let again = get().await;
    assert_eq!((again.status, again.body), (200, first.body));
    assert_eq!(http(site.address(0), "GET", "/assets/0123456789abcdef/b.js", "", None).await.status, 404);
}

/// Bytes that mean something in a request's first line, and some that do not belong there.
const ODD: &[u8] = b"/:@?#[]%*.a1 \\;=&~^`{|}\"<>\x80\xff";

#[tokio::test(flavor = "multi_thread")]
async fn no_request_line_breaks_a_task_of_the_node() {
    let data = tempfile::tempdir().expect("a folder");
    let log = data.path().join("log");
    let node = Node::on(&Host::here(), 0, &data.path().join("data"), &log, &[]);
    let ask = async |method: &str, target: &[u8]| {
        let rest =
            format!(" HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", node.address);
        let request = [method.as_bytes(), b" ", target, rest.as_bytes()].concat();
        let answer = exchange(node.address, &request).await;
        assert!(answer.starts_with("HTTP/1.1 "), "{method} {}: {answer}", target.escape_ascii());
        answer
    };
    let methods: [&str; 6] = ["GET", "HEAD", "POST", "CONNECT", "OPTIONS", "BREW"];
    for method in methods {
        for host_alone in ["x:1", "evil:443", "evil", "[::1]:1", "a@b:1", "1"] {
            let answer = ask(method, host_alone.as_bytes()).await;
            assert!(answer.starts_with("HTTP/1.1 400"), "{method} {host_alone}: {answer}");
            assert!(
                method == "HEAD" || answer.contains("The request names no path: write it like GET /rules"),
                "{answer}"
            );
        }
        for other in
            ["*", "http://x", "http://x?q", "https://x:1/a", "/", "//", "/?", "?q", "/%zz", "/a?b#c", "a/b"]
        {
            ask(method, other.as_bytes()).await;
        }
    }
    let mut dice = Dice(17);
    for _ in 0..300 {
        let target: Vec<u8> = (0..=dice.below(8)).map(|_| *dice.pick(ODD)).collect();
        ask(*dice.pick(&methods), &target).await;
    }
    let log = std::fs::read_to_string(&log).expect("a log");
    assert!(!log.contains("panicked"), "{log:.1000}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_does_not_take_is_not_sent_packed() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    for (accepted, is_packed) in [
        ("br", true),
        ("gzip, BR;q=0.5", true),
        ("br ; q=0.001", true),
        ("br;q=0", false),
        ("br;q=0.0", false),
        ("br ; Q=0.000", false),
        ("gzip, br; q=0.00", false),
        ("gzip", false),
        ("", false),
    ] {
        let ask = format!(
            "GET / HTTP/1.1\r\nhost: {}\r\naccept-encoding: {accepted}\r\nconnection: close\r\n\r\n",
            node.address
        );
        let answer = exchange(node.address, ask.as_bytes()).await;
        assert_eq!(answer.contains("content-encoding: br"), is_packed, "{accepted}");
    }
}
