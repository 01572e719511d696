//! The cluster's secret, which seals the records that browsers keep.

use super::{Store, keys};
use crate::redis::error::StoreError;

impl Store {
    /// The secret that all nodes share: the one that is there, or else this one, which is put there.
    pub async fn secret_or(&self, own: &str) -> Result<String, StoreError> {
        let there: Option<String> =
            self.data().query(redis::cmd("SET").arg(keys::SECRET).arg(own).arg("NX").arg("GET")).await?;
        Ok(there.unwrap_or_else(|| own.to_owned()))
    }
}
