//! What nobody but the node's user may read: files, passwords in URLs, private words. And folders with any name.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use nineflags::protocol::Ask;
use nix::sys::signal::Signal;
use serde_json::json;
use tempfile::TempDir;

use crate::harness::browser::{Browser, http};
use crate::harness::command::nineflags_with;
use crate::harness::node::{ANY, Node};
use crate::harness::process::{Process, free_port, until};
use crate::harness::redis::repository;

/// Stands wherever a secret may stand.
const SECRET: &str = "hush";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A command that is started with a umask.
fn under(umask: &str, program: &Path) -> Command {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("umask {umask}; exec \"$0\" \"$@\"")).arg(program);
    command
}

/// Everything below a folder that others could open, and how much there is.
fn open_to_others(folder: &Path) -> (Vec<String>, usize) {
    let (mut open, mut seen, mut folders) = (Vec::new(), 0, vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        // What is there now may be gone at once.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(found) = fs::symlink_metadata(entry.path()) else { continue };
            seen += 1;
            if found.mode() & 0o077 != 0 {
                open.push(format!("{} {:o}", entry.path().display(), found.mode() & 0o7777));
            }
            if found.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    (open, seen)
}

/// Looks all the time until a test is true.
fn closed_until(what: &str, folder: &Path, is_true: impl Fn() -> bool) {
    until(what, || {
        assert_eq!(open_to_others(folder).0, Vec::<String>::new());
        is_true()
    });
}

fn widen(path: &Path) {
    let is_dir = path.is_dir();
    fs::set_permissions(path, fs::Permissions::from_mode(if is_dir { 0o755 } else { 0o644 }))
        .expect("a mode");
    if is_dir {
        fs::read_dir(path).expect("a folder").for_each(|entry| widen(&entry.expect("an entry").path()));
    }
}

#[test]
fn what_a_node_writes_is_for_its_user_alone_whatever_the_umask() {
    let place = folder();
    for (round, umask) in ["000", "022", "000"].into_iter().enumerate() {
        // The last over what an earlier version left open.
        let data = place.path().join(if round == 0 { "one" } else { "two" });
        if round == 2 {
            fs::remove_file(data.join("redis.sock")).ok();
            widen(&data);
        }
        let mut command = under(umask, Path::new(env!("CARGO_BIN_EXE_nineflags")));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        let log = place.path().join(format!("{round}.log"));
        let process = Process::start(command, &log);
        let is_ready = || fs::read_to_string(&log).is_ok_and(|log| log.contains("is ready at"));
        if round == 2 {
            until("the node is ready", is_ready);
        } else {
            until("the folder is there", || data.exists());
            closed_until("the node is ready", &data, is_ready);
        }
        let (open, seen) = open_to_others(&data);
        assert!(open.is_empty() && seen > 5, "{seen} files, of which are open: {open:?}");
        assert_eq!(fs::metadata(&data).expect("a folder").mode() & 0o7777, 0o700);
        drop(process);
    }
}

#[test]
fn exported_games_and_what_the_scripts_write_are_for_their_user_alone() {
    for umask in ["000", "022"] {
        let place = folder();
        let (sentinel, redis) = (place.path().join("sentinel"), place.path().join("redis"));
        let (sentinel_port, redis_port) = (free_port().to_string(), free_port().to_string());
        let mut watch = under(umask, &repository("redis/start-sentinel.sh"));
        watch.arg(&sentinel).args(["127.0.0.1", &sentinel_port, &format!("127.0.0.1:{redis_port}")]);
        watch.env("REDIS_PASSWORD", SECRET).env("QUORUM", "1");
        let _watch = Process::start(watch, &place.path().join("sentinel.log"));
        let mut serve = under(umask, &repository("redis/start-redis.sh"));
        serve.arg(&redis).args(["127.0.0.1", &redis_port, &format!("127.0.0.1:{sentinel_port}")]);
        serve.env("REDIS_PASSWORD", SECRET);
        let _serve = Process::start(serve, &place.path().join("redis.log"));
        for folder in [&sentinel, &redis] {
            until("the folder is there", || folder.exists());
        }
        closed_until("the sentinel has written its file", &sentinel, || {
            fs::read_to_string(sentinel.join("sentinel.conf")).is_ok_and(|it| it.contains("sentinel myid"))
        });
        closed_until("Redis has its files", &redis, || redis.join("appendonlydir").exists());
        for folder in [&sentinel, &redis] {
            assert_eq!(fs::metadata(folder).expect("a folder").mode() & 0o7777, 0o700);
            assert_eq!(open_to_others(folder).0, Vec::<String>::new());
        }
        let games = place.path().join("games");
        let url = format!("redis://:{SECRET}@127.0.0.1:{redis_port}");
        let mut export = under(umask, Path::new(env!("CARGO_BIN_EXE_nineflags")));
        export.args(["archive", "export"]).arg(&games).env("REDIS_URL", url);
        assert!(export.output().expect("the binary runs").status.success());
        assert_eq!(fs::metadata(&games).expect("a folder").mode() & 0o7777, 0o700);
    }
}

/// Redis takes such a path for a pattern of several files, and a sentinel could not write its own.
#[test]
fn the_scripts_refuse_a_folder_whose_path_redis_would_not_find() {
    for name in ["a*b", "a?b", "[ab]"] {
        let place = folder();
        let data = place.path().join(name);
        for script in ["redis/start-redis.sh", "redis/start-sentinel.sh"] {
            let mut start = Command::new(repository(script));
            start.arg(&data).args(["127.0.0.1", &free_port().to_string(), "127.0.0.1:1"]);
            let output = start.env("QUORUM", "1").output().expect("the script runs");
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                !output.status.success() && words.contains("name another folder"),
                "{script} {name}: {words}"
            );
            assert!(!data.exists());
        }
    }
}

