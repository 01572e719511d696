//! The test vectors, which lie beside the project and are never part of it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::read::GzDecoder;
use serde_json::Value;

/// The vectors' folder. Where it is missing, a test that needs it says so and does nothing, but fails under `CI=true`.
pub fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors");
    if folder.join("README.md").exists() {
        return Some(folder);
    }
    let words = format!("{} is not there: nothing was compared", folder.display());
    assert!(!required(env::var("CI").ok().as_deref()), "{words}");
    eprintln!("skipped: {words}");
    None
}

/// Whether the vectors must be there, by the value of `CI`.
fn required(ci: Option<&str>) -> bool {
    ci == Some("true")
}

#[test]
fn the_vectors_may_be_missing_only_outside_of_continuous_integration() {
    assert_eq!([None, Some(""), Some("false"), Some("true")].map(required), [false, false, false, true]);
}

/// The text of a file, unpacked if it is packed.
pub fn text(folder: &Path, name: &str) -> String {
    let bytes = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    if !name.to_lowercase().ends_with(".gz") {
        return String::from_utf8(bytes).expect("vectors are UTF-8");
    }
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap_or_else(|error| panic!("{name}: {error}"));
    text
}

/// A file that is one JSON value.
pub fn json(folder: &Path, name: &str) -> Value {
    serde_json::from_str(&text(folder, name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A file that is one array.
pub fn array(folder: &Path, name: &str) -> Vec<Value> {
    match json(folder, name) {
        Value::Array(items) => items,
        other => panic!("{name} is not an array: {other}"),
    }
}

/// The names of the recorded real games.
pub fn recorded(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder that can be read");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("recorded_")).collect();
    names.sort();
    names
}

/// The strings of an array.
pub fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Something written in the notation.
pub fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("`{text}` is not in the notation"))
}
