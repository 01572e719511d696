//! The binary as an operator runs it: one command, its output and its end.

use std::process::Command;

use serde_json::Value;

/// What a command said.
#[derive(Debug)]
pub struct Said {
    /// It ended well.
    pub success: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `nineflags` against the store at a URL.
pub fn nineflags(redis_url: &str, arguments: &[&str]) -> Said {
    nineflags_with(&[("REDIS_URL", redis_url.to_owned())], arguments)
}

/// Runs `nineflags` with environment variables.
pub fn nineflags_with(variables: &[(&str, String)], arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nineflags"));
    let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
    let output = command.args(arguments).envs(variables).output().expect("the binary runs");
    Said {
        success: output.status.success(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// What `nineflags inspect … --json` shows.
pub fn inspect(redis_url: &str, arguments: &[&str]) -> Value {
    let said = nineflags(redis_url, &[&["inspect", "--json"], arguments].concat());
    assert!(said.success, "{}", said.err);
    serde_json::from_str(&said.out).expect("one JSON object")
}

/// The sessions that the node at an address tells of.
pub fn sessions_at(redis_url: &str, address: &str) -> Option<u64> {
    let inspected = inspect(redis_url, &["nodes"]);
    let nodes = inspected["nodes"]["live"].as_array().expect("a list").clone();
    nodes.iter().find(|node| node["address"] == address)?["sessions"].as_u64()
}
