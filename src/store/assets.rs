//! The browser clients of all versions that run: a page of one version may ask a node of another for its files.

use super::{Store, keys};
use crate::redis::error::StoreError;

/// How long a version's files are kept after a node of it started last, in seconds: longer than any upgrade.
const KEPT_SECS: i64 = 14 * 24 * 3_600;

impl Store {
    /// Keeps the files of a client, by the hash in their addresses.
    pub async fn assets_put<'a>(
        &self,
        hash: &str,
        files: impl Iterator<Item = (&'a str, &'a [u8])>,
    ) -> Result<(), StoreError> {
        let key = keys::assets(hash);
        let mut commands = redis::pipe();
        for (path, content) in files {
            commands.hset(&key, path, content).ignore();
        }
        commands.expire(&key, KEPT_SECS).ignore();
        self.data().pipe(&commands).await
    }

    /// A file of a client.
    pub async fn asset(&self, hash: &str, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.data().query(redis::cmd("HGET").arg(keys::assets(hash)).arg(path)).await
    }
}
