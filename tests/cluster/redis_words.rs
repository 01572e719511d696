//! What keeps a node from its Redis is said with its cause, its address and the remedy, in one sentence.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::harness::command::nineflags_with;
use crate::harness::node::Node;
use crate::harness::process::{Process, free_port, until};
use crate::harness::redis::{Redis, ask, repository};
use crate::harness::sentinel::Sentinel;

/// In every password of these tests, so that none can be printed unseen.
const SECRET: &str = "hush";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// The one sentence with which a node ends by itself.
fn sentence(variables: &[(&str, String)]) -> String {
    let data = folder();
    let data = data.path().to_string_lossy().into_owned();
    let said = nineflags_with(variables, &["serve", "--listen", "127.0.0.1:0", "--data", &data]);
    assert!(!said.success && !said.out.contains("ready") && !said.err.contains(SECRET), "{said:?}");
    let last = said.err.lines().filter(|line| line.starts_with("nineflags: ")).collect::<Vec<_>>();
    assert_eq!(last.len(), 1, "{said:?}");
    last[0].to_owned()
}

fn refused_at(url: &str) -> String {
    sentence(&[("REDIS_URL", url.to_owned())])
}

/// A node that waits, and what it says meanwhile.
struct Waiting {
    log: PathBuf,
    _process: Process,
    _data: TempDir,
}

impl Waiting {
    fn on(url: &str) -> Self {
        let data = folder();
        let log = data.path().join("log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path()).env("REDIS_URL", url);
        Self { _process: Process::start(command, &log), log, _data: data }
    }

    fn until_it_says(&self, words: &[&str]) {
        until(words[0], || {
            let says = std::fs::read_to_string(&self.log).unwrap_or_default();
            assert!(!says.contains(SECRET), "{says}");
            says.lines()
                .any(|line| line.contains("waiting for Redis") && words.iter().all(|it| line.contains(it)))
        });
    }

    fn until_ready(&self) {
        until("the node is ready", || {
            std::fs::read_to_string(&self.log).is_ok_and(|says| says.contains("is ready at"))
        });
    }
}

/// A program that answers whatever it is asked with these bytes.
fn answers(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut stream = stream;
                // Whoever asks may have gone.
                let _ = stream.read(&mut [0; 1_024]);
                let _ = stream.write_all(bytes);
            });
        }
    });
    port
}

#[test]
fn what_is_no_redis_is_called_what_it_is() {
    for (bytes, words) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
            "a web server answers there and no Redis",
        ),
        (&[0x15, 0x03, 0x03, 0, 2, 2, 40], "it speaks TLS: write rediss://"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "another program answers there and no Redis"),
        (b"-DENIED Redis is running in protected mode because\r\n", "it is in protected mode"),
    ] {
        let at = format!("127.0.0.1:{}", answers(bytes));
        for url in [
            format!("redis://{at}"),
            format!("redis://:{SECRET}@{at}"),
            format!("redis+sentinel://{at}/nine"),
        ] {
            let says = refused_at(&url);
            assert!(says.contains(words) && says.contains(&at), "{says}");
        }
    }
}

#[test]
fn a_redis_where_a_sentinel_is_meant_is_called_so() {
    let place = folder();
    let redis = Redis::with(place.path(), &[]);
    let says = refused_at(&format!("redis+sentinel://127.0.0.1:{}/nine", redis.port));
    assert!(says.contains("it is no sentinel") && says.contains(&redis.port.to_string()), "{says}");
}

