//! One player or watcher at any of the servers: the one thing that knows what each of them speaks.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Message, Utf8Bytes};

use super::options::Server;
use super::ours::Ours;
use super::peer::Peer;
use crate::load::dial::{Target, WebSocket};

/// How long a session may take to be open, and an answer to come, however busy the server is.
pub const WITHIN: Duration = Duration::from_mins(2);
/// Addresses of this machine that sessions come from: one has ports for some 28,000 connections to a server.
const SOURCES: usize = 1_000;
/// Of each network of them.
const A_NETWORK: usize = 250;

/// Who sits where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The first seat, or the second.
    Seat(usize),
    /// At the bench.
    Watcher,
}

/// A session.
pub enum Client {
    /// At a node.
    Ours(Box<Ours>),
    /// At another server.
    Peer(Box<Peer>),
}

/// What was heard.
#[derive(Debug)]
pub enum Heard {
    /// The state of the table.
    State(State),
    /// The own move was carried out.
    Done,
    /// Or it was not.
    Refused(String),
    /// So many bytes of the lobby.
    Lobby(usize),
    /// Anything else.
    Other,
}

/// The state of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// How many moves, or records, it has.
    pub number: u32,
    /// It is to this client to move.
    pub is_own_turn: bool,
    /// It is also the answer to the own move.
    pub answers: bool,
    /// Its size on the wire.
    pub bytes: usize,
}

/// A pair at one table. Those at a node invite each other by and by; the others are seated at once.
pub async fn pair(server: Server, to: [&Target; 2], number: usize) -> Result<[Client; 2], String> {
    let opening = async {
        if server == Server::Nineflags {
            let (mut one, mut two) =
                (Ours::open(to[0], number * 2).await?, Ours::open(to[1], number * 2 + 1).await?);
            one.plays_with(two.name(), true);
            two.plays_with(one.name(), false);
            return Ok([one, two].map(|one| Client::Ours(Box::new(one))));
        }
        let one = Peer::open(server, to[0], number * 2, format!("table-{number}"), Role::Seat(0)).await?;
        let two = Peer::open(server, to[1], number * 2 + 1, one.table().to_owned(), Role::Seat(1)).await?;
        Ok([one, two].map(|one| Client::Peer(Box::new(one))))
    };
    timeout(WITHIN, opening).await.map_err(|_| "a pair could not connect in time")?
}

/// A watcher of a table.
pub async fn watcher(server: Server, to: &Target, number: usize, table: &str) -> Result<Client, String> {
    let opening = async {
        Ok(if server == Server::Nineflags {
            let mut watcher = Ours::open(to, number).await?;
            watcher.watch(table).await?;
            Client::Ours(Box::new(watcher))
        } else {
            Client::Peer(Box::new(Peer::open(server, to, number, table.to_owned(), Role::Watcher).await?))
        })
    };
    timeout(WITHIN, opening).await.map_err(|_| "a watcher could not connect in time")?
}

impl Client {
    /// What comes next; may be given up at any time. Fails when the connection is gone.
    pub async fn next(&mut self) -> Result<Heard, String> {
        match self {
            Self::Ours(ours) => ours.next().await,
            Self::Peer(peer) => peer.next().await,
        }
    }

    /// Has it meet its partner, where that is not done yet; gives whether it has a table.
    pub async fn begin(&mut self) -> Result<bool, String> {
        match self {
            Self::Ours(ours) => ours.begin().await.map(|()| false),
            Self::Peer(_) => Ok(true),
        }
    }

    /// Whether it moves first at a table that it has from the start.
    pub fn moves_first(&self) -> bool {
        matches!(self, Self::Peer(peer) if peer.role() == Role::Seat(0))
    }

    /// Makes a move; gives the number of the state that shows it. Nothing, if there is none to make just now.
    pub async fn make_move(&mut self) -> Result<Option<u32>, String> {
        match self {
            Self::Ours(ours) => ours.make_move().await,
            Self::Peer(peer) => peer.make_move().await.map(Some),
        }
    }

    /// Its table, as watchers name it.
    pub fn table(&self) -> Option<String> {
        match self {
            Self::Ours(ours) => ours.table().map(|table| table.to_string()),
            Self::Peer(peer) => Some(peer.table().to_owned()),
        }
    }
}

/// The address of this machine that a session comes from.
pub fn source(number: usize) -> IpAddr {
    let number = number % SOURCES;
    let part = |part: usize| u8::try_from(part).expect("less than 256 of each");
    Ipv4Addr::new(127, 1, part(number / A_NETWORK), part(1 + number % A_NETWORK)).into()
}

/// What comes over a socket: a text or bytes.
pub enum Frame {
    /// A text.
    Text(Utf8Bytes),
    /// Bytes.
    Binary(Bytes),
}

/// The next text or bytes; the library answers pings.
pub async fn frame(socket: &mut WebSocket) -> Result<Frame, String> {
    loop {
        match socket.next().await.ok_or("the connection has ended")?.map_err(|error| error.to_string())? {
            Message::Text(text) => return Ok(Frame::Text(text)),
            Message::Binary(bytes) => return Ok(Frame::Binary(bytes)),
            Message::Close(frame) => {
                return Err(frame.map_or_else(|| "closed".to_owned(), |frame| format!("closed: {frame}")));
            }
            _ => {}
        }
    }
}

/// Sends one message.
pub async fn send(socket: &mut WebSocket, message: Message) -> Result<(), String> {
    socket.send(message).await.map_err(|error| error.to_string())
}

/// The whole number after a key in a text.
pub fn number_after(text: &str, key: &str) -> Option<u32> {
    let (_, rest) = text.split_once(key)?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