/// URLs with a secret in each place where somebody may put one.
fn urls() -> Vec<String> {
    let forms = [
        "redis://:hush@127.0.0.1:1",
        "redis://hush:hush@127.0.0.1:1",
        "redis://hush@127.0.0.1:1",
        "redis://:hush@127.0.0.1:1/3",
        "redis://127.0.0.1:1?password=hush",
        "redis://127.0.0.1:1?hush",
        "redis://:hush hush@127.0.0.1:1",
        "redis://:hush/hush@127.0.0.1:1",
        "redis://:hush#hush@127.0.0.1:1",
        "redis://:hush@",
        "redis://hush:hush",
        "rediss://:hush@127.0.0.1:1",
        "http://:hush@127.0.0.1:1",
        "hush@127.0.0.1",
        "unix:///tmp/none?password=hush",
        "unix://hush",
        "redis+sentinel://:hush@127.0.0.1:1/name",
        "redis+sentinel://127.0.0.1:1,:hush@127.0.0.1:2/name",
        "redis+sentinel://127.0.0.1:1,hush:2:3/name",
        "redis+sentinel://127.0.0.1:1/name?password=hush&sentinel_password=hush",
        "redis+sentinel://127.0.0.1:1/name?password=hush&hush=hush",
        "redis+sentinel://127.0.0.1:1/name?password=%68ush%",
        "redis+sentinel://127.0.0.1:1/hush/hush",
    ];
    forms.map(str::to_owned).into()
}

