//! A clock for each machine, that can be set wrong while everything runs.

use std::fs::{self, File};
use std::ops::RangeInclusive;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::harness::host::Host;
use crate::harness::redis::repository;

/// The clocks of some machines.
pub struct Clocks {
    /// What is put before the system's own functions in every program on them.
    preload: PathBuf,
    /// Each of them.
    each: Vec<Clock>,
    /// Times, in milliseconds since 1970, that say nothing since a clock was wrong.
    wrong_times: Vec<RangeInclusive<u64>>,
}

/// One clock.
struct Clock {
    /// By how much it is ahead, for the library.
    file: PathBuf,
    /// Since when, in right milliseconds since 1970, and by how many milliseconds it is wrong.
    wrong: Option<(u64, i64)>,
}

/// How long it may take until everything reads what was set, in milliseconds.
const SET_WITHIN_MS: u64 = 1_000;

impl Clocks {
    /// Makes so many, all right at first; or says why that cannot be done here.
    pub fn make(folder: &Path, machines: usize) -> Result<Self, String> {
        let preload = folder.join("clock.so");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&preload).arg(repository("tests/chaos/clock.c"));
        let output = command.output().map_err(|error| format!("no C compiler: {error}"))?;
        if !output.status.success() {
            return Err(format!("no clock can be built: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let clock = |machine: usize| Clock { file: folder.join(format!("clock-{machine}")), wrong: None };
        let clocks: Vec<Clock> = (0..machines).map(clock).collect();
        for clock in &clocks {
            fs::write(&clock.file, 0_i64.to_ne_bytes()).map_err(|error| error.to_string())?;
        }
        Ok(Self { preload, each: clocks, wrong_times: Vec::new() })
    }

    /// The same machine with its own clock, for whatever is started on it from now on.
    pub fn give(&self, machine: usize, host: Host) -> Host {
        host.with("LD_PRELOAD", &self.preload).with("CHAOS_CLOCK", &self.each[machine].file)
    }

    /// Times that say nothing: those of the right clocks while one was wrong, and those that one showed.
    pub fn wrong_times(&self) -> &[RangeInclusive<u64>] {
        &self.wrong_times
    }

    /// Lets the clock of a machine be so many milliseconds ahead, or behind.
    pub fn set(&mut self, machine: usize, ahead_ms: i64) -> Result<(), String> {
        let clock = &mut self.each[machine];
        // In place and at once, since it is read all the time.
        let file = File::options().write(true).open(&clock.file).map_err(|error| error.to_string())?;
        let nanoseconds = ahead_ms.saturating_mul(1_000_000);
        file.write_all_at(&nanoseconds.to_ne_bytes(), 0).map_err(|error| error.to_string())?;
        let now = now_ms();
        if let Some((since, ahead_ms)) = clock.wrong.take() {
            let (from, until) = (since.saturating_sub(SET_WITHIN_MS), now + SET_WITHIN_MS);
            let shown = |time: u64| time.saturating_add_signed(ahead_ms);
            self.wrong_times.extend([from..=until, shown(from)..=shown(until)]);
        }
        clock.wrong = (ahead_ms != 0).then_some((now, ahead_ms));
        Ok(())
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
