//! A model of the lobby's keys and of the scripts that change them: the pure tests fail nodes and servers over it, the
//! cluster tests compare it with the scripts.

use std::collections::{BTreeMap, BTreeSet};

use nineflags::ids::{AccountId, AccountName, TableId};
use nineflags::lobby::event::{LobbyChange, Versioned};
use nineflags::lobby::{Player, Snapshot, Table};
use nineflags::protocol::TableRow;
use nineflags::rules::seat::BySeat;
use uuid::Uuid;

/// The players.
pub const PLAYERS: usize = 4;

/// A node in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Which node.
    pub node: usize,
    /// Which of its lives.
    pub life: u32,
}

/// Where an account's live session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Its node.
    pub place: Place,
    /// The session.
    pub session: u32,
}

/// What a broken script would leave out; tests must notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Leaves {
    /// Nothing.
    #[default]
    Nothing,
    /// Accepting takes no seat of who plays already.
    SeatCheck,
    /// Accepting takes both seats.
    BothSeats,
    /// A session that leaves takes out nobody but itself.
    LeaveCheck,
    /// A game is put into the archive once.
    Once,
    /// Nobody is taken out of a node that lives.
    DeadCheck,
}

/// Milliseconds that a claim to clean up after a dead node stands.
pub const CLAIM_LIVES_MS: u64 = 5_000;

/// What a server's clock has come to: the keys that expire.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    /// Its time.
    pub now_ms: u64,
    /// The nodes whose `node:{node}` is there.
    pub live: BTreeSet<Place>,
}

/// The keys.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// `lobby-version`.
    pub version: u64,
    /// `online`.
    pub online: [Option<Live>; PLAYERS],
    /// `invites:{to}` and `invites-sent:{from}`: from whom to whom.
    pub invites: BTreeSet<(usize, usize)>,
    /// `blocked:{account}`: who has blocked whom.
    pub blocked: BTreeSet<(usize, usize)>,
    /// `seat:{account}`.
    pub seats: [Option<u128>; PLAYERS],
    /// `tables` and `table:{table}`.
    pub tables: BTreeMap<u128, [usize; 2]>,
    /// `archive:{table}`, as often as a game was put there.
    pub archive: Vec<u128>,
    /// `nodes`: those that should live.
    pub nodes: BTreeSet<Place>,
    /// `reaper:{node}`: which node cleans up after a dead one, and how long it may.
    pub claims: BTreeMap<Place, (Place, u64)>,
}

/// One script's change.
#[derive(Debug, Clone)]
pub enum Write {
    /// A session is a player's live one.
    Enter(usize, Live),
    /// A player is offline.
    Leave(usize),
    /// From whom to whom.
    Invite(usize, usize),
    /// An invite stands no more.
    Remove(usize, usize),
    /// Who blocks whom; an invite from that one goes.
    Block(usize, usize),
    /// Who blocks whom no more.
    Unblock(usize, usize),
    /// A table, its players, those of them that take their seats, and whether all other invites of the two are void.
    Start {
        /// The table.
        table: u128,
        /// Its players, the first seat first.
        players: [usize; 2],
        /// Some of them.
        seated: Vec<usize>,
        /// All invites of them go.
        voids: bool,
    },
    /// A game is kept.
    Archive(u128),
    /// A table is gone, and its seats are free.
    Close(u128),
    /// Nodes should live.
    Expect(Vec<Place>),
    /// A node cleans up after a dead one, until some time.
    Claim(Place, Place, u64),
    /// Nobody cleans up after a node; it should not live any more if this is true.
    Forget(Place, bool),
}

