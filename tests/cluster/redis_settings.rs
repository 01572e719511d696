//! The settings in `redis/` are those that run, and each says why it is there.

use std::collections::HashMap;

use crate::harness::lone::private_url;
use crate::harness::node::Node;
use crate::harness::redis::repository;
use crate::harness::trio::Trio;

/// The settings of a file: name and value.
fn settings(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, value) = line.split_once(' ').expect("a name and a value");
            (name.to_owned(), value.trim_matches('"').to_owned())
        })
        .collect()
}

fn file(name: &str) -> String {
    std::fs::read_to_string(repository("redis").join(name)).expect("a file of settings")
}

/// Settings without a line that says why, just before them.
fn without_reason(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let is_setting = |line: &str| !line.is_empty() && !line.starts_with('#');
    let pairs = (0..lines.len()).filter(|at| is_setting(lines[*at]));
    let faulty = pairs.filter(|at| *at == 0 || !lines[*at - 1].starts_with("# "));
    faulty.map(|at| lines[at].to_owned()).collect()
}

#[test]
fn every_setting_has_its_reason() {
    for name in ["redis.conf", "redis-node.conf", "sentinel.conf"] {
        assert_eq!(without_reason(&file(name)), Vec::<String>::new(), "{name}");
    }
    assert_eq!(without_reason("# Why.\none yes\ntwo no\n\nthree no\n"), ["two no", "three no"]);
}

/// A value as Redis tells it: sizes in bytes, permissions in octal.
fn told(name: &str, value: &str) -> String {
    let bytes = |word: &str| match word.strip_suffix("mb") {
        Some(number) => (number.parse::<u64>().expect("a number") << 20).to_string(),
        None => word.to_owned(),
    };
    let words: Vec<String> = value.split(' ').map(bytes).collect();
    match name {
        // It tells of other readers than these, too.
        "client-output-buffer-limit" => words.join(" "),
        _ => words.join(" ").trim_matches('"').to_owned(),
    }
}

/// Whether a running Redis has every setting of a file.
fn runs_with(client: &redis::Client, name: &str) {
    let mut connection = client.get_connection().expect("Redis accepts");
    let settings = settings(&file(name));
    assert!(settings.len() > 10, "{name} is read");
    for (setting, value) in settings {
        let answer: HashMap<String, String> =
            redis::cmd("CONFIG").arg("GET").arg(&setting).query(&mut connection).expect("an answer");
        let runs = answer.get(&setting).unwrap_or_else(|| panic!("Redis knows no {setting}"));
        let expected = told(&setting, &value);
        let same = if setting == "client-output-buffer-limit" {
            runs.contains(&expected)
        } else {
            *runs == expected
        };
        assert!(same, "{name}: {setting} is '{runs}' and not '{expected}'");
    }
}

#[test]
fn the_private_redis_runs_with_exactly_its_file() {
    let data = tempfile::tempdir().expect("a folder");
    let _node = Node::start(data.path(), &[]);
    runs_with(&redis::Client::open(private_url(data.path())).expect("a URL"), "redis.conf");
}

#[test]
fn each_redis_and_sentinel_of_a_group_runs_with_exactly_its_file() {
    let trio = Trio::start();
    for redis in &trio.redis {
        runs_with(&redis::Client::open(redis.url()).expect("a URL"), "redis-node.conf");
    }
    let ours: Vec<String> = file("sentinel.conf")
        .lines()
        .filter(|line| line.starts_with("sentinel "))
        .map(str::to_owned)
        .collect();
    for sentinel in &trio.sentinels {
        let written = sentinel.written();
        for line in &ours {
            // What is as it would be anyhow it does not write down again.
            let by_default = line.ends_with("deny-scripts-reconfig yes");
            assert!(by_default || written.lines().any(|other| other == line), "{line} is not in {written}");
        }
        for (field, value) in [
            ("down-after-milliseconds", "2000"),
            ("failover-timeout", "6000"),
            ("parallel-syncs", "2"),
            ("quorum", "2"),
        ] {
            assert_eq!(sentinel.primary(field).as_deref(), Some(value), "{field}");
        }
    }
}
