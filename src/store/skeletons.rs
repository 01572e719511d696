//! What the names of accounts look like that versions before 0.4.0 made: noted once, before the first new name is given.

use super::group::StoreError;
use super::{Store, keys};
use crate::ids::AccountName;

/// Keys looked at in one exchange.
const AT_ONCE: usize = 1_000;

impl Store {
    /// Notes the skeletons of all accounts there are, unless some node has.
    pub(super) async fn skeletons_note(&self) -> Result<(), StoreError> {
        if self.data().query(redis::cmd("EXISTS").arg(keys::SKELETONS_NOTED)).await? {
            return Ok(());
        }
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(keys::ACCOUNT_NAMES).arg("COUNT").arg(AT_ONCE);
            let (next, found): (u64, Vec<String>) = self.data().query(&scan).await?;
            self.skeletons_note_some(&found).await?;
            if next == 0 {
                break;
            }
            cursor = next;
        }
        self.data().query(redis::cmd("SET").arg(keys::SKELETONS_NOTED).arg("1")).await
    }

    /// Those of some `account-name:{name}`.
    async fn skeletons_note_some(&self, names: &[String]) -> Result<(), StoreError> {
        let mut holders = redis::pipe();
        for name in names {
            holders.get(name);
        }
        let holders: Vec<Option<String>> = self.data().pipe(&holders).await?;
        let mut accounts = redis::pipe();
        for holder in &holders {
            accounts.hget(format!("account:{}", holder.as_deref().unwrap_or_default()), "guest");
        }
        let guests: Vec<Option<String>> = self.data().pipe(&accounts).await?;
        let mut notes = redis::pipe();
        for ((key, holder), guest) in names.iter().zip(&holders).zip(guests) {
            let name = key.split_once(':').and_then(|(_, name)| name.parse::<AccountName>().ok());
            if let (Some(name), Some(holder), Some("0")) = (name, holder, guest.as_deref()) {
                notes.set_nx(keys::account_skeleton(&name), holder).ignore();
            }
        }
        self.data().pipe(&notes).await
    }
}
