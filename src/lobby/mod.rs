//! The lobby: who is online and what is played, folded from changes; pages and search. No I/O.

pub mod dead;
pub mod event;
pub mod following;
pub mod lists;
pub mod presence;
pub mod sorted;

use std::collections::HashMap;
use std::sync::Arc;

use crate::ids::{AccountId, AccountName, TableId};
use crate::protocol::{LobbyPage, LobbyQuery, TableRow};
use crate::rules::seat::BySeat;

use self::event::{LobbyChange, TableNews, Versioned};
use self::lists::Lists;

/// Everyone online and every live table.
#[derive(Debug, Clone, Default)]
pub struct Lobby {
    version: u64,
    /// What pages are made of.
    lists: Lists,
    /// The folded name of each player online.
    names: HashMap<AccountId, Arc<str>>,
    seats: HashMap<AccountId, TableId>,
}

/// A player in the lobby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// Its account.
    pub account: AccountId,
    /// Its name.
    pub name: AccountName,
    /// Whether it is a guest.
    pub guest: bool,
}

/// A live table in the lobby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Who sits there.
    pub accounts: BySeat<AccountId>,
    /// What the lobby shows of it.
    pub row: TableRow,
}

/// The whole lobby as read from the store.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The version it is at least as new as.
    pub version: u64,
    /// Everyone online.
    pub players: Vec<Player>,
    /// Every live table.
    pub tables: Vec<Table>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was the next one.
    Changed,
    /// It is in already.
    Old,
    /// One before it is missing: read the lobby again.
    Gap,
}

impl Lobby {
    /// The lobby that was read.
    pub fn from_snapshot(snapshot: Snapshot) -> Self {
        let mut lobby = Self { version: snapshot.version, ..Self::default() };
        for player in snapshot.players {
            lobby.player_in(player);
        }
        for table in snapshot.tables {
            lobby.table_in(table);
        }
        lobby
    }

    /// Takes the next change in.
    pub fn apply(&mut self, change: &Versioned) -> Applied {
        if change.version <= self.version {
            return Applied::Old;
        }
        if change.version != self.version + 1 {
            return Applied::Gap;
        }
        self.version = change.version;
        match &change.change {
            LobbyChange::PlayerIn { account, name, guest } => {
                self.player_in(Player { account: *account, name: name.clone(), guest: *guest });
            }
            LobbyChange::PlayerOut { account } => self.player_out(*account),
            LobbyChange::TableIn { table, accounts, names } => {
                let flags = "-".repeat(usize::from(crate::rules::flag::FLAGS));
                let row = TableRow { table: *table, names: names.clone(), number: 1, flags, watchers: 0 };
                self.table_in(Table { accounts: *accounts, row });
            }
            LobbyChange::TableOut { table } => self.table_out(*table),
            LobbyChange::TablesNews { rows } => rows.iter().for_each(|news| self.table_news(news)),
            LobbyChange::Watchers { table, count } => {
                if let Some(row) = self.lists.row_mut(*table) {
                    row.watchers = *count;
                }
            }
        }
        Applied::Changed
    }

    /// How many changes are in.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The account of an online player, by name regardless of case.
    pub fn player(&self, name: &AccountName) -> Option<AccountId> {
        self.lists.player(&name.folded())
    }

    /// The table at which a player sits.
    pub fn seat_of(&self, account: AccountId) -> Option<TableId> {
        self.seats.get(&account).copied()
    }

    /// Every live table.
    pub fn tables(&self) -> impl Iterator<Item = TableId> + use<'_> {
        self.lists.tables()
    }

    /// How many are online, and how many tables there are.
    pub fn size(&self) -> (usize, usize) {
        self.lists.size()
    }

    /// What pages are made of; a copy of it costs little and stays as it is.
    pub fn lists(&self) -> &Lists {
        &self.lists
    }

    /// The page that was asked for, or the last there is.
    pub fn page(&self, query: &LobbyQuery) -> LobbyPage {
        self.lists.page(query)
    }

    fn player_in(&mut self, player: Player) {
        self.player_out(player.account);
        let folded: Arc<str> = player.name.folded().into();
        self.names.insert(player.account, Arc::clone(&folded));
        let seat = self.seats.get(&player.account).copied();
        self.lists.player_in(folded, player, seat);
    }

    fn player_out(&mut self, account: AccountId) {
        if let Some(folded) = self.names.remove(&account) {
            self.lists.player_out(&folded, account);
        }
    }

    fn table_in(&mut self, table: Table) {
        let id = table.row.table;
        for account in table.accounts.iter() {
            self.seats.insert(*account, id);
            if let Some(folded) = self.names.get(account) {
                self.lists.seat(folded, Some(id));
            }
        }
        self.lists.table_in(table);
    }

    fn table_news(&mut self, news: &TableNews) {
        // Two nodes may tell of one table; what is older than the row is late.
        if let Some(row) = self.lists.row_mut(news.table).filter(|row| row.number <= news.number) {
            row.number = news.number;
            row.flags.clone_from(&news.flags);
        }
    }

    fn table_out(&mut self, id: TableId) {
        let Some(table) = self.lists.table_out(id) else { return };
        for account in table.accounts.iter() {
            if self.seats.get(account) == Some(&id) {
                self.seats.remove(account);
                if let Some(folded) = self.names.get(account) {
                    self.lists.seat(folded, None);
                }
            }
        }
    }
}
