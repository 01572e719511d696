//! A client of a node: a guest who shows the lobby, watches, or plays one game after the other with the same partner.

use std::time::Duration;

use nineflags::ids::{AccountName, RequestId, TableId};
use nineflags::protocol::{Ask, ClosedWhy, Invites, LobbyList, LobbyQuery, Request};
use nineflags::rules::view::View;
use nineflags::table::options::TableOptions;
use nineflags::table::record::Tip;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Frame, Heard, State, WITHIN, frame, number_after, send, source};
use crate::load::choice::{Dice, choose};
use crate::load::dial::{self, Target, WebSocket};

/// Pause before an invite that was refused is sent again: the last game is not put away yet.
const INVITE_PAUSE: Duration = Duration::from_millis(50);

/// A guest's login.
#[derive(Debug, Clone)]
pub struct Login {
    name: AccountName,
    cookie: String,
    number: usize,
}

/// A guest's session.
pub struct Ours {
    socket: WebSocket,
    login: Login,
    partner: Option<AccountName>,
    invites: bool,
    table: Option<TableId>,
    tip: Tip,
    /// The view, on the own turn.
    to_choose: Option<Box<View>>,
    dice: Dice,
    asked: u32,
    /// The move that is not answered yet, and the invite or its answer.
    moved: Option<RequestId>,
    meeting: Option<RequestId>,
}

#[derive(Deserialize)]
struct Kind<'a> {
    update: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    id: RequestId,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    id: RequestId,
    code: &'a str,
}

#[derive(Deserialize)]
struct Shown<'a> {
    table: TableId,
    tip: Tip,
    #[serde(borrow)]
    view: &'a RawValue,
}

#[derive(Deserialize)]
struct Closed {
    table: TableId,
    why: ClosedWhy,
}

#[derive(Deserialize)]
struct Me {
    name: AccountName,
}

impl Login {
    /// Logs a new guest in; the number says from which address.
    pub async fn new(to: &Target, number: usize) -> Result<Self, String> {
        let reply = dial::exchange(to, Some(source(number)), "/api/guest", Some("{}")).await?;
        let me: Me = serde_json::from_str(&reply.body)
            .map_err(|_| format!("a guest could not log in: {} {}", reply.status, reply.body))?;
        let cookie = reply.cookie.ok_or("a login came without its cookie")?;
        Ok(Self { name: me.name, cookie, number })
    }

    /// Opens a session; returns once it is welcome.
    pub async fn connect(self, to: &Target) -> Result<Ours, String> {
        let from = Some(source(self.number));
        let mut socket = dial::open(to, from, "/socket", Some(&self.cookie), WITHIN).await?;
        match frame(&mut socket).await? {
            Frame::Text(text) if kind(&text)? == "welcome" => Ok(Ours::new(socket, self)),
            _ => Err("the first update is no welcome".to_owned()),
        }
    }
}

impl Ours {
    /// A new guest's session.
    pub async fn open(to: &Target, number: usize) -> Result<Self, String> {
        Login::new(to, number).await?.connect(to).await
    }

    fn new(socket: WebSocket, login: Login) -> Self {
        let dice = Dice::new(login.number as u64);
        Self {
            socket,
            login,
            partner: None,
            invites: false,
            table: None,
            tip: Tip::default(),
            to_choose: None,
            dice,
            asked: 0,
            moved: None,
            meeting: None,
        }
    }

    /// Its name.
    pub fn name(&self) -> AccountName {
        self.login.name.clone()
    }

    /// Its login, to come again.
    pub fn login(&self) -> Login {
        self.login.clone()
    }

    /// Its table.
    pub fn table(&self) -> Option<TableId> {
        self.table
    }

    /// From now on it plays with somebody, whom it invites or whose invites it accepts.
    pub fn plays_with(&mut self, partner: AccountName, invites: bool) {
        (self.partner, self.invites) = (Some(partner), invites);
    }

    /// Sends the first invite, if it is the one who invites.
    pub async fn begin(&mut self) -> Result<(), String> {
        if self.invites { self.meet().await } else { Ok(()) }
    }

    /// Watches a table.
    pub async fn watch(&mut self, table: &str) -> Result<(), String> {
        let table = table.parse().map_err(|_| "no table's id")?;
        let watched = self.ask(Ask::Watch { table }).await?;
        self.table = Some(table);
        self.until_done(&watched).await
    }

    /// Asks for a page of the lobby, which is kept up to date from then on.
    pub async fn show_lobby(&mut self, page: u32) -> Result<(), String> {
        let query = LobbyQuery { list: LobbyList::Players, search: String::new(), free_only: false, page };
        let shown = self.ask(Ask::Lobby(query)).await?;
        self.until_done(&shown).await
    }

    /// Exchanges some messages, as a player does who looks around, and ends where it began.
    pub async fn look_around(&mut self) -> Result<(), String> {
        for page in [1, 2, 0] {
            self.show_lobby(page).await?;
        }
        let pong = self.ask(Ask::Ping).await?;
        self.until_done(&pong).await
    }

