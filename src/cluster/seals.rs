//! The third copy: records that are not saved yet are given to the seats' browsers, sealed, and taken back from them when
//! Redis and every node that had them are lost.

use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::chance;
use crate::ids::{AccountId, TableId};
use crate::redis::error::StoreError;
use crate::store::Store;
use crate::table::record::{Entry, Hash};
use crate::table::seal::{KEY_BYTES, NONCE_BYTES, SEALED_MAX, SealKey};

/// The purpose of what tells a known browser.
const KNOWN_BROWSER: &str = "known browser";

/// The seals of a table's records that are not durable: each is made once, for both seats and for every view.
#[derive(Debug, Default)]
pub struct Sealed(Vec<OneSealed>);

#[derive(Debug)]
struct OneSealed {
    number: u32,
    hash: Hash,
    /// When the record was accepted, which may be told anew.
    time_ms: u64,
    seal: String,
}

impl Sealed {
    /// Forgets the seals of records before this number, which are durable.
    pub fn forget_before(&mut self, number: u32) {
        self.0.retain(|sealed| sealed.number >= number);
    }

    /// Seals the last of some records of a table, the first of which has this number.
    pub fn of(&mut self, seals: &Seals, table: TableId, first: u32, entries: &[Entry]) -> Vec<String> {
        let skipped = entries.len().saturating_sub(SEALED_MAX);
        let numbers = first.saturating_add(u32::try_from(skipped).unwrap_or(u32::MAX))..;
        numbers
            .zip(&entries[skipped..])
            .filter_map(|(number, entry)| self.seal(seals, table, number, entry))
            .collect()
    }

    fn seal(&mut self, seals: &Seals, table: TableId, number: u32, entry: &Entry) -> Option<String> {
        let is_of = |sealed: &&OneSealed| {
            sealed.number == number && sealed.hash == entry.hash && sealed.time_ms == entry.time_ms
        };
        if let Some(known) = self.0.iter().find(is_of) {
            return Some(known.seal.clone());
        }
        let seal = seals.seal(table, number, entry)?;
        self.0.retain(|sealed| sealed.number != number);
        if self.0.len() == SEALED_MAX {
            self.0.remove(0);
        }
        self.0.push(OneSealed {
            number,
            hash: entry.hash.clone(),
            time_ms: entry.time_ms,
            seal: seal.clone(),
        });
        Some(seal)
    }
}

/// The keys this node knows; the last one seals. There is more than one where Redis lost the cluster's secret and another
/// node was the first to make a new one.
#[derive(Default)]
pub struct Seals {
    keys: RwLock<Vec<(String, SealKey)>>,
}

impl Seals {
    /// Takes in the secret that the cluster shares now, or gives it this node's.
    pub async fn share(&self, store: &Store) -> Result<(), StoreError> {
        let newest = self.with(|keys| keys.last().map(|(secret, _)| secret.clone()));
        let own = newest.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(chance::bytes::<KEY_BYTES>()));
        let secret = store.secret_or(&own).await?;
        let key =
            URL_SAFE_NO_PAD.decode(&secret).ok().and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok());
        let Some(key) = key else {
            return Err(StoreError::Corrupt("the secret is not 32 bytes in base64".to_owned()));
        };
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.last().is_none_or(|(last, _)| *last != secret) {
            keys.retain(|(known, _)| *known != secret);
            keys.push((secret, SealKey::new(&key)));
        }
        Ok(())
    }

    /// Seals a record of a table; nothing without a key.
    fn seal(&self, table: TableId, number: u32, entry: &Entry) -> Option<String> {
        let nonce = chance::bytes::<NONCE_BYTES>();
        self.with(|keys| Some(keys.last()?.1.seal(table, number, entry, nonce)))
    }

    /// The records of a table that were sealed by this cluster, in order.
    pub fn open(&self, table: TableId, sealed: &[String]) -> Vec<(u32, Entry)> {
        let open =
            |seal: &String| self.with(|keys| keys.iter().rev().find_map(|(_, key)| key.open(table, seal)));
        let mut records: Vec<(u32, Entry)> = sealed.iter().take(SEALED_MAX).filter_map(open).collect();
        records.sort_unstable_by_key(|(number, _)| *number);
        records
    }

    /// What tells a browser's next log-in that it was logged in to this account before; nothing without a key.
    pub fn known_browser(&self, account: AccountId) -> Option<String> {
        let nonce = chance::bytes::<NONCE_BYTES>();
        self.with(|keys| Some(keys.last()?.1.seal_text(KNOWN_BROWSER, account.0.as_bytes(), nonce)))
    }

    /// The account that a browser was logged in to before.
    pub fn known_account(&self, sealed: &str) -> Option<AccountId> {
        let open = |(_, key): &(String, SealKey)| key.open_text(KNOWN_BROWSER, sealed);
        let bytes = self.with(|keys| keys.iter().rev().find_map(open))?;
        uuid::Uuid::from_slice(&bytes).ok().map(AccountId)
    }

    fn with<T>(&self, read: impl FnOnce(&[(String, SealKey)]) -> T) -> T {
        read(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}
