//! Accounts: unique names, password hashes, guests, blocks.

use std::collections::HashMap;
use std::sync::LazyLock;

use redis::Script;

use super::group::{Arg, StoreError};
use super::{Store, keys};
use crate::ids::{AccountId, AccountName};

/// A guest nobody used for so long is gone.
pub const GUEST_LIVES_SECS: u64 = 30 * 24 * 3_600;
/// Guests are called `Guest-1234` with a number below this.
const GUEST_NUMBERS: u32 = 1_000_000;
/// How many numbers are tried for a new guest.
const GUEST_TRIES: usize = 20;

static CREATE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/account_create.lua")
    ))
});
static UPGRADE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/account_upgrade.lua")
    ))
});
static DELETE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(
        include_str!("../../redis/prelude.lua"),
        include_str!("../../redis/account_delete.lua")
    ))
});

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id, for ever.
    pub id: AccountId,
    /// Its name, as its owner writes it.
    pub name: AccountName,
    /// Whether it is a guest, without a password.
    pub guest: bool,
    /// The password's hash; empty for a guest.
    pub password: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: u64,
}

/// What became of a guest that wants to be an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upgraded {
    /// It is one.
    Done,
    /// Somebody has that name.
    Taken,
    /// It is one already.
    NotGuest,
}

impl Store {
    /// Makes an account; nothing if the name is taken.
    pub async fn account_create(
        &self,
        name: &AccountName,
        password: &str,
    ) -> Result<Option<Account>, StoreError> {
        self.create(name, password, false).await
    }

    /// Makes a guest with a name nobody has.
    pub async fn guest_create(&self) -> Result<Account, StoreError> {
        for _ in 0..GUEST_TRIES {
            let number = crate::chance::below(GUEST_NUMBERS);
            let name: AccountName = format!("Guest-{number}").parse()?;
            if let Some(account) = self.create(&name, "", true).await? {
                return Ok(account);
            }
        }
        Err(StoreError::Unavailable("no name is free for a guest".to_owned()))
    }

    async fn create(
        &self,
        name: &AccountName,
        password: &str,
        guest: bool,
    ) -> Result<Option<Account>, StoreError> {
        let id = AccountId::random();
        let lives = if guest { GUEST_LIVES_SECS } else { 0 };
        let args: [Arg; 5] = [
            id.to_string().into(),
            name.as_str().into(),
            password.into(),
            u64::from(guest).into(),
            lives.into(),
        ];
        let keys = [keys::account_name(name), keys::account(id)];
        let created: u8 = self.data().settled(self.data().invoke(&CREATE, &keys, &args)).await?;
        if created == 0 { Ok(None) } else { self.account(id).await }
    }

    /// The account with an id.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let command = redis::cmd("HGETALL").arg(keys::account(id)).to_owned();
        let fields: HashMap<String, String> = self.data().query(&command).await?;
        let Some(name) = fields.get("name") else { return Ok(None) };
        Ok(Some(Account {
            id,
            name: name.parse()?,
            guest: fields.get("guest").is_some_and(|guest| guest == "1"),
            password: fields.get("password").cloned().unwrap_or_default(),
            created_ms: fields.get("created_ms").and_then(|text| text.parse().ok()).unwrap_or(0),
        }))
    }

    /// The id a name belongs to, regardless of case.
    pub async fn account_id(&self, name: &AccountName) -> Result<Option<AccountId>, StoreError> {
        let command = redis::cmd("GET").arg(keys::account_name(name)).to_owned();
        let id: Option<String> = self.data().query(&command).await?;
        Ok(id.map(|id| id.parse()).transpose()?)
    }

    /// The account with a name, regardless of case.
    pub async fn account_named(&self, name: &AccountName) -> Result<Option<Account>, StoreError> {
        match self.account_id(name).await? {
            Some(id) => self.account(id).await,
            None => Ok(None),
        }
    }

    /// Makes a guest an account; its id and games stay.
    pub async fn account_upgrade(
        &self,
        guest: &Account,
        name: &AccountName,
        password: &str,
    ) -> Result<Upgraded, StoreError> {
        let keys = [
            keys::account_name(name),
            keys::account(guest.id),
            keys::account_name(&guest.name),
            keys::ONLINE.to_owned(),
        ];
        let args: [Arg; 3] = [guest.id.to_string().into(), name.as_str().into(), password.into()];
        let word: String = self.data().settled(self.data().invoke(&UPGRADE, &keys, &args)).await?;
        Ok(match word.as_str() {
            "done" => Upgraded::Done,
            "taken" => Upgraded::Taken,
            _ => Upgraded::NotGuest,
        })
    }

    /// Replaces the password's hash.
    pub async fn password_change(&self, id: AccountId, password: &str) -> Result<(), StoreError> {
        let command = redis::cmd("HSET").arg(keys::account(id)).arg("password").arg(password).to_owned();
        self.data().settled(self.data().query(&command)).await
    }

    /// Deletes an account with everything that is only its own; false while it sits at a table.
    pub async fn account_delete(&self, account: &Account) -> Result<bool, StoreError> {
        let id = account.id;
        let keys = [
            keys::account(id),
            keys::account_name(&account.name),
            keys::logins(id),
            keys::blocked(id),
            keys::seat(id),
            keys::ONLINE.to_owned(),
            keys::invites(id),
            keys::invites_sent(id),
            keys::INVITES_BY_TIME.to_owned(),
        ];
        let args = [id.to_string().into()];
        let deleted: u8 = self.data().settled(self.data().invoke(&DELETE, &keys, &args)).await?;
        Ok(deleted == 1)
    }

    /// Keeps a used guest for another while.
    pub async fn guest_used(&self, account: &Account) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        commands.expire(keys::account(account.id), GUEST_LIVES_SECS.cast_signed());
        commands.expire(keys::account_name(&account.name), GUEST_LIVES_SECS.cast_signed());
        self.data().pipe::<()>(&commands).await
    }

    /// Blocks or unblocks an account for another.
    pub async fn block(&self, by: AccountId, other: AccountId, blocked: bool) -> Result<(), StoreError> {
        let verb = if blocked { "SADD" } else { "SREM" };
        let command = redis::cmd(verb).arg(keys::blocked(by)).arg(other.to_string()).to_owned();
        self.data().query(&command).await
    }

    /// Whether `by` has blocked `other`.
    pub async fn is_blocked(&self, by: AccountId, other: AccountId) -> Result<bool, StoreError> {
        let command = redis::cmd("SISMEMBER").arg(keys::blocked(by)).arg(other.to_string()).to_owned();
        self.data().query(&command).await
    }

    /// The names of those an account has blocked; deleted ones are left out.
    pub async fn blocked(&self, by: AccountId) -> Result<Vec<AccountName>, StoreError> {
        let command = redis::cmd("SMEMBERS").arg(keys::blocked(by)).to_owned();
        let ids: Vec<String> = self.data().query(&command).await?;
        let mut names = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(account) = self.account(id.parse()?).await? {
                names.push(account.name);
            }
        }
        names.sort_by_key(AccountName::folded);
        Ok(names)
    }
}
