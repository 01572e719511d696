//! Why data could not be read or written.

use deadpool_redis::PoolError;
use redis::{ErrorKind, RedisError};

use super::url::BadUrl;

/// What Redis answers when it takes nothing now: it waits for replicas, loads, cannot save, or is full.
const NOT_NOW: [&str; 5] = ["NOREPLICAS", "LOADING", "BusyLoading", "MISCONF", "\"OOM\""];
/// What Redis answers when it is a replica, or just became one.
const NOT_PRIMARY: [&str; 5] = ["READONLY", "ReadOnly", "MASTERDOWN", "MasterDown", "UNBLOCKED"];

/// What Redis answers to whoever may not come in, or not do that.
const DENIED: [&str; 4] = ["NOAUTH", "WRONGPASS", "NOPERM", "NoPerm"];

/// What it means that a Redis takes no more connections.
pub const TOO_MANY_CLIENTS: &str =
    "too many clients are connected to it: raise its maxclients, or look who they are (CLIENT LIST)";
/// What it means that a Redis asks for a password,
pub const NO_PASSWORD: &str = "it wants a password, and the URL has none (redis://:password@host:port)";
/// or that it does not take the one it was given.
pub const WRONG_PASSWORD: &str = "the password of its URL, or the user name, is wrong";
/// What a Redis says that takes no more connections.
const MAX_CLIENTS: &str = "max number of clients reached";

/// Why data could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Redis cannot be reached, or no longer: what was asked may or may not have been done.
    #[error("Redis is out of reach: {0}")]
    Unavailable(String),
    /// Redis did not answer in time: what was asked may or may not have been done.
    #[error("Redis is out of reach: {0}")]
    NoAnswer(String),
    /// Redis takes nothing now; what was asked was not done.
    #[error("Redis is out of reach: {0}")]
    NotNow(String),
    /// It is no primary now; what was asked was not done there.
    #[error("Redis is out of reach: {0}")]
    NotPrimary(String),
    /// Redis wants another name or password, or the user has not the rights.
    #[error("Redis does not let the nodes in: {0}")]
    Denied(String),
    /// A Redis of this kind can never be used.
    #[error("this Redis cannot be used: {0}")]
    Unusable(String),
    #[error("Redis refused: {0}")]
    Refused(RedisError),
    /// What Redis holds cannot be understood.
    #[error("Redis holds what cannot be understood: {0}")]
    Corrupt(String),
    /// The settings name another Redis for a shard than games are in.
    #[error("{0}")]
    WrongShard(String),
    /// A group's URL cannot be used.
    #[error("{setting} cannot be used: {why}")]
    BadUrl { setting: String, why: BadUrl },
}

impl StoreError {
    /// Whether it may be otherwise a moment later, also at another Redis of the group.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            StoreError::Unavailable(_)
                | StoreError::NoAnswer(_)
                | StoreError::NotNow(_)
                | StoreError::NotPrimary(_)
        )
    }

    /// What it says, without the words that it begins with.
    pub fn into_words(self) -> String {
        match self {
            StoreError::Unavailable(words)
            | StoreError::NoAnswer(words)
            | StoreError::NotNow(words)
            | StoreError::NotPrimary(words)
            | StoreError::Denied(words)
            | StoreError::Unusable(words) => words,
            other => other.to_string(),
        }
    }

    /// The same, with the place it happened at in its words.
    #[must_use]
    pub fn at(mut self, place: &str) -> Self {
        if let StoreError::Unavailable(words)
        | StoreError::NoAnswer(words)
        | StoreError::NotNow(words)
        | StoreError::NotPrimary(words)
        | StoreError::Denied(words)
        | StoreError::Unusable(words) = &mut self
        {
            *words = format!("{place}: {words}");
        }
        self
    }
}

pub fn no_answer() -> StoreError {
    StoreError::NoAnswer("no answer in time".to_owned())
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        let words = error.to_string();
        let code = error.code().unwrap_or("");
        // The error of a pipeline, or of a command inside a script, may carry the code in its words only, as the library
        // writes it.
        let says = |codes: &[&str]| codes.iter().any(|known| code == *known || words.contains(known));
        if words.contains(MAX_CLIENTS) {
            StoreError::NotNow(TOO_MANY_CLIENTS.to_owned())
        } else if let Some(denied) = denied(&error, &words) {
            StoreError::Denied(denied)
        } else if says(&NOT_PRIMARY) {
            StoreError::NotPrimary(words)
        } else if says(&NOT_NOW) {
            StoreError::NotNow(words)
        } else if error.is_timeout() {
            StoreError::NoAnswer(words)
        } else if error.is_io_error() || error.is_connection_dropped() {
            StoreError::Unavailable(words)
        } else {
            StoreError::Refused(error)
        }
    }
}

/// What an operator has to change, if the error is about the password or the rights.
fn denied(error: &RedisError, words: &str) -> Option<String> {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return Some(WRONG_PASSWORD.to_owned());
    }
    let code = error.code().unwrap_or("");
    let denied = DENIED.iter().find(|known| code == **known || words.contains(**known))?;
    Some(match *denied {
        "NOAUTH" => NO_PASSWORD.to_owned(),
        "NOPERM" | "NoPerm" => format!("the user of its URL lacks rights ({words})"),
        _ => WRONG_PASSWORD.to_owned(),
    })
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            other => StoreError::Unavailable(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        StoreError::Corrupt(error.to_string())
    }
}

impl From<crate::ids::Malformed> for StoreError {
    fn from(error: crate::ids::Malformed) -> Self {
        StoreError::Corrupt(error.to_string())
    }
}