#[test]
fn where_nobody_is_the_address_is_told() {
    let port = free_port();
    let at = format!("127.0.0.1:{port}");
    Waiting::on(&format!("redis://:{SECRET}@{at}")).until_it_says(&["Connection refused", &at]);
    Waiting::on(&format!("redis+sentinel://{at}/nine?password={SECRET}")).until_it_says(&[
        "no sentinel names a primary",
        "Connection refused",
        &at,
    ]);
    // A sentinel that names an address where nobody is.
    let (place, sentinel) = (folder(), free_port());
    let _sentinel = Sentinel::start(place.path(), sentinel, port);
    until("the sentinel answers", || ask::<String>(sentinel, &["PING"]).is_some());
    Waiting::on(&format!("redis+sentinel://127.0.0.1:{sentinel}/nineflags"))
        .until_it_says(&["Connection refused", &at]);
    let socket = place.path().join("none.sock").to_string_lossy().into_owned();
    Waiting::on(&format!("unix://{socket}")).until_it_says(&["No such file", &socket]);
    let said = nineflags_with(&[("REDIS_URL", format!("redis://{at}"))], &["inspect", "redis"]);
    assert!(said.out.contains(&at) || said.err.contains(&at), "{said:?}");
}

#[test]
fn too_many_clients_are_called_so_and_waited_for() {
    for password in ["", ":hush-1@"] {
        let place = folder();
        let redis = Redis::with(place.path(), &[]);
        if !password.is_empty() {
            ask::<String>(redis.port, &["CONFIG", "SET", "requirepass", "hush-1"]).expect("Redis takes it");
        }
        let url = format!("redis://{password}127.0.0.1:{}", redis.port);
        let client = redis::Client::open(url.as_str()).expect("a URL");
        let mut first = client.get_connection().expect("Redis accepts");
        let mut set = |most: &str| {
            redis::cmd("CONFIG")
                .arg("SET")
                .arg("maxclients")
                .arg(most)
                .query::<()>(&mut first)
                .expect("it is set");
        };
        set("1");
        let node = Waiting::on(&url);
        node.until_it_says(&["too many clients are connected to it: raise its maxclients"]);
        set("100");
        node.until_ready();
    }
}

/// Where clients come and go at the limit, it has room again by the time it is asked why.
#[test]
fn a_redis_that_closes_every_second_connection_is_called_full() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let mut stream = stream;
            if number % 2 == 1 {
                // Whoever asks may have gone.
                let _ = stream.read(&mut [0; 1_024]);
                let _ = stream.write_all(b"+PONG\r\n");
            }
        }
    });
    Waiting::on(&format!("redis://127.0.0.1:{port}"))
        .until_it_says(&["it closed the connection at once, as where too many clients are connected to it"]);
}

#[test]
fn sentinels_that_want_a_password_are_given_it_or_end_a_node_with_one_sentence() {
    let place = folder();
    let (watch, serve) = (free_port(), free_port());
    let script = |name: &str, at: u16, other: u16, password: &str| {
        let mut command = Command::new(repository(&format!("redis/start-{name}.sh")));
        command.arg(place.path().join(name)).args([
            "127.0.0.1",
            &at.to_string(),
            &format!("127.0.0.1:{other}"),
        ]);
        command.env("REDIS_PASSWORD", password).env("QUORUM", "1");
        Process::start(command, &place.path().join(format!("{name}.log")))
    };
    // The password of each start counts, also where a sentinel has its own file already.
    let answers = |port: u16, password: &str| {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).expect("a URL");
        client
            .get_connection()
            .ok()
            .and_then(|mut connection| redis::cmd("AUTH").arg(password).query::<String>(&mut connection).ok())
    };
    let passwords = ["hush two words", "hush\"quoted\\", "# hush", "hush-\u{e9}-$HOME-'"];
    for password in passwords {
        let _watching = script("sentinel", watch, serve, password);
        until("the sentinel takes the password", || answers(watch, password).is_some());
        assert!(
            ask::<Vec<String>>(watch, &["SENTINEL", "MASTER", "nineflags"]).is_none(),
            "it is open to all"
        );
    }
    let password = passwords[1];
    let watching = script("sentinel", watch, serve, password);
    let _serving = script("redis", serve, watch, password);
    until("Redis takes the password", || answers(serve, password).is_some());
    until("the sentinel takes the password", || answers(watch, password).is_some());
    let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let url = format!("redis+sentinel://127.0.0.1:{watch}/nineflags?password={encoded}");
    let says = refused_at(&url);
    let at = format!("the sentinel 127.0.0.1:{watch}");
    assert!(says.contains(&format!("{at} wants a password, and the URL has none for it")), "{says}");
    assert!(says.contains("sentinel_password="), "{says}");
    let says = refused_at(&format!("{url}&sentinel_password={SECRET}"));
    assert!(says.contains(&format!("{at} does not take the sentinel_password")), "{says}");
    let data = folder();
    // Alone it takes no writes until it has a replica, which is not what this is about.
    let client = redis::Client::open(format!("redis://:{encoded}@127.0.0.1:{serve}")).expect("a URL");
    let mut wire = client.get_connection().expect("Redis accepts");
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("min-replicas-to-write")
        .arg(0)
        .query::<()>(&mut wire)
        .expect("it is set");
    let whole = format!("{url}&sentinel_password={encoded}");
    Node::start(data.path(), &[("REDIS_URL", &whole)]);
    // A password for a sentinel that wants none does no harm: it is given to the nodes before the sentinels have it.
    drop(watching);
    let _open = script("sentinel", watch, serve, "");
    until("the sentinel is open", || ask::<String>(watch, &["PING"]).is_some());
    let said = nineflags_with(&[("REDIS_URL", whole)], &["inspect", "redis"]);
    assert!(said.success && !said.out.contains("does not take"), "{said:?}");
}

