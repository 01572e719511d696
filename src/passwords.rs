//! Passwords: Argon2id, off the async threads, a bounded number at once.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Passwords hashed at once.
pub const HASHES_AT_ONCE: usize = 2;
/// How long a password waits for its turn.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
/// The shortest password, in bytes.
pub const PASSWORD_MIN: usize = 8;
/// The longest password, in bytes.
pub const PASSWORD_MAX: usize = 256;
/// Memory, rounds and lanes: the first choice of OWASP's Password Storage Cheat Sheet for Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
}

/// Too many passwords are being hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many people are logging in just now")]
pub struct Busy;

impl Default for Passwords {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(HASHES_AT_ONCE)) }
    }
}

impl Passwords {
    /// The hash of a password, with its own salt and settings in it.
    pub async fn hash(&self, password: String) -> Result<String, Busy> {
        self.off_thread(move || {
            let hash: PasswordHash = argon2().hash_password(password.as_bytes()).ok()?;
            Some(hash.to_string())
        })
        .await?
        .ok_or(Busy)
    }

    /// Whether a password has this hash. An empty hash takes as long and fits nothing, so that nobody learns which
    /// names exist.
    pub async fn fits(&self, password: String, hash: String) -> Result<bool, Busy> {
        self.off_thread(move || {
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
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let turn = timeout(WAIT_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Busy)?.map_err(|_| Busy)?;
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
