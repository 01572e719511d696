//! The lobby's keys in a model Redis, and the scripts that change them.

use std::collections::{BTreeMap, BTreeSet};

use nineflags::ids::{AccountId, AccountName, TableId};
use nineflags::lobby::event::{LobbyChange, Versioned};
use nineflags::lobby::{Player, Snapshot, Table};
use nineflags::protocol::TableRow;
use nineflags::rules::seat::BySeat;
use uuid::Uuid;

use super::super::held::{Live, Place};
use super::super::redis::{Data, Deaf, Group};
use super::Without;

/// The players of a schedule.
pub const PLAYERS: usize = 4;

/// The keys.
#[derive(Debug, Clone, Default)]
pub struct Held {
    pub version: u64,
    pub online: [Option<Live>; PLAYERS],
    /// From whom to whom.
    pub invites: BTreeSet<(usize, usize)>,
    pub seats: [Option<u128>; PLAYERS],
    pub tables: BTreeMap<u128, [usize; 2]>,
    /// As often as a game was put there.
    pub archive: Vec<u128>,
}

/// One script's change.
#[derive(Debug, Clone)]
pub enum Write {
    Enter(usize, Live),
    Leave(usize),
    Invite(usize, usize),
    /// A table, its players, and those of them that take their seats.
    Start(u128, [usize; 2], Vec<usize>),
    /// All other invites of two players are void.
    Void([usize; 2]),
    Archive(u128),
    Close(u128),
}

impl Data for Held {
    type Write = Write;

    fn take(&mut self, write: &Write) {
        match write {
            Write::Enter(player, live) => self.online[*player] = Some(*live),
            Write::Leave(player) => self.online[*player] = None,
            Write::Invite(from, to) => drop(self.invites.insert((*from, *to))),
            Write::Start(table, players, seated) => {
                self.invites.remove(&(players[0], players[1]));
                self.tables.insert(*table, *players);
                for player in seated {
                    self.seats[*player] = Some(*table);
                }
            }
            Write::Archive(table) => self.archive.push(*table),
            Write::Void(players) => {
                self.invites.retain(|(from, to)| !players.contains(from) && !players.contains(to));
            }
            Write::Close(table) => {
                self.tables.remove(table);
                for seat in self.seats.iter_mut().filter(|seat| **seat == Some(*table)) {
                    *seat = None;
                }
            }
        }
        if !matches!(write, Write::Invite(..) | Write::Archive(_) | Write::Void(_)) {
            self.version += 1;
        }
    }
}

/// What a node asks of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    Enter { player: usize, session: u32 },
    Leave { player: usize, session: u32 },
    Invite { from: usize, to: usize },
    Accept { by: usize, from: usize, table: u128 },
    Archive(u128),
    Close(u128),
    Snapshot,
    Online,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Done; an older session was the live one.
    Entered(Option<Live>),
    Done,
    Refused,
    Snapshot(Box<Snapshot>),
    /// The live sessions and tables.
    Online([Option<Live>; PLAYERS], Vec<u128>),
    Failed(Deaf),
}

pub fn account(player: usize) -> AccountId {
    AccountId(Uuid::from_u128(1 + player as u128))
}

pub fn name(player: usize) -> AccountName {
    ["Ann", "Bob", "Cleo", "Dora"][player].parse().expect("a name")
}

fn by_seat<T>(players: [usize; 2], of: impl Fn(usize) -> T) -> BySeat<T> {
    BySeat { first: of(players[0]), second: of(players[1]) }
}

impl Held {
    /// What `lobby_read` gives.
    fn snapshot(&self) -> Snapshot {
        let player = |player: usize| Player { account: account(player), name: name(player), guest: false };
        let online = (0..PLAYERS).filter(|player| self.online[*player].is_some());
        let table = |(table, players): (&u128, &[usize; 2])| Table {
            accounts: by_seat(*players, account),
            row: TableRow {
                table: TableId(Uuid::from_u128(*table)),
                names: by_seat(*players, name),
                number: 1,
                flags: "---------".to_owned(),
                watchers: 0,
            },
        };
        Snapshot {
            version: self.version,
            players: online.map(player).collect(),
            tables: self.tables.iter().map(table).collect(),
        }
    }