#[test]
fn no_command_repeats_what_a_url_hides() {
    let once: [&[&str]; 5] = [
        &["inspect", "redis"],
        &["inspect", "--json"],
        &["archive", "verify"],
        &["rebalance"],
        &["redis", "failover", "data"],
    ];
    let urls = urls();
    let (first, second) = urls.split_at(urls.len() / 2);
    let check = |urls: &[String]| {
        for (number, url) in urls.iter().enumerate() {
            for variable in ["REDIS_URL", "BACKUP_REDIS_URLS", "ARCHIVE_REDIS_URL"] {
                // Each command meets each variable; each URL meets each variable.
                let arguments = once[number % once.len()];
                let other =
                    [("REDIS_URL", "redis://127.0.0.1:1".to_owned()), ("NINEFLAGS_LOG", "trace".to_owned())];
                let set = other.into_iter().filter(|(name, _)| *name != variable);
                let set: Vec<_> = set.chain([(variable, url.clone())]).collect();
                let said = nineflags_with(&set, arguments);
                // What is wrong with each Redis is what is asked for there, and no failure.
                assert!(
                    !said.success || arguments == ["inspect", "redis"],
                    "{arguments:?} with {variable}={url}"
                );
                let all = format!("{}{}", said.out, said.err);
                assert!(!all.contains(SECRET), "{arguments:?} with {variable}={url} says:\n{all}");
            }
        }
        // Also on the command line, where it does not belong, and in the lists of settings.
        for url in urls {
            for arguments in [
                &["serve", url][..],
                &["serve", "--listen", url],
                &["serve", &format!("--no-such-setting={url}")],
                &["serve", &format!("--away-win-secs={url}")],
                &["inspect", url],
                &["archive", url],
            ] {
                let said = nineflags_with(&[], arguments);
                assert!(!said.success && !said.err.contains(SECRET), "{arguments:?}: {}", said.err);
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| check(first));
        scope.spawn(|| check(second));
    });
    // A password with blanks that nobody has quoted is several arguments.
    for command in [&["serve"][..], &["inspect"], &["inspect", "nodes"], &["rebalance"]] {
        for rest in [&["hush", "b@127.0.0.1:1"][..], &["hush"], &["b", "hush", "c@127.0.0.1:1"]] {
            let arguments = [command, &["--redis-url", "redis://:a"], rest].concat();
            let said = nineflags_with(&[], &arguments);
            assert!(!said.success && !said.err.contains(SECRET), "{arguments:?}: {}", said.err);
        }
    }
    let hidden = ["REDIS_URL", "BACKUP_REDIS_URLS", "ARCHIVE_REDIS_URL", "ARCHIVE_NEAR_REDIS_URL"];
    let hidden = hidden.map(|name| (name, format!("redis://:{SECRET}@a")));
    for command in ["serve", "inspect", "rebalance", "archive", "redis"] {
        let said = nineflags_with(&hidden, &[command, "--help"]);
        assert!(said.success && !said.out.contains(SECRET), "{}", said.out);
    }
}

#[test]
fn a_node_repeats_nothing_of_a_url_either() {
    let urls = urls();
    let groups: Vec<&[String]> = urls.chunks(urls.len().div_ceil(4)).collect();
    thread::scope(|scope| {
        for (urls, variable) in groups.into_iter().zip([
            "REDIS_URL",
            "BACKUP_REDIS_URLS",
            "ARCHIVE_REDIS_URL",
            "ARCHIVE_NEAR_REDIS_URL",
        ]) {
            scope.spawn(move || urls.iter().for_each(|url| says_nothing(variable, url)));
        }
    });
}

