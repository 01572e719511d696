//! A small disk in memory for each Redis, that can be full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Megabytes of each.
const SIZE_MIB: u32 = 1_024;

/// The disks of a group; gone when dropped.
#[derive(Debug, Default)]
pub struct Disks {
    mounted: Mutex<Vec<PathBuf>>,
    refused: Mutex<Option<String>>,
}

impl Disks {
    /// Puts one at a folder, if the system lets it; otherwise why it does not is remembered.
    pub fn put_at(&self, folder: &Path) {
        let size = format!("size={SIZE_MIB}m");
        match run(Command::new("mount").args(["-t", "tmpfs", "-o", &size, "nineflags-chaos"]).arg(folder)) {
            Ok(_) => self.mounted.lock().expect("nobody panics here").push(folder.to_owned()),
            Err(words) => *self.refused.lock().expect("nobody panics here") = Some(words),
        }
    }

    /// Why there are none, if there are none.
    pub fn refusal(&self) -> Option<String> {
        self.refused.lock().expect("nobody panics here").clone()
    }

    /// Makes the disk at a folder as small as what is on it.
    pub fn fill(folder: &Path) -> Result<(), String> {
        let said = run(Command::new("df").args(["--output=used", "-k"]).arg(folder))?;
        let used_kib: u64 =
            said.lines().last().and_then(|line| line.trim().parse().ok()).ok_or("df says nothing")?;
        // Nothing used would mean without a limit.
        remount(folder, &format!("size={}k", used_kib.max(4)))
    }

    /// Gives the disk at a folder its size back.
    pub fn empty(folder: &Path) -> Result<(), String> {
        remount(folder, &format!("size={SIZE_MIB}m"))
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        for folder in self.mounted.lock().expect("nobody panics here").drain(..) {
            // Lazily, since the Redis on it may still run; a failure leaves an empty folder in memory behind.
            let _ = run(Command::new("umount").arg("-l").arg(&folder));
        }
    }
}

fn remount(folder: &Path, size: &str) -> Result<(), String> {
    run(Command::new("mount").args(["-o", &format!("remount,{size}")]).arg(folder)).map(drop)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
