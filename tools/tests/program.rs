//! The program itself: what it prints, what it refuses, and what it ends with.

use std::ffi::OsString;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::thread;

use nineflags::config;
use nineflags_tools::{Cli, judge};

fn program(line: &str, input: &[u8]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_nineflags-tools"))
        .args(line.split(' '))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program was built with these tests");
    let mut stdin = program.stdin.take().expect("it has an input");
    let input = input.to_vec();
    let writer = thread::spawn(move || stdin.write_all(&input).expect("it reads all its input"));
    let output = program.wait_with_output().expect("it ends");
    writer.join().expect("it reads all its input");
    output
}

#[test]
fn it_judges_as_the_library_does() {
    let lines =
        b"not json\n{\"id\":1}\n{\"id\":2,\"sides\":[[\"r1\",\"g1\",\"b1\"],[]],\"unplayed\":[\"r2\"]}\n"
            .repeat(2_000);
    let (mut flags, mut games) = (Vec::new(), Vec::new());
    judge::flags(&lines[..], &mut flags).expect("memory can be read and written");
    judge::games(&lines[..], &mut games).expect("memory can be read and written");
    for (what, answers) in [("flags", flags), ("games", games)] {
        let output = program(&format!("judge {what}"), &lines);
        assert!(output.status.success() && output.stdout == answers, "judge {what}");
    }
}

#[test]
fn a_run_ends_with_its_report() {
    let output = program("load --to http://127.0.0.1 --pairs 0 --json", b"");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("judging"), "{told}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(report["violations"], serde_json::json!([]));
}

#[cfg(target_os = "linux")]
#[test]
fn a_bench_of_the_floor_alone_tells_figures_and_no_verdict() {
    let output = program("bench --quick --rows watchers --servers floor --json --bars", b"");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    let figures = &report["samples"][0]["outcome"]["Ok"];
    assert_eq!(
        (&report["samples"][0]["server"], &figures["lost"]),
        (&"floor".into(), &0.0.into()),
        "{report}"
    );
    assert!(figures["last_watcher"].as_f64() > Some(0.0), "{report}");
    let verdicts = report["bars"].as_array().expect("all bars");
    assert!(!verdicts.is_empty() && verdicts.iter().all(|verdict| verdict["met"].is_null()), "{report}");
}

#[test]
fn a_run_that_cannot_begin_says_why() {
    let output = program("load --to http://127.0.0.1 --pairs 100000", b"");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.starts_with("nineflags-tools: 200000 bots are too many") && output.stdout.is_empty(),
        "{told}"
    );
    assert_eq!(program("load", b"").status.code(), Some(2), "it is not said where to");
}

#[test]
fn options_say_what_to_write_instead() {
    let read = |line: &str| {
        let words: Vec<OsString> = format!("nineflags-tools {line}").split(' ').map(OsString::from).collect();
        config::read::<Cli>(&words)
    };
    for (line, told) in [
        ("judge cards", "possible values: flags, games"),
        ("load --to http://a --pairs -1", "whole number from 0"),
        ("load --to http://a --pairs 1000000000", "whole number from 0 to 100000"),
        ("load --to http://a --watchers many", "whole number from 0"),
        ("load --to http://a --idle 1.5", "whole number from 0"),
        ("load --to http://a --games 0", "whole number from 1"),
        ("load --to http://a --seconds 0", "whole number from 1"),
        ("load --to http://a --stuck-secs 0", "whole number from 1"),
        ("load --to http://a --pause-ms -1", "whole number from 0"),
        ("load --to http://a --pids 0", "whole number from 1"),
        ("load --to http://a --seed x", "whole number from 0"),
        ("load --to http://a --origin a", "write the scheme, the host"),
        ("load --to http://a --sources 10.0.0.0-10.9.0.0", "write an IP address, or a row of at most 65536"),
        ("load --to http://a --sources 10.0.0.2-10.0.0.1", "write an IP address, or a row"),
        ("load --to https://a", "write http://HOST:PORT"),
        ("load --to http://a:b", "write http://HOST:PORT"),
        ("load --to http://a:0", "write http://HOST:PORT"),
        ("load --to http://", "write http://HOST:PORT"),
        ("load --to http://a/b", "write http://HOST:PORT"),
    ] {
        let refused = read(line).expect_err(line).to_string();
        assert!(refused.contains(told), "{line}: {refused}");
    }
    let line = "load --to http://a,http://[::1]:8080/ --sources ::1,127.0.0.1-127.0.0.9 --origin https://a --games 4294967295";
    assert!(read(line).is_ok(), "{line}");
}
