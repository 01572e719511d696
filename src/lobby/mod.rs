//! The lobby: who is online and what is played, folded from changes; pages and search. No I/O.

pub mod event;

use std::collections::{BTreeMap, HashMap};

use crate::ids::{AccountId, AccountName, TableId};
use crate::protocol::{LOBBY_PAGE, LobbyList, LobbyPage, LobbyQuery, LobbyRows, PlayerRow, TableRow};
use crate::rules::seat::BySeat;

use self::event::{LobbyChange, TableNews, Versioned};

/// Everyone online and every live table.
#[derive(Debug, Clone, Default)]
pub struct Lobby {
    version: u64,
    /// Players by folded name: the order of the list.
    players: BTreeMap<String, Player>,
    names: HashMap<AccountId, String>,
    /// Tables by id, which is by time.
    tables: BTreeMap<TableId, Table>,
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
                if let Some(table) = self.tables.get_mut(table) {
                    table.row.watchers = *count;
                }
            }
        }
        Applied::Changed
    }

    /// The account of an online player, by name regardless of case.
    pub fn player(&self, name: &AccountName) -> Option<AccountId> {
        self.players.get(&name.folded()).map(|player| player.account)
    }

    /// Every live table.
    pub fn tables(&self) -> impl Iterator<Item = TableId> + use<'_> {
        self.tables.keys().copied()
    }

    /// How many are online, and how many tables there are.
    pub fn size(&self) -> (usize, usize) {
        (self.players.len(), self.tables.len())
    }

    /// The page that was asked for, or the last there is.
    pub fn page(&self, query: &LobbyQuery) -> LobbyPage {
        let search = query.search.to_ascii_lowercase();
        let (matching, page, rows) = match query.list {
            LobbyList::Players => {
                let rows = self.players.iter().filter(|(folded, player)| {
                    folded.contains(&search) && !(query.free_only && self.seats.contains_key(&player.account))
                });
                let (matching, page, rows) = cut(rows, query.page);
                (
                    matching,
                    page,
                    LobbyRows::Players(rows.into_iter().map(|(_, player)| self.row(player)).collect()),
                )
            }
            LobbyList::Tables => {
                let rows = self
                    .tables
                    .values()
                    .rev()
                    .filter(|table| table.row.names.iter().any(|name| name.folded().contains(&search)));
                let (matching, page, rows) = cut(rows, query.page);
                (matching, page, LobbyRows::Tables(rows.into_iter().map(|table| table.row.clone()).collect()))
            }
        };
        LobbyPage {
            query: LobbyQuery { page, ..query.clone() },
            players: count(self.players.len()),
            tables: count(self.tables.len()),
            matching: count(matching),
            rows,
        }
    }

    fn row(&self, player: &Player) -> PlayerRow {
        let table = self.seats.get(&player.account).and_then(|table| self.tables.get(table));
        PlayerRow {
            name: player.name.clone(),
            guest: player.guest,
            table: table.map(|table| table.row.clone()),
        }
    }

    fn player_in(&mut self, player: Player) {
        self.player_out(player.account);
        self.names.insert(player.account, player.name.folded());
        self.players.insert(player.name.folded(), player);
    }

    fn player_out(&mut self, account: AccountId) {
        if let Some(folded) = self.names.remove(&account) {
            self.players.remove(&folded);
        }
    }

    fn table_in(&mut self, table: Table) {
        for account in table.accounts.iter() {
            self.seats.insert(*account, table.row.table);
        }
        self.tables.insert(table.row.table, table);
    }

    fn table_news(&mut self, news: &TableNews) {
        // Two nodes may tell of one table; what is older than the row is late.
        if let Some(table) = self.tables.get_mut(&news.table).filter(|table| table.row.number <= news.number)
        {
            table.row.number = news.number;
            table.row.flags.clone_from(&news.flags);
        }
    }

    fn table_out(&mut self, id: TableId) {
        let Some(table) = self.tables.remove(&id) else { return };
        for account in table.accounts.iter() {
            if self.seats.get(account) == Some(&id) {
                self.seats.remove(account);
            }
        }
    }
}

/// How many rows there are, which page is shown, and its rows.
fn cut<T>(rows: impl Iterator<Item = T> + Clone, page: u32) -> (usize, u32, Vec<T>) {
    let matching = rows.clone().count();
    let last = matching.saturating_sub(1) / LOBBY_PAGE;
    let page = usize::try_from(page).unwrap_or(last).min(last);
    (matching, count(page), rows.skip(page * LOBBY_PAGE).take(LOBBY_PAGE).collect())
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
