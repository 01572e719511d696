//! The edge: connections that bring nothing, whoever asks through a balancer, foreign names, and small promises of HTTP.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use nineflags::http::server::{REFUSALS_MAX, REQUEST_WITHIN};
use nineflags::protocol::Ask;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::harness::browser::{Browser, exchange, http, http_with, open_socket, refused_with};
use crate::harness::node::Node;
use crate::harness::process::free_port;

/// A connection from an address of its own of this machine.
async fn from(source: u8, node: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind((Ipv4Addr::new(127, 0, 1, source), 0).into()).expect("an address of this machine");
    socket.connect(node).await.expect("the node accepts")
}

/// Whether the node has closed a connection, with a word or without.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = [0; 1024];
    loop {
        match timeout(Duration::from_millis(1), stream.read(&mut rest)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

/// Waits for a condition, with a deadline.
async fn until(what: &str, mut test: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !test().await {
        assert!(Instant::now() < deadline, "not {what} in time");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A number of the page of metrics.
async fn metric(node: SocketAddr, line: &str) -> f64 {
    let page = http(node, "GET", "/metrics", "", None).await.body;
    let found = page.lines().find_map(|found| found.strip_prefix(line));
    found.and_then(|number| number.trim().parse().ok()).unwrap_or_default()
}

fn half_a_login(node: SocketAddr) -> String {
    format!(
        "POST /api/login HTTP/1.1\r\nhost: {node}\r\norigin: http://{node}\r\ncontent-type: application/json\r\n\
         content-length: 60\r\n\r\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_heads_that_never_come_make_room_for_others() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "connections_waiting=40 connections_per_source=16 http_per_source_second=100000";
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", limits)]);
    let half = half_a_login(node.address);
    let mut all = Vec::new();
    for number in 0..120_u8 {
        let mut stream = from(number % 10 + 1, node.address).await;
        // Heads, heads with a part of a body, and nothing at all.
        let start = [half.as_str(), "GET / HTTP/1.1\r\nx:", ""][usize::from(number) % 3];
        stream.write_all(start.as_bytes()).await.expect("it can be sent");
        all.push(stream);
    }
    // Everybody else is served as ever, time after time.
    for _ in 0..5 {
        let mut guest = Browser::guest(node.address).await;
        assert!(matches!(guest.ask(Ask::Ping).await, nineflags::protocol::Update::Done { .. }));
    }
    assert_eq!(http(node.address, "GET", "/readyz", "", None).await.status, 200);
    assert!(metric(node.address, "nineflags_limited_total{limit=\"connections_waiting\"}").await >= 80.0);
    assert!(metric(node.address, "nineflags_connections_waiting").await <= 40.0);
    // The oldest went, the newest are still there.
    let (old, new) = all.split_at_mut(60);
    for stream in old {
        assert!(is_closed(stream).await, "the longest waiting goes");
    }
    let mut kept = 0;
    for stream in new {
        kept += usize::from(!is_closed(stream).await);
    }
    assert!(kept >= 20, "{kept}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_source_has_a_part_of_the_room_only() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "connections_per_source=16 http_per_source_second=100000";
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", limits)]);
    let mut other = from(2, node.address).await;
    let mut all = Vec::new();
    for _ in 0..50 {
        all.push(from(1, node.address).await);
    }
    until("the oldest closed", async || is_closed(&mut all[33]).await).await;
    assert!(!is_closed(&mut all[49]).await && !is_closed(&mut other).await);
    assert!(metric(node.address, "nineflags_connections_waiting").await <= 18.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_arrives_within_its_time_however_slowly_it_is_sent() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let began = Instant::now();
    let drip = async |start: String| {
        let mut stream = TcpStream::connect(node.address).await.expect("the node accepts");
        stream.write_all(start.as_bytes()).await.expect("it can be sent");
        let mut answer = Vec::new();
        let dripping = async {
            let (mut reader, mut writer) = stream.split();
            tokio::select! {
                _ = reader.read_to_end(&mut answer) => {}
                () = async { while writer.write_all(b"x").await.is_ok() { sleep(Duration::from_millis(500)).await } } => {}
            }
        };
        timeout(REQUEST_WITHIN * 3, dripping).await.expect("closed in time");
        String::from_utf8_lossy(&answer).into_owned()
    };
    // Answers that nobody takes are given up, too.
    let deaf = async {
        let mut stream = TcpStream::connect(node.address).await.expect("the node accepts");
        let one = format!("GET /metrics HTTP/1.1\r\nhost: {}\r\n\r\n", node.address);
        let began = Instant::now();
        let mut sent = 0;
        loop {
            match timeout(Duration::from_secs(1), stream.write_all(one.as_bytes())).await {
                Ok(Ok(())) => sent += 1,
                Ok(Err(_)) => return sent,
                Err(_) => assert!(began.elapsed() < REQUEST_WITHIN * 5, "closed in time"),
            }
        }
    };
    let waits = async |sent: String| exchange(node.address, sent.as_bytes()).await;
    let (body, head, idle, silent, rests, taken) = tokio::join!(
        drip(half_a_login(node.address)),
        drip("GET / HTTP/1.1\r\nx: ".to_owned()),
        drip(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\nG", node.address)),
        waits(String::new()),
        waits(format!("GET /healthz HTTP/1.1\r\nhost: {}\r\n\r\n", node.address)),
        deaf,
    );
    assert!(taken > 10, "{taken}");
    assert!(body.is_empty() || body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(head.starts_with("HTTP/1.1 408") && head.contains("did not arrive within 10 seconds"), "{head}");
    assert!(idle.starts_with("HTTP/1.1 200") && idle.contains("HTTP/1.1 408"), "{idle}");
    assert_eq!(
        (silent.as_str(), rests.matches("HTTP/1.1").count()),
        ("", 1),
        "who asks for nothing is told nothing"
    );
    assert!(began.elapsed() >= REQUEST_WITHIN, "not before its time");
}

#[tokio::test(flavor = "multi_thread")]
async fn websockets_without_a_login_stay_within_the_room() {
    let data = tempfile::tempdir().expect("a folder");
    let limits =
        "connections_waiting=40 http_per_source_second=100000 websockets_opened_per_source_minute=60";
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", limits)]);
    let shake = format!(
        "GET /socket HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        node.address
    );
    let mut all = Vec::new();
    for number in 0..200_u8 {
        let mut stream = from(number % 20 + 1, node.address).await;
        // Nobody here answers the node's goodbye.
        let _ = stream.write_all(shake.as_bytes()).await;
        all.push(stream);
    }
    let mut guest = Browser::guest(node.address).await;
    guest.ask(Ask::Ping).await;
    assert!(metric(node.address, "nineflags_connections_waiting").await <= 40.0);
    // A program without a login learns why, as ever.
    assert_eq!(refused_with(node.address, "").await, Some(4401));
    assert_eq!(refused_with(node.address, "nineflags=nonsense").await, Some(4401));
    drop(all);
    // One source opens so many a minute, and is told when it may again.
    let again = loop {
        let mut stream = from(99, node.address).await;
        stream.write_all(shake.as_bytes()).await.expect("it can be sent");
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        if !answer.starts_with("HTTP/1.1 101") {
            break answer;
        }
    };
    assert!(again.starts_with("HTTP/1.1 429") && again.contains("retry-after: "), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_charged_one_by_one_and_not_refused_for_ever() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "http_per_source_second=1 health_per_source_second=1";
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", limits)]);
    for path in ["/rules", "/healthz"] {
        let one = format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", node.address);
        let answers = exchange(node.address, one.repeat(60).as_bytes()).await;
        let (served, refused) =
            (answers.matches("HTTP/1.1 200").count(), answers.matches("HTTP/1.1 429").count());
        assert!((10..15).contains(&served), "{path}: {served} served, {refused} refused");
        assert!(answers.contains("retry-after: 1\r\n"), "{answers:.2000}");
        // Some may have been let through meanwhile; the last answer says that it is the last.
        assert!((REFUSALS_MAX as usize..60 - served).contains(&refused), "{path}: {refused} refused");
        assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
        assert!(served + refused < 60, "{path}: the connection goes on");
    }
    // Others ask as ever.
    let mut other = from(2, node.address).await;
    let ask = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", node.address);
    other.write_all(ask.as_bytes()).await.expect("it can be sent");
    let mut answer = String::new();
    other.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// A balancer that is asked for health by others is not kept from asking itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_that_passes_a_flood_on_can_still_look_whether_the_node_is_well() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "health_per_source_second=1 http_per_source_second=1";
    let settings = [("NINEFLAGS_TRUST_FORWARDED", "true"), ("NINEFLAGS_LIMITS", limits)];
    let node = Node::start(data.path(), &settings);
    let flood = |path: &str| {
        let forwarded = "x-forwarded-for: 198.51.100.7";
        format!("GET {path} HTTP/1.1\r\nhost: {}\r\n{forwarded}\r\n\r\n", node.address).repeat(30)
    };
    let last = format!("GET /readyz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", node.address);
    let all = format!("{}{}{last}", flood("/readyz"), flood("/rules"));
    let answers = exchange(node.address, all.as_bytes()).await;
    // Its connection is that of many, and stays.
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 61, "{answers}");
    assert!(answers.matches("HTTP/1.1 429").count() > 30, "{answers}");
    let last = answers.rsplit("HTTP/1.1 ").next().expect("an answer");
    assert!(last.starts_with("200 OK"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_answered_as_get_without_the_body() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let guest = Browser::guest(node.address).await;
    let page = http(node.address, "GET", "/", "", None).await.body;
    let asset = page.split('"').find(|part| part.starts_with("/assets/")).expect("an asset").to_owned();
    for path in
        ["/", "/rules", "/healthz", "/readyz", "/metrics", "/api/me", "/api/games", "/nothing", &asset]
    {
        let ask = async |method: &str| {
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nconnection: close\r\n\r\n",
                node.address, guest.cookie
            );
            let answer = exchange(node.address, request.as_bytes()).await;
            let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
            let head: Vec<String> = head
                .lines()
                .filter(|line| !line.starts_with("date: ") && !line.starts_with("set-cookie: "))
                .map(str::to_owned)
                .collect();
            (head, body.to_owned())
        };
        let ((got, body), (head, empty)) = (ask("GET").await, ask("HEAD").await);
        assert!(empty.is_empty() && !body.is_empty(), "{path}: {empty}");
        if path != "/metrics" {
            assert_eq!(sorted(head), sorted(got), "{path}");
        }
    }
    // Nothing comes of it: no websocket either.
    let shake = format!(
        "HEAD /socket HTTP/1.1\r\nhost: {}\r\nconnection: upgrade, close\r\nupgrade: websocket\r\ncookie: {}\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        node.address, guest.cookie
    );
    let answer = exchange(node.address, shake.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400") && answer.ends_with("\r\n\r\n"), "{answer}");
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_goodbye_is_answered() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let cookie = Browser::guest(node.address).await.cookie.clone();
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::Library(4000)] {
        let mut socket = open_socket(node.address, &cookie).await;
        socket.next().await.expect("a welcome").expect("a frame");
        let frame = CloseFrame { code, reason: "bye".into() };
        socket.send(Frame::Close(Some(frame))).await.expect("it can be sent");
        let answer = loop {
            match timeout(Duration::from_secs(10), socket.next()).await.expect("in time") {
                Some(Ok(Frame::Close(frame))) => break frame.map(|frame| frame.code),
                Some(Ok(_)) => {}
                other => panic!("no goodbye but {other:?}"),
            }
        };
        assert_eq!(answer, Some(code));
        // And then the node ends the connection, not we.
        let end = timeout(Duration::from_secs(10), socket.next()).await.expect("in time");
        assert!(end.is_none(), "{end:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_names_for_this_machine_are_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let port = node.address.port();
    let ask = async |host: &str, version: &str, origin: &str| {
        let host = if host.is_empty() { String::new() } else { format!("host: {host}\r\n") };
        let request = format!(
            "POST /api/guest {version}\r\n{host}origin: {origin}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}"
        );
        let answer = exchange(node.address, request.as_bytes()).await;
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    for (host, origin, status) in [
        (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{port}"), "200"),
        (format!("localhost:{port}"), format!("http://localhost:{port}"), "200"),
        ("localhost:443".to_owned(), "https://localhost".to_owned(), "200"),
        ("evil.example".to_owned(), "http://evil.example".to_owned(), "403"),
        (format!("127.0.0.1:{port}"), format!("chrome-extension://127.0.0.1:{port}"), "403"),
        (format!("127.0.0.1:{port}"), "null".to_owned(), "403"),
    ] {
        assert_eq!(ask(&host, "HTTP/1.1", &origin).await, status, "{host} {origin}");
    }
    assert_eq!(ask("", "HTTP/1.0", "null").await, "403");
    for path in ["/", "/api/games", "/socket"] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
        assert!(exchange(node.address, request.as_bytes()).await.starts_with("HTTP/1.1 403"), "{path}");
    }
    // Balancers look under any name.
    let health = "GET /readyz HTTP/1.1\r\nhost: balancer\r\nconnection: close\r\n\r\n";
    assert!(exchange(node.address, health.as_bytes()).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_is_read_in_every_form_or_said_to_be_unreadable() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "guests_per_source_hour=1000 logins_per_source_minute=5 http_per_source_second=100000";
    let ops = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let settings = [
        ("NINEFLAGS_TRUST_FORWARDED", "true"),
        ("NINEFLAGS_LIMITS", limits),
        ("NINEFLAGS_OPS_LISTEN", &ops.to_string()),
    ];
    let node = Node::start(data.path(), &settings);
    let origin = format!("http://{}", node.address);
    let guests = async |forms: &dyn Fn(u32) -> (&'static str, String), count: u32| {
        let mut made = 0;
        for number in 0..count {
            let (name, value) = forms(number);
            let headers = [("origin", origin.as_str()), (name, value.as_str())];
            made +=
                u32::from(http_with(node.address, "POST", "/api/guest", &headers, "{}").await.status == 200);
        }
        made
    };
    // Many addresses, each in another form, are as many sources.
    let port = |n| ("x-forwarded-for", format!("198.51.100.{n}:40000"));
    assert_eq!(guests(&port, 20).await, 20);
    let standard = |n| ("forwarded", format!("for=\"[2001:db8:{n:x}::7]:1\";proto=https"));
    assert_eq!(guests(&standard, 20).await, 20);
    // One address is one, however it is written, and so is a /64.
    let same = |n: u32| {
        let forms = [
            "203.0.113.7",
            "203.0.113.7:1",
            "::ffff:203.0.113.7",
            "[::ffff:203.0.113.7]:2",
            "\"203.0.113.7\"",
        ];
        ("x-forwarded-for", forms[n as usize % forms.len()].to_owned())
    };
    assert!((5..8).contains(&guests(&same, 15).await));
    let net = |n| ("x-forwarded-for", format!("2001:db9:7:7::{n:x}"));
    assert!((5..8).contains(&guests(&net, 15).await));
    // What cannot be read shares a wider limit, and is counted.
    let unknown = |n| ("x-forwarded-for", ["unknown", "_hidden", "nonsense"][n as usize % 3].to_owned());
    // Some may have come back meanwhile.
    let shared = guests(&unknown, 60).await;
    assert!((40..50).contains(&shared), "{shared}");
    let page = http(ops, "GET", "/metrics", "", None).await.body;
    assert!(page.contains("nineflags_forwarded_unread_total 60\n"), "{page}");
    let reply = http_with(
        node.address,
        "POST",
        "/api/login",
        &[("origin", &origin), ("x-forwarded-for", "203.0.113.7")],
        &json!({"name": "a", "password": "b"}).to_string(),
    )
    .await;
    assert_eq!(reply.status, 429);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_who_may_use_it_and_under_https_that_nothing_else_is_spoken() {
    for (origin, is_https) in [("http://play.example.org", false), ("https://play.example.org", true)] {
        let data = tempfile::tempdir().expect("a folder");
        let node = Node::start(data.path(), &[("NINEFLAGS_ORIGIN", origin)]);
        // A page, an answer of the API, a refusal, and what is not there.
        for (first, status) in [
            ("GET / HTTP/1.1\r\nhost: play.example.org", "200"),
            ("GET /api/games HTTP/1.1\r\nhost: play.example.org", "200"),
            ("GET /api/me HTTP/1.1\r\nhost: play.example.org", "401"),
            ("HEAD /nothing HTTP/1.1\r\nhost: play.example.org", "404"),
        ] {
            let request = format!("{first}\r\nconnection: close\r\n\r\n");
            let answer = exchange(node.address, request.as_bytes()).await;
            assert_eq!(answer.split(' ').nth(1), Some(status), "{first}: {answer}");
            for line in [
                "cross-origin-resource-policy: same-origin",
                "cross-origin-opener-policy: same-origin",
                "x-content-type-options: nosniff",
            ] {
                assert!(answer.lines().any(|found| found == line), "{line} of {first}: {answer}");
            }
            let is_strict =
                answer.lines().any(|line| line.starts_with("strict-transport-security: max-age="));
            assert_eq!(is_strict, is_https, "{first} at {origin}: {answer}");
        }
    }
}
