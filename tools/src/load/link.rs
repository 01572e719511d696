//! A bot's connection: kept up by the protocol's rules, whatever happens to the node at its other end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use nineflags::ids::{RequestId, TableId};
use nineflags::limits::{Allowance, Limit};
use nineflags::protocol::{Ask, CloseCode, ClosedWhy, Invites, Request};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_tungstenite::tungstenite::Message as Frame;

use super::choice::Dice;
use super::dial::{self, WebSocket};
use super::frame::{self, Carried, Heard, Noticed, Refused, TableHeard, Tables, Welcomed};
use super::stage::{Login, Stage};

/// Requests at once and a second, as nodes allow them.
const REQUESTS: (u32, u32) = match Limit::Requests.line().allowance {
    Allowance::Rate { burst, refill, .. } => (burst, refill),
    Allowance::AtOnce(most) => (most, most),
};

/// An answer that takes longer than this does not come: a node answers within eight seconds whatever happens.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// The node pings every 15 seconds; a connection silent for longer than this is dead.
const SILENCE_PATIENCE: Duration = Duration::from_secs(40);
/// How long the first update of a session may take.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);
/// The first and the longest pause between attempts to connect; each is drawn by lot from nothing to this.
const PAUSE_MS: (u64, u64) = (100, 2_000);

/// What comes out of a link.
#[derive(Debug)]
pub enum Event {
    /// It is connected, for the first time or again.
    Welcome(Box<Welcomed>),
    /// A request was carried out.
    Done(Pending, Carried),
    /// A request was refused.
    Refused(Pending, Refused),
    /// A table's view.
    Table(Box<TableHeard>),
    /// So many records of a table are saved.
    Saved(TableId, u32),
    /// All invites.
    Invites(Invites),
    /// A table is no longer shown.
    Closed(TableId, ClosedWhy),
    /// Something to read once.
    Notice(Noticed),
    /// The time came that was waited for.
    Time,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub struct Pending {
    /// Its id, the same each time it is sent.
    pub id: RequestId,
    /// What is asked.
    pub ask: Ask,
    first_sent: Instant,
    /// When it was sent, for the last time if it was repeated.
    pub last_sent: Instant,
    repeats: u32,
}

/// A bot's connection.
pub struct Link {
    /// What all bots share.
    pub stage: Arc<Stage>,
    login: Login,
    dice: Dice,
    socket: Option<WebSocket>,
    tables: Tables,
    pending: VecDeque<Pending>,
    /// How many requests may be sent at once, and since when that is so.
    tokens: f64,
    counted: Instant,
    heard: Instant,
    lost: Option<Lost>,
    /// When the node asked to be left.
    leave_at: Option<Instant>,
    met: bool,
    connected: Instant,
    /// Where it is connected, or was last.
    place: Option<SocketAddr>,
}

/// A connection that was lost, until the bot can move again.
#[derive(Debug, Clone, Copy)]
struct Lost {
    at: Instant,
    asked: bool,
}

impl Link {
    /// A link that connects when something is expected of it.
    pub fn new(stage: Arc<Stage>, login: Login, dice: Dice) -> Self {
        let now = Instant::now();
        Self {
            stage,
            login,
            dice,
            socket: None,
            tables: Tables::default(),
            pending: VecDeque::new(),
            tokens: f64::from(REQUESTS.0),
            counted: now,
            heard: now,
            lost: None,
            leave_at: None,
            met: false,
            connected: now,
            place: None,
        }
    }

    /// Where it is connected, or was last.
    pub fn place(&self) -> Option<SocketAddr> {
        self.place
    }

    /// Requests that are not answered yet.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.pending.iter()
    }

    /// Sends a request; its answer comes as an event, also if the connection is lost in between.
    pub async fn ask(&mut self, ask: Ask) {
        let now = Instant::now();
        let id = self.stage.request_id();
        self.pending.push_back(Pending { id, ask, first_sent: now, last_sent: now, repeats: 0 });
        self.send_pending(self.pending.len() - 1).await;
    }

    /// Sends a request again whose fate is not known, or that was not taken.
    pub async fn ask_again(&mut self, mut pending: Pending) {
        pending.repeats += 1;
        pending.last_sent = Instant::now();
        self.stage.meters.counts().repeats += 1;
        self.pending.push_back(pending);
        self.send_pending(self.pending.len() - 1).await;
    }

