//! A client of the other servers: JSON over bare websockets, socket.io 4, Colyseus 0.18.

use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Frame, Heard, Role, State, WITHIN, frame, number_after, send, source};
use super::options::Server;
use crate::load::dial::{self, Target, WebSocket};

const FLAGS: u32 = 9;

/// What Colyseus begins its messages with.
const JOINED: u8 = 10;
const DATA: u8 = 13;
const STATE: u8 = 14;
const PATCH: u8 = 15;
/// How its schema names the first field of the root: set anew, or set.
const FIRST_FIELD: [u8; 2] = [0x80, 0x00];

/// A client of another server.
pub struct Peer {
    socket: WebSocket,
    server: Server,
    role: Role,
    table: String,
    number: u32,
    /// The number at which it has moved, until that is answered.
    moved_at: Option<u32>,
}

/// What Colyseus answers to who wants to join.
#[derive(Deserialize)]
struct Reservation {
    #[serde(rename = "roomId")]
    room: String,
    #[serde(rename = "processId")]
    process: String,
    #[serde(rename = "sessionId")]
    session: String,
}

impl Peer {
    /// Connects and joins a table; the first at a table opens it. Returns once the first state is in.
    pub async fn open(
        server: Server,
        to: &Target,
        number: usize,
        mut table: String,
        role: Role,
    ) -> Result<Self, String> {
        let path = match server {
            Server::SocketIo => "/socket.io/?EIO=4&transport=websocket".to_owned(),
            Server::Colyseus => {
                let reservation = reserve(to, number, &table, role).await?;
                let Reservation { room, process, session } = reservation;
                table.clone_from(&room);
                format!("/{process}/{room}?sessionId={session}")
            }
            _ => "/".to_owned(),
        };
        let socket = dial::open(to, Some(source(number)), &path, None, WITHIN).await?;
        let mut peer = Self { socket, server, role, table, number: 0, moved_at: None };
        peer.join().await?;
        while !matches!(peer.next().await?, Heard::State(_)) {}
        Ok(peer)
    }

    async fn join(&mut self) -> Result<(), String> {
        let seat = match self.role {
            Role::Seat(seat) => Some(seat),
            Role::Watcher => None,
        };
        let request = match self.server {
            Server::SocketIo => {
                self.expect("0").await?;
                send(&mut self.socket, Message::text("40")).await?;
                self.expect("40").await?;
                let join = serde_json::json!(["join", { "table": self.table, "seat": seat }]);
                format!("42{join}")
            }
            // It has joined by connecting.
            Server::Colyseus => return Ok(()),
            _ => serde_json::json!({ "ask": "join", "table": self.table, "seat": seat }).to_string(),
        };
        send(&mut self.socket, Message::text(request)).await
    }

    async fn expect(&mut self, beginning: &str) -> Result<(), String> {
        match frame(&mut self.socket).await? {
            Frame::Text(text) if text.starts_with(beginning) => Ok(()),
            _ => Err(format!("something else came than {beginning}")),
        }
    }

    /// Where it sits.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The table's name at its server.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The next state or refusal; answers heartbeats.
    pub async fn next(&mut self) -> Result<Heard, String> {
        loop {
            let heard = match frame(&mut self.socket).await? {
                Frame::Text(text) if self.server == Server::SocketIo && text == "2" => {
                    send(&mut self.socket, Message::text("3")).await?;
                    continue;
                }
                Frame::Text(text) if text.contains("refused") => return Ok(Heard::Refused(text.to_string())),
                Frame::Text(text) => number_after(&text, "\"number\":").map(|number| (number, text.len())),
                Frame::Binary(bytes) if bytes.first() == Some(&JOINED) => {
                    send(&mut self.socket, Message::binary(vec![JOINED])).await?;
                    continue;
                }
                Frame::Binary(bytes) if bytes.first() == Some(&DATA) => {
                    return Ok(Heard::Refused("refused".to_owned()));
                }
                Frame::Binary(bytes) => number_in(&bytes).map(|number| (number, bytes.len())),
            };
            if let Some((number, bytes)) = heard {
                return Ok(self.state(number, bytes));
            }
        }
    }

    fn state(&mut self, number: u32, bytes: usize) -> Heard {
        self.number = number;
        let answers = self.moved_at.take_if(|at| *at < number).is_some();
        let is_own_turn = self.role == Role::Seat(usize::from(number % 2 == 1));
        Heard::State(State { number, is_own_turn, answers, bytes })
    }

    /// Puts the first card of the hand on a flag that has room.
    pub async fn make_move(&mut self) -> Result<u32, String> {
        let flag = self.number / 2 % FLAGS;
        let message = match self.server {
            Server::SocketIo => {
                Message::text(format!("42{}", serde_json::json!(["move", { "card": 0, "flag": flag }])))
            }
            Server::Colyseus => Message::binary(packed_move(flag)),
            _ => Message::text(serde_json::json!({ "ask": "move", "card": 0, "flag": flag }).to_string()),
        };
        self.moved_at = Some(self.number);
        send(&mut self.socket, message).await?;
        Ok(self.number + 1)
    }
}

async fn reserve(to: &Target, number: usize, table: &str, role: Role) -> Result<Reservation, String> {
    let (path, body) = match role {
        Role::Seat(0) => ("/matchmake/create/table".to_owned(), "{\"seat\":0}"),
        Role::Seat(_) => (format!("/matchmake/joinById/{table}"), "{\"seat\":1}"),
        Role::Watcher => (format!("/matchmake/joinById/{table}"), "{}"),
    };
    let reply = dial::exchange(to, Some(source(number)), &path, Some(body)).await?;
    serde_json::from_str(&reply.body).map_err(|error| format!("{} {}: {error}", reply.status, reply.body))
}

/// The move in the form of Colyseus: the kind's name and a map, in `MessagePack`.
fn packed_move(flag: u32) -> Vec<u8> {
    let mut bytes = vec![DATA, 0xa4];
    bytes.extend(b"move\x82\xa4card\x00\xa4flag");
    bytes.extend(u8::try_from(flag));
    bytes
}

/// The number of moves in a state or a patch, where it is the first field.
fn number_in(bytes: &[u8]) -> Option<u32> {
    match bytes {
        [STATE | PATCH, field, a, b, c, d, ..] if FIRST_FIELD.contains(field) => {
            Some(u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => None,
    }
}
