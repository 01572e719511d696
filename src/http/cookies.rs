//! The cookie of a login: what it is called, how it is found among others, and how it is set.

use std::time::Duration;

use http::header::{COOKIE, HOST, HeaderMap, HeaderValue, SET_COOKIE};

use super::Http;
use crate::ids::AccountId;
use crate::origin::Site;
use crate::store::Store;

/// What the cookie was called until 0.3.0, and what its other names begin with.
const NAME: &str = "nineflags";
/// Characters of a login's cookie, at least and at most.
const VALUE_CHARS: std::ops::RangeInclusive<usize> = 32..=64;
/// What follows the name in that of the cookie by which a browser is known after its login has ended.
const KNOWN: &str = "known";
/// How long a browser is known.
const KNOWN_FOR: Duration = Duration::from_hours(365 * 24);
/// Values of one name that are looked at; more of them are nobody's but a prankster's.
const VALUES_MAX: usize = 16;

/// A cookie that an answer sets, or ends with an empty value.
#[derive(Debug, Clone)]
pub struct NewCookie {
    /// Its value.
    pub value: String,
    /// How long the browser keeps it.
    pub lasts: Duration,
    /// The account with a password that the browser was logged in to, which makes it no stranger from now on.
    pub known: Option<AccountId>,
}

/// What the cookie is called. Over TLS no other host can set one of this name; elsewhere the name carries the port, since
/// cookies know none and two sites on one machine would overwrite each other's.
pub fn name_of(site: &Site, host: Option<&str>) -> String {
    if site.is_https() { format!("__Host-{NAME}") } else { format!("{NAME}-{}", site.port(host)) }
}

/// The values of a request that may be logins: under the name of this site, and under its names elsewhere or of old.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    own: Vec<String>,
    others: Vec<String>,
}

impl Shown {
    /// Reads all Cookie headers, whatever bytes stand beside ours.
    pub fn read(headers: &HeaderMap, site: &Site) -> Self {
        let own = name_of(site, headers.get(HOST).and_then(|host| host.to_str().ok()));
        let is_port = |name: &str| {
            let port = name.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('-'));
            !site.is_https() && port.is_some_and(|port| port.parse::<u16>().is_ok())
        };
        let mut shown = Self::default();
        for (name, value) in pairs(headers) {
            let values = if name == own {
                &mut shown.own
            } else if name == NAME || is_port(name) {
                &mut shown.others
            } else {
                continue;
            };
            if is_value(value) && values.len() < VALUES_MAX && !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
        shown
    }

    /// The one value that counts, where that is plain without looking it up.
    pub fn plain(&self) -> Option<&str> {
        match (self.own.as_slice(), self.others.as_slice()) {
            ([one], []) | ([], [one]) => Some(one),
            // While an older version is live the cookie is set under its name, too.
            ([own], [other]) if own == other => Some(own),
            _ => None,
        }
    }

    /// The one value that is a login. Where several are, of different accounts, another host has set one of them, and none
    /// counts.
    async fn valid(&self, store: &Store) -> Option<String> {
        for values in [&self.own, &self.others] {
            let mut found: Option<(AccountId, &String)> = None;
            for value in values {
                match store.login_find(value).await {
                    Ok(Some(login)) if found.is_some_and(|(account, _)| account != login.account.id) => {
                        return None;
                    }
                    Ok(Some(login)) => found = Some((login.account.id, value)),
                    Ok(None) => {}
                    // It is for whoever asks next to say that the store is away.
                    Err(_) => return Some(value.clone()),
                }
            }
            if let Some((_, value)) = found {
                return Some(value.clone());
            }
        }
        None
    }
}

impl Http {
    /// The login a request shows: its cookie's value.
    pub async fn shown_cookie(&self, headers: &HeaderMap) -> Option<String> {
        let shown = Shown::read(headers, &self.site);
        match shown.plain() {
            Some(value) => Some(value.to_owned()),
            None => shown.valid(&self.app.store).await,
        }
    }

    /// The accounts that a browser was logged in to before, also where those logins have ended.
    pub fn known_accounts(&self, headers: &HeaderMap) -> Vec<AccountId> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = format!("{}-{KNOWN}", name_of(&self.site, host));
        let values = pairs(headers).filter(|(name, _)| *name == own).map(|(_, value)| value);
        values.take(VALUES_MAX).filter_map(|value| self.app.tables.seals().known_account(value)).collect()
    }

    /// Writes the cookie of an answer. As long as nodes of 0.3.0 or before are live it is also set under the name they read.
    pub fn write_cookie(
        &self,
        headers: &mut HeaderMap,
        host: Option<&str>,
        NewCookie { value, lasts, known }: &NewCookie,
    ) {
        let secure = if self.site.is_https() { "; Secure" } else { "" };
        let own = name_of(&self.site, host);
        let known = known.and_then(|account| self.app.tables.seals().known_browser(account));
        let known = known.map(|sealed| (format!("{own}-{KNOWN}"), sealed, KNOWN_FOR));
        // Programs take the first: the one that all live nodes read.
        let names = match (self.app.tables.knows_old_nodes(), value.is_empty()) {
            (true, _) => vec![NAME.to_owned(), own],
            (false, true) => vec![own, NAME.to_owned()],
            (false, false) => vec![own],
        };
        let logins = names.into_iter().map(|name| (name, value.clone(), *lasts));
        for (name, value, lasts) in logins.chain(known) {
            let lasts = lasts.as_secs();
            let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict; Max-Age={lasts}{secure}");
            if let Ok(text) = HeaderValue::from_str(&text) {
                headers.append(SET_COOKIE, text);
            }
        }
    }
}

/// All names and values of the Cookie headers that are text, whatever stands beside them.
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).into_iter();
    let parts = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    parts.filter_map(|part| {
        let (name, value) = std::str::from_utf8(part).ok()?.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// Whether a text has the form of a login's cookie.
fn is_value(text: &str) -> bool {
    VALUE_CHARS.contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
