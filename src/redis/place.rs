//! Where a Redis group is, parsed once from its URL: one fixed address, or sentinels that know the primary.

use super::endpoint::{Access, At};
use super::error::StoreError;
use super::sentinel::Sentinels;
use super::url::{Address, BadUrl, HostPort, RedisAt, RedisUrl};

/// The user that every Redis has. A sentinel without a password takes any for it, so that passwords can be given to the
/// nodes first and to the sentinels afterwards.
const DEFAULT_USER: &str = "default";

/// Where a group is.
#[derive(Debug, Clone)]
pub enum Place {
    Fixed {
        at: Box<At>,
        /// What opens it and each of its replicas.
        access: Access,
    },
    /// Whatever Redis the sentinels call the primary.
    Watched(Sentinels),
}

impl Place {
    /// The place of a group (by the first of its roles) that its URL names.
    pub fn named(name: &str, url: &RedisUrl) -> Result<Self, StoreError> {
        Self::of(url).map_err(|why| StoreError::BadUrl { setting: setting_of(name), why })
    }

    /// The place that a URL names.
    pub fn of(url: &RedisUrl) -> Result<Self, BadUrl> {
        let RedisAt { place, redis, sentinel, authorities } = url.at()?;
        let access = Access::new(redis, None, authorities.as_ref());
        let at = match place {
            Address::Tcp(host) => access.at(host.clone()),
            Address::Unix(path) => access.at_socket(path.clone()),
            Address::Sentinels { hosts, name } => {
                let sentinel = Access::new(sentinel, Some(DEFAULT_USER), authorities.as_ref());
                let hosts = hosts.iter().map(|host| sentinel.at(host.clone())).collect();
                return Ok(Place::Watched(Sentinels::new(hosts, name, access)));
            }
        };
        Ok(Place::Fixed { at: Box::new(at), access })
    }

    /// The Redis of the group at an address, opened with what opens the primary.
    pub fn redis_at(&self, address: &str) -> Option<At> {
        let access = match self {
            Place::Fixed { at, .. } if at.to_string() == address => return Some(At::clone(at)),
            Place::Fixed { access, .. } => access,
            Place::Watched(sentinels) => sentinels.redis(),
        };
        Some(access.at(HostPort::parse(address, None)?))
    }
}

/// The setting that holds the URL of a group.
fn setting_of(name: &str) -> String {
    match name.split_once('-') {
        Some((_, number)) => {
            let number = number.parse::<usize>().map_or(1, |number| number + 1);
            format!("URL {number} of BACKUP_REDIS_URLS")
        }
        None if name == "archive" => "ARCHIVE_REDIS_URL".to_owned(),
        None => "REDIS_URL".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Place, RedisUrl};

    #[test]
    fn every_redis_of_a_group_is_opened_with_what_opens_its_primary() {
        let opened = |url: &str, address: &str| {
            let place = Place::of(&RedisUrl::from(url)).expect("a good URL");
            let at = place.redis_at(address).expect("an address");
            (at.to_string(), at.info().redis_settings().password().map(str::to_owned), at.is_tls())
        };
        let password = Some("x&y".to_owned());
        let group = "redis+sentinel://a:1,b:2/nine?password=x%26y&sentinel_password=z";
        assert_eq!(opened(group, "c:3"), ("c:3".to_owned(), password.clone(), false));
        let secure = "rediss+sentinel://a:1,b:2/nine?password=x%26y";
        assert_eq!(opened(secure, "c:3"), ("c:3".to_owned(), password.clone(), true));
        let mixed = "redis+sentinel://a:1,b:2/nine?password=x%26y&sentinel_tls=yes";
        assert_eq!(opened(mixed, "c:3"), ("c:3".to_owned(), password.clone(), false));
        assert_eq!(opened("redis://:x%26y@a:1", "a:1"), ("a:1".to_owned(), password.clone(), false));
        assert_eq!(opened("rediss://:x%26y@a:1", "[::1]:3"), ("[::1]:3".to_owned(), password, true));
    }
}
