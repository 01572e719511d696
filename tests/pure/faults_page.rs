//! Every row of `docs/FAULTS.md` names a test that exists.

use std::fs;
use std::path::{Path, PathBuf};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The last cell of each row of the tables, without its ticks.
fn named(page: &str) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault"));
    let cells = rows.filter(|line| !line.starts_with("| ---")).map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), 4, "four cells: {line}");
        let test = cells[3].trim();
        test.strip_prefix('`')
            .and_then(|test| test.strip_suffix('`'))
            .unwrap_or_else(|| panic!("no test: {line}"))
            .to_owned()
    });
    cells.collect()
}

/// The text of a file of tests, or of all files in a folder of them.
fn sources(module: &str) -> String {
    let mut text = String::new();
    for folder in ["tests/cluster", "tests/pure"] {
        text += &fs::read_to_string(repository(&format!("{folder}/{module}.rs"))).unwrap_or_default();
        text += &fs::read_to_string(repository(&format!("{folder}/{module}/mod.rs"))).unwrap_or_default();
    }
    text
}

#[test]
fn each_fault_has_a_test() {
    let page = fs::read_to_string(repository("docs/FAULTS.md")).expect("docs/FAULTS.md");
    let tests = named(&page);
    assert!(tests.len() > 25, "{tests:?}");
    for test in tests {
        let (module, name) = test.split_once("::").unwrap_or_else(|| panic!("{test} names no file"));
        let source = sources(module);
        assert!(source.contains("#[test]") || source.contains("#[tokio::test"), "no tests in {module}");
        assert!(name.is_empty() || source.contains(&format!("fn {name}()")), "there is no test {test}");
    }
}
