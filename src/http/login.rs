//! Accounts over HTTP: sign up, log in and out, guests, passwords. Every answer is JSON.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;
use warp::reply::Response;

use super::answer::{self, Failure};
use super::attempts::Trier;
use super::cookies::NewCookie;
use super::{Http, Peer};
use crate::cluster::App;
use crate::ids::{AccountId, AccountName};
use crate::limits::Limit;
use crate::lobby::event::PlayerEvent;
use crate::passwords::{PASSWORD_MAX, PASSWORD_MIN};
use crate::redis::error::StoreError;
use crate::store::accounts::{Account, Created, Deleted, Upgraded};
use crate::store::logins::{Cookie, LOGIN_LIVES, Login, LoginHash, PasswordChange, millis};

/// How long a browser may take to have the cookie that an answer brings.
const COOKIE_TAKEN_WITHIN: Duration = Duration::from_millis(500);

#[derive(Deserialize)]
pub struct Credentials {
    name: String,
    password: String,
}

/// What tells that a browser was here before.
pub struct Shown {
    pub cookie: Option<String>,
    /// The accounts it was logged in to.
    pub known: Vec<AccountId>,
}

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
        let (name, password) = checked(wanted)?;
        self.may_ask(peer, Some(Limit::SignUps)).await?;
        let hash = self.passwords.hash(password, peer.0).await?;
        match self.app.store.account_create(&name, &hash).await? {
            Created::Done(account) => match self.app.store.login_create(&account).await? {
                Some(cookie) => Ok(logged_in(&account, &cookie)),
                None => Err(logged_out()),
            },
            Created::Taken => Err(name_taken()),
            Created::Alike => Err(name_alike()),
        }
    }

    pub async fn log_in(self: Arc<Self>, peer: Peer, shown: Shown, given: Credentials) -> Answer {
        self.may_ask(peer, None).await?;
        let wrong =
            || Failure::new(StatusCode::FORBIDDEN, "wrong_login", "That name and password do not fit.");
        let Ok(name) = given.name.parse::<AccountName>() else { return Err(wrong()) };
        if given.password.len() > PASSWORD_MAX {
            return Err(wrong());
        }
        let account = self.app.store.account_named(&name).await?;
        self.may_try(peer, &name, self.trier(account.as_ref(), shown).await?).await?;
        let hash = account.as_ref().map(|account| account.password.clone()).unwrap_or_default();
        let fits = self.passwords.fits(given.password, hash, peer.0).await?;
        let account = account.filter(|_| fits).ok_or_else(wrong)?;
        // The password may have been changed since.
        let cookie = self.app.store.login_create(&account).await?.ok_or_else(wrong)?;
        Ok(logged_in(&account, &cookie))
    }

    /// Makes a guest and logs it in; a browser that is a guest already stays the one it is.
    pub async fn guest(self: Arc<Self>, peer: Peer, cookie: Option<String>) -> Answer {
        if let Some(value) = cookie
            && let Some(Login { account, lasts, .. }) =
                self.app.store.login_use(LoginHash::of(&value)).await?.filter(|login| login.account.guest)
        {
            self.may_ask(peer, None).await?;
            let reply = answer::json(&Me { name: &account.name, guest: true });
            return Ok(with_cookie(reply, &value, lasts));
        }
        self.may_ask(peer, Some(Limit::Guests)).await?;
        let account = self.app.store.guest_create().await?;
        let cookie = self.app.store.login_create(&account).await?.ok_or_else(logged_out)?;
        Ok(logged_in(&account, &cookie))
    }

    pub async fn log_out(self: Arc<Self>, peer: Peer, cookie: Option<String>) -> Answer {
        self.may_ask(peer, None).await?;
        if let Some(cookie) = cookie {
            self.app.store.login_end(&cookie).await?;
        }
        Ok(with_cookie(answer::json(&json!({})), "", Duration::ZERO))
    }

    /// Changes the password, and ends all other logins.
    pub async fn change_password(
        self: Arc<Self>,
        peer: Peer,
        cookie: Option<String>,
        change: Change,
    ) -> Answer {
        self.may_ask(peer, None).await?;
        let login = self.account_of(cookie).await?;
        let account = &login.account;
        check_new_password(&change.new)?;
        self.may_try(peer, &account.name, Trier::Known(account.id)).await?;
        if !self.fits(peer, account, change.old).await? {
            // Whoever does not know what became of a change asks again; that is another try.
            self.may_try(peer, &account.name, Trier::Known(account.id)).await?;
            if !self.fits(peer, account, change.new).await? {
                return Err(wrong_password());
            }
            self.app.store.settle().await?;
            return Ok(answer::json(&Me { name: &account.name, guest: account.guest }));
        }
        let hash = self.passwords.hash(change.new, peer.0).await?;
        match self.app.store.password_change(&login, &hash).await? {
            PasswordChange::Done => Ok(answer::json(&Me { name: &account.name, guest: account.guest })),
            PasswordChange::Changed => Err(wrong_password()),
            PasswordChange::LoggedOut => Err(logged_out()),
        }
    }

    pub async fn upgrade(self: Arc<Self>, peer: Peer, cookie: Option<String>, wanted: Credentials) -> Answer {
        let login = self.account_of(cookie).await?;
        let (name, password) = checked(wanted)?;
        self.may_ask(peer, Some(Limit::SignUps)).await?;
        let hash = self.passwords.hash(password, peer.0).await?;
        match self.app.store.account_upgrade(&login, &name, &hash).await? {
            Upgraded::Done(cookie) => {
                if let Err(error) = self.app.store.archive_keep(login.account.id).await {
                    tracing::warn!(%error, "the games of a guest who is an account now still go with the guest");
                }
                let account = Account { name, guest: false, ..login.account };
                // Its websocket starts again under the new name, once the browser has the new cookie.
                let login = LoginHash::of(cookie.as_str());
                tokio::spawn(start_again(Arc::clone(&self.app), account.id, login));
                Ok(logged_in(&account, &cookie))
            }
            Upgraded::Taken => Err(name_taken()),
            Upgraded::Alike => Err(name_alike()),
            Upgraded::NotGuest => {
                Err(Failure::new(StatusCode::CONFLICT, "not_guest", "This is an account already."))
            }
            Upgraded::LoggedOut => Err(logged_out()),
        }
    }

    pub async fn delete(self: Arc<Self>, peer: Peer, cookie: Option<String>, confirm: Confirm) -> Answer {
        self.may_ask(peer, None).await?;
        let login = self.account_of(cookie).await?;
        if !login.account.guest {
            self.may_try(peer, &login.account.name, Trier::Known(login.account.id)).await?;
            if !self.fits(peer, &login.account, confirm.password).await? {
                return Err(wrong_password());
            }
        }
        let mut deleted = self.app.store.account_delete(&login).await?;
        if deleted == Deleted::Playing && self.app.tables.is_free_soon(login.account.id).await? {
            deleted = self.app.store.account_delete(&login).await?;
        }
        match deleted {
            Deleted::Done => Ok(with_cookie(answer::json(&json!({})), "", Duration::ZERO)),
            Deleted::Playing => {
                let words = "You are playing: finish or save that game first.";
                Err(Failure::new(StatusCode::CONFLICT, "you_are_playing", words))
            }
            Deleted::Changed => Err(wrong_password()),
            Deleted::LoggedOut => Err(logged_out()),
        }
    }

    /// Who is logged in, and whether a session of that account is open: a page that only reads then opens none, since
    /// the newest session takes the others' place.
    pub async fn me(self: Arc<Self>, cookie: Option<String>) -> Answer {
        let (login, again) = self.entering(cookie).await?;
        let reply = match self.told_of(&login).await {
            Ok(me) => answer::json(&me),
            Err(error) => Failure::from(error).into_response(),
        };
        Ok(match again {
            Some(cookie) => with(reply, cookie),
            None => reply,
        })
    }

    /// What is told of a login's account; of a guest also when it ends.
    async fn told_of(&self, Login { account, lasts, .. }: &Login) -> Result<serde_json::Value, StoreError> {
        let store = &self.app.store;
        let online = store.is_online(account.id).await?;
        let mut me = json!({
            "account": account.id, "name": account.name, "guest": account.guest, "online": online,
        });
        if account.guest {
            me["expires_ms"] = json!(store.now_ms().await? + millis(*lasts));
        }
        Ok(me)
    }

    /// The login of a cookie, and the cookie where the answer has to give it again, whatever it says.
    pub async fn entering(&self, cookie: Option<String>) -> Result<(Login, Option<NewCookie>), Failure> {
        let value = cookie.ok_or_else(logged_out)?;
        let login = self.app.store.login_find(&value).await?.ok_or_else(logged_out)?;
        let again = login.renewed.then_some(NewCookie { value, lasts: login.lasts, known: None });
        Ok((login, again))
    }

    /// The login of a cookie, which the answer does not give again.
    async fn account_of(&self, cookie: Option<String>) -> Result<Login, Failure> {
        let hash = LoginHash::of(&cookie.ok_or_else(logged_out)?);
        self.app.store.login_use(hash).await?.ok_or_else(logged_out)
    }

    /// Who tries the password of an account: a browser that has or had one of its logins is no stranger.
    async fn trier(
        &self,
        account: Option<&Account>,
        Shown { cookie, known }: Shown,
    ) -> Result<Trier, Failure> {
        let Some(account) = account else { return Ok(Trier::Stranger) };
        if known.contains(&account.id) {
            return Ok(Trier::Known(account.id));
        }
        let Some(cookie) = cookie else { return Ok(Trier::Stranger) };
        let own = self.app.store.login_use(LoginHash::of(&cookie)).await?;
        let own = own.is_some_and(|own| own.account.id == account.id);
        Ok(if own { Trier::Known(account.id) } else { Trier::Stranger })
    }

    async fn fits(&self, peer: Peer, account: &Account, password: String) -> Result<bool, Failure> {
        let hash = account.password.clone();
        Ok(password.len() <= PASSWORD_MAX && self.passwords.fits(password, hash, peer.0).await?)
    }
}