/// What a node asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `player_enter`.
    Enter {
        /// The player who comes.
        player: usize,
        /// By which session.
        session: u32,
    },
    /// `player_reenter`.
    Reenter {
        /// The player who comes.
        player: usize,
        /// By which session.
        session: u32,
    },
    /// `players_leave`.
    Leave {
        /// The player who leaves.
        player: usize,
        /// Which session.
        session: u32,
    },
    /// `invite_send`.
    Invite {
        /// Who sends it.
        from: usize,
        /// To whom.
        to: usize,
    },
    /// `invite_remove`, declined or withdrawn.
    Remove {
        /// Who sent it.
        from: usize,
        /// To whom.
        to: usize,
    },
    /// `block_add`.
    Block {
        /// Who blocks.
        by: usize,
        /// The player who is blocked.
        other: usize,
    },
    /// Undoes it.
    Unblock {
        /// Who blocked.
        by: usize,
        /// The player who is heard again.
        other: usize,
    },
    /// `invite_accept`.
    Accept {
        /// Who accepts.
        by: usize,
        /// Who sent it.
        from: usize,
        /// The table to be made.
        table: u128,
    },
    /// The archive takes a game.
    Archive(u128),
    /// `table_close`.
    Close(u128),
    /// The lobby is read.
    Snapshot,
    /// The live sessions and the tables are read: to compare them, or for who cleans up after a dead node.
    Online(Option<Place>),
    /// It is looked which nodes should live and do not.
    Nodes,
    /// Nodes that somebody is said to be at should live.
    Suspect(Vec<Place>),
    /// `reaper_claim`, for a dead node.
    Claim(Place),
    /// `players_leave`, of a dead node.
    Reap {
        /// The player who was there.
        player: usize,
        /// Which session.
        session: u32,
        /// The node.
        dead: Place,
    },
    /// `node_forget`.
    Forget(Place),
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// It is the live session; an older one was.
    Entered(Option<Live>),
    /// It is done.
    Done,
    /// Nothing was changed.
    Refused,
    /// The lobby.
    Snapshot(Box<Snapshot>),
    /// The live sessions and tables.
    Online([Option<Live>; PLAYERS], Vec<u128>),
    /// Those that should live and do not.
    Nodes(Vec<Place>),
}

/// The account of a player.
pub fn account(player: usize) -> AccountId {
    AccountId(Uuid::from_u128(1 + player as u128))
}

/// Its name.
pub fn name(player: usize) -> AccountName {
    ["Ann", "Bob", "Cleo", "Dora"][player].parse().expect("a name")
}

/// The players of a table, by seat.
pub fn by_seat<T>(players: [usize; 2], of: impl Fn(usize) -> T) -> BySeat<T> {
    BySeat { first: of(players[0]), second: of(players[1]) }
}

impl Held {
    /// Makes a change.
    pub fn take(&mut self, write: &Write) {
        match write {
            Write::Enter(player, live) => self.online[*player] = Some(*live),
            Write::Leave(player) => self.online[*player] = None,
            Write::Invite(from, to) => drop(self.invites.insert((*from, *to))),
            Write::Remove(from, to) => drop(self.invites.remove(&(*from, *to))),
            Write::Block(by, other) => {
                self.blocked.insert((*by, *other));
                self.invites.remove(&(*other, *by));
            }
            Write::Unblock(by, other) => drop(self.blocked.remove(&(*by, *other))),
            Write::Start { table, players, seated, voids } => {
                let all = |(from, to): &(usize, usize)| players.contains(from) || players.contains(to);
                let one = |invite: &(usize, usize)| *invite == (players[0], players[1]);
                self.invites.retain(|invite| !(one(invite) || *voids && all(invite)));
                self.tables.insert(*table, *players);
                for player in seated {
                    self.seats[*player] = Some(*table);
                }
            }
            Write::Archive(table) => self.archive.push(*table),
            Write::Close(table) => {
                self.tables.remove(table);
                for seat in self.seats.iter_mut().filter(|seat| **seat == Some(*table)) {
                    *seat = None;
                }
            }
            Write::Expect(places) => self.nodes.extend(places),
            Write::Claim(dead, by, until_ms) => drop(self.claims.insert(*dead, (*by, *until_ms))),
            Write::Forget(dead, is_dead) => {
                self.claims.remove(dead);
                self.nodes.retain(|node| !is_dead || node != dead);
            }
        }
        if is_of_the_lobby(write) {
            self.version += 1;
        }
    }