    /// Sends everything again that was sent over an older connection and is not answered.
    pub async fn resend(&mut self) {
        let connected = self.connected;
        for index in 0..self.pending.len() {
            if self.pending[index].last_sent >= connected {
                continue;
            }
            self.pending[index].repeats += 1;
            self.pending[index].last_sent = Instant::now();
            self.stage.meters.counts().repeats += 1;
            self.send_pending(index).await;
        }
    }

    /// The bot can move again: the time since the connection was lost is taken.
    pub fn recovered(&mut self) {
        if let Some(lost) = self.lost.take() {
            let mut counts = self.stage.meters.counts();
            let times = if lost.asked { &mut counts.moved_over } else { &mut counts.recovery };
            times.add(lost.at.elapsed());
        }
    }

    /// Gives the connection up, since something expected does not come.
    pub fn give_up(&mut self) {
        self.stage.meters.counts().stalls += 1;
        self.lose();
    }

    /// Closes the connection in order.
    pub async fn close(&mut self) {
        if let Some(mut socket) = self.socket.take() {
            // One that is lost just now is closed, too.
            let _ = socket.close(None).await;
        }
    }

    /// The next event, at the latest at a time. Fails when the login is gone.
    pub async fn next(&mut self, until: Instant) -> Result<Event, String> {
        loop {
            if self.socket.is_none() {
                let welcomed = self.connect().await?;
                return Ok(Event::Welcome(Box::new(welcomed)));
            }
            if let Some(event) = self.listen(until).await? {
                return Ok(event);
            }
        }
    }

    async fn listen(&mut self, until: Instant) -> Result<Option<Event>, String> {
        let answer_due = self.pending.iter().map(|pending| pending.last_sent + ANSWER_PATIENCE).min();
        let silence_due = self.heard + SILENCE_PATIENCE;
        let patience = answer_due.map_or(silence_due, |due| due.min(silence_due));
        let deadline = until.min(patience).min(self.leave_at.unwrap_or(patience));
        let Some(socket) = &mut self.socket else { return Ok(None) };
        match timeout_at(deadline, socket.next()).await {
            Ok(Some(Ok(frame))) => {
                self.heard = Instant::now();
                self.take(frame)
            }
            Ok(Some(Err(_)) | None) => {
                self.lose();
                Ok(None)
            }
            Err(_) if self.leave_at.is_some_and(|leave| leave <= Instant::now()) => {
                self.lose();
                Ok(None)
            }
            Err(_) if patience <= Instant::now() => {
                self.give_up();
                Ok(None)
            }
            Err(_) => Ok(Some(Event::Time)),
        }
    }