    /// What is published of a write, after it.
    fn told(&self, write: &Write) -> Option<Versioned> {
        let change = match write {
            Write::Enter(player, _) => {
                LobbyChange::PlayerIn { account: account(*player), name: name(*player), guest: false }
            }
            Write::Leave(player) => LobbyChange::PlayerOut { account: account(*player) },
            Write::Start(table, players, _) => LobbyChange::TableIn {
                table: TableId(Uuid::from_u128(*table)),
                accounts: by_seat(*players, account),
                names: by_seat(*players, name),
            },
            Write::Close(table) => LobbyChange::TableOut { table: TableId(Uuid::from_u128(*table)) },
            Write::Invite(..) | Write::Archive(_) | Write::Void(_) => return None,
        };
        Some(Versioned { version: self.version, change })
    }

    /// What a script answers, and the change it makes.
    fn weigh(&self, from: Place, command: &Command, without: Without) -> (Reply, Option<Write>) {
        let is_live =
            |player: usize, session: u32| self.online[player].is_some_and(|live| live.session == session);
        match *command {
            Command::Enter { player, session } => {
                let write = Write::Enter(player, Live { place: from, session });
                (Reply::Entered(self.online[player]), Some(write))
            }
            Command::Leave { player, session } => {
                let leaves = is_live(player, session)
                    || (without == Without::LeaveCheck && self.online[player].is_some());
                (Reply::Done, leaves.then_some(Write::Leave(player)))
            }
            Command::Invite { from, to } => {
                let free = self.seats[from].is_none() && self.seats[to].is_none();
                if free && self.online[to].is_some() && !self.invites.contains(&(to, from)) {
                    (Reply::Done, Some(Write::Invite(from, to)))
                } else {
                    (Reply::Refused, None)
                }
            }
            Command::Accept { by, from, table } => {
                let free = self.seats[by].is_none() && self.seats[from].is_none();
                let free = free || without == Without::SeatCheck;
                if !self.invites.contains(&(from, by)) || !free {
                    return (Reply::Refused, None);
                }
                let seated = if without == Without::BothSeats { vec![by] } else { vec![by, from] };
                (Reply::Done, Some(Write::Start(table, [from, by], seated)))
            }
            Command::Archive(table) => {
                let new = !self.archive.contains(&table) || without == Without::Once;
                (Reply::Done, new.then_some(Write::Archive(table)))
            }
            Command::Close(table) => {
                (Reply::Done, self.tables.contains_key(&table).then_some(Write::Close(table)))
            }
            Command::Snapshot => (Reply::Snapshot(Box::new(self.snapshot())), None),
            Command::Online => (Reply::Online(self.online, self.tables.keys().copied().collect()), None),
        }
    }
}

/// Runs a command at a server, and gives what it publishes to the lobby.
pub fn run(
    group: &mut Group<Held>,
    server: usize,
    from: Place,
    command: &Command,
    without: Without,
) -> (Reply, Option<Versioned>) {
    let writes = !matches!(command, Command::Snapshot | Command::Online);
    let able = if writes { group.may_write(server) } else { group.may_read(server) };
    if let Err(deaf) = able {
        return (Reply::Failed(deaf), None);
    }
    let (reply, write) = group.server(server).data.weigh(from, command, without);
    let Some(write) = write else { return (reply, None) };
    if let Write::Start(_, players, _) = &write
        && without != Without::SeatCheck
    {
        group.write(server, Write::Void(*players));
    }
    group.write(server, write.clone());
    (reply, group.server(server).data.told(&write))
}
