//! Which Redis groups a cluster has: what each is for, and where it is.

use super::authorities::Authorities;
use super::url::RedisUrl;

/// Where the Redis groups of a cluster are: one URL each, and several roles may have the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrls {
    /// Accounts, logins, lobby, invites, saved games.
    pub data: RedisUrl,
    /// The shards of live games, at least one, in their order.
    pub backups: Vec<RedisUrl>,
    /// Finished games.
    pub archive: RedisUrl,
    /// A Redis on the node's own side with a copy of them.
    pub archive_near: Option<RedisUrl>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupAt {
    /// What it is called: the first of its roles.
    pub name: String,
    /// Its roles: `data`, `backup-0`, `backup-1` … and `archive`.
    pub roles: Vec<String>,
    pub url: RedisUrl,
}

impl RedisUrls {
    /// All roles in the data group, but for those that have other URLs. Blank ones count as left out.
    pub fn new(data: impl Into<RedisUrl>, backups: &[RedisUrl], archive: Option<&RedisUrl>) -> Self {
        let data = data.into();
        let backups: Vec<RedisUrl> = backups.iter().filter(|url| !url.is_blank()).cloned().collect();
        let archive = archive.filter(|url| !url.is_blank()).unwrap_or(&data).clone();
        let backups = if backups.is_empty() { vec![data.clone()] } else { backups };
        Self { data, backups, archive, archive_near: None }
    }

    /// The same with a Redis near the node that has a copy of the archive. A blank one counts as left out.
    #[must_use]
    pub fn with_near(mut self, archive_near: Option<&RedisUrl>) -> Self {
        self.archive_near = archive_near.filter(|url| !url.is_blank()).cloned();
        self
    }

    /// The same, each taking certificates of these authorities and no others.
    #[must_use]
    pub fn trusting(self, authorities: Option<&Authorities>) -> Self {
        let trusting = |url: RedisUrl| url.trusting(authorities);
        Self {
            data: trusting(self.data),
            backups: self.backups.into_iter().map(trusting).collect(),
            archive: trusting(self.archive),
            archive_near: self.archive_near.map(trusting),
        }
    }

    /// The groups: data, the shards of the backup, the archive; roles with the same URL, however it is written, are one
    /// group.
    pub fn groups(&self) -> Vec<GroupAt> {
        let shards =
            (0..).zip(&self.backups).map(|(shard, url): (usize, _)| (format!("backup-{shard}"), url));
        let roles = [("data".to_owned(), &self.data)].into_iter().chain(shards);
        let roles = roles.chain([("archive".to_owned(), &self.archive)]);
        let mut groups: Vec<GroupAt> = Vec::new();
        for (role, url) in roles {
            match groups.iter_mut().find(|group| group.url == *url) {
                Some(group) => group.roles.push(role),
                None => groups.push(GroupAt { name: role.clone(), roles: vec![role], url: url.clone() }),
            }
        }
        groups
    }
}

impl<T: Into<RedisUrl>> From<T> for RedisUrls {
    fn from(data: T) -> Self {
        Self::new(data, &[], None)
    }
}
