//! What the programs beside the tests have in common: progress beside the report, which is text or JSON, and a verdict.

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::process::ExitCode;

use serde::Serialize;

/// Runs one, which says meanwhile how it goes, and prints its report: 0 if that is good, 1 if not, 2 if there is none.
pub fn conclude<R: Serialize + Display>(
    json: bool,
    run: impl FnOnce(&dyn Fn(&str)) -> Result<R, String>,
    is_good: impl FnOnce(&R) -> bool,
) -> ExitCode {
    let tell = |words: &str| {
        // A closed terminal does not end the run.
        let _ = writeln!(stderr(), "{words}");
    };
    let report = match run(&tell) {
        Ok(report) => report,
        Err(words) => {
            tell(&words);
            return ExitCode::from(2);
        }
    };
    let text =
        if json { serde_json::to_string(&report).expect("a report is JSON") } else { report.to_string() };
    // The same.
    let _ = writeln!(stdout(), "{text}");
    if is_good(&report) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
