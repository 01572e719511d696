//! Whether a group answers lately: advice for whoever would rather do something else than wait for it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::metrics;

/// So many time-outs, one after the other, and the group counts as away.
const LATE_MAX: u32 = 2;

/// What is known of one group. Nothing is decided by it: whoever must know asks the group itself.
pub struct Away {
    name: String,
    word: watch::Sender<bool>,
    /// Time-outs since the last answer.
    late: AtomicU32,
    /// It counts as away whatever it answers.
    held: AtomicBool,
    /// Why it cannot be reached, while it cannot.
    silent: Mutex<Option<String>>,
    /// Somebody looks whether it is back, so that it is worth telling.
    watched: AtomicBool,
}

impl Away {
    /// A group that is thought to be there.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            word: watch::Sender::new(false),
            late: AtomicU32::new(0),
            held: AtomicBool::new(false),
            silent: Mutex::default(),
            watched: AtomicBool::new(false),
        }
    }

    /// From now on it counts as away whatever it answers, or no longer.
    pub fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
        if held {
            self.set(true, &"it is not known yet which Redis it is");
        }
    }

    /// From now on it is looked whether it is back.
    pub fn is_watched(&self) {
        self.watched.store(true, Ordering::Relaxed);
        metrics::redis_away(&self.name, self.is_away());
    }

    pub fn is_away(&self) -> bool {
        *self.word.borrow()
    }

    /// Ends when it is away, or is not.
    pub async fn until(&self, is_away: bool) {
        // The sender is here, so that it cannot be gone.
        let _ = self.word.subscribe().wait_for(|away| *away == is_away).await;
    }

    pub fn answered(&self) {
        if self.late.load(Ordering::Relaxed) > 0 {
            self.late.store(0, Ordering::Relaxed);
        }
    }

    pub fn was_late(&self, why: &dyn std::fmt::Display) {
        if self.late.fetch_add(1, Ordering::Relaxed) + 1 >= LATE_MAX {
            self.unreachable(why);
        }
    }

    /// It answers, but takes nothing.
    pub fn failed(&self, why: &dyn std::fmt::Display) {
        self.set_silent(None);
        self.set(true, why);
    }

    pub fn unreachable(&self, why: &dyn std::fmt::Display) {
        self.set_silent(Some(why.to_string()));
        self.set(true, why);
    }

    /// Why it cannot be reached, if that is known and somebody looks whether it is back: nobody else needs to try.
    pub fn is_silent(&self) -> Option<String> {
        if !self.watched.load(Ordering::Relaxed) || !self.is_away() {
            return None;
        }
        self.silent.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_silent(&self, why: Option<String>) {
        *self.silent.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// It takes writes.
    pub fn is_back(&self) {
        self.answered();
        // Also while it is held, so that it can be asked which Redis it is.
        self.set_silent(None);
        if !self.held.load(Ordering::Acquire) {
            self.set(false, &"it takes writes");
        }
    }

    fn set(&self, is_away: bool, why: &dyn std::fmt::Display) {
        let changed = self.word.send_if_modified(|away| std::mem::replace(away, is_away) != is_away);
        if changed && self.watched.load(Ordering::Relaxed) {
            metrics::redis_away(&self.name, is_away);
            let word = if is_away { "away" } else { "back" };
            tracing::warn!(group = self.name, %why, "a Redis group is {word}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Away;

    #[test]
    fn one_time_out_is_not_enough() {
        let away = Away::new("data");
        away.was_late(&"late");
        away.answered();
        away.was_late(&"late");
        assert!(!away.is_away());
        away.was_late(&"late again");
        assert!(away.is_away());
    }

    #[test]
    fn nobody_waits_for_one_that_is_known_to_be_silent() {
        let away = Away::new("data");
        away.unreachable(&"refused");
        assert_eq!(away.is_silent(), None, "nobody would notice that it is back");
        away.is_watched();
        assert_eq!(away.is_silent().as_deref(), Some("refused"));
        away.failed(&"full");
        assert_eq!(away.is_silent(), None, "it can be read");
        away.unreachable(&"refused");
        away.is_back();
        assert_eq!(away.is_silent(), None);
    }

    #[test]
    fn one_that_is_held_is_away_until_it_is_let_go() {
        let away = Away::new("backup-0");
        away.hold(true);
        away.is_back();
        assert!(away.is_away());
        away.hold(false);
        away.is_back();
        assert!(!away.is_away());
    }

    #[test]
    fn a_failure_is_enough_and_only_a_write_brings_it_back() {
        let away = Away::new("data");
        away.failed(&"refused");
        away.answered();
        assert!(away.is_away());
        away.is_back();
        assert!(!away.is_away());
    }
}
