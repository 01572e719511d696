//! What nodes are to one another: the bus, the heartbeat, this node's sessions, its mirror of the lobby, its live copies.

mod attempts;
pub mod balance;
pub mod bus;
pub mod census;
mod compare;
pub mod dispatch;
mod driver;
pub mod heartbeat;
pub mod lobby_line;
pub mod mirror;
mod opening;
pub mod presence;
pub mod pulse;
mod put_away;
pub mod reaper;
pub mod seals;
pub mod sessions;
pub mod shards;
pub mod tables;
pub mod underway;

use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::ServeConfig;
use crate::files::Files;
use crate::ids::{AccountId, NodeId};
use crate::limits::Limits;
use crate::lobby::Lobby;
use crate::metrics;
use crate::protocol::{GameRow, Games, VERSION};
use crate::redis::error::StoreError;
use crate::store::Store;
use crate::store::archive::GAMES_PAGE;
use crate::store::nodes::NodeState;
use crate::table::record::KINDS;

use self::mirror::Mirror;
use self::sessions::Sessions;
use self::tables::Tables;

/// Finished games listed with a player's own.
const FINISHED_SHOWN: usize = 5;

/// What every part of a node may use.
pub struct App {
    /// The settings.
    pub config: ServeConfig,
    /// Which node this is.
    pub node: NodeId,
    /// Where it serves.
    pub address: String,
    /// The store.
    pub store: Store,
    /// The lobby as seen from here.
    pub mirror: Mirror,
    /// The live copies here.
    pub tables: Tables,
    /// The websockets here.
    pub sessions: Sessions,
    /// What is charged, to whom.
    pub limits: Limits,
    /// The node is ending: no new websockets.
    pub draining: AtomicBool,
    /// It does what one node does for all.
    pub elected: AtomicBool,
    /// How many connections there is room for.
    pub files: Files,
}

impl App {
    /// What the node says of itself.
    pub fn state(&self) -> NodeState {
        NodeState {
            node: self.node,
            address: self.address.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: VERSION,
            records: KINDS,
            shards: self.store.shards().len(),
            sessions: u64::try_from(self.sessions.count()).unwrap_or(u64::MAX),
            tables: u64::try_from(self.tables.count()).unwrap_or(u64::MAX),
            draining: self.is_draining(),
        }
    }

    /// The page of metrics.
    pub fn metrics(&self) -> String {
        metrics::limited(self.limits.refusals());
        metrics::render(self.sizes())
    }

    /// What is counted when the page is read.
    pub fn sizes(&self) -> metrics::Sizes {
        metrics::Sizes {
            sessions: self.sessions.count(),
            hosts: self.tables.count(),
            lobby: self.mirror.with(Lobby::size),
            not_durable: self.tables.unsaved(),
        }
    }

    /// Whether the node is ending.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Whether this node does what one node does for all. For a moment there may be two such, or none.
    pub fn is_elected(&self) -> bool {
        self.elected.load(Ordering::Relaxed)
    }

    /// Saved and recent games of an account. While the archive is away it is said that the finished ones
    /// are not known.
    pub async fn games_of(&self, account: AccountId) -> Result<Games, StoreError> {
        let (saved, finished) =
            tokio::join!(self.store.saved_of(account), self.finished_of(account, FINISHED_SHOWN));
        let finished_unknown = finished.is_err();
        let finished = finished.unwrap_or_else(|error| {
            tracing::warn!(%error, "finished games could not be listed");
            Vec::new()
        });
        let mut games = Games { saved: saved?, finished, finished_unknown };
        self.tell_opponents(account, &mut games).await?;
        Ok(games)
    }

    /// Fills in which seat is the account's own and what the other player is called now.
    async fn tell_opponents(&self, account: AccountId, games: &mut Games) -> Result<(), StoreError> {
        let mut rows: Vec<&mut GameRow> = games.saved.iter_mut().chain(&mut games.finished).collect();
        let mut others = Vec::with_capacity(rows.len());
        for row in &mut rows {
            let own = row.accounts.as_ref().and_then(|accounts| accounts.find(|other| *other == account));
            row.you = own;
            others.push(row.accounts.zip(own).map(|(accounts, own)| accounts[own.other()]));
        }
        let known: Vec<AccountId> = others.iter().flatten().copied().collect();
        let mut names = self.store.names_of(&known).await?.into_iter();
        for (row, _) in rows.into_iter().zip(others).filter(|(_, other)| other.is_some()) {
            row.opponent = names.next().flatten();
        }
        Ok(())
    }

    /// Whether two are no strangers: they have a saved game, or one of the last twenty finished ones of the first. Where that
    /// cannot be read they count as strangers.
    pub async fn have_played(&self, one: AccountId, other: AccountId) -> bool {
        let (saved, finished) = tokio::join!(self.store.saved_of(one), self.finished_of(one, GAMES_PAGE));
        let mut rows = saved.into_iter().chain(finished).flatten();
        rows.any(|row| row.accounts.is_some_and(|both| both.find(|account| *account == other).is_some()))
    }

    async fn finished_of(&self, account: AccountId, most: usize) -> Result<Vec<GameRow>, StoreError> {
        let archive = self.store.archive();
        tokio::select! {
            games = self.store.archive_of(account, 0, most) => Ok(games?.0),
            () = archive.away() => Err(StoreError::Unavailable("it is away".to_owned()).at(archive.name())),
        }
    }
}
