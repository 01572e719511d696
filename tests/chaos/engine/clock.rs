//! A clock for each machine, that can be set wrong while everything runs.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::host::Host;
use crate::harness::redis::repository;

/// The clocks of some machines.
pub struct Clocks {
    /// What is put before the system's own functions in every program on them.
    library: PathBuf,
    /// By how much each is ahead, in a file for each.
    files: Vec<PathBuf>,
}

impl Clocks {
    /// Makes so many, all right at first; or says why that cannot be done here.
    pub fn make(folder: &Path, machines: usize) -> Result<Self, String> {
        let library = folder.join("clock.so");
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(repository("tests/chaos/clock.c"));
        let output = command.output().map_err(|error| format!("no C compiler: {error}"))?;
        if !output.status.success() {
            return Err(format!("no clock can be built: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let file = |machine: usize| folder.join(format!("clock-{machine}"));
        let clocks = Self { library, files: (0..machines).map(file).collect() };
        for file in &clocks.files {
            fs::write(file, 0_i64.to_ne_bytes()).map_err(|error| error.to_string())?;
        }
        Ok(clocks)
    }

    /// The same machine with its own clock, for whatever is started on it from now on.
    pub fn give(&self, machine: usize, host: Host) -> Host {
        host.with("LD_PRELOAD", &self.library).with("CHAOS_CLOCK", &self.files[machine])
    }

    /// Lets the clock of a machine be so many milliseconds ahead, or behind.
    pub fn set(&self, machine: usize, ahead_ms: i64) -> Result<(), String> {
        // In place and at once, since it is read all the time.
        let file =
            File::options().write(true).open(&self.files[machine]).map_err(|error| error.to_string())?;
        let nanoseconds = ahead_ms.saturating_mul(1_000_000);
        file.write_all_at(&nanoseconds.to_ne_bytes(), 0).map_err(|error| error.to_string())
    }
}
