//! How often somebody may try: passwords, sign-ups and guests, by source and name, and letters, for the whole cluster; and whose cookie
//! counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nineflags::limits::{Key, Limit, Source};
use nineflags::passwords::{HASHES_AT_ONCE, LINE_MAX, Passwords};
use nineflags::protocol::{Ask, RefusalCode};
use nineflags::store::logins::{LoginHash, OLD_NAME_READ};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::accounts::{PASSWORD, cookie, failed, sign_up};
use super::floods::{burst, heard, is_done, letter, refused};
use crate::harness::browser::{Browser, Reply, exchange, http, http_with};
use crate::harness::node::Node;
use crate::harness::site::Site;

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_limited_for_each_name_and_each_address() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_TRUST_FORWARDED", "true"), ("NINEFLAGS_LIMITS", "")]);
    let origin = format!("http://{}", node.address);
    let from = async |address: &str, path: &str, body: &Value| {
        let headers = [("origin", origin.as_str()), ("x-forwarded-for", address)];
        http_with(node.address, "POST", path, &headers, &body.to_string()).await
    };
    // A name's passwords tried from one source.
    from("10.1.0.9", "/api/signup", &json!({"name": "Victim", "password": PASSWORD})).await;
    let guess = json!({"name": "Victim", "password": "guessed wrong"});
    let mut attempts = 0;
    while from("10.1.0.1", "/api/login", &guess).await.status == 403 {
        attempts += 1;
    }
    assert!((10..15).contains(&attempts), "{attempts}");
    let refused = from("10.1.0.1", "/api/login", &guess).await;
    failed(&refused, 429, "too_many");
    assert!(refused.body.contains("Try again in"), "{}", refused.body);
    // That keeps nobody else out, the owner least of all, nor the source from other names.
    let right = json!({"name": "victim", "password": PASSWORD});
    assert_eq!(from("10.1.0.2", "/api/login", &right).await.status, 200);
    let other = json!({"name": "Somebody", "password": "guessed wrong"});
    failed(&from("10.1.0.1", "/api/login", &other).await, 403, "wrong_login");
    // One address, whatever the name.
    let mut refused = None;
    for attempt in 0..60 * 3 {
        if from("8.8.8.8, 10.2.0.1", "/api/guest", &json!({})).await.status == 429 {
            refused = Some(attempt);
            break;
        }
    }
    assert!(refused.is_some_and(|attempt| attempt >= 60), "{refused:?}");
    assert_eq!(from("10.2.0.2", "/api/guest", &json!({})).await.status, 200);
    drop(node);

    // Without a balancer in front the header is anybody's to write, and counts for nothing.
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", "")]);
    let origin = format!("http://{}", node.address);
    let mut refused = false;
    for attempt in 0..60 * 3 {
        let headers = [("origin", origin.as_str()), ("x-forwarded-for", &format!("10.3.0.{attempt}"))];
        refused |= http_with(node.address, "POST", "/api/guest", &headers, "{}").await.status == 429;
        if refused {
            break;
        }
    }
    assert!(refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_for_the_whole_cluster_and_a_known_browser_is_no_stranger() {
    let limits = "passwords_per_name_hour=60 logins_per_source_minute=50 guests_per_source_hour=20";
    let site = Site::start(2, &[("NINEFLAGS_TRUST_FORWARDED", "true"), ("NINEFLAGS_LIMITS", limits)]);
    let ask = async |node: usize, address: &str, cookie: &str, path: &str, body: &Value| {
        let node = site.address(node);
        let origin = format!("http://{node}");
        let headers = [("origin", origin.as_str()), ("x-forwarded-for", address), ("cookie", cookie)];
        http_with(node, "POST", path, &headers, &body.to_string()).await
    };
    let own = json!({"name": "Victim", "password": PASSWORD});
    let signed = ask(0, "10.1.0.9", "", "/api/signup", &own).await;
    let known = cookie(&signed);
    let remembered =
        signed.set_cookies.iter().find(|text| text.contains("-known=")).expect("it is remembered");
    let remembered = remembered.split(';').next().expect("a cookie").to_owned();
    // Tries of one source at two nodes are counted together.
    let guess = json!({"name": "Victim", "password": "guessed wrong"});
    let mut tried = 0;
    while ask(tried % 2, "10.1.0.1", "", "/api/login", &guess).await.status == 403 {
        tried += 1;
    }
    assert!((10..15).contains(&tried), "{tried}");
    // From many sources the name itself is worn out, for strangers at any node.
    let mut refused = false;
    for source in 2..60 {
        refused |= ask(source % 2, &format!("10.1.1.{source}"), "", "/api/login", &guess).await.status == 429;
    }
    assert!(refused);
    assert_eq!(ask(1, "10.1.0.77", "", "/api/login", &own).await.status, 429);
    // A browser that has a login of the account is let in; that of another account is a stranger.
    assert_eq!(ask(1, "10.1.0.77", &known, "/api/login", &own).await.status, 200);
    // So is one whose login has ended, but not with a made-up mark.
    assert_eq!(ask(0, "10.1.0.79", &known, "/api/logout", &json!({})).await.status, 200);
    assert_eq!(ask(1, "10.1.0.79", &known, "/api/login", &own).await.status, 429);
    // The mark is one of the address it was given at, as all cookies on plain http.
    assert_eq!(ask(0, "10.1.0.79", &remembered, "/api/login", &own).await.status, 200);
    let (name, mark) = remembered.split_once('=').expect("a mark");
    let forged = format!("{name}={}A", &mark[..mark.len() - 1]);
    let forged = if forged == remembered { format!("{name}={}B", &mark[..mark.len() - 1]) } else { forged };
    assert_eq!(ask(0, "10.1.0.79", &forged, "/api/login", &own).await.status, 429);
    let other = cookie(&ask(0, "10.1.0.78", "", "/api/guest", &json!({})).await);
    assert_eq!(ask(1, "10.1.0.78", &other, "/api/login", &own).await.status, 429);
    let mut made = 0;
    while ask(made % 2, "10.1.0.99", "", "/api/guest", &json!({})).await.status == 200 {
        made += 1;
    }
    assert!((5..8).contains(&made), "a quarter of the hour's at once, at both nodes together");
    // All counters end by themselves.
    let keys: Vec<String> = site.ask(&["KEYS", "limit:*"]);
    assert!(!keys.is_empty());
    for key in keys {
        // One that has ended by now is fine, too.
        assert_ne!(site.ask::<i64>(&["PTTL", &key]), -1, "{key}");
    }
}

/// As after a clock that was set back by an hour, or a failover to a machine whose clock is behind.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_back_keeps_nobody_out() {
    let site = Site::start(1, &[("NINEFLAGS_LIMITS", "")]);
    let guest = async || http(site.address(0), "POST", "/api/guest", "", Some(&json!({}))).await;
    assert_eq!(guest().await.status, 200);
    let keys: Vec<String> = site.ask(&["KEYS", "limit:*"]);
    assert!(keys.len() >= 2, "{keys:?}");
    for key in keys {
        let full_at: u64 = site.ask(&["GET", &key]);
        let _: String = site.ask(&["SET", &key, &(full_at + 3_600_000_000).to_string(), "KEEPTTL"]);
    }
    // The buckets count as empty, and fill up again from now on: a guest comes back each 15 seconds.
    let refused = guest().await;
    failed(&refused, 429, "too_many");
    let words = refused.body.split("Try again in ").nth(1).expect("a time");
    let secs: u64 = words.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
    assert!(secs <= 16, "{}", refused.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_cookie_of_others_logs_anybody_in_or_out() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[]);
    let (ann, mira) =
        (cookie(&sign_up(node.address, "Ann").await), cookie(&sign_up(node.address, "Mira").await));
    let value = |cookie: &str| cookie.split_once('=').expect("a value").1.to_owned();
    let name = format!("nineflags-{}", node.address.port());
    let junk = "x".repeat(43);
    let asked = async |cookies: &[u8]| {
        let request =
            format!("GET /api/me HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncookie: ", node.address);
        let answer = exchange(node.address, &[request.as_bytes(), cookies, b"\r\n\r\n"].concat()).await;
        match answer.split(' ').nth(1) {
            Some("200") => {
                answer.split("\"name\":\"").nth(1).and_then(|rest| rest.split('"').next()).map(str::to_owned)
            }
            Some("401") => None,
            other => panic!("{other:?}: {answer}"),
        }
    };
    let is_ann = Some("Ann".to_owned());
    assert_eq!(asked(ann.as_bytes()).await, is_ann);
    assert_eq!(asked(&[b"nick=\xfc\xff; ".as_slice(), ann.as_bytes()].concat()).await, is_ann);
    for beside in
        ["nineflags=x".to_owned(), format!("nineflags={junk}"), format!("{name}={junk}"), format!("{name}=")]
    {
        assert_eq!(asked(format!("{beside}; {ann}").as_bytes()).await, is_ann, "{beside}");
        assert_eq!(asked(format!("{ann}; {beside}").as_bytes()).await, is_ann, "{beside}");
    }
    assert_eq!(asked(format!("{ann}; {ann}").as_bytes()).await, is_ann);
    assert_eq!(
        asked(format!("{ann}; nineflags={}", value(&mira)).as_bytes()).await,
        is_ann,
        "the own name goes first"
    );
    // Of two logins the newer counts, wherever it stands: whoever logs in is in, whatever others have set.
    assert_eq!(asked(format!("{ann}; {mira}").as_bytes()).await, Some("Mira".to_owned()));
    assert_eq!(asked(format!("{mira}; {ann}").as_bytes()).await, Some("Mira".to_owned()));
    // However many others there are, well-formed or not: all that there is room for in a head.
    let many = |junk: &dyn Fn(u32) -> String| {
        (0..250).map(|number| format!("{name}={}; ", junk(number))).collect::<Vec<_>>().concat()
    };
    for crowd in [many(&|number| format!("{number:043}")), many(&|number| number.to_string())] {
        assert_eq!(asked(format!("{crowd}{ann}").as_bytes()).await, is_ann);
    }
    assert_eq!(
        asked(format!("nineflags={}", value(&mira)).as_bytes()).await,
        Some("Mira".to_owned()),
        "as 0.3.0 set it"
    );
    assert_eq!(
        asked(format!("nineflags={}; nineflags={}", value(&mira), value(&ann)).as_bytes()).await,
        Some("Mira".to_owned())
    );
}

