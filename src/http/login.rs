//! Accounts over HTTP: sign up, log in and out, guests, passwords. Every answer is JSON.

use std::sync::Arc;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use warp::reply::Response;

use super::answer::{self, Failure};
use super::{Http, Peer};
use crate::ids::AccountName;
use crate::lobby::event::PlayerEvent;
use crate::passwords::{PASSWORD_MAX, PASSWORD_MIN};
use crate::store::accounts::{Account, Upgraded};
use crate::store::logins::LOGIN_LIVES_SECS;

/// The name of the cookie.
pub const COOKIE: &str = "nineflags";

/// A name and a password.
#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
}

/// An old and a new password.
#[derive(Deserialize)]
pub struct Change {
    old: String,
    new: String,
}

/// A password that confirms something.
#[derive(Deserialize)]
pub struct Confirm {
    #[serde(default)]
    password: String,
}

#[derive(Serialize)]
struct Me<'a> {
    name: &'a AccountName,
    guest: bool,
}

type Answer = Result<Response, Failure>;

impl Http {
    /// Makes an account and logs it in.
    pub async fn sign_up(self: Arc<Self>, peer: Peer, wanted: Credentials) -> Answer {
        self.check_address(peer)?;
        let (name, password) = self.checked(wanted)?;
        let hash = self.passwords.hash(password).await?;
        match self.app.store.account_create(&name, &hash).await? {
            Some(account) => self.logged_in(&account).await,
            None => Err(name_taken()),
        }
    }

    /// Logs an account in.
    pub async fn log_in(self: Arc<Self>, peer: Peer, given: Credentials) -> Answer {
        self.check_address(peer)?;
        let wrong =
            || Failure::new(StatusCode::FORBIDDEN, "wrong_login", "That name and password do not fit.");
        let Ok(name) = given.name.parse::<AccountName>() else { return Err(wrong()) };
        if given.password.len() > PASSWORD_MAX {
            return Err(wrong());
        }
        self.check_name(&name)?;
        let account = self.app.store.account_named(&name).await?;
        let hash = account.as_ref().map(|account| account.password.clone()).unwrap_or_default();
        let fits = self.passwords.fits(given.password, hash).await?;
        match account.filter(|_| fits) {
            Some(account) => self.logged_in(&account).await,
            None => Err(wrong()),
        }
    }

    /// Makes a guest and logs it in.
    pub async fn guest(self: Arc<Self>, peer: Peer) -> Answer {
        self.check_address(peer)?;
        let account = self.app.store.guest_create().await?;
        self.logged_in(&account).await
    }

    /// Ends the login.
    pub async fn log_out(self: Arc<Self>, cookie: Option<String>) -> Answer {
        if let Some(cookie) = cookie
            && let Some(account) = self.app.store.login_find(&cookie).await?
        {
            self.app.store.login_end(&cookie).await?;
            self.start_again(&account).await?;
        }
        Ok(self.with_cookie(answer::json(&json!({})), "", 0))
    }

    /// Changes the password, and ends all other logins.
    pub async fn change_password(
        self: Arc<Self>,
        peer: Peer,
        cookie: Option<String>,
        change: Change,
    ) -> Answer {
        self.check_address(peer)?;
        let (account, cookie) = self.account_of(cookie).await?;
        self.check_password(&account, change.old).await?;
        check_new_password(&change.new)?;
        let hash = self.passwords.hash(change.new).await?;
        self.app.store.password_change(account.id, &hash).await?;
        self.app.store.logins_end_others(account.id, &cookie).await?;
        self.start_again(&account).await?;
        Ok(answer::json(&Me { name: &account.name, guest: account.guest }))
    }

    /// A login may have ended under the live session: it has to show its cookie once more. Only one with a login that
    /// stands comes back.
    async fn start_again(&self, account: &Account) -> Result<(), Failure> {
        self.app.store.tell(account.id, &PlayerEvent::Changed).await?;
        Ok(())
    }

    /// Makes a guest an account.
    pub async fn upgrade(self: Arc<Self>, peer: Peer, cookie: Option<String>, wanted: Credentials) -> Answer {
        self.check_address(peer)?;
        let (account, _) = self.account_of(cookie).await?;
        let (name, password) = self.checked(wanted)?;
        let hash = self.passwords.hash(password).await?;
        match self.app.store.account_upgrade(&account, &name, &hash).await? {
            Upgraded::Done => Ok(answer::json(&Me { name: &name, guest: false })),
            Upgraded::Taken => Err(name_taken()),
            Upgraded::NotGuest => {
                Err(Failure::new(StatusCode::CONFLICT, "not_guest", "This is an account already."))
            }
        }
    }

