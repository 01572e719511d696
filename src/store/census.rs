//! Counts what is stored, key by key in slices, and notes on the way what names look like that versions before 0.4.0 gave.

use std::collections::BTreeMap;

use redis::Cmd;

use super::{Store, keys};
use crate::ids::{AccountId, AccountName};
use crate::redis::error::StoreError;
use crate::redis::group::Group;

/// Keys looked at in one exchange, about.
const LOOKED_AT: usize = 500;
/// Kinds of keys told apart: somebody else may have keys there, too.
const KINDS_MAX: usize = 64;
/// All other keys.
const OTHER: &str = "other";
/// Single keys that hold one entry each of what is counted, and the command that tells how many.
const COLLECTIONS: [(&str, &str); 6] = [
    (keys::NODES, "SCARD"),
    (keys::ONLINE, "HLEN"),
    (keys::TABLES, "SCARD"),
    (keys::INVITES_BY_TIME, "ZCARD"),
    (keys::DEADLINES, "ZCARD"),
    (keys::ARCHIVE_RECENT, "ZCARD"),
];

/// How much there is of each kind.
pub type Counts = BTreeMap<String, u64>;

/// A round through all keys of a group.
#[derive(Debug, Default)]
pub struct Round {
    cursor: u64,
    counts: Counts,
    /// Names are looked at, too.
    notes: bool,
}

impl Store {
    /// Looks at a slice of a group's keys; gives the counts at the end of the round, and the next slice begins another.
    pub async fn census_slice(&self, group: &Group, round: &mut Round) -> Result<Option<Counts>, StoreError> {
        if round.cursor == 0 {
            let notes = group.is(self.data()) && self.skeletons_wanted().await?;
            *round = Round { notes, ..Round::default() };
        }
        let (next, found): (u64, Vec<Vec<u8>>) =
            group.query(redis::cmd("SCAN").arg(round.cursor).arg("COUNT").arg(LOOKED_AT)).await?;
        let found: Vec<_> = found.iter().map(|key| String::from_utf8_lossy(key)).collect();
        for key in &found {
            *round.counts.entry(kind_of(key, &round.counts)).or_default() += 1;
        }
        if round.notes {
            self.skeletons_note(found.iter().filter_map(|key| keys::name_of(key))).await?;
        }
        round.cursor = next;
        if next != 0 {
            return Ok(None);
        }
        if round.notes {
            self.data().query::<()>(redis::cmd("SET").arg(keys::SKELETONS_NOTED).arg("1")).await?;
        }
        let mut counts = std::mem::take(&mut round.counts);
        for (key, size) in COLLECTIONS {
            if let Some(count) = counts.get_mut(key) {
                *count = group.query(redis::cmd(size).arg(key)).await?;
            }
        }
        Ok(Some(counts))
    }

    /// Whether there are names of the time before skeletons; not while a node lives that still gives such.
    async fn skeletons_wanted(&self) -> Result<bool, StoreError> {
        let noted = self.data().query::<bool>(redis::cmd("EXISTS").arg(keys::SKELETONS_NOTED)).await?;
        Ok(!noted && self.writes_new_forms())
    }

    /// Notes the skeletons of the accounts with some names; guests have none.
    async fn skeletons_note(&self, names: impl Iterator<Item = AccountName>) -> Result<(), StoreError> {
        let names: Vec<AccountName> = names.collect();
        let holders: Vec<Option<String>> =
            self.data().each(&names, |name| Cmd::get(keys::account_name(name))).await?;
        let held = names.iter().zip(holders).filter_map(|(name, id)| Some((name, id?.parse().ok()?)));
        let held: Vec<(&AccountName, AccountId)> = held.collect();
        let is_guest = |(_, holder): &(&AccountName, AccountId)| Cmd::hget(keys::account(*holder), "guest");
        let guests: Vec<Option<String>> = self.data().each(&held, is_guest).await?;
        let mut notes = redis::pipe();
        for ((name, holder), guest) in held.into_iter().zip(guests) {
            if guest.as_deref() == Some("0") {
                notes.set_nx(keys::account_skeleton(name), holder.to_string()).ignore();
            }
        }
        self.data().pipe(&notes).await
    }
}

/// What a key is called in the counts: what stands before its first colon.
fn kind_of(key: &str, known: &Counts) -> String {
    let kind = key.split(':').next().unwrap_or_default();
    let is_ours = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    let is_told = is_ours && (known.contains_key(kind) || known.len() < KINDS_MAX);
    if is_told { kind } else { OTHER }.to_owned()
}
