//! Redis and sentinels that speak TLS, with an authority of their own, to nodes with users of their own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use nineflags::redis::authorities::Authorities;
use nineflags::redis::roles::RedisUrls;
use nineflags::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::authority::{Authority, Certificate};
use crate::harness::browser::http;
use crate::harness::command::{Said, nineflags_with};
use crate::harness::node::Node;
use crate::harness::pair::Pair;
use crate::harness::process::free_port;
use crate::harness::redis::{Redis, ask, ask_at, repository};
use crate::harness::trio::Trio;

/// Stands wherever a secret may stand.
const SECRET: &str = "hush";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A Redis that speaks TLS at a port beside its own, with some certificate and more settings.
fn secure(folder: &Path, of: &Certificate, settings: &[&str]) -> (Redis, u16) {
    let port = free_port();
    let [certificate, key] = [&of.certificate, &of.key].map(|file| file.to_str().expect("a path"));
    let tls = ["--tls-port", &port.to_string(), "--tls-cert-file", certificate, "--tls-key-file", key];
    // A server needs one, whoever it lets in.
    let more = ["--tls-ca-cert-file", certificate];
    (Redis::with(folder, &[&tls[..], &more, settings].concat()), port)
}

fn run(url: &str, authority: &Authority, arguments: &[&str]) -> Said {
    let authority = authority.file().to_str().expect("a path").to_owned();
    let said = nineflags_with(&[("REDIS_URL", url.to_owned()), ("NINEFLAGS_REDIS_CA", authority)], arguments);
    assert!(!format!("{said:?}").contains(SECRET), "{said:?}");
    said
}

