//! `nineflags-tools judge`: flag situations and whole games, read as JSON lines and judged, one JSON line each.

use std::io::{self, BufRead, Write};

use nineflags::rules::flag::Verdict;
use nineflags::rules::game::{ClaimTiming, Environment, Options, Tactics};
use serde::Serialize;
use serde_json::{Value, json};

mod flags;
mod games;

/// The options that come nearest to the rules the games were played by. What is left: there a tie goes to whoever claims, and
/// passing never ends a game.
pub const RULES: Options = Options {
    tactics: Tactics::On,
    claim_timing: ClaimTiming::TurnStart,
    environment: Environment::Removable,
};

/// What is printed for one line.
#[derive(Serialize)]
struct Answer {
    id: Value,
    #[serde(flatten)]
    answer: Value,
}

/// Judges flag situations until the input ends.
pub fn flags(input: impl BufRead, output: impl Write) -> io::Result<()> {
    each_line(input, output, |line| flags::judge(line).unwrap_or_else(|why| json!({ "error": why })))
}

/// Judges games until the input ends.
pub fn games(input: impl BufRead, output: impl Write) -> io::Result<()> {
    each_line(input, output, |line| match games::judge(line) {
        Ok(plies) => json!({ "ok": true, "plies": plies }),
        Err((ply, why)) => json!({ "ok": false, "ply": ply, "why": why }),
    })
}

/// Answers each line with an object that begins with the line's id; a line that is not JSON gets an error and the next
/// one is read.
fn each_line(
    mut input: impl BufRead,
    mut output: impl Write,
    judge: impl Fn(&Value) -> Value,
) -> io::Result<()> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            let answer = match serde_json::from_slice::<Value>(&line) {
                Ok(line) => Answer { id: line.get("id").cloned().unwrap_or_default(), answer: judge(&line) },
                Err(error) => Answer { id: Value::Null, answer: json!({ "error": error.to_string() }) },
            };
            serde_json::to_writer(&mut output, &answer)?;
            output.write_all(b"\n")?;
        }
        line.clear();
    }
    output.flush()
}

/// A verdict as the lines have it.
fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Yes => "yes",
        Verdict::No => "no",
        Verdict::Tie => "tie",
    }
}
