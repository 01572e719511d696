//! Finished games as files: written once, taken in elsewhere, and what was tampered with is found.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nineflags_tools::load;

use crate::harness::browser::http;
use crate::harness::node::Node;
use crate::load::options;

/// Runs `nineflags archive` against the private Redis of a node.
fn archive(what: &str, folder: Option<&Path>, data: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    command.args(["archive", what]).args(folder).arg("--data").arg(data).env_remove("REDIS_URL");
    command.output().expect("the binary starts")
}

/// It ends well and says this.
fn check(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(words), "no `{words}` in {said}");
}

/// It ends badly and says this.
fn check_fault(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains(words), "no `{words}` in {said}");
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_games_go_into_files_and_back() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (data, folder) = (data.path(), folder.path());
    let node = Node::start(data, &[]);
    let report = load::run(options(node.address, "--pairs 2"), |_| {}).await.expect("a run");
    assert!(report.is_clean(), "{report}");

    check(&archive("export", Some(folder), data), "2 games written, 0 there already");
    let report = load::run(options(node.address, "--pairs 1"), |_| {}).await.expect("a run");
    assert!(report.is_clean(), "{report}");
    check(&archive("export", Some(folder), data), "1 games written, 2 there already");
    check(&archive("verify", Some(folder), data), "3 games checked, 0 there already, 0 not as");
    check(&archive("verify", None, data), "3 games checked");
    let written = files(folder);
    assert_eq!(written.len(), 3, "{written:?}");

    // Into another Redis, twice: the games and the lists are there once.
    let other_data = tempfile::tempdir().expect("a folder");
    let other = Node::start(other_data.path(), &[]);
    check(&archive("import", Some(folder), other_data.path()), "3 games taken in, 0 there already");
    check(&archive("import", Some(folder), other_data.path()), "0 games taken in, 3 there already");
    check(&archive("verify", None, other_data.path()), "3 games checked");
    for path in &written {
        let table = path.file_stem().expect("a name").to_string_lossy();
        let page = format!("/api/game/{table}");
        let here = http(node.address, "GET", &page, "", None).await;
        let there = http(other.address, "GET", &page, "", None).await;
        assert_eq!((here.status, &here.body), (200, &there.body));
    }
    let lists = http(other.address, "GET", "/api/games", "", None).await.json();
    assert_eq!(lists["games"].as_array().map(Vec::len), Some(3), "{lists}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_files_are_found_and_not_taken_in() {
    let (data, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (data, folder) = (data.path(), folder.path());
    let node = Node::start(data, &[]);
    let report = load::run(options(node.address, "--pairs 1"), |_| {}).await.expect("a run");
    assert!(report.is_clean(), "{report}");
    check(&archive("export", Some(folder), data), "1 games written");
    let path = files(folder).remove(0);
    let honest = fs::read_to_string(&path).expect("a text");
    let tampered = |from: &str, to: &str| {
        assert!(honest.contains(from), "no {from}");
        fs::write(&path, honest.replacen(from, to, 1)).expect("it can be written");
        archive("verify", Some(folder), data)
    };
    let name = path.display().to_string();
    check_fault(
        &tampered("\"record\": \"draw t\"", "\"record\": \"draw x\""),
        &format!("{name}: it does not"),
    );
    check_fault(&tampered("\"flags\": \"", "\"flags\": \"1"), "says of itself what its records do not say");
    check_fault(
        &tampered("\"commitment\": \"", "\"commitment\": \"0"),
        "other decks than those committed to",
    );
    check_fault(&tampered("nonce=", "nonce=0"), "record 0: the hash does not follow");
    check_fault(&tampered("\"entries\"", "\"entry\""), "missing field");
    check_fault(&archive("import", Some(folder), data), "0 games taken in, 0 there already, 1 not as");

    // A game by another name is not that game; the folder is not there at all.
    fs::write(&path, &honest).expect("it can be written");
    check(&archive("verify", Some(folder), data), "1 games checked");
    fs::rename(&path, folder.join("01900000-0000-7000-8000-000000000000.json")).expect("it can be renamed");
    check_fault(&archive("verify", Some(folder), data), "it is the game");
    assert!(!archive("verify", Some(&folder.join("nowhere")), data).status.success());
}
