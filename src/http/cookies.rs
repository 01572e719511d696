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
const KNOWN_FOR: Duration = Duration::from_hours(365 * 24);

/// A cookie that an answer sets, or ends with an empty value.
#[derive(Debug, Clone)]
pub struct NewCookie {
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

/// The values of a request that may be logins. There are as many as a head has room for: another host may have set many, and
/// none of them may push the right one out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Under the name of this site.
    own: Vec<String>,
    /// Under its names elsewhere or of old.
    others: Vec<String>,
    /// Over TLS no other host can set the own name, but any host beside this one can set the name of old: it counts for logins
    /// of old only.
    doubtful: bool,
}

impl Shown {
    /// Reads all Cookie headers, whatever bytes stand beside ours. Nodes of 0.3.0 or before, if any are live, set their cookie
    /// under the name of old.
    pub fn read(headers: &HeaderMap, site: &Site, has_old_nodes: bool) -> Self {
        let own = name_of(site, headers.get(HOST).and_then(|host| host.to_str().ok()));
        let is_port = |name: &str| {
            let port = name.strip_prefix(NAME).and_then(|rest| rest.strip_prefix('-'));
            !site.is_https() && port.is_some_and(|port| port.parse::<u16>().is_ok())
        };
        let mut shown = Self { doubtful: site.is_https() && !has_old_nodes, ..Self::default() };
        for (name, value) in pairs(headers) {
            let values = if name == own {
                &mut shown.own
            } else if name == NAME || is_port(name) {
                &mut shown.others
            } else {
                continue;
            };
            if is_value(value) && !values.iter().any(|known| known == value) {
                values.push(value.to_owned());
            }
        }
        if shown.doubtful && !shown.own.is_empty() {
            shown.others.clear();
        }
        shown
    }

    /// The one value that counts, where that is plain without looking it up.
    pub fn plain(&self) -> Option<&str> {
        match (self.own.as_slice(), self.others.as_slice()) {
            ([one], []) => Some(one),
            ([], [one]) if !self.doubtful => Some(one),
            // While an older version is live the cookie is set under its name, too.
            ([own], [other]) if own == other => Some(own),
            _ => None,
        }
    }

    /// The one value of several that counts.
    async fn valid(&self, store: &Store) -> Option<&str> {
        for (values, only_old) in [(&self.own, false), (&self.others, self.doubtful)] {
            match store.login_pick(values, only_old).await {
                Ok(None) => {}
                Ok(Some(value)) => return Some(value),
                // It is for whoever asks next to say that the store is away.
                Err(_) => return values.first().map(String::as_str),
            }
        }
        None
    }
}

impl Http {
    /// The login a request shows: its cookie's value.
    pub async fn shown_cookie(&self, headers: &HeaderMap) -> Option<String> {
        let shown = Shown::read(headers, &self.site, self.app.tables.knows_old_nodes());
        let value = match shown.plain() {
            Some(value) => Some(value),
            None => shown.valid(&self.app.store).await,
        };
        value.map(str::to_owned)
    }

    /// The accounts that a browser was logged in to before, also where those logins have ended.
    pub fn known_accounts(&self, headers: &HeaderMap) -> Vec<AccountId> {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let own = format!("{}-{KNOWN}", name_of(&self.site, host));
        let values = pairs(headers).filter(|(name, _)| *name == own).map(|(_, value)| value);
        values.filter_map(|value| self.app.tables.seals().known_account(value)).collect()
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