#[test]
fn another_database_is_refused_in_every_setting() {
    let place = folder();
    let redis = Redis::with(place.path(), &[]);
    let (good, other) = (redis.url(), format!("{}/1", redis.url()));
    for (variable, named) in [
        ("REDIS_URL", "REDIS_URL cannot be used"),
        ("BACKUP_REDIS_URLS", "URL 1 of BACKUP_REDIS_URLS cannot be used"),
        ("ARCHIVE_REDIS_URL", "ARCHIVE_REDIS_URL cannot be used"),
        ("ARCHIVE_NEAR_REDIS_URL", "ARCHIVE_NEAR_REDIS_URL cannot be used"),
    ] {
        let says = sentence(&[("REDIS_URL", good.clone()), (variable, other.clone())]);
        assert!(says.contains(named) && says.contains("start a second Redis for a second site"), "{says}");
    }
}

#[test]
fn a_right_that_is_missing_is_named_and_nothing_is_changed_to_find_it_out() {
    let place = folder();
    let redis = Redis::with(place.path(), &[]);
    let before: u64 = ask(redis.port, &["DBSIZE"]).expect("an answer");
    for (rights, missing) in [
        (&["~*", "+@all"][..], "it may not do SUBSCRIBE lobby"),
        (&["~*", "&lobby", "+@all"], "it may not do SUBSCRIBE node:"),
        (&["~*", "&*", "+@all", "-xadd"], "it may not do XADD"),
        (&["~*", "&*", "+@all", "-evalsha"], "it may not do EVALSHA"),
        (&["~*", "&*", "+@all", "-script"], "it may not do SCRIPT LOAD"),
        (&["~write-probe", "~nodes", "&*", "+@all"], "it may not do GET online"),
        (&["~write-probe", "~nodes", "%R~*", "&*", "+@all"], "it may not do SET online"),
    ] {
        let user = [&["ACL", "SETUSER", "nf", "reset", "on", ">hush-2"], rights].concat();
        ask::<String>(redis.port, &user).expect("Redis takes it");
        let says = refused_at(&format!("redis://nf:hush-2@127.0.0.1:{}", redis.port));
        assert!(
            says.contains("the user of its URL lacks rights") && says.contains(missing),
            "{rights:?}: {says}"
        );
        assert!(says.contains("ACL SETUSER"), "{says}");
    }
    let after: u64 = ask(redis.port, &["DBSIZE"]).expect("an answer");
    assert!(after <= before + 1, "{before} keys, and {after} afterwards");
    ask::<String>(redis.port, &["ACL", "SETUSER", "nf", "reset", "on", ">hush-2", "~*", "&*", "+@all"])
        .expect("Redis takes it");
    let data = folder();
    let url = format!("redis://nf:hush-2@127.0.0.1:{}", redis.port);
    Node::start(data.path(), &[("REDIS_URL", &url)]);
}