    async fn until_done(&mut self, request: &RequestId) -> Result<(), String> {
        loop {
            let Frame::Text(text) = frame(&mut self.socket).await? else { continue };
            match kind(&text)? {
                "done" if read::<Answer>(&text)?.id == *request => return Ok(()),
                "refused" => return Err(text.to_string()),
                _ => {}
            }
        }
    }

    async fn ask(&mut self, ask: Ask) -> Result<RequestId, String> {
        self.asked += 1;
        let id = format!("{}-{}", self.login.number, self.asked);
        let id: RequestId = id.parse().map_err(|_| "two numbers are no request's id")?;
        let text =
            serde_json::to_string(&Request { id: id.clone(), ask }).map_err(|error| error.to_string())?;
        send(&mut self.socket, Message::text(text)).await?;
        Ok(id)
    }

    /// Makes a move of those that the view offers; gives the number of the view that shows it.
    pub async fn make_move(&mut self) -> Result<Option<u32>, String> {
        let (Some(view), Some(table)) = (self.to_choose.take(), self.table) else { return Ok(None) };
        let Some(moves) = choose(&view, &mut self.dice) else { return Ok(None) };
        let number = self.tip.number + u32::try_from(moves.len()).unwrap_or(u32::MAX);
        self.moved = Some(self.ask(Ask::Move { table, tip: self.tip.clone(), moves }).await?);
        // Should it be refused, it is chosen again.
        self.to_choose = Some(view);
        Ok(Some(number))
    }

    /// What comes next; meets the partner for another game when one is over.
    pub async fn next(&mut self) -> Result<Heard, String> {
        let Frame::Text(text) = frame(&mut self.socket).await? else { return Ok(Heard::Other) };
        match kind(&text)? {
            "table" => self.shown(&text),
            "done" => {
                let Answer { id } = read(&text)?;
                Ok(if self.moved.take_if(|moved| *moved == id).is_some() {
                    Heard::Done
                } else {
                    Heard::Other
                })
            }
            "refused" => self.refused(&read(&text)?).await,
            "invites" => self.invited(&read(&text)?).await,
            "table_closed" => self.closed(&read(&text)?).await,
            "lobby" => Ok(Heard::Lobby(text.len())),
            _ => Ok(Heard::Other),
        }
    }

    fn shown(&mut self, text: &str) -> Result<Heard, String> {
        if self.partner.is_none() {
            // Thousands watch: of a view they read no more than its number.
            let number = number_after(text, "\"number\":").ok_or("a view without its number")?;
            return Ok(Heard::State(State { number, is_own_turn: false, answers: false, bytes: text.len() }));
        }
        let Shown { table, tip, view } = read(text)?;
        let is_own_turn = view.get().contains("\"choices\":{");
        self.to_choose = if is_own_turn { Some(Box::new(read(view.get())?)) } else { None };
        (self.table, self.tip) = (Some(table), tip);
        let number = self.tip.number;
        Ok(Heard::State(State { number, is_own_turn, answers: false, bytes: text.len() }))
    }

    async fn refused(&mut self, Refusal { id, code }: &Refusal<'_>) -> Result<Heard, String> {
        if self.moved.take_if(|moved| moved == id).is_some() {
            return Ok(Heard::Refused((*code).to_owned()));
        }
        if self.meeting.take_if(|meeting| meeting == id).is_some() && self.invites && self.table.is_none() {
            sleep(INVITE_PAUSE).await;
            self.meet().await?;
        }
        Ok(Heard::Other)
    }

    async fn invited(&mut self, invites: &Invites) -> Result<Heard, String> {
        let stands = invites.received.iter().any(|invite| Some(&invite.name) == self.partner.as_ref());
        if stands && !self.invites && self.table.is_none() {
            self.meet().await?;
        }
        Ok(Heard::Other)
    }

    async fn closed(&mut self, closed: &Closed) -> Result<Heard, String> {
        if closed.why == ClosedWhy::Finished && self.table == Some(closed.table) {
            (self.table, self.to_choose) = (None, None);
            self.begin().await?;
        }
        Ok(Heard::Other)
    }

    /// Invites the partner, or accepts its invite.
    async fn meet(&mut self) -> Result<(), String> {
        let Some(partner) = self.partner.clone() else { return Ok(()) };
        let ask = if self.invites {
            Ask::Invite { to: partner, options: TableOptions::default(), resume: None }
        } else {
            Ask::Accept { from: partner, invite: None }
        };
        self.meeting = Some(self.ask(ask).await?);
        Ok(())
    }
}

/// The kind of an update, which a node writes first.
fn kind(text: &str) -> Result<&str, String> {
    match text.strip_prefix("{\"update\":\"").and_then(|rest| rest.split_once('"')) {
        Some((kind, _)) => Ok(kind),
        None => read::<Kind>(text).map(|kind| kind.update),
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("an update cannot be read: {error}"))
}
