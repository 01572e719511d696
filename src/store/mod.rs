//! What is done with the data in Redis: the only place that names a key; one Lua script per verb in `redis/`.

pub mod accounts;
pub mod archive;
pub mod assets;
pub mod attempts;
pub mod census;
mod clock;
pub mod dates;
pub mod deadlines;
pub mod games;
mod identity;
pub mod invites;
pub mod keys;
pub mod lobby;
pub mod logins;
pub mod look;
mod near;
pub mod nodes;
pub mod packed;
pub mod presence;
mod rights;
pub mod saved;
mod secret;
pub mod talk;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use sha2::{Digest, Sha256};
use tokio::time::sleep;

use self::clock::RedisClock;
use self::near::Near;
use crate::ids::TableId;
use crate::redis::condition::explained;
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::redis::roles::RedisUrls;
use crate::redis::url::RedisUrl;
use crate::table::record::SALTED_SINCE;

/// Pause before the shards are asked again which they are.
const CONNECT_AGAIN: Duration = Duration::from_secs(1);

/// Handle of all data, cheap to clone. Its three roles may be one Redis group or several.
#[derive(Clone)]
pub struct Store {
    groups: Arc<Groups>,
    clock: Arc<RedisClock>,
}

struct Groups {
    /// Each once, in the order of their roles.
    all: Vec<Group>,
    data: Group,
    shards: Vec<Group>,
    /// How many of them every live node knows.
    shards_known: AtomicUsize,
    /// Those of which it is not known yet which Redis they are.
    shards_unknown: Mutex<Vec<usize>>,
    archive: Group,
    near: Option<Near>,
    /// Every live node reads what this version writes.
    new_forms: AtomicBool,
}

impl Groups {
    fn open(urls: &RedisUrls) -> Result<Self, StoreError> {
        let at = urls.groups();
        let all: Result<Vec<Group>, StoreError> =
            at.iter().map(|group| Group::named(&group.name, &group.url)).collect();
        let all = all?;
        let of = |url: &RedisUrl| {
            let place = at.iter().position(|group| group.url == *url);
            all[place.expect("each URL belongs to a group")].clone()
        };
        let (data, archive) = (of(&urls.data), of(&urls.archive));
        let shards: Vec<Group> = urls.backups.iter().map(of).collect();
        let shards_known = AtomicUsize::new(shards.len());
        let near = urls.archive_near.as_ref().map(Near::open).transpose()?;
        Ok(Self {
            all,
            data,
            shards,
            shards_known,
            shards_unknown: Mutex::default(),
            archive,
            near,
            new_forms: AtomicBool::new(false),
        })
    }
}

impl Store {
    /// Connects; fails if the data group does not answer in time.
    pub async fn connect(urls: impl Into<RedisUrls>) -> Result<Self, StoreError> {
        let store = Self { groups: Arc::new(Groups::open(&urls.into())?), clock: Arc::default() };
        store.now_ms().await?;
        Ok(store)
    }

    /// Connects, and waits for a data group that is not there yet, or takes no writes yet because its replicas are not
    /// there: the parts of a cluster start in any order. Without another group the node does what it can.
    pub async fn connect_patiently(urls: &RedisUrls) -> Result<Self, StoreError> {
        let store = Self { groups: Arc::new(Groups::open(urls)?), clock: Arc::default() };
        store.data().until_usable().await?;
        store.try_rights().await?;
        while let Err(error) = store.know_shards().await {
            if !error.may_pass() {
                return Err(error);
            }
            tracing::warn!(%error, "waiting for Redis");
            sleep(CONNECT_AGAIN).await;
        }
        let others = store.groups().into_iter().filter(|(_, group)| !group.is(store.data()));
        let tried = join_all(others.map(|(_, group)| group.condition())).await;
        for error in tried.into_iter().filter_map(Result::err) {
            if !error.may_pass() {
                return Err(error);
            }
            tracing::warn!("starting without a Redis group: {}", explained(&error));
        }
        Ok(store)
    }

    /// Looks after the groups, and follows their primaries, as long as the node runs.
    pub async fn watch(self) {
        join_all(self.groups.all.iter().map(|group| group.clone().watch())).await;
    }

    /// Each group once with its name: data, the shards of the backup, the archive.
    pub fn groups(&self) -> Vec<(&str, &Group)> {
        self.groups.all.iter().map(|group| (group.name(), group)).collect()
    }

    /// Accounts, logins, lobby, invites, saved games.
    pub fn data(&self) -> &Group {
        &self.groups.data
    }

    /// The shards of the backup, in their order; several may be one group.
    pub fn shards(&self) -> &[Group] {
        &self.groups.shards
    }

    fn unknown_shards(&self) -> MutexGuard<'_, Vec<usize>> {
        self.groups.shards_unknown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The live games of a shard that [`crate::host::TableInfo::shard`] names.
    pub fn backup(&self, shard: usize) -> &Group {
        &self.groups.shards[shard]
    }

    /// Tells how many shards every live node knows: more are not used for new games.
    pub fn set_shards_known(&self, shards: usize) {
        self.groups.shards_known.store(shards.clamp(1, self.shards().len()), Ordering::Relaxed);
    }

    /// Tells which kinds of record every live node knows: a node that knows salted records reads packed games, too.
    pub fn set_kinds_known(&self, kinds: u32) {
        self.groups.new_forms.store(kinds >= SALTED_SINCE, Ordering::Relaxed);
    }

    /// Whether records are salted and finished games are packed; not while a node of an older version lives.
    pub fn writes_new_forms(&self) -> bool {
        self.groups.new_forms.load(Ordering::Relaxed)
    }

    /// Finished games.
    pub fn archive(&self) -> &Group {
        &self.groups.archive
    }

    /// What is asked before the archive for what never changes, if anything is.
    fn near(&self) -> Option<&Near> {
        self.groups.near.as_ref()
    }

    /// The shard of a table to be made: games are spread by a hash of their ids; while the one it gives is away, the next
    /// one. What was chosen is kept with the table, so that one shard more, at the end, is for new games only.
    pub fn shard_for(&self, table: TableId) -> usize {
        let shards = self.groups.shards_known.load(Ordering::Relaxed);
        let hash = Sha256::digest(table.to_string());
        let number = hash.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        let first = usize::try_from(number % u64::try_from(shards).unwrap_or(u64::MAX)).unwrap_or(0);
        let in_turn = (first..shards).chain(0..first);
        in_turn.into_iter().find(|shard| !self.backup(*shard).is_away()).unwrap_or(first)
    }

    /// Redis' time, milliseconds since 1970.
    pub async fn now_ms(&self) -> Result<u64, StoreError> {
        let (secs, micros): (u64, u64) = self.data().query(&redis::cmd("TIME")).await?;
        let now_ms = secs * 1_000 + micros / 1_000;
        self.clock.heard(now_ms);
        Ok(now_ms)
    }

    /// Redis' time by what it told last, for records that it cannot be asked about.
    pub fn estimated_now_ms(&self) -> u64 {
        self.clock.estimate_ms()
    }
}