/// Starts a node with a URL in one setting, waits for its first words, and looks for the secret in all of them.
fn says_nothing(variable: &str, url: &str) {
    let data = folder();
    let log = data.path().join("log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path().join("data"));
    command.env("REDIS_URL", "redis://127.0.0.1:1").env("NINEFLAGS_LOG", "trace").env(variable, url);
    let mut process = Process::start(command, &log);
    let says = || fs::read_to_string(&log).unwrap_or_default();
    until("it says something", || !says().is_empty());
    let mut is_there = process.is_there();
    until("it waits or has ended", || {
        is_there = process.is_there();
        !is_there || says().contains("waiting for Redis")
    });
    assert!(!says().contains(SECRET), "{variable}={url}: {}", says());
    if !is_there {
        let last = says().lines().filter(|line| line.starts_with("nineflags: ")).count();
        assert_eq!(last, 1, "{variable}={url} is refused in one sentence: {}", says());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn private_words_and_passwords_are_not_logged_at_any_level() {
    let data = folder();
    let log = data.path().join("log");
    let levels =
        "trace,tungstenite::protocol=trace,tokio_tungstenite=trace,hyper=trace,redis=trace,warp=trace";
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log", levels, "--data"])
        .arg(data.path().join("data"));
    let process = Process::start(command, &log);
    let says = || fs::read_to_string(&log).unwrap_or_default();
    let address = || says().split("ready at http://").nth(1)?.split('/').next()?.parse::<SocketAddr>().ok();
    until("the node is ready", || address().is_some());
    let address = address().expect("an address");
    let mut ann = Browser::sign_up(address, "Ann").await;
    let bob = Browser::guest(address).await;
    let text = format!("{SECRET} {SECRET}");
    ann.ask(Ask::Tell { to: bob.name.clone(), text }).await;
    let wrong = json!({"name": "Ann", "password": format!("{SECRET} correct horse battery")});
    http(address, "POST", "/api/login", "", Some(&wrong)).await;
    let cookie = format!("login={SECRET}");
    http(address, "GET", "/api/me", &cookie, None).await;
    http(address, "POST", "/api/guest", &cookie, Some(&json!({ "extra": SECRET }))).await;
    process.signal(Signal::SIGTERM);
    until("the node has ended", || says().contains("ending"));
    let says = says();
    for private in [SECRET, "correct horse", "login="] {
        let line = says.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private} is in the log");
    }
}

#[test]
fn any_folder_may_be_the_data_folder() {
    let place = folder();
    let names: [&[u8]; 13] = [
        b"D?b",
        b"D#3",
        b"with blanks ",
        b"quote\"d",
        b"back\\slash",
        b"per%20cent",
        b"new\nline",
        "h\u{e9}h\u{e9}".as_bytes(),
        b"not-utf8-\xff",
        // For Redis these would be patterns of several files.
        b"[cd]",
        b"*",
        b"a[b-c]\\?",
        b"[unclosed",
    ];
    for name in names {
        let data: PathBuf = place.path().join(OsStr::from_bytes(name));
        let node = Node::start(&data, &[]);
        let mut inspect = Command::new(env!("CARGO_BIN_EXE_nineflags"));
        let output =
            inspect.args(["inspect", "nodes", "--data"]).arg(&data).output().expect("the binary runs");
        assert!(output.status.success(), "{data:?}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(data.join("appendonlydir").is_dir(), "{data:?}");
        node.terminate();
    }
    let long = place.path().join("x".repeat(120));
    let long = long.to_string_lossy();
    let said = nineflags_with(&[], &["serve", "--listen", &ANY.to_string(), "--data", &long]);
    assert!(!said.success && said.err.contains("choose a shorter folder with --data"), "{}", said.err);
}

/// What a node says on a terminal, or in a file, until it waits for its Redis.
fn told(on_terminal: bool, variables: &[(&str, &str)]) -> String {
    let data = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    command.env("REDIS_URL", "redis://127.0.0.1:1").env_remove("NO_COLOR").envs(variables.iter().copied());
    if !on_terminal {
        let log = data.path().join("log");
        let _process = Process::start(command, &log);
        until("it waits", || fs::read_to_string(&log).is_ok_and(|log| log.contains("waiting for Redis")));
        return fs::read_to_string(&log).expect("a log");
    }
    let terminal = nix::pty::openpty(None, None).expect("a terminal");
    let mut child = command.stderr(terminal.slave).stdout(Stdio::null()).spawn().expect("the binary starts");
    drop(command);
    let (mut read, mut says) = (fs::File::from(terminal.master), Vec::new());
    until("it waits", || {
        let mut bytes = [0; 1_024];
        let length = read.read(&mut bytes).unwrap_or(0);
        says.extend_from_slice(&bytes[..length]);
        String::from_utf8_lossy(&says).contains("waiting for Redis")
    });
    child.kill().expect("it is there");
    child.wait().expect("it has ended");
    String::from_utf8_lossy(&says).into_owned()
}

#[test]
fn the_log_is_coloured_on_a_terminal_and_nowhere_else() {
    const ESCAPE: char = '\x1b';
    assert!(told(true, &[]).contains(ESCAPE));
    assert!(!told(true, &[("NO_COLOR", "1")]).contains(ESCAPE));
    assert!(!told(false, &[]).contains(ESCAPE));
    let json = told(false, &[("NINEFLAGS_LOG_FORMAT", "json")]);
    assert!(!json.contains(ESCAPE) && json.lines().all(|line| line.starts_with('{')), "{json}");
}

#[test]
fn a_setting_that_there_is_not_is_told_of_and_an_empty_one_is_left_out() {
    let variables = [("NINEFLAGS_AWAY_WIN_SEC", "9"), ("NINEFLAGS_INVITE_SECS", " "), ("NINEFLAGS_LOG", "")];
    let says = told(false, &variables);
    assert!(
        says.contains("NINEFLAGS_AWAY_WIN_SEC is no setting, and is not read: write NINEFLAGS_AWAY_WIN_SECS")
    );
}

#[test]
fn a_node_listens_at_a_name() {
    let data = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["serve", "--listen", "localhost:0", "--data"]).arg(data.path().join("data"));
    let log = data.path().join("log");
    let _process = Process::start(command, &log);
    until("the node is ready", || {
        fs::read_to_string(&log).is_ok_and(|log| log.contains("is ready at http://"))
    });
    let none = data.path().join("none").to_string_lossy().into_owned();
    let said = nineflags_with(&[], &["serve", "--listen", "no-such-name.invalid:0", "--data", &none]);
    assert!(!said.success && said.err.contains("cannot serve on no-such-name.invalid:0"), "{}", said.err);
}
