//! Who is online, as seen by the nodes that have the sessions: leaves, and looks at what is held, slice by slice.

use super::lobby::{Online, online_texts};
use super::{Store, keys};
use crate::ids::{AccountId, NodeId, SessionId, TableId};
use crate::redis::error::StoreError;
use crate::redis::script::{script, texts};

/// Players taken out by one script, at most: a script keeps everybody else from Redis.
pub const LEAVING_MAX: usize = 200;
/// Players or tables looked at in one exchange, about, by whoever looks at all of them.
pub const LOOKED_AT: usize = 1_000;

script!(LEAVE, "prelude", "players_leave");

/// Why a player leaves; a table with nobody connected is saved after `abandoned_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    Gone {
        /// Milliseconds until its table is saved, should the other be away too.
        abandoned_ms: u64,
    },
    /// Its node died: what was half done at its table is looked after at once.
    Dead {
        node: NodeId,
        /// Milliseconds after which a table with nobody connected is saved.
        abandoned_ms: u64,
    },
}

/// A player online, as the store holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnlineAt {
    pub account: AccountId,
    pub node: NodeId,
    pub session: SessionId,
    login: Option<String>,
}

/// Where a look at a collection goes on; it begins anew after the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor(u64);

impl Cursor {
    /// Whether the next slice is the first one.
    pub fn is_at_start(self) -> bool {
        self.0 == 0
    }
}

impl Store {
    /// Takes a session's player out of the lobby, unless another session is the live one; false in that case, or if the
    /// node that was held to be dead lives.
    pub async fn leave(
        &self,
        account: AccountId,
        session: SessionId,
        left: Left,
    ) -> Result<bool, StoreError> {
        Ok(self.leave_all(&[(account, session)], left).await? == Some(1))
    }

    /// The same for up to [`LEAVING_MAX`] players: how many left, or none if the node lives.
    pub async fn leave_all(
        &self,
        players: &[(AccountId, SessionId)],
        left: Left,
    ) -> Result<Option<u64>, StoreError> {
        let mut keys =
            vec![keys::ONLINE.to_owned(), keys::LOBBY_VERSION.to_owned(), keys::DEADLINES.to_owned()];
        let (abandoned_ms, dead) = match left {
            Left::Gone { abandoned_ms } => (abandoned_ms, 0),
            Left::Dead { node, abandoned_ms } => {
                keys.push(keys::node(node));
                (abandoned_ms, 1)
            }
        };
        let mut args = texts![abandoned_ms, dead].to_vec();
        for (account, session) in players {
            args.extend(texts![account, session]);
        }
        let left: i64 = self.data().invoke(&LEAVE, &keys, &args).await?;
        Ok(u64::try_from(left).ok())
    }

    /// A slice of about so many of everyone online, and where the next one begins. Who is there during a whole round is in it; an entry
    /// that cannot be read is left out.
    pub async fn online_slice(
        &self,
        from: Cursor,
        about: usize,
    ) -> Result<(Vec<OnlineAt>, Cursor), StoreError> {
        let (next, entries): (u64, Vec<(String, String)>) = self
            .data()
            .query(redis::cmd("HSCAN").arg(keys::ONLINE).arg(from.0).arg("COUNT").arg(about))
            .await?;
        let entered = entries.iter().filter_map(|(account, text)| {
            let Online { node, session, login, .. } = serde_json::from_str(text).ok()?;
            Some(OnlineAt { account: account.parse().ok()?, node, session, login })
        });
        Ok((entered.collect(), Cursor(next)))
    }

    /// A slice of the live tables with the number of watchers that a node has told of, and where the next one begins.
    pub async fn watched_slice(
        &self,
        node: NodeId,
        from: Cursor,
    ) -> Result<(Vec<(TableId, u32)>, Cursor), StoreError> {
        let (next, ids): (u64, Vec<String>) = self
            .data()
            .query(redis::cmd("SSCAN").arg(keys::TABLES).arg(from.0).arg("COUNT").arg(LOOKED_AT))
            .await?;
        let tables: Vec<TableId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
        let mut commands = redis::pipe();
        commands.ignore_errors();
        for table in &tables {
            commands.hget(keys::watchers(*table), node.to_string());
        }
        let counts: Vec<redis::RedisResult<Option<u32>>> = self.data().pipe(&commands).await?;
        let watched = tables.into_iter().zip(counts).filter_map(|(table, count)| Some((table, count.ok()??)));
        Ok((watched.collect(), Cursor(next)))
    }

    /// The live sessions of accounts, in their order; an entry that cannot be read counts as none.
    pub async fn entered(&self, accounts: &[AccountId]) -> Result<Vec<Option<OnlineAt>>, StoreError> {
        let texts = online_texts(self.data(), accounts).await?;
        let entered = accounts.iter().zip(texts).map(|(account, text)| {
            let Online { node, session, login, .. } = serde_json::from_str(&text?).ok()?;
            Some(OnlineAt { account: *account, node, session, login })
        });
        Ok(entered.collect())
    }

    pub async fn logged_out<'a>(
        &self,
        online: impl Iterator<Item = &'a OnlineAt>,
    ) -> Result<Vec<(AccountId, SessionId)>, StoreError> {
        let (mut commands, mut asked) = (redis::pipe(), Vec::new());
        for OnlineAt { account, session, login, .. } in online {
            let Some(login) = login else { continue };
            commands.exists(keys::login(login));
            asked.push((*account, *session));
        }
        if asked.is_empty() {
            return Ok(asked);
        }
        let exist: Vec<bool> = self.data().pipe(&commands).await?;
        Ok(asked
            .into_iter()
            .zip(exist)
            .filter_map(|(session, exists)| (!exists).then_some(session))
            .collect())
    }
}
