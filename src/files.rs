//! How many files this process may have open, and what follows from it: every connection is one.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that a node needs at least: its own, and those of some people.
pub const FILES_MIN: u64 = 256;
/// Files kept back for Redis, the private Redis, health and logs.
const KEPT_BACK: u64 = 200;
/// The part of a small limit that is kept back at most.
const KEPT_BACK_PART: u64 = 4;
/// The part of the rest that connections may have which are not websockets yet.
const NOT_YET_PART: u64 = 4;
/// More open files than anything here needs; some systems take no more.
const ENOUGH: u64 = 1 << 20;

/// What the limit allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Files {
    /// Files that may be open at once.
    pub limit: u64,
    /// Connections of people at once, websockets among them.
    pub connections: usize,
    /// Connections at once that have not become websockets.
    pub not_yet_websockets: usize,
}

impl Files {
    /// Raises the limit to the highest that the system lets this process have.
    pub fn raise() -> std::io::Result<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let wanted = hard.min(ENOUGH);
        if soft >= wanted {
            return Ok(Self::of(soft));
        }
        // A system that refuses leaves the limit as it is.
        let raised = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok();
        Ok(Self::of(if raised { wanted } else { soft }))
    }

    /// Websockets at once, at most.
    pub fn websockets(&self) -> usize {
        self.connections - self.not_yet_websockets
    }

    /// What a limit allows.
    pub fn of(limit: u64) -> Self {
        let kept_back = KEPT_BACK.min(limit / KEPT_BACK_PART);
        let whole = |files: u64| usize::try_from(files).unwrap_or(usize::MAX);
        let connections = limit - kept_back;
        Self { limit, connections: whole(connections), not_yet_websockets: whole(connections / NOT_YET_PART) }
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES_MIN, Files};

    #[test]
    fn some_files_are_always_kept_back() {
        let of = |limit| (Files::of(limit).connections, Files::of(limit).not_yet_websockets);
        assert_eq!(of(1_024), (824, 206));
        assert_eq!(of(20_000), (19_800, 4_950));
        assert_eq!(of(FILES_MIN), (192, 48));
    }
}
