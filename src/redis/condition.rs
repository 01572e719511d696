//! How a group is, in words: what makes it unusable, what is waited for, and what is only worth a warning.

use std::collections::HashMap;
use std::time::Duration;

use redis::Cmd;
use tokio::time::sleep;

use super::error::StoreError;
use super::group::Group;
use crate::store::keys;

/// The oldest Redis that is used: what all tests run with, and what `redis/start-redis.sh` needs for its files.
pub const OLDEST: (u32, u32) = (7, 0);
/// Pause before a Redis that cannot be used yet is tried again.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// A group that answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Replicas that follow the primary now.
    pub attached: u64,
    /// Replicas that should: as many as the sentinels know, also those that are down.
    pub expected: u64,
    /// What can be lived with, but not for long.
    pub warnings: Vec<String>,
}

impl Condition {
    /// That replicas are missing, in words.
    pub fn reduced(&self, name: &str) -> Option<String> {
        let Self { attached, expected, .. } = self;
        (attached < expected).then(|| format!("{name} has {attached} of {expected} replicas"))
    }
}

impl Group {
    /// How it is: asks the primary what it is and has, and has it take a write of nothing.
    pub async fn condition(&self) -> Result<Condition, StoreError> {
        let info: Vec<u8> = self.query(&redis::cmd("INFO")).await?;
        // It names its folder, which may be no UTF-8.
        let info = String::from_utf8_lossy(&info);
        let info = Info::parse(&info);
        if let Some(words) = info.unusable() {
            return Err(StoreError::Unusable(words).at(self.name()));
        }
        self.write_nothing().await?;
        let attached = info.number("connected_slaves");
        let expected = self.replicas_known().max(attached);
        Ok(Condition { attached, expected, warnings: info.warnings(expected > 0) })
    }

    /// Writes nothing that stays, to know whether it takes writes.
    pub async fn write_nothing(&self) -> Result<(), StoreError> {
        self.query(&write_of_nothing()).await
    }