    /// Deletes the account.
    pub async fn delete(self: Arc<Self>, peer: Peer, cookie: Option<String>, confirm: Confirm) -> Answer {
        self.check_address(peer)?;
        let (account, _) = self.account_of(cookie).await?;
        if !account.guest {
            self.check_password(&account, confirm.password).await?;
        }
        if self.app.store.account_delete(&account).await? {
            Ok(self.with_cookie(answer::json(&json!({})), "", 0))
        } else {
            let words = "You are playing: finish or save that game first.";
            Err(Failure::new(StatusCode::CONFLICT, "you_are_playing", words))
        }
    }

    /// Who is logged in, and whether a session of that account is open: a page that only reads then opens none, since
    /// the newest session takes the others' place.
    pub async fn me(self: Arc<Self>, cookie: Option<String>) -> Answer {
        let (account, _) = self.account_of(cookie).await?;
        let online = self.app.store.is_online(account.id).await?;
        Ok(answer::json(&json!({ "name": account.name, "guest": account.guest, "online": online })))
    }

    /// The account of a cookie, with the cookie.
    pub async fn account_of(&self, cookie: Option<String>) -> Result<(Account, String), Failure> {
        let logged_out = || Failure::new(StatusCode::UNAUTHORIZED, "logged_out", "You are not logged in.");
        let cookie = cookie.ok_or_else(logged_out)?;
        let account = self.app.store.login_find(&cookie).await?.ok_or_else(logged_out)?;
        Ok((account, cookie))
    }

    async fn logged_in(&self, account: &Account) -> Answer {
        let cookie = self.app.store.login_create(account.id).await?;
        let reply = answer::json(&Me { name: &account.name, guest: account.guest });
        Ok(self.with_cookie(reply, &cookie, LOGIN_LIVES_SECS))
    }

    fn with_cookie(&self, mut reply: Response, value: &str, lives_secs: u64) -> Response {
        let secure = if self.is_https() { "; Secure" } else { "" };
        let text =
            format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lives_secs}{secure}");
        if let Ok(text) = text.parse() {
            reply.headers_mut().insert(http::header::SET_COOKIE, text);
        }
        reply
    }

    async fn check_password(&self, account: &Account, password: String) -> Result<(), Failure> {
        self.check_name(&account.name)?;
        if password.len() <= PASSWORD_MAX && self.passwords.fits(password, account.password.clone()).await? {
            return Ok(());
        }
        Err(Failure::new(StatusCode::FORBIDDEN, "wrong_password", "That is not your password."))
    }

    fn checked(&self, wanted: Credentials) -> Result<(AccountName, String), Failure> {
        let name: AccountName = wanted.name.parse().map_err(|fault: crate::ids::Malformed| {
            Failure::new(StatusCode::BAD_REQUEST, "bad_name", sentence(fault.0))
        })?;
        if name.folded().starts_with("guest-") {
            let words = "Names that begin with Guest- are for guests.";
            return Err(Failure::new(StatusCode::BAD_REQUEST, "bad_name", words));
        }
        check_new_password(&wanted.password)?;
        self.check_name(&name)?;
        Ok((name, wanted.password))
    }

    fn check_address(&self, peer: Peer) -> Result<(), Failure> {
        if self.attempts.address(peer.0) { Ok(()) } else { Err(too_many()) }
    }

    fn check_name(&self, name: &AccountName) -> Result<(), Failure> {
        if self.attempts.name(&name.folded()) { Ok(()) } else { Err(too_many()) }
    }
}

fn check_new_password(password: &str) -> Result<(), Failure> {
    if (PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len()) {
        return Ok(());
    }
    let words = format!("A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.");
    Err(Failure::new(StatusCode::BAD_REQUEST, "bad_password", words))
}

fn name_taken() -> Failure {
    Failure::new(StatusCode::CONFLICT, "name_taken", "Somebody has that name already.")
}

fn too_many() -> Failure {
    let words = "Too many attempts: wait a minute.";
    Failure::new(StatusCode::TOO_MANY_REQUESTS, "too_many", words)
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}
