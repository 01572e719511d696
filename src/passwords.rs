//! Passwords: Argon2id, off the async threads, a bounded number at once; turns go round by source.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::limits::Key;

pub const HASHES_AT_ONCE: usize = 2;
/// How long a password waits for its turn.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
/// Passwords of one source that may wait; another is refused.
pub const LINE_MAX: usize = 16;
/// Passwords that may wait in all; beyond it the last one of the longest line is refused.
pub const WAITING_MAX: usize = 512;
/// The shortest password, in bytes.
pub const PASSWORD_MIN: usize = 8;
/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;
/// Memory, rounds and lanes: the first choice of OWASP's Password Storage Cheat Sheet for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

#[derive(Clone, Default)]
pub struct Passwords {
    queue: Queue,
}

/// Too many passwords are being hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many people are logging in just now")]
pub struct Busy;

impl Passwords {
    /// The hash of a password, with its own salt and settings in it; charged to a source.
    pub async fn hash(&self, password: String, source: Key) -> Result<String, Busy> {
        self.off_thread(source, move || {
            let hash: PasswordHash = argon2().hash_password(password.as_bytes()).ok()?;
            Some(hash.to_string())
        })
        .await?
        .ok_or(Busy)
    }

    /// Whether a password has this hash. An empty hash takes as long and fits nothing, so that nobody learns which
    /// names exist.
    pub async fn fits(&self, password: String, hash: String, source: Key) -> Result<bool, Busy> {
        self.off_thread(source, move || {
            if hash.is_empty() {
                let _: Result<PasswordHash, _> = argon2().hash_password(password.as_bytes());
                return false;
            }
            PasswordHash::new(&hash)
                .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
        })
        .await
    }

    async fn off_thread<T: Send + 'static>(
        &self,
        source: Key,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = timeout(WAIT_MAX, self.queue.turn(source)).await.map_err(|_| Busy)??;
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|_| Busy)
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, None).expect("these settings are allowed");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Who hashes now, and who waits for it: a line for each source.
#[derive(Clone, Default)]
struct Queue(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    running: usize,
    waiting: usize,
    of: HashMap<Key, VecDeque<oneshot::Sender<Turn>>>,
    /// The sources that wait, in the order of their turns.
    order: VecDeque<Key>,
}

/// The right to hash one password; dropping it gives it to the next in turn.
struct Turn(Option<Queue>);

impl Queue {
    async fn turn(&self, source: Key) -> Result<Turn, Busy> {
        let wait = {
            let mut lines = self.lines();
            if lines.running < HASHES_AT_ONCE {
                lines.running += 1;
                return Ok(Turn(Some(self.clone())));
            }
            lines.join(source)?
        };
        wait.await.map_err(|_| Busy)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn join(&mut self, source: Key) -> Result<oneshot::Receiver<Turn>, Busy> {
        if self.of.get(&source).is_some_and(|line| line.len() >= LINE_MAX) {
            return Err(Busy);
        }
        if self.waiting >= WAITING_MAX {
            let longest = self.of.values_mut().max_by_key(|line| line.len());
            longest.and_then(VecDeque::pop_back).ok_or(Busy)?;
            self.waiting -= 1;
        }
        let (sender, wait) = oneshot::channel();
        let line = self.of.entry(source).or_default();
        if line.is_empty() && !self.order.contains(&source) {
            self.order.push_back(source);
        }
        line.push_back(sender);
        self.waiting += 1;
        Ok(wait)
    }

    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        while let Some(source) = self.order.pop_front() {
            let Some(line) = self.of.get_mut(&source) else { continue };
            let next = line.pop_front();
            if line.is_empty() {
                self.of.remove(&source);
            } else {
                self.order.push_back(source);
            }
            if next.is_some() {
                self.waiting -= 1;
                return next;
            }
        }
        None
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(queue) = self.0.take() else { return };
        loop {
            let next = {
                let mut lines = queue.lines();
                let next = lines.next();
                if next.is_none() {
                    lines.running -= 1;
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Turn(Some(queue.clone()))) {
                Ok(()) => return,
                // Who waited has given up: the turn goes to the next one, and not by itself.
                Err(mut given_back) => given_back.0 = None,
            }
        }
    }
}
