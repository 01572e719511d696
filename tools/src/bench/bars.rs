//! The bars: what each figure may be at most. Pure.

use std::fmt;

use super::options::Server;
use super::report::{Figure, Row};

/// What a figure is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// By nothing.
    Nothing,
    /// By the same of another server.
    Server(Server),
    /// By the same in another case.
    Case(&'static str),
}

/// One bar.
#[derive(Debug)]
pub struct Bar {
    /// Its row.
    pub row: Row,
    /// Its case.
    pub case: &'static str,
    /// What is measured.
    pub figure: Figure,
    /// What that is divided by.
    pub against: Against,
    /// What may come out at most.
    pub most: f64,
}

const fn bar(row: Row, case: &'static str, figure: Figure, against: Against, most: f64) -> Bar {
    Bar { row, case, figure, against, most }
}

use Against::{Case, Nothing};
use Row::{Growth, Idle, Lobby, Moves, Overload, Reconnect, Watchers};

const FLOOR: Against = Against::Server(Server::Floor);
const SOCKET_IO: Against = Against::Server(Server::SocketIo);
const COLYSEUS: Against = Against::Server(Server::Colyseus);

/// All bars.
pub const BARS: [Bar; 26] = [
    bar(Idle, "5,000", Figure::Memory, Nothing, 12.0),
    bar(Idle, "19,000", Figure::Memory, Nothing, 12.0),
    bar(Idle, "50,000 on three nodes", Figure::Memory, Nothing, 12.0),
    bar(Idle, "5,000", Figure::ServerCpu, Nothing, 2.0),
    bar(Idle, "19,000", Figure::ServerCpu, Nothing, 2.0),
    bar(Moves, "200 pairs", Figure::ServerCpu, Nothing, 0.055),
    bar(Moves, "200 pairs", Figure::ServerCpu, SOCKET_IO, 1.0),
    bar(Moves, "200 pairs", Figure::ServerCpu, COLYSEUS, 1.0),
    bar(Moves, "200 pairs", Figure::RedisCpu, Nothing, 0.025),
    bar(Moves, "200 pairs", Figure::ViewBytes, Nothing, 2_048.0),
    // The cards on the table are in each view: a game's log is what must not make it grow.
    bar(Moves, "200 pairs", Figure::ViewGrowth, Nothing, 1.15),
    bar(Growth, "5,000 pairs", Figure::ServerCpu, Case("50 pairs"), 1.15),
    bar(Growth, "5,000 pairs on three nodes", Figure::ServerCpu, Case("50 pairs on three nodes"), 1.15),
    bar(Watchers, "5,000 watchers", Figure::LastWatcher, FLOOR, 1.3),
    bar(Watchers, "5,000 watchers", Figure::ServerCpu, FLOOR, 1.5),
    bar(Watchers, "5,000 watchers", Figure::Lost, Nothing, 0.0),
    bar(Overload, "1,000 pairs", Figure::Lost, Nothing, 0.0),
    bar(Overload, "1,000 pairs", Figure::CalmWait, Nothing, 1.0),
    bar(Reconnect, "19,000 browsers", Figure::Unwelcome, Nothing, 0.0),
    bar(Reconnect, "19,000 browsers", Figure::RefusedAgain, Nothing, 0.0),
    bar(Reconnect, "19,000 browsers", Figure::ServerCpu, FLOOR, 1.3),
    bar(Reconnect, "19,000 browsers", Figure::MemoryAfter, Nothing, 1.1),
    bar(Lobby, "20,000 players", Figure::ReadersLoad, Nothing, 0.15),
    bar(Lobby, "20,000 players", Figure::NodeLoad, Nothing, 0.15),
    bar(Lobby, "20,000 players", Figure::Updates, Nothing, 4.0),
    bar(Lobby, "20,000 players", Figure::UpdateBytes, Nothing, 4_096.0),
];

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Server(server) => write!(f, " ÷ {}", server.name()),
            Self::Case(case) => write!(f, " ÷ {case}"),
        }
    }
}
