//! What may never happen in the lobby, each with words.

use super::{About, Checked, LobbyTally, LobbyWorld, Without};
use crate::model::lobby::{PLAYERS, name};

impl LobbyWorld {
    /// What must hold after every step.
    pub(super) fn check_step(&self) -> Checked<()> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let held = self.group.data();
        for player in 0..PLAYERS {
            let tables: Vec<u128> = held
                .tables
                .iter()
                .filter(|(_, players)| players.contains(&player))
                .map(|(table, _)| *table)
                .collect();
            if tables.len() > 1 {
                return Err(format!("player {player} sits at the tables {tables:?}"));
            }
            if tables.first().copied() != held.seats[player] {
                return Err(format!(
                    "player {player} has the seat {:?} and sits at {tables:?}",
                    held.seats[player]
                ));
            }
        }
        for (about, promise) in self.promises.iter().filter(|(_, promise)| promise.told) {
            let stands = match *about {
                About::Invite(from, to) => held.invites.contains(&(from, to)),
                About::Block(by, other) => held.blocked.contains(&(by, other)),
            };
            if stands != promise.stands {
                let was = if promise.stands { "done and is not there" } else { "undone and is there" };
                return Err(format!("{about:?} was said to be {was}"));
            }
        }
        let mut once = held.archive.clone();
        once.sort_unstable();
        once.dedup();
        if once.len() < held.archive.len() {
            return Err("a game is in the archive twice".to_owned());
        }
        let gone = |table: &&u128| !held.tables.contains_key(*table) && !held.archive.contains(*table);
        if let Some(table) = self.told.iter().find(gone) {
            return Err(format!("table {table} was said to have started and is gone"));
        }
        if let Some(table) = held.archive.iter().find(|table| !self.ended.contains(*table)) {
            return Err(format!("the unfinished game of table {table} is in the archive"));
        }
        Ok(())
    }

    /// What must hold when all is quiet again.
    pub(super) fn judge(&mut self) -> Checked<LobbyTally> {
        let held = self.group.data();
        for table in &self.ended {
            if held.tables.contains_key(table) {
                return Err(format!("the game of table {table} is over and was never put away"));
            }
        }
        for player in 0..PLAYERS {
            let live = held.online[player].map(|live| (live.place, live.session));
            let here: Vec<_> = (0..self.nodes.len())
                .filter_map(|node| Some((self.place(node), self.nodes[node].live(player)?.0)))
                .collect();
            if here.len() > 1 || here.first() != live.as_ref() {
                return Err(format!(
                    "player {player} has the live session {live:?} and the sessions {here:?}"
                ));
            }
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let online = held.online.iter().flatten().count();
            let (size, same) = node.mirror.with(|mirror| {
                let is_online = |player: usize| held.online[player].is_some();
                let players =
                    (0..PLAYERS).all(|player| mirror.player(&name(player)).is_some() == is_online(player));
                let tables = mirror.tables().map(|table| table.0.as_u128()).eq(held.tables.keys().copied());
                (mirror.size(), players && tables)
            });
            let there = (online, held.tables.len());
            if !same || size != there {
                return Err(format!("the mirror of node {number} shows {size:?}, the lobby is {there:?}"));
            }
        }
        if self.persons.iter().any(|person| person.waits) && self.plan.without == Without::Nothing {
            return Err("an accepted invite was never answered".to_owned());
        }
        self.tally.archived = held.archive.len();
        Ok(self.tally)
    }
}
