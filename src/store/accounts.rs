//! Accounts: unique names, password hashes, guests, blocks.

use std::collections::HashMap;
use std::time::Duration;

use redis::Cmd;
use serde::Deserialize;

use super::logins::{Cookie, LOGIN_LIVES, LOGIN_LIVES_MAX, Login, millis};
use super::{Store, keys};
use crate::chance;
use crate::ids::{AccountId, AccountName};
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};

/// A guest that has played is gone when nobody used it for so long.
pub const GUEST_LIVES: Duration = Duration::from_hours(30 * 24);
/// A guest that never played is gone when nobody used it for so long.
pub const UNPLAYED_GUEST_LIVES: Duration = Duration::from_hours(24);
/// A name that an account gave up is given to nobody else for so long.
pub const NAME_RESTS: Duration = Duration::from_hours(30 * 24);
/// Accounts that one account may have blocked.
pub const BLOCKED_MAX: usize = 500;
/// The digits of the first numbers that are tried for a new guest, as in `Guest-123456`.
const GUEST_DIGITS: usize = 6;
/// The digits of the last ones: there are more of them than guests can be made in a day.
const GUEST_DIGITS_MAX: usize = 14;

script!(CREATE, "prelude", "logins", "account_create");
script!(UPGRADE, "prelude", "logins", "account_upgrade");
script!(DELETE, "prelude", "saved", "account_delete");
script!(BLOCK, "prelude", "logins", "block_add");
script!(CLAIM_SKELETON, "skeleton_claim");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    /// Its name, as its owner writes it.
    pub name: AccountName,
    pub guest: bool,
    /// The password's hash; empty for a guest.
    pub password: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

impl Account {
    /// The account that these fields of its key tell of; nothing if there are none.
    pub(super) fn parse(id: AccountId, fields: &HashMap<String, String>) -> Result<Option<Self>, StoreError> {
        let Some(name) = fields.get("name") else { return Ok(None) };
        Ok(Some(Self {
            id,
            name: name.parse()?,
            guest: fields.get("guest").is_some_and(|guest| guest == "1"),
            password: fields.get("password").cloned().unwrap_or_default(),
            created_ms: fields.get("created_ms").and_then(|text| text.parse().ok()).unwrap_or(0),
        }))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    Done(Account),
    /// Somebody has that name, or had it lately.
    Taken,
    /// The name looks like somebody else's.
    Alike,
}

/// What became of a guest that wants to be an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgraded {
    /// It is one; this login replaces the one that asked.
    Done(Cookie),
    /// Somebody has that name, or had it lately.
    Taken,
    /// The name looks like somebody else's.
    Alike,
    NotGuest,
    /// The login that asked has ended.
    LoggedOut,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deleted {
    Done,
    Playing,
    /// Its password is not the one that was checked.
    Changed,
    /// The login that asked has ended.
    LoggedOut,
}

impl Store {
    pub async fn account_create(&self, name: &AccountName, password: &str) -> Result<Created, StoreError> {
        self.create(name, password, false).await
    }

    /// Makes a guest with a name nobody has: its number is longer the more are taken.
    pub async fn guest_create(&self) -> Result<Account, StoreError> {
        for digits in GUEST_DIGITS..=GUEST_DIGITS_MAX {
            let digits = (0..digits).map(|place| match place {
                0 => chance::below(9) + 1,
                _ => chance::below(10),
            });
            let number: String = digits.map(|digit| digit.to_string()).collect();
            if let Created::Done(account) = self.create(&format!("Guest-{number}").parse()?, "", true).await?
            {
                return Ok(account);
            }
        }
        Err(StoreError::Unavailable("no name is free for a guest".to_owned()))
    }

    async fn create(&self, name: &AccountName, password: &str, guest: bool) -> Result<Created, StoreError> {
        let id = AccountId::random();
        let lives_ms = if guest { millis(UNPLAYED_GUEST_LIVES) } else { 0 };
        let args = texts![id, name, password, u8::from(guest), lives_ms, name.skeleton(),];
        let mut keys = vec![keys::account_name(name), keys::account(id)];
        if !guest {
            keys.push(keys::account_skeleton(name));
        }
        let word: String = self.data().invoke_durably(&CREATE, &keys, &args).await?;
        Ok(match word.as_str() {
            "done" => self.account(id).await?.map_or(Created::Taken, Created::Done),
            "alike" => Created::Alike,
            _ => Created::Taken,
        })
    }

    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Account::parse(id, &self.data().query(redis::cmd("HGETALL").arg(keys::account(id))).await?)
    }

    /// Notes whose name looks how, for an account that an older version made.
    pub(super) async fn skeleton_claim(&self, account: &Account) -> Result<(), StoreError> {
        let keys = [keys::account(account.id), keys::account_skeleton(&account.name)];
        let args = texts![account.id, account.name.skeleton()];
        self.data().invoke::<u8>(&CLAIM_SKELETON, &keys, &args).await.map(drop)
    }