/// The users of the connections of the binary at a Redis or a sentinel.
fn users(at: SocketAddr) -> Vec<String> {
    let clients: String = ask_at(at, &["CLIENT", "LIST"]).expect("an answer");
    let ours = clients.lines().filter(|line| line.contains(" user=nodes "));
    ours.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_speaks_tls_only_is_played_on_by_users_of_its_own_through_its_failovers() {
    let authority = Authority::new("own");
    let mut trio = Trio::start_on(&[authority.host(), authority.host(), authority.host()], |_| {});
    let rights = ["~*", "&*", "+@all"];
    for redis in &trio.redis {
        let user = [&["ACL", "SETUSER", "nodes", "on", ">hush-1"][..], &rights].concat();
        assert_eq!(redis.ask::<String>(&user).as_deref(), Some("OK"));
    }
    let rights = ["&+switch-master", "-@all", "+auth", "+client", "+subscribe", "+sentinel"];
    for sentinel in &trio.sentinels {
        assert!(sentinel.ask(&[&["ACL", "SETUSER", "nodes", "on", ">hush-2"][..], &rights].concat()));
    }
    let users_of = "username=nodes&password=hush-1&sentinel_username=nodes&sentinel_password=hush-2";
    let url = format!("{}?{users_of}", trio.url());
    let (data, file) = (folder(), authority.file());
    let trusted = file.to_str().expect("a path");
    let node = Node::start(data.path(), &[("REDIS_URL", &url), ("NINEFLAGS_REDIS_CA", trusted)]);
    let mut pair = Pair::on(node, 61).await;
    assert!(pair.play_to(6).await);
    pair.until_saved().await;
    let old = trio.primary();
    assert!(users(trio.redis[old].address).len() >= 3, "the node comes as its own user");
    let heard = |sentinel: &crate::harness::sentinel::Sentinel| users(sentinel.address).len();
    assert!(trio.sentinels.iter().all(|sentinel| heard(sentinel) >= 2), "and at the sentinels, too");

    // What an operator does meanwhile.
    let said = run(&url, &authority, &["inspect", "redis", "--json"]);
    assert!(said.success, "{said:?}");
    let groups: Value = serde_json::from_str(&said.out).expect("one JSON object");
    let group = &groups["redis"][0];
    let errors = |of: &str| {
        let all = group[of].as_array().expect("a list").iter();
        all.map(|one| one["error"].clone()).collect::<Vec<_>>()
    };
    assert_eq!((errors("replicas"), errors("sentinels")), (vec![Value::Null; 2], vec![Value::Null; 3]));
    assert_eq!(group["primary"]["role"], "primary", "{group}");
    for command in [&["rebalance"][..], &["inspect"], &["archive", "verify"]] {
        let said = run(&url, &authority, command);
        assert!(said.success, "{said:?}");
    }

    let (url_of_all, of_all) = (url.clone(), authority.file());
    let handed_over = tokio::task::spawn_blocking(move || {
        let of_all = of_all.to_str().expect("a path").to_owned();
        let variables = [("REDIS_URL", url_of_all), ("NINEFLAGS_REDIS_CA", of_all)];
        nineflags_with(&variables, &["redis", "failover", "data"])
    });
    let said = handed_over.await.expect("the command ends");
    assert!(said.success, "{said:?}");
    let second = trio.until_not(old);
    assert!(pair.play_to(10).await);
    trio.until_settled();
    trio.redis[second].kill();
    assert!(pair.play_to(14).await);
    pair.until_saved().await;
    trio.until_not(second);
    trio.redis[second].start_again();
    pair.finish_and_check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_be_at_a_redis_of_its_own_over_tls() {
    let authority = Authority::new("own");
    let certificate = authority.certify("127.0.0.1");
    let places: Vec<TempDir> = (0..4).map(|_| folder()).collect();
    let start = |place: &TempDir| {
        let user = ["--tls-auth-clients", "no", "--user", "nodes", "on", ">hush", "~*", "&*", "+@all"];
        secure(place.path(), &certificate, &user)
    };
    let started: Vec<(Redis, u16)> = places.iter().map(start).collect();
    let urls: Vec<String> =
        started.iter().map(|(_, port)| format!("rediss://nodes:{SECRET}@127.0.0.1:{port}")).collect();
    let (data, file) = (folder(), authority.file());
    let variables = [
        ("REDIS_URL", urls[0].as_str()),
        ("BACKUP_REDIS_URLS", &urls[1]),
        ("ARCHIVE_REDIS_URL", &urls[2]),
        ("ARCHIVE_NEAR_REDIS_URL", &urls[3]),
        ("NINEFLAGS_REDIS_CA", file.to_str().expect("a path")),
    ];
    let mut pair = Pair::on(Node::start(data.path(), &variables), 62).await;
    assert!(pair.play_to(6).await);
    let table = pair.table;
    let node = pair.finish_and_check().await;
    // It was heard, appended, archived, and looked for at the near one, each over TLS: nobody else is at the open ports.
    assert_eq!(http(node.address, "GET", &format!("/api/game/{table}"), "", None).await.status, 200);
    let near: String = ask(started[3].0.port, &["INFO", "commandstats"]).expect("an answer");
    assert!(near.contains("cmdstat_hmget"), "{near}");
    for (redis, _) in &started {
        let clients: String = ask(redis.port, &["CLIENT", "LIST"]).expect("an answer");
        let others = clients.lines().filter(|line| line.contains("user=default"));
        assert_eq!(others.count(), 1, "only whoever asks: {clients}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_trusts_nobody_but_the_authorities_of_the_file() {
    let (authority, place) = (Authority::new("own"), folder());
    let (_redis, port) = secure(place.path(), &authority.certify("127.0.0.1"), &["--tls-auth-clients", "no"]);
    let urls = || RedisUrls::from(format!("rediss://127.0.0.1:{port}"));
    let read = |of: &Authority| Authorities::read(of.file().to_str().expect("a path")).expect("a good file");
    assert!(Store::connect(urls().trusting(Some(&read(&authority)))).await.is_ok());
    for trusted in [None, Some(&read(&Authority::new("other")))] {
        let refused = Store::connect(urls().trusting(trusted)).await.err().expect("a refusal");
        assert!(refused.to_string().contains("no authority that is trusted"), "{refused}");
    }
}

#[test]
fn what_keeps_a_node_from_a_redis_over_tls_is_said_in_one_sentence() {
    let (authority, other, twin) = (Authority::new("own"), Authority::new("other"), Authority::new("own"));
    let open = ["--tls-auth-clients", "no", "--user", "nodes", "on", ">hush-1", "~*", "&*", "+@all"];
    let places: Vec<TempDir> = (0..4).map(|_| folder()).collect();
    let (plain, good) = secure(places[0].path(), &authority.certify("127.0.0.1"), &open);
    let (_named, named) = secure(places[1].path(), &authority.certify("redis.example"), &open);
    let (_expired, expired) = secure(places[2].path(), &authority.certify_once("127.0.0.1"), &open);
    let (_asking, asking) =
        secure(places[3].path(), &authority.certify("127.0.0.1"), &["--tls-auth-clients", "yes"]);
    let says = |scheme: &str, user: &str, port: u16, trusted: &Authority| {
        let data = folder();
        let at = format!("127.0.0.1:{port}");
        let (scheme, parameters) = scheme.split_once('?').unwrap_or((scheme, ""));
        let path = if scheme.contains("sentinel") { "/nine" } else { "" };
        let url = format!("{scheme}://{user}{at}{path}?{parameters}");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data.path().to_str().expect("a path")];
        let said = run(&url, trusted, &arguments);
        assert!(!said.success, "{said:?}");
        let lines: Vec<&str> = said.err.lines().filter(|line| line.starts_with("nineflags: ")).collect();
        assert!(lines.len() == 1 && lines[0].contains(&at), "{said:?}");
        lines[0].to_owned()
    };
    for (scheme, port, trusted, words) in [
        ("rediss", good, &other, "by no authority that is trusted"),
        ("rediss+sentinel", good, &other, "by no authority that is trusted"),
        ("rediss", good, &twin, "by another authority of the same name"),
        ("rediss", named, &authority, "for other names and addresses"),
        ("rediss", expired, &authority, "has expired"),
        ("rediss", asking, &authority, "tls-auth-clients no"),
        ("rediss", plain.port, &authority, "it speaks no TLS there"),
        ("rediss+sentinel", plain.port, &authority, "it speaks no TLS there"),
        ("redis", good, &authority, "it speaks TLS: write rediss://"),
        ("redis+sentinel", good, &authority, "it speaks TLS: write rediss://"),
        ("rediss+sentinel", good, &authority, "it is no sentinel"),
        ("rediss+sentinel?sentinel_tls=no", good, &authority, "it speaks TLS: write rediss://"),
        ("redis+sentinel?sentinel_tls=yes", good, &authority, "it is no sentinel"),
    ] {
        let said = says(scheme, "", port, trusted);
        assert!(said.contains(words), "{scheme} {words}: {said}");
    }
    for user in ["nodes:hush@", "nobody:hush-1@"] {
        let said = says("rediss", user, good, &authority);
        assert!(said.contains("is wrong"), "{said}");
    }
}

#[test]
fn a_file_of_authorities_that_is_none_is_refused_with_what_it_should_be() {
    let place = folder();
    let written = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("a path").to_owned()
    };
    let nowhere = place.path().join("nowhere").to_str().expect("a path").to_owned();
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (file, words) in [
        (nowhere, "cannot be read"),
        (written("empty", ""), "no certificate in it"),
        (written("text", "hush"), "no certificate in it"),
        (written("broken", broken), "a certificate in it"),
    ] {
        for arguments in [&["serve"][..], &["inspect"]] {
            let said = nineflags_with(&[("NINEFLAGS_REDIS_CA", file.clone())], arguments);
            assert!(!said.success && said.err.contains(words) && !said.err.contains(SECRET), "{said:?}");
            assert!(said.err.contains("--redis-ca"), "{said:?}");
        }
    }
}

#[test]
fn the_scripts_say_which_file_is_missing() {
    let place = folder();
    for script in ["start-redis.sh", "start-sentinel.sh"] {
        let mut command = Command::new(repository(&format!("redis/{script}")));
        command
            .arg(place.path().join(script))
            .args(["127.0.0.1", "1", "127.0.0.1:2"])
            .env("REDIS_TLS_CERT", "a");
        let output = command.output().expect("the script runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("REDIS_TLS_KEY"), "{script}: {said}");
    }
}