    fn take(&mut self, frame: Frame) -> Result<Option<Event>, String> {
        match frame {
            Frame::Text(text) => match frame::read(&text, &mut self.tables) {
                Ok(heard) => Ok(self.event(heard)),
                Err(words) => {
                    self.stage.meters.fault(format!("{}: {words}", self.login.name));
                    Ok(None)
                }
            },
            Frame::Close(frame) => {
                let code = frame.map_or(0, |frame| frame.code.into());
                *self.stage.meters.counts().closes.entry(code).or_default() += 1;
                if code == CloseCode::LoggedOut as u16 {
                    return Err(format!("{} was logged out", self.login.name));
                }
                // What follows is the end of the stream.
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn event(&mut self, heard: Heard) -> Option<Event> {
        match heard {
            Heard::Done(id, carried) => self.answered(&id).map(|pending| Event::Done(pending, carried)),
            Heard::Refused(refused) => {
                self.stage.meters.refused(&refused.name);
                self.answered(&refused.id).map(|pending| Event::Refused(pending, refused))
            }
            Heard::Saved(table, number) => Some(Event::Saved(table, number)),
            Heard::Table(table) => Some(Event::Table(table)),
            Heard::Invites(invites) => Some(Event::Invites(invites)),
            Heard::Closed(table, why) => Some(Event::Closed(table, why)),
            Heard::Notice(noticed) => Some(Event::Notice(noticed)),
            Heard::Reconnect(delay_ms) => {
                self.leave_at = Some(Instant::now() + Duration::from_millis(delay_ms));
                None
            }
            Heard::Welcome(_) | Heard::Other => None,
        }
    }

    fn answered(&mut self, id: &RequestId) -> Option<Pending> {
        let index = self.pending.iter().position(|pending| pending.id == *id)?;
        let pending = self.pending.remove(index)?;
        let waited = pending.first_sent.elapsed();
        let mut counts = self.stage.meters.counts();
        counts.answers += 1;
        counts.longest_wait = counts.longest_wait.max(waited);
        if pending.repeats == 0 {
            counts.answer.add(waited);
        }
        drop(counts);
        Some(pending)
    }

    async fn send_pending(&mut self, index: usize) {
        self.pace().await;
        let Some(Pending { id, ask, .. }) = self.pending.get(index) else { return };
        let request = Request { id: id.clone(), ask: ask.clone() };
        let text = serde_json::to_string(&request).expect("a request is JSON");
        let Some(socket) = &mut self.socket else { return };
        let sent = timeout_at(Instant::now() + ANSWER_PATIENCE, socket.send(Frame::text(text))).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.lose();
        }
    }

    /// Keeps to the node's limit of requests a second, with a little room.
    async fn pace(&mut self) {
        let rate = f64::from(REQUESTS.1) * 0.95;
        let now = Instant::now();
        let grown = self.tokens + now.duration_since(self.counted).as_secs_f64() * rate;
        self.tokens = grown.min(f64::from(REQUESTS.0) * 0.8) - 1.0;
        self.counted = now;
        if self.tokens < 0.0 {
            sleep(Duration::from_secs_f64(-self.tokens / rate)).await;
        }
    }

    fn lose(&mut self) {
        if self.socket.take().is_some() {
            let asked = self.leave_at.is_some();
            let mut counts = self.stage.meters.counts();
            if asked {
                counts.asked_over += 1;
            } else {
                counts.losses += 1;
            }
            self.lost.get_or_insert(Lost { at: Instant::now(), asked });
        }
    }

    /// Connects to any address: at once, then with a pause by lot that grows.
    async fn connect(&mut self) -> Result<Welcomed, String> {
        if let Some(at) = self.leave_at.take() {
            sleep_until(at).await;
        }
        let mut pause_ms = PAUSE_MS.0;
        loop {
            let arriving = Arc::clone(&self.stage);
            let permit = if self.met { None } else { Some(arriving.arriving.acquire().await) };
            let welcomed = self.open().await;
            drop(permit);
            match welcomed {
                Ok(Ok(welcomed)) => {
                    self.stage.meters.counts().arrived += usize::from(!self.met);
                    self.met = true;
                    self.connected = Instant::now();
                    self.heard = self.connected;
                    return Ok(welcomed);
                }
                Ok(Err(gone)) => return Err(gone),
                Err(_) => {
                    self.stage.meters.counts().failed_connects += 1;
                    let bound = usize::try_from(pause_ms).unwrap_or(usize::MAX);
                    sleep(Duration::from_millis(self.dice.below(bound) as u64)).await;
                    pause_ms = (pause_ms * 2).min(PAUSE_MS.1);
                }
            }
        }
    }

    /// One attempt; the inner error is for good.
    async fn open(&mut self) -> Result<Result<Welcomed, String>, String> {
        let Login { cookie, source, .. } = &self.login;
        let target = self.stage.target();
        let mut socket = dial::websocket(target, *source, cookie).await?;
        self.tables = Tables::default();
        let deadline = Instant::now() + WELCOME_TIMEOUT;
        loop {
            let frame = timeout_at(deadline, socket.next()).await.map_err(|_| "no welcome in time")?;
            match frame.ok_or("closed before the welcome")?.map_err(|error| error.to_string())? {
                Frame::Text(text) => match frame::read(&text, &mut self.tables) {
                    Ok(Heard::Welcome(welcomed)) => {
                        self.socket = Some(socket);
                        self.place = Some(target.socket);
                        return Ok(Ok(*welcomed));
                    }
                    Ok(Heard::Reconnect(_)) => return Err("the node is going away".to_owned()),
                    Ok(other) => return Ok(Err(format!("the first update is no welcome: {other:?}"))),
                    Err(words) => return Ok(Err(words)),
                },
                Frame::Close(Some(frame)) if u16::from(frame.code) == CloseCode::LoggedOut as u16 => {
                    return Ok(Err(format!("{} was logged out", self.login.name)));
                }
                _ => {}
            }
        }
    }
}
