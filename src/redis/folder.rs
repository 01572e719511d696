//! The folder of the private Redis, which nobody but the node's user may look into: it holds accounts, decks and secrets.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

/// What others may do, as bits of a mode.
const OTHERS: u32 = 0o077;
/// How the names of the files begin that a node and its Redis make.
const OURS: [&str; 5] = ["node.lock", "redis.", "appendonly", "dump.rdb", "temp-"];
/// What the system puts on a disk of its own.
const LOST_AND_FOUND: &str = "lost+found";

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadFolder {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error(
        "it belongs to user {owner}, and this node runs as user {user}: give it to that user (chown), or name another \
         folder with --data, also one inside it"
    )]
    Foreign { owner: u32, user: u32 },
    #[error(
        "others may look into it, and it holds other things than a node's: name a folder of its own with --data, or take \
         the others' rights away (chmod 700)"
    )]
    Shared,
}

/// Makes the folder if it is not there, and takes away what others may do in it: before 0.4.0 they could read it. Gives
/// its full path.
pub fn make_private(data: &Path) -> Result<PathBuf, BadFolder> {
    DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let data = data.canonicalize()?;
    let (found, user) = (fs::metadata(&data)?, geteuid().as_raw());
    if found.uid() != user {
        return Err(BadFolder::Foreign { owner: found.uid(), user });
    }
    if found.mode() & OTHERS != 0 {
        if !is_for_a_node(&data)? {
            return Err(BadFolder::Shared);
        }
        tracing::warn!(folder = %data.display(), "others could look into the data folder; they can no longer");
        narrow(&data, &found)?;
    }
    narrow_files(&data, user)?;
    Ok(data)
}

/// Whether a node had its data in a folder, or nobody had anything.
fn is_for_a_node(folder: &Path) -> io::Result<bool> {
    let mut is_empty = true;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name == "node.lock" {
            return Ok(true);
        }
        is_empty &= name == LOST_AND_FOUND;
    }
    Ok(is_empty)
}

/// The files of a node, and those in its folders. No link is followed.
fn narrow_files(folder: &Path, user: u32) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.to_string_lossy();
        let found = match entry.metadata() {
            Ok(found) if found.uid() == user && !found.is_symlink() => found,
            // Also one that has just gone: the Redis of a node that was killed may still be ending.
            _ => continue,
        };
        if !OURS.iter().any(|ours| name.starts_with(ours)) {
            continue;
        }
        if found.mode() & OTHERS != 0 {
            narrow(&path, &found)?;
        }
        if found.is_dir() {
            narrow_files(&path, user)?;
        }
    }
    Ok(())
}

fn narrow(path: &Path, found: &Metadata) -> io::Result<()> {
    match fs::set_permissions(path, Permissions::from_mode(found.mode() & 0o7777 & !OTHERS)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    use super::{BadFolder, make_private};

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode can be set");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
    }

    #[test]
    fn what_an_earlier_version_left_open_is_closed_and_nothing_else_is_touched() {
        let place = tempfile::tempdir().expect("a folder");
        let (data, outside) = (place.path().join("data"), place.path().join("outside"));
        fs::create_dir_all(data.join("appendonlydir")).expect("folders");
        for name in ["node.lock", "redis.conf", "appendonlydir/appendonly.aof.1.incr.aof", "mine.txt"] {
            fs::write(data.join(name), "").expect("a file");
            set(&data.join(name), 0o644);
        }
        fs::write(&outside, "").expect("a file");
        set(&outside, 0o644);
        symlink(&outside, data.join("redis.log")).expect("a link");
        set(&data, 0o755);
        set(&data.join("appendonlydir"), 0o755);
        make_private(&data).expect("it is a node's");
        for (name, expected) in [
            ("", 0o700),
            ("node.lock", 0o600),
            ("redis.conf", 0o600),
            ("appendonlydir", 0o700),
            ("appendonlydir/appendonly.aof.1.incr.aof", 0o600),
            ("mine.txt", 0o644),
        ] {
            assert_eq!(mode(&data.join(name)), expected, "{name}");
        }
        assert_eq!(mode(&outside), 0o644, "what a link leads to is no file of the folder");
    }

    #[test]
    fn a_folder_of_others_is_refused_and_stays_as_it_is() {
        let place = tempfile::tempdir().expect("a folder");
        let shared = place.path().join("shared");
        fs::create_dir(&shared).expect("a folder");
        fs::write(shared.join("photo"), "").expect("a file");
        for wide in [0o755, 0o710, 0o1777] {
            set(&shared, wide);
            assert!(matches!(make_private(&shared), Err(BadFolder::Shared)), "{wide:o}");
            assert_eq!(mode(&shared), wide);
        }
        fs::remove_file(shared.join("photo")).expect("a file");
        fs::create_dir(shared.join("lost+found")).expect("a folder");
        make_private(&shared).expect("nobody has anything in it");
        assert_eq!(mode(&shared) & 0o777, 0o700);
    }
}