fn logged_in(account: &Account, cookie: &Cookie) -> Response {
    let reply = answer::json(&Me { name: &account.name, guest: account.guest });
    let known = (!account.guest).then_some(account.id);
    with(reply, NewCookie { value: cookie.as_str().to_owned(), lasts: LOGIN_LIVES, known })
}

/// An answer that also sets the cookie, or ends it.
fn with_cookie(reply: Response, value: &str, lasts: Duration) -> Response {
    with(reply, NewCookie { value: value.to_owned(), lasts, known: None })
}

fn with(mut reply: Response, cookie: NewCookie) -> Response {
    reply.extensions_mut().insert(cookie);
    reply
}

fn checked(wanted: Credentials) -> Result<(AccountName, String), Failure> {
    let name: AccountName = wanted.name.parse().map_err(|fault: crate::ids::Malformed| {
        Failure::new(StatusCode::BAD_REQUEST, "bad_name", sentence(fault.0))
    })?;
    if let Some(fault) = name.fault_as_new() {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "bad_name", sentence(fault.0)));
    }
    check_new_password(&wanted.password)?;
    Ok((name, wanted.password))
}

fn check_new_password(password: &str) -> Result<(), Failure> {
    if (PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len()) {
        return Ok(());
    }
    let words = format!("A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters.");
    Err(Failure::new(StatusCode::BAD_REQUEST, "bad_password", words))
}

/// Has an account's websocket start again that was not opened by this login: it shows its cookie and gets its new name. The
/// browser is given the time to take its new cookie first.
async fn start_again(app: Arc<App>, account: AccountId, login: LoginHash) {
    sleep(COOKIE_TAKEN_WITHIN).await;
    let changed = PlayerEvent::Changed { login: Some(login.as_str().to_owned()) };
    if let Err(error) = app.store.tell(account, &changed).await {
        tracing::warn!(%error, "a session could not be told of its new name");
    }
}

fn logged_out() -> Failure {
    Failure::new(StatusCode::UNAUTHORIZED, "logged_out", "You are not logged in.")
}

fn wrong_password() -> Failure {
    Failure::new(StatusCode::FORBIDDEN, "wrong_password", "That is not your password.")
}

fn name_alike() -> Failure {
    let words = "Somebody has a name that looks like this one.";
    Failure::new(StatusCode::CONFLICT, "name_taken", words)
}

fn name_taken() -> Failure {
    Failure::new(StatusCode::CONFLICT, "name_taken", "Somebody has that name already.")
}

fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}
