//! The lists of the lobby, and the pages cut from them: a page without a search costs its rows, whoever is online.

use std::sync::Arc;

use super::sorted::Sorted;
use super::{Player, Table};
use crate::ids::{AccountId, TableId};
use crate::protocol::{LOBBY_PAGE, LobbyList, LobbyPage, LobbyQuery, LobbyRows, PlayerRow, TableRow};

/// Everyone online and every live table, in the order of the pages. A copy shares all rows with what it was made of, and the
/// lists share a player's names: every node knows everyone online.
#[derive(Debug, Clone, Default)]
pub struct Lists {
    /// Players by folded name.
    players: Sorted<Arc<str>, Listed>,
    /// Those of them who sit at no table.
    free: Sorted<Arc<str>, Arc<Player>>,
    /// Tables by id, which is by time.
    tables: Sorted<TableId, ListedTable>,
}

/// A player and its seat.
#[derive(Debug, Clone)]
struct Listed {
    player: Arc<Player>,
    seat: Option<TableId>,
}

/// A table, and the names that are searched.
#[derive(Debug, Clone)]
struct ListedTable {
    table: Table,
    folded: [String; 2],
}

impl Lists {
    /// How many are online, and how many tables there are.
    pub fn size(&self) -> (usize, usize) {
        (self.players.len(), self.tables.len())
    }

    /// Every live table.
    pub fn tables(&self) -> impl Iterator<Item = TableId> + use<'_> {
        self.tables.iter().map(|(table, _)| *table)
    }

    /// The account of an online player, by folded name.
    pub fn player(&self, folded: &str) -> Option<AccountId> {
        self.players.get(folded).map(|listed| listed.player.account)
    }

    pub(super) fn player_in(&mut self, folded: Arc<str>, player: Player, seat: Option<TableId>) {
        let player = Arc::new(player);
        if seat.is_none() {
            self.free.insert(Arc::clone(&folded), Arc::clone(&player));
        }
        self.players.insert(folded, Listed { player, seat });
    }

    pub(super) fn player_out(&mut self, folded: &Arc<str>, account: AccountId) {
        // The name may be another account's by now.
        if self.player(folded) == Some(account) {
            self.players.remove(folded);
            self.free.remove(folded);
        }
    }

    /// A player has a seat, or none any more.
    pub(super) fn seat(&mut self, folded: &Arc<str>, seat: Option<TableId>) {
        let Some(listed) = self.players.get_mut(folded) else { return };
        listed.seat = seat;
        if seat.is_some() {
            self.free.remove(folded);
        } else {
            self.free.insert(Arc::clone(folded), Arc::clone(&listed.player));
        }
    }

    pub(super) fn table_in(&mut self, table: Table) {
        let names = &table.row.names;
        let folded = [names.first.folded(), names.second.folded()];
        self.tables.insert(table.row.table, ListedTable { table, folded });
    }

    pub(super) fn table_out(&mut self, table: TableId) -> Option<Table> {
        self.tables.remove(&table).map(|listed| listed.table)
    }

    pub(super) fn row_mut(&mut self, table: TableId) -> Option<&mut TableRow> {
        self.tables.get_mut(&table).map(|listed| &mut listed.table.row)
    }

    /// The page that was asked for, or the last there is. A search looks at every name once.
    pub fn page(&self, query: &LobbyQuery) -> LobbyPage {
        let search = query.search.to_ascii_lowercase();
        let asked = usize::try_from(query.page).unwrap_or(usize::MAX);
        let (page, matching, rows) = match query.list {
            LobbyList::Players if query.free_only => {
                let cut = cut(&self.free, &search, asked);
                let rows = cut.rows.into_iter().map(|player| self.row(player, None)).collect();
                (cut.page, cut.matching, LobbyRows::Players(rows))
            }
            LobbyList::Players => {
                let cut = cut(&self.players, &search, asked);
                let rows = cut.rows.into_iter().map(|listed| self.row(&listed.player, listed.seat)).collect();
                (cut.page, cut.matching, LobbyRows::Players(rows))
            }
            LobbyList::Tables => {
                let cut = if search.is_empty() {
                    let matching = self.tables.len();
                    let page = asked.min(last_page(matching));
                    // Newest first: the page is cut from the end.
                    let end = matching - page * LOBBY_PAGE;
                    let first = end.saturating_sub(LOBBY_PAGE);
                    let mut rows: Vec<_> =
                        self.tables.from(first, end - first).map(|(_, listed)| listed).collect();
                    rows.reverse();
                    Cut { page, matching, rows }
                } else {
                    let is_found =
                        |listed: &&ListedTable| listed.folded.iter().any(|folded| folded.contains(&search));
                    Cut::of(self.tables.iter().rev().map(|(_, listed)| listed).filter(is_found), asked)
                };
                let rows = cut.rows.into_iter().map(|listed| listed.table.row.clone()).collect();
                (cut.page, cut.matching, LobbyRows::Tables(rows))
            }
        };
        LobbyPage {
            query: LobbyQuery { page: count(page), ..query.clone() },
            players: count(self.players.len()),
            tables: count(self.tables.len()),
            matching: count(matching),
            rows,
        }
    }

    fn row(&self, player: &Player, seat: Option<TableId>) -> PlayerRow {
        let table = seat.and_then(|table| self.tables.get(&table));
        PlayerRow {
            name: player.name.clone(),
            guest: player.guest,
            table: table.map(|listed| listed.table.row.clone()),
        }
    }
}

/// The page of a list by name that was asked for, or the last there is.
fn cut<'a, V: Clone>(list: &'a Sorted<Arc<str>, V>, search: &str, asked: usize) -> Cut<&'a V> {
    if !search.is_empty() {
        return Cut::of(list.iter().filter(|(name, _)| name.contains(search)).map(|(_, row)| row), asked);
    }
    let page = asked.min(last_page(list.len()));
    let rows = list.from(page * LOBBY_PAGE, LOBBY_PAGE).map(|(_, row)| row).collect();
    Cut { page, matching: list.len(), rows }
}

/// Which page is shown, how many rows there are on all of them, and its rows.
struct Cut<T> {
    page: usize,
    matching: usize,
    rows: Vec<T>,
}

impl<T> Cut<T> {
    /// The page that was asked for, or the last there is, in one pass.
    fn of(all: impl Iterator<Item = T>, asked: usize) -> Self {
        let mut cut = Self { page: 0, matching: 0, rows: Vec::new() };
        for row in all {
            let page = cut.matching / LOBBY_PAGE;
            cut.matching += 1;
            if page <= asked {
                if page > cut.page {
                    cut.rows.clear();
                    cut.page = page;
                }
                cut.rows.push(row);
            }
        }
        cut
    }
}

fn last_page(rows: usize) -> usize {
    rows.saturating_sub(1) / LOBBY_PAGE
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