    /// The names accounts have now, in their order; none for one that is gone.
    pub async fn names_of(&self, accounts: &[AccountId]) -> Result<Vec<Option<AccountName>>, StoreError> {
        let name = |account: &AccountId| Cmd::hget(keys::account(*account), "name");
        let names: Vec<Option<String>> = self.data().each(accounts, name).await?;
        Ok(names
            .into_iter()
            .map(|name| name.map(|name| name.parse()).transpose())
            .collect::<Result<_, _>>()?)
    }

    /// The id a name belongs to, regardless of case.
    pub async fn account_id(&self, name: &AccountName) -> Result<Option<AccountId>, StoreError> {
        let id: Option<String> = self.data().query(redis::cmd("GET").arg(keys::account_name(name))).await?;
        Ok(id.map(|id| id.parse()).transpose()?)
    }

    /// The account with a name, regardless of case.
    pub async fn account_named(&self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        match self.account_id(name).await? {
            Some(id) => self.account(id).await,
            None => Ok(None),
        }
    }

    /// Makes the guest of a login an account; its id and games stay.
    pub async fn account_upgrade(
        &self,
        login: &Login,
        name: &AccountName,
        password: &str,
    ) -> Result<Upgraded, StoreError> {
        let (guest, cookie) = (&login.account, Cookie::random());
        let keys = [
            keys::account_name(name),
            keys::account(guest.id),
            keys::account_name(&guest.name),
            keys::account_skeleton(name),
            keys::login(login.hash.as_str()),
            keys::login(cookie.hash().as_str()),
            keys::logins(guest.id),
            keys::invites(guest.id),
            keys::invites_sent(guest.id),
        ];
        let args = texts![
            guest.id,
            name,
            password,
            name.skeleton(),
            cookie.hash().as_str(),
            millis(NAME_RESTS),
            millis(LOGIN_LIVES),
            millis(LOGIN_LIVES_MAX),
        ];
        let word: String = self.data().invoke_durably(&UPGRADE, &keys, &args).await?;
        Ok(match word.as_str() {
            "done" => Upgraded::Done(cookie),
            "taken" => Upgraded::Taken,
            "alike" => Upgraded::Alike,
            "logged_out" => Upgraded::LoggedOut,
            _ => Upgraded::NotGuest,
        })
    }

    /// Deletes the account of a login, whose password was checked, with everything that is only its own.
    pub async fn account_delete(&self, login: &Login) -> Result<Deleted, StoreError> {
        let (account, id) = (&login.account, login.account.id);
        let keys = texts![
            keys::account(id),
            keys::account_name(&account.name),
            keys::logins(id),
            keys::blocked(id),
            keys::seat(id),
            keys::ONLINE,
            keys::invites(id),
            keys::invites_sent(id),
            keys::INVITES_BY_TIME,
            keys::login(login.hash.as_str()),
            keys::logins_made(id),
            keys::saved_by(id),
            keys::letters(id),
        ];
        let args = texts![id, account.password, millis(NAME_RESTS)];
        self.data().decide(&DELETE, &keys, &args).await
    }

    /// Blocks an account for another, and takes an invite from it away; false if too many are blocked.
    pub async fn block(&self, by: AccountId, other: AccountId) -> Result<bool, StoreError> {
        let keys = texts![
            keys::ONLINE,
            keys::blocked(by),
            keys::invites(by),
            keys::invites_sent(other),
            keys::INVITES_BY_TIME,
        ];
        let args = texts![by, other, BLOCKED_MAX];
        let blocked: u8 = self.data().invoke_durably(&BLOCK, &keys, &args).await?;
        Ok(blocked == 1)
    }

    pub async fn unblock(&self, by: AccountId, other: AccountId) -> Result<(), StoreError> {
        self.data()
            .settled(self.data().query(redis::cmd("SREM").arg(keys::blocked(by)).arg(other.to_string())))
            .await
    }

    /// Those an account has blocked, with the names they have now; none for one that is gone.
    pub async fn blocked(&self, by: AccountId) -> Result<Vec<(AccountId, Option<AccountName>)>, StoreError> {
        let mut command = redis::cmd("SORT");
        command.arg(keys::blocked(by)).arg("BY").arg("nosort");
        command.arg("GET").arg("#").arg("GET").arg(keys::NAME_OF_EACH);
        let found: Vec<Option<String>> = self.data().query(&command).await?;
        let each = found.chunks_exact(2).filter_map(|pair| Some((pair[0].as_ref()?, pair[1].as_ref())));
        // An entry that is no account's id is left out; the others count all the same.
        Ok(each
            .filter_map(|(id, name)| Some((id.parse().ok()?, name.and_then(|name| name.parse().ok()))))
            .collect())
    }
}
