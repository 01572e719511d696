//! Logins: a random cookie in the browser, and only its hash here.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::accounts::{Account, GUEST_LIVES, UNPLAYED_GUEST_LIVES};
use super::{Store, keys};
use crate::chance;
use crate::ids::AccountId;
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};
use crate::table::record::hex;

/// A login nobody used for so long is over.
pub const LOGIN_LIVES: Duration = GUEST_LIVES;
/// Any login is over after so long, however much it is used, but for a guest's: a guest cannot log in again.
pub const LOGIN_LIVES_MAX: Duration = Duration::from_hours(180 * 24);
/// How long, after its first use by this version, a login of an older one counts over TLS under the name that the cookie had.
pub const OLD_NAME_READ: Duration = LOGIN_LIVES;
/// Logins of one account; beyond them the oldest ends.
pub const LOGINS_MAX: u64 = 20;

script!(CREATE, "prelude", "logins", "login_create");
script!(USE, "prelude", "logins", "login_use");
script!(PICK, "prelude", "logins", "login_pick");
script!(END, "prelude", "logins", "login_end");
script!(CHANGE_PASSWORD, "prelude", "logins", "password_change");

/// What a browser shows: 256 random bits as text. Only its hash is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie(String);

impl Cookie {
    pub(super) fn random() -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(chance::bytes::<32>()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn hash(&self) -> LoginHash {
        LoginHash::of(&self.0)
    }
}

/// What names a login here: the SHA-256 of its cookie, in hex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginHash(String);

impl LoginHash {
    pub fn of(cookie: &str) -> Self {
        Self(hex(&Sha256::digest(cookie.as_bytes())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub account: Account,
    pub hash: LoginHash,
    /// It lasts longer than the browser keeps the cookie: that has to be set again. Told once a day of use at most, of a
    /// guest's each time.
    pub renewed: bool,
    /// How long it lasts from now on; the cookie lasts as long.
    pub lasts: Duration,
}

/// What became of a password to be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasswordChange {
    /// It is changed, and all other logins have ended.
    Done,
    /// It is not the one any more that was checked.
    Changed,
    /// The login that asked has ended.
    LoggedOut,
}

impl Store {
    /// A new login of an account, if its password is still the one in `account`, which was checked.
    pub async fn login_create(&self, account: &Account) -> Result<Option<Cookie>, StoreError> {
        let cookie = Cookie::random();
        let hash = cookie.hash();
        let keys = [
            keys::account(account.id),
            keys::login(hash.as_str()),
            keys::logins(account.id),
            keys::logins_made(account.id),
        ];
        let args = texts![
            account.id,
            hash.as_str(),
            account.password,
            LOGINS_MAX,
            millis(LOGIN_LIVES),
            millis(LOGIN_LIVES_MAX),
            millis(UNPLAYED_GUEST_LIVES),
        ];
        let made: u8 = self.data().invoke_durably(&CREATE, &keys, &args).await?;
        Ok((made == 1).then_some(cookie))
    }

    /// The login of a cookie, for an answer that gives the cookie again where the login says so; using it makes it last longer.
    pub async fn login_find(&self, cookie: &str) -> Result<Option<Login>, StoreError> {
        self.login_use_by(LoginHash::of(cookie), true).await
    }

    /// The same by what names it, where the browser is not given the cookie again by the answer.
    pub async fn login_use(&self, hash: LoginHash) -> Result<Option<Login>, StoreError> {
        self.login_use_by(hash, false).await
    }

    async fn login_use_by(&self, hash: LoginHash, sets_cookie: bool) -> Result<Option<Login>, StoreError> {
        let args = texts![
            hash.as_str(),
            millis(LOGIN_LIVES),
            millis(LOGIN_LIVES_MAX),
            millis(UNPLAYED_GUEST_LIVES),
            u8::from(sets_cookie),
        ];
        let keys = [keys::login(hash.as_str())];
        let found: Option<(String, bool, u64, HashMap<String, String>)> =
            self.data().invoke(&USE, &keys, &args).await?;
        let Some((id, renewed, lasts_ms, fields)) = found else { return Ok(None) };
        let Some(account) = Account::parse(id.parse()?, &fields)? else { return Ok(None) };
        if !account.guest && !fields.contains_key("skeleton") {
            self.skeleton_claim(&account).await?;
        }
        // A guest cannot log in again: its browser keeps the cookie until the very end that it is told.
        let renewed = renewed || (sets_cookie && account.guest);
        Ok(Some(Login { account, hash, renewed, lasts: Duration::from_millis(lasts_ms) }))
    }

    /// Which of several cookies counts: the login that was made last, whoever has set the others; of those of an older version
    /// only, if their browser may have been given them by another host.
    pub async fn login_pick<'a>(
        &self,
        cookies: &'a [String],
        only_old: bool,
    ) -> Result<Option<&'a str>, StoreError> {
        if cookies.is_empty() {
            return Ok(None);
        }
        let hashes: Vec<LoginHash> = cookies.iter().map(|cookie| LoginHash::of(cookie)).collect();
        let keys: Vec<String> = hashes.iter().map(|hash| keys::login(hash.as_str())).collect();
        let old_ms = if only_old { millis(OLD_NAME_READ) } else { 0 };
        let first = texts![millis(LOGIN_LIVES_MAX), old_ms];
        let args: Vec<String> = first.into_iter().chain(hashes.into_iter().map(|hash| hash.0)).collect();
        let place: usize = self.data().invoke(&PICK, &keys, &args).await?;
        Ok(place.checked_sub(1).and_then(|place| cookies.get(place)).map(String::as_str))
    }

    /// Ends a login; may be repeated.
    pub async fn login_end(&self, cookie: &str) -> Result<(), StoreError> {
        let hash = LoginHash::of(cookie);
        let (keys, args) = ([keys::login(hash.as_str())], [hash.as_str().into()]);
        self.data().invoke_durably::<u8>(&END, &keys, &args).await.map(drop)
    }

    /// Replaces the password of a login's account by one with this hash, if it is still the one in `login`, which was
    /// checked; ends all other logins.
    pub async fn password_change(&self, login: &Login, password: &str) -> Result<PasswordChange, StoreError> {
        let id: AccountId = login.account.id;
        let keys =
            [keys::account(id), keys::login(login.hash.as_str()), keys::logins(id), keys::logins_made(id)];
        let args = texts![id, login.hash.as_str(), login.account.password, password,];
        self.data().decide(&CHANGE_PASSWORD, &keys, &args).await
    }

    /// Waits until what was written by now is durable: a repeated request may find its work done, but not yet kept.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.data().settled(async { Ok(()) }).await
    }
}

pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