/// Any host beside the site's own can set a cookie of the old name, and so log a browser in to an account of its choice.
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_old_name_counts_for_old_logins_only_and_not_for_ever() {
    let origin = "https://play.example.org";
    let site = Site::start(1, &[("NINEFLAGS_ORIGIN", origin)]);
    let node = site.address(0);
    let body = json!({"name": "Ann", "password": PASSWORD}).to_string();
    let signed = http_with(node, "POST", "/api/signup", &[("origin", origin)], &body).await;
    let own = signed.set_cookies.iter().find(|text| text.starts_with("__Host-nineflags=")).expect("a login");
    let own = own.split(';').next().expect("a cookie");
    let value = own.split_once('=').expect("a value").1;
    let old = format!("nineflags={value}");
    let me = async |cookies: &str| http_with(node, "GET", "/api/me", &[("cookie", cookies)], "").await;
    // Once the node knows that no older one is live.
    let deadline = Instant::now() + Duration::from_secs(20);
    while me(&old).await.status != 401 {
        assert!(Instant::now() < deadline, "a login of this version counts under the old name");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(me(own).await.status, 200);
    let id: String = site.ask(&["GET", "account-name:ann"]);
    let (made, hash) = (format!("logins-made:{id}"), LoginHash::of(value));
    // As 0.3.0 leaves a login: it counts, and is given its new name.
    let _: u64 = site.ask(&["HDEL", &made, hash.as_str()]);
    let taken = me(&old).await;
    assert_eq!(taken.status, 200);
    assert!(taken.set_cookies.iter().any(|text| text.starts_with(own)), "{:?}", taken.set_cookies);
    assert_eq!(me(&old).await.status, 200, "also where that was lost on the way");
    assert_eq!(me(&format!("{own}; nineflags={}", "x".repeat(43))).await.status, 200);
    assert_eq!(me(&format!("__Host-nineflags={}; {old}", "x".repeat(43))).await.status, 401);
    let text: String = site.ask(&["HGET", &made, hash.as_str()]);
    let (at, rest) = text.split_once(' ').expect("a time");
    let ago = at.parse::<u128>().expect("a time") - OLD_NAME_READ.as_millis();
    let _: u64 = site.ask(&["HSET", &made, hash.as_str(), &format!("{ago} {rest}")]);
    assert_eq!((me(&old).await.status, me(own).await.status), (401, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_that_has_to_be_given_again_is_given_by_the_next_answer_that_can() {
    let site = Site::start(1, &[("NINEFLAGS_LIMITS", "websockets_opened_per_account_minute=1")]);
    let node = site.address(0);
    let ann = cookie(&sign_up(node, "Ann").await);
    let id: String = site.ask(&["GET", "account-name:ann"]);
    let hash = LoginHash::of(ann.split_once('=').expect("a value").1);
    let wears_off = || {
        let key = format!("logins-made:{id}");
        let text: String = site.ask(&["HGET", &key, hash.as_str()]);
        let made: Vec<&str> = text.split(' ').collect();
        let _: u64 = site.ask(&["HSET", &key, hash.as_str(), &format!("{} {} 0", made[0], made[1])]);
    };
    let me = async |cookies: &str| {
        http_with(node, "GET", "/api/me", &[("cookie", cookies)], "").await.set_cookies.len()
    };
    assert_eq!(me(&ann).await, 0);
    wears_off();
    // Others beside it use nothing up, and neither does a request that is refused.
    let change = json!({"old": "not the password", "new": "nor this one"});
    failed(&http(node, "POST", "/api/password", &ann, Some(&change)).await, 403, "wrong_password");
    assert_eq!(me(&format!("{}={}; {ann}", ann.split_once('=').expect("a name").0, "x".repeat(43))).await, 1);
    assert_eq!(me(&ann).await, 0);
    // A handshake that is refused gives it all the same.
    let shake = format!(
        "GET /socket HTTP/1.1\r\nhost: {node}\r\nconnection: upgrade, close\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncookie: {ann}\r\n\r\n"
    );
    let refused = loop {
        wears_off();
        let mut stream = TcpStream::connect(node).await.expect("the node accepts");
        stream.write_all(shake.as_bytes()).await.expect("it can be sent");
        let mut answer = vec![0; 2048];
        let length = stream.read(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
        if !answer.starts_with("HTTP/1.1 101") {
            break answer;
        }
    };
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("set-cookie: "), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_who_asks_again_stays_the_guest_it_is() {
    let site = Site::start(1, &[("NINEFLAGS_LIMITS", "guests_per_source_hour=8")]);
    let node = site.address(0);
    let guest = cookie(&http(node, "POST", "/api/guest", "", None).await);
    let name = |reply: &Reply| serde_json::from_str::<Value>(&reply.body).expect("JSON")["name"].clone();
    let own = name(&http(node, "GET", "/api/me", &guest, None).await);
    for _ in 0..5 {
        let again = http(node, "POST", "/api/guest", &guest, None).await;
        assert_eq!((again.status, name(&again)), (200, own.clone()));
        assert_eq!(cookie(&again), guest);
    }
    // It is charged for one; and an account, or a cookie that counts no more, makes a new one.
    let ended = http(node, "POST", "/api/logout", &guest, Some(&json!({}))).await;
    assert_eq!(ended.status, 200);
    let other = http(node, "POST", "/api/guest", &guest, None).await;
    assert!(other.status == 200 && name(&other) != own, "{}", other.body);
}

/// Whoever has a /48, or a few addresses, tries all it can: the owner is let in from anywhere else.
#[tokio::test(flavor = "multi_thread")]
async fn one_attacker_keeps_no_owner_off_a_new_device() {
    let data = tempfile::tempdir().expect("a folder");
    let limits = "logins_per_source_minute=100000";
    let node =
        Node::start(data.path(), &[("NINEFLAGS_TRUST_FORWARDED", "true"), ("NINEFLAGS_LIMITS", limits)]);
    let origin = format!("http://{}", node.address);
    let from = async |address: &str, path: &str, body: &Value| {
        let headers = [("origin", origin.as_str()), ("x-forwarded-for", address)];
        http_with(node.address, "POST", path, &headers, &body.to_string()).await
    };
    let right = json!({"name": "Victim", "password": PASSWORD});
    assert_eq!(from("10.1.0.9", "/api/signup", &right).await.status, 200);
    let guess = json!({"name": "Victim", "password": "guessed wrong"});
    let mut tried = 0;
    for network in 0..20 {
        let addresses = [format!("2001:db8:7:{network:x}::1"), format!("10.2.0.{}", network % 4)];
        for address in addresses {
            while from(&address, "/api/login", &guess).await.status == 403 {
                tried += 1;
            }
        }
    }
    assert!(tried <= 10 * 5 + 5, "ten for each network: {tried}");
    for address in ["10.3.0.1", "2001:db8:8::1"] {
        assert_eq!(from(address, "/api/login", &right).await.status, 200, "{address}");
    }
}

/// Strangers at other nodes draw on the same number, and every letter that is answered as done arrives.
#[tokio::test(flavor = "multi_thread")]
async fn letters_of_strangers_at_all_nodes_are_counted_together() {
    let site = Site::start(2, &[]);
    let mut receiver = Browser::guest(site.address(0)).await;
    let (mut sent, mut refusals) = (0, 0);
    for number in 0..10 {
        let mut stranger = Browser::guest(site.address(number % 2)).await;
        for text in ["one", "two", "three", "four", "five", "six"] {
            let answer = stranger.ask(letter(&receiver, text)).await;
            sent += usize::from(is_done(&answer));
            refusals += usize::from(refused(&answer) == Some(RefusalCode::TooMany));
        }
    }
    assert_eq!(sent + refusals, 60);
    let most = burst(Limit::LettersTo) as usize;
    assert!((most..most + 10).contains(&sent), "{sent}");
    receiver.ask(Ask::Ping).await;
    let deadline = Instant::now() + Duration::from_secs(20);
    while heard(&receiver, "message") < sent {
        assert!(Instant::now() < deadline, "{} of {sent} arrived", heard(&receiver, "message"));
        receiver.ask(Ask::Ping).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_whom_one_hears_is_charged_for_the_list_it_brings() {
    let data = tempfile::tempdir().expect("a folder");
    let node = Node::start(data.path(), &[("NINEFLAGS_LIMITS", "bytes_per_account_second=10")]);
    let mut player = Browser::guest(node.address).await;
    let mut others = Vec::new();
    for _ in 0..8 {
        others.push(Browser::guest(node.address).await.name.clone());
    }
    let mut refusals = 0;
    for name in others {
        refusals += u32::from(refused(&player.ask(Ask::Block { name }).await) == Some(RefusalCode::TooMany));
    }
    assert!(refusals > 0);
}

#[test]
fn turns_to_hash_go_round_by_source() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let passwords = Passwords::default();
        let from = |number: u8| Key::from(Source::of(std::net::IpAddr::from([10, 0, 0, number])));
        let done = Arc::new(AtomicUsize::new(0));
        let mut floods = Vec::new();
        for number in 0..6_u8 {
            for _ in 0..60 {
                let (passwords, done) = (passwords.clone(), Arc::clone(&done));
                floods.push(tokio::spawn(async move {
                    let result = passwords.fits("wrong".to_owned(), String::new(), from(number)).await;
                    if result.is_ok() {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    result
                }));
            }
        }
        tokio::task::yield_now().await;
        let own = passwords.fits("right".to_owned(), String::new(), from(99)).await;
        assert_eq!(own, Ok(false));
        // Whoever is hashed at that moment, and one of each source before it.
        let before = done.load(Ordering::Relaxed);
        assert!(before <= 6 + 2 * HASHES_AT_ONCE, "{before} went first");
        let mut refused = 0;
        for flood in floods {
            refused += usize::from(flood.await.expect("no panic").is_err());
        }
        assert!(refused >= 6 * (60 - LINE_MAX) - HASHES_AT_ONCE, "a line has an end: {refused}");
        // And nothing is left of it: the next one has its turn at once.
        assert_eq!(passwords.fits("right".to_owned(), String::new(), from(1)).await, Ok(false));
    });
}