    /// What `lobby_read` gives.
    pub fn snapshot(&self) -> Snapshot {
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

    /// What is published to the lobby of a write, after it.
    pub fn told(&self, write: &Write) -> Option<Versioned> {
        let change = match write {
            Write::Enter(player, _) => {
                LobbyChange::PlayerIn { account: account(*player), name: name(*player), guest: false }
            }
            Write::Leave(player) => LobbyChange::PlayerOut { account: account(*player) },
            Write::Start { table, players, .. } => LobbyChange::TableIn {
                table: TableId(Uuid::from_u128(*table)),
                accounts: by_seat(*players, account),
                names: by_seat(*players, name),
            },
            Write::Close(table) => LobbyChange::TableOut { table: TableId(Uuid::from_u128(*table)) },
            Write::Invite(..)
            | Write::Remove(..)
            | Write::Block(..)
            | Write::Unblock(..)
            | Write::Archive(_)
            | Write::Expect(_)
            | Write::Claim(..)
            | Write::Forget(..) => return None,
        };
        Some(Versioned { version: self.version, change })
    }

    /// What a script answers, and the change it makes.
    pub fn weigh(
        &self,
        from: Place,
        command: &Command,
        leaves: Leaves,
        standing: &Leases,
    ) -> (Reply, Option<Write>) {
        let is_live =
            |player: usize, session: u32| self.online[player].is_some_and(|live| live.session == session);
        let entered = |player: usize, session: u32| {
            let write = Write::Enter(player, Live { place: from, session });
            (Reply::Entered(self.online[player]), Some(write))
        };
        let lives = |node: &Place| standing.live.contains(node);
        match *command {
            Command::Enter { player, session } => entered(player, session),
            Command::Reenter { player, session } => match self.online[player] {
                None => entered(player, session),
                Some(live) if live.session == session => (Reply::Entered(Some(live)), None),
                Some(_) => (Reply::Refused, None),
            },
            Command::Leave { player, session } => {
                let goes = is_live(player, session)
                    || (leaves == Leaves::LeaveCheck && self.online[player].is_some());
                (Reply::Done, goes.then_some(Write::Leave(player)))
            }
            Command::Invite { from, to } => {
                let free = self.seats[from].is_none() && self.seats[to].is_none();
                let stands = self.invites.contains(&(to, from)) || self.invites.contains(&(from, to));
                let blocked = self.blocked.contains(&(to, from));
                if free && self.online[to].is_some() && !stands && !blocked {
                    (Reply::Done, Some(Write::Invite(from, to)))
                } else {
                    (Reply::Refused, None)
                }
            }
            Command::Remove { from, to } if self.invites.contains(&(from, to)) => {
                (Reply::Done, Some(Write::Remove(from, to)))
            }
            Command::Remove { .. } => (Reply::Refused, None),
            Command::Block { by, other } => {
                let news = !self.blocked.contains(&(by, other)) || self.invites.contains(&(other, by));
                (Reply::Done, news.then_some(Write::Block(by, other)))
            }
            Command::Unblock { by, other } => {
                (Reply::Done, self.blocked.contains(&(by, other)).then_some(Write::Unblock(by, other)))
            }
            Command::Accept { by, from, table } => {
                let free = self.seats[by].is_none() && self.seats[from].is_none();
                let checks = leaves != Leaves::SeatCheck;
                let is_there = self.online[from].is_some();
                if !self.invites.contains(&(from, by)) || (checks && !(free && is_there)) {
                    return (Reply::Refused, None);
                }
                let seated = if leaves == Leaves::BothSeats { vec![by] } else { vec![by, from] };
                (Reply::Done, Some(Write::Start { table, players: [from, by], seated, voids: checks }))
            }
            Command::Archive(table) => {
                let new = !self.archive.contains(&table) || leaves == Leaves::Once;
                (Reply::Done, new.then_some(Write::Archive(table)))
            }
            Command::Close(table) => {
                (Reply::Done, self.tables.contains_key(&table).then_some(Write::Close(table)))
            }
            Command::Snapshot => (Reply::Snapshot(Box::new(self.snapshot())), None),
            Command::Online(_) => (Reply::Online(self.online, self.tables.keys().copied().collect()), None),
            Command::Nodes => {
                let lapsed = self.nodes.iter().filter(|node| !lives(node));
                (Reply::Nodes(lapsed.copied().collect()), None)
            }
            Command::Suspect(ref places) => {
                let is_news = places.iter().any(|place| !self.nodes.contains(place));
                (Reply::Done, is_news.then(|| Write::Expect(places.clone())))
            }
            Command::Claim(dead) => {
                let other =
                    self.claims.get(&dead).filter(|(by, until)| *by != from && *until > standing.now_ms);
                if lives(&dead) || other.is_some() {
                    return (Reply::Refused, None);
                }
                (Reply::Done, Some(Write::Claim(dead, from, standing.now_ms + CLAIM_LIVES_MS)))
            }
            Command::Reap { dead, .. } if lives(&dead) && leaves != Leaves::DeadCheck => {
                (Reply::Refused, None)
            }
            Command::Reap { player, session, .. } => {
                (Reply::Done, is_live(player, session).then_some(Write::Leave(player)))
            }
            Command::Forget(dead) => {
                let answer = if lives(&dead) { Reply::Refused } else { Reply::Done };
                (answer, Some(Write::Forget(dead, !lives(&dead))))
            }
        }
    }
}

/// Whether everybody in the lobby is told of it.
fn is_of_the_lobby(write: &Write) -> bool {
    matches!(write, Write::Enter(..) | Write::Leave(_) | Write::Start { .. } | Write::Close(_))
}
