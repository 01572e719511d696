//! Logins: a random cookie in the browser, and only its hash here.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::accounts::Account;
use super::group::StoreError;
use super::{Store, keys};
use crate::chance;
use crate::ids::AccountId;
use crate::table::record::hex;

/// A login nobody used for so long is over.
pub const LOGIN_LIVES_SECS: u64 = 30 * 24 * 3_600;

fn hash_of(cookie: &str) -> String {
    hex(&Sha256::digest(cookie.as_bytes()))
}

impl Store {
    /// A new login of an account: the cookie's value, 256 random bits.
    pub async fn login_create(&self, account: AccountId) -> Result<String, StoreError> {
        let cookie = BASE64_URL_SAFE_NO_PAD.encode(chance::bytes::<32>());
        let hash = hash_of(&cookie);
        let mut commands = redis::pipe();
        commands.atomic().set_ex(keys::login(&hash), account.to_string(), LOGIN_LIVES_SECS).ignore();
        commands.sadd(keys::logins(account), &hash).ignore();
        commands.expire(keys::logins(account), LOGIN_LIVES_SECS.cast_signed()).ignore();
        self.data().settled(self.data().pipe::<()>(&commands)).await?;
        Ok(cookie)
    }

    /// The account a cookie stands for; using a login makes it last longer.
    pub async fn login_find(&self, cookie: &str) -> Result<Option<Account>, StoreError> {
        let key = keys::login(&hash_of(cookie));
        let command = redis::cmd("GETEX").arg(&key).arg("EX").arg(LOGIN_LIVES_SECS).to_owned();
        let id: Option<String> = self.data().query(&command).await?;
        let Some(id) = id else { return Ok(None) };
        let account = self.account(id.parse()?).await?;
        if let Some(account) = account.as_ref().filter(|account| account.guest) {
            self.guest_used(account).await?;
        }
        Ok(account)
    }

    /// Ends one login.
    pub async fn login_end(&self, cookie: &str) -> Result<(), StoreError> {
        let hash = hash_of(cookie);
        let command = redis::cmd("GETDEL").arg(keys::login(&hash)).to_owned();
        let id: Option<String> = self.data().query(&command).await?;
        if let Some(id) = id {
            let account: AccountId = id.parse()?;
            let command = redis::cmd("SREM").arg(keys::logins(account)).arg(&hash).to_owned();
            self.data().query::<()>(&command).await?;
        }
        Ok(())
    }

    /// Ends all logins of an account but one.
    pub async fn logins_end_others(&self, account: AccountId, cookie: &str) -> Result<(), StoreError> {
        let kept = hash_of(cookie);
        let command = redis::cmd("SMEMBERS").arg(keys::logins(account)).to_owned();
        let hashes: Vec<String> = self.data().query(&command).await?;
        let mut commands = redis::pipe();
        for hash in hashes.iter().filter(|hash| **hash != kept) {
            commands.del(keys::login(hash)).ignore();
            commands.srem(keys::logins(account), hash).ignore();
        }
        self.data().pipe::<()>(&commands).await
    }
}
