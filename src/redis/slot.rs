//! A connection that many exchanges share at once: none waits for one to be free.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use super::error::StoreError;

/// What is being opened, or is open: all who want it wait for the same one.
type Opening<T> = Shared<BoxFuture<'static, Result<T, StoreError>>>;

/// Place of something shared that is opened when it is first needed.
pub struct Slot<T> {
    held: Mutex<Option<(u64, Opening<T>)>>,
    opened: AtomicU64,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { held: Mutex::default(), opened: AtomicU64::new(0) }
    }
}

impl<T: Clone + Send + Sync + 'static> Slot<T> {
    /// What is there, with its number; `open` makes it if there is none. It is opened by a task of its own, whoever gives up
    /// waiting, and its fate is that of all who wait.
    pub async fn get<F>(&self, open: impl FnOnce() -> F) -> Result<(u64, T), StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (number, opening) = {
            let mut held = self.held();
            match &*held {
                // One that could not be opened is tried again.
                Some((number, opening)) if !opening.peek().is_some_and(Result::is_err) => {
                    (*number, opening.clone())
                }
                _ => {
                    let number = self.opened.fetch_add(1, Ordering::Relaxed);
                    let opening = tokio::spawn(open());
                    let broken = || StoreError::Unavailable("the connection could not be opened".to_owned());
                    let opening = opening.map(move |opened| opened.unwrap_or_else(|_| Err(broken())));
                    held.insert((number, opening.boxed().shared())).clone()
                }
            }
        };
        Ok((number, opening.await?))
    }

    /// Uses the one of a number no longer.
    pub fn discard(&self, number: u64) {
        self.held().take_if(|(held, _)| *held == number);
    }

    /// Uses what is there no longer.
    pub fn clear(&self) {
        *self.held() = None;
    }

    fn held(&self) -> MutexGuard<'_, Option<(u64, Opening<T>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