    /// Waits until it can be used: the parts of a cluster start in any order. Each reason to wait is logged once. Fails
    /// where waiting does not help: a wrong password, missing rights, another kind of Redis.
    pub async fn until_usable(&self) -> Result<(), StoreError> {
        let mut said = String::new();
        loop {
            match self.condition().await {
                Ok(condition) => {
                    for warning in condition.warnings {
                        tracing::warn!(group = self.name(), "Redis should be set up otherwise: {warning}");
                    }
                    return Ok(());
                }
                Err(error) if error.may_pass() => {
                    let words = explained(&error);
                    if words != said {
                        tracing::warn!(group = self.name(), "waiting for Redis: {words}");
                        said = words;
                    }
                    sleep(TRY_AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// A write of nothing that stays.
pub fn write_of_nothing() -> Cmd {
    redis::cmd("SET").arg(keys::WRITE_PROBE).arg("").arg("PX").arg(1).to_owned()
}

/// Codes of Redis, as they are written by the library too, and what they mean to an operator.
const MEANINGS: [(&str, &str); 10] = [
    ("\"OOM\"", "its memory is full (maxmemory): it takes no writes until it has more or holds less"),
    ("MISCONF", "it cannot write to its disk, and takes no writes until it can"),
    ("NOREPLICAS", "it takes no writes, since too few replicas follow it (min-replicas-to-write)"),
    ("LOADING", "it is reading its file after a start"),
    ("BusyLoading", "it is reading its file after a start"),
    ("MASTERDOWN", "it is a replica that has lost its primary"),
    ("MasterDown", "it is a replica that has lost its primary"),
    ("READONLY", "it is a replica, which takes no writes; only a primary can be used"),
    ("ReadOnly", "it is a replica, which takes no writes; only a primary can be used"),
    ("it says that it is no primary", "it is a replica, which takes no writes; only a primary can be used"),
];

/// What an error of a group means, for an operator; holds no secrets.
pub fn explained(error: &StoreError) -> String {
    let words = error.to_string();
    let known = MEANINGS.iter().find(|(code, _)| words.contains(code));
    known.map_or(words, |(_, meaning)| (*meaning).to_owned())
}

/// The fields of an answer to `INFO`.
pub struct Info<'a>(HashMap<&'a str, &'a str>);

impl<'a> Info<'a> {
    pub fn parse(text: &'a str) -> Self {
        Self(text.lines().filter_map(|line| line.trim().split_once(':')).collect())
    }

    /// A field, or nothing in it.
    pub fn text(&self, name: &str) -> &'a str {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// A field that is a number, or 0.
    pub fn number(&self, name: &str) -> u64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// Its own version: a Valkey also tells of the Redis it stands in for.
    pub fn version(&self) -> &'a str {
        let own = self.text("valkey_version");
        if own.is_empty() { self.text("redis_version") } else { own }
    }

    /// Why a Redis like this can never be used.
    pub fn unusable(&self) -> Option<String> {
        if self.text("redis_mode") == "cluster" || self.text("cluster_enabled") == "1" {
            let words = "it runs as a Redis Cluster (cluster-enabled yes), whose nodes each hold a part only: use \
                         one primary with replicas and sentinels, and several backup groups to spread the games";
            return Some(words.to_owned());
        }
        let version = self.text("redis_version");
        let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        let (major, minor) = OLDEST;
        (found < OLDEST)
            .then(|| format!("its version is {version}, and {major}.{minor} is the oldest that is used"))
    }

    /// What can be lived with; `replicated` tells whether there are to be replicas.
    pub fn warnings(&self, replicated: bool) -> Vec<String> {
        let policy = self.text("maxmemory_policy");
        let told = [
            (
                self.text("aof_enabled") == "0",
                "appendonly is off: games are lost when it restarts (set appendonly yes)".to_owned(),
            ),
            (
                !policy.is_empty() && policy != "noeviction",
                format!("maxmemory-policy is {policy}: a full memory throws games away (set noeviction)"),
            ),
            (
                // Only told where at least one replica is asked for.
                replicated && self.text("min_slaves_good_slaves").is_empty(),
                "min-replicas-to-write is 0: a primary that is cut off goes on taking what will be lost (set 1, with \
                 min-replicas-max-lag 2)"
                    .to_owned(),
            ),
        ];
        told.into_iter().filter_map(|(is_so, words)| is_so.then_some(words)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, Info, StoreError, explained};

    const GOOD: &str = "redis_version:7.0.15\r\nredis_mode:standalone\r\ncluster_enabled:0\r\naof_enabled:1\r\n\
                        maxmemory_policy:noeviction\r\nmin_slaves_good_slaves:2\r\nconnected_slaves:2\r\n";

    fn unusable(from: &str, to: &str) -> String {
        Info::parse(&GOOD.replace(from, to)).unusable().unwrap_or_default()
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        assert_eq!(Info::parse(GOOD).unusable(), None);
        assert!(unusable("cluster_enabled:0", "cluster_enabled:1").contains("Redis Cluster"));
        assert!(unusable("7.0.15", "6.2.14").contains("6.2.14"));
        for good in ["7.0.0", "7.2.4", "8.0.1", "10.1.0"] {
            assert_eq!(unusable("7.0.15", good), "");
        }
    }

    #[test]
    fn each_setting_that_is_missing_is_warned_of() {
        let warnings = |from: &str, to: &str| Info::parse(&GOOD.replace(from, to)).warnings(true).join(" ");
        assert_eq!(warnings("", ""), "");
        assert!(warnings("aof_enabled:1", "aof_enabled:0").starts_with("appendonly"));
        assert!(warnings("noeviction", "allkeys-lru").contains("allkeys-lru"));
        assert!(warnings("min_slaves_good_slaves:2\r\n", "").starts_with("min-replicas-to-write"));
        assert!(Info::parse(&GOOD.replace("min_slaves_good_slaves:2\r\n", "")).warnings(false).is_empty());
    }

    #[test]
    fn a_missing_replica_is_counted() {
        let of = |attached, expected| Condition { attached, expected, warnings: Vec::new() }.reduced("data");
        assert_eq!((of(2, 2), of(0, 0)), (None, None));
        assert_eq!(of(1, 2).as_deref(), Some("data has 1 of 2 replicas"));
    }

    #[test]
    fn an_operator_reads_no_codes() {
        let of = |words: &str| explained(&StoreError::Unavailable(words.to_owned()));
        assert!(
            of("\"OOM\": command not allowed when used memory > 'maxmemory'.").contains("memory is full")
        );
        assert!(of("LOADING Redis is loading the dataset in memory").contains("reading its file"));
        assert_eq!(of("no answer in time"), "Redis is out of reach: no answer in time");
    }
}
