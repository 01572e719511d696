//! One websocket's session: the loop, and the only match on requests.

mod invites;
mod login;
mod metered;
pub mod pace;
mod saved;
mod shows;
pub mod socket;
pub mod text;
mod told;
mod welcome;
mod words;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::pace::{Charged, Pace};
use self::socket::{Inbound, Socket};
use self::told::Untold;
use self::words::LastFew;
use crate::cluster::App;
use crate::cluster::mirror::PAGES_EVERY;
use crate::cluster::sessions::Told;
use crate::host::{Acted, Mover, Refusal, SeatAsk};
use crate::ids::{AccountId, AccountName, InviteId, RequestId, SessionId, TableId};
use crate::limits::{Key, Limit, Refused};
use crate::member::{Blocked, Member};
use crate::metrics;
use crate::outbox::Outbox;
use crate::outbox::text_of;
use crate::protocol::{Ask, CloseCode, LobbyQuery, RefusalCode, Request, Update};
use crate::redis::error::StoreError;
use crate::rules::moves::Move;
use crate::store::accounts::Account;
use crate::store::logins::{Login, LoginHash};
use crate::store::presence::Left;
use crate::table::record::Tip;

/// Characters of a message.
pub const MESSAGE_CHARS_MAX: usize = 300;
/// Tables watched at once by one session.
pub const WATCHED_MAX: usize = 8;
/// Moves in one request: a play and its draw, or Scout's play, draws and so on.
pub const MOVES_MAX: usize = 4;
/// Characters of a move's text.
const MOVE_CHARS_MAX: usize = 12;
/// How long any one request may take before it is answered with `unavailable`.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);
/// How long a browser that was asked to reconnect may take to do so, after the delay it was given.
const RECONNECT_GRACE: Duration = Duration::from_secs(2);
/// Events that may wait for one session; what finds no room is read again later.
pub const EVENTS: usize = 256;
/// How long a session may take to begin.
const WELCOME_WITHIN: Duration = Duration::from_secs(8);

/// What a request is answered with, when it is carried out.
#[derive(Debug, Default)]
struct Done {
    table: Option<TableId>,
    tip: Option<Tip>,
    unsaved: bool,
}

impl Done {
    /// Of a request about a table.
    fn at(table: TableId) -> Self {
        Self { table: Some(table), ..Self::default() }
    }
}

type Answer = Result<Done, Refusal>;

struct Session {
    app: Arc<App>,
    id: SessionId,
    account: Account,
    /// The login that opened the websocket.
    login: LoginHash,
    outbox: Outbox,
    /// The browser keeps the views of tables itself.
    keeps_views: bool,
    /// The lobby page shown, and its text as last sent.
    query: Option<LobbyQuery>,
    page_sent: Option<Utf8Bytes>,
    watched: Vec<TableId>,
    /// The table the player was last seated at here.
    seat: Option<TableId>,
    blocked: Blocked,
    /// The invites in the list that was sent last, by sender: what the player answers is one of them.
    received: Vec<(AccountName, Option<InviteId>)>,
    /// When a browser that was asked to reconnect is sent away.
    leave_at: Option<Instant>,
    pace: Pace,
    /// Where the websocket comes from.
    source: Key,
    /// What is to be told of events, gathered.
    untold: Untold,
    /// Players who wrote to this one: an answer is no stranger's letter.
    heard_from: LastFew<AccountId>,
    /// Hashes of the letters that were shown.
    letters: LastFew<u64>,
}

/// Serves one websocket from its first update to its end.
pub async fn serve(app: Arc<App>, login: Login, mut socket: Socket, keeps_views: bool) {
    let Login { account, hash: login, lasts, .. } = login;
    let id = SessionId::random();
    let outbox = socket.outbox();
    let (events, told) = mpsc::channel(EVENTS);
    let name = account.name.clone();
    app.sessions.enter(account.id, id, events, outbox.clone());
    let here = ForgottenAtEnd { app: Arc::clone(&app), account: account.id, id };
    let session = Session {
        app: Arc::clone(&app),
        id,
        account,
        login,
        outbox: outbox.clone(),
        keeps_views,
        query: None,
        page_sent: None,
        watched: Vec::new(),
        seat: None,
        blocked: Blocked::default(),
        received: Vec::new(),
        leave_at: None,
        pace: Pace::default(),
        source: socket.source,
        untold: Untold::default(),
        heard_from: LastFew::default(),
        letters: LastFew::default(),
    };
    let account_id = session.account.id;
    if let Err(error) = session.run(&mut socket, told, lasts).await {
        tracing::warn!(%name, %error, "a session ended for want of the store");
        outbox.close(CloseCode::Unavailable);
    }
    drop(here);
    let left = Left::Gone { abandoned_ms: app.config.abandoned_ms() };
    if let Err(error) = app.store.leave(account_id, id, left).await {
        // What the store holds is compared with what is here once it is back.
        tracing::debug!(%name, %error, "a player's leave could not be told yet");
    }
}

/// A session that this node knows until it ends, however it does: what the store holds of it is then taken out.
struct ForgottenAtEnd {
    app: Arc<App>,
    account: AccountId,
    id: SessionId,
}

impl Drop for ForgottenAtEnd {
    fn drop(&mut self) {
        self.app.sessions.leave(self.account, self.id);
    }
}

impl Session {
    async fn run(
        mut self,
        socket: &mut Socket,
        mut told: mpsc::Receiver<Told>,
        lasts: Duration,
    ) -> Result<(), StoreError> {
        if !self.enter().await? {
            return Ok(());
        }
        self.app.sessions.entered(self.account.id, self.id);
        // Boxed, as requests are: an idle session should hold no room for what it is not doing.
        timeout(WELCOME_WITHIN, Box::pin(self.welcome(lasts)))
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("no welcome in time".to_owned())))?;
        socket.welcomed();
        let result = self.serve(socket, &mut told).await;
        for table in self.watched.iter().chain(&self.seat) {
            self.app.tables.leave(*table, self.id).await;
        }
        result
    }

    async fn serve(
        &mut self,
        socket: &mut Socket,
        told: &mut mpsc::Receiver<Told>,
    ) -> Result<(), StoreError> {
        let mut lobby = self.app.mirror.changes();
        let mut page_due: Option<Instant> = None;
        let mut page_after = Instant::now();
        let mut login_due = Instant::now() + login::USED_EVERY;
        loop {
            let due = page_due.unwrap_or_else(Instant::now);
            let leave_at = self.leave_at.unwrap_or_else(Instant::now);
            let untold_at = self.untold.at();
            let read_at = self.pace.read_at();
            tokio::select! {
                frame = socket.next(), if read_at.is_none() => match frame {
                    Some(frame) => if !self.frame(frame).await { return Ok(()) },
                    None => return Ok(()),
                },
                () = sleep_until(read_at.unwrap_or(due)), if read_at.is_some() => self.pace.read_on(),
                told = told.recv() => match told {
                    Some(told) => Box::pin(self.told(told)).await,
                    None => return Ok(()),
                },
                () = sleep_until(untold_at.unwrap_or(due)), if untold_at.is_some() => {
                    Box::pin(self.tell_untold()).await;
                }
                changed = lobby.changed(), if self.query.is_some() && page_due.is_none() => {
                    if changed.is_err() { return Ok(()) }
                    page_due = Some(page_after.max(Instant::now()));
                }
                () = sleep_until(due), if page_due.is_some() => {
                    // A browser that does not read what it has gets the page later.
                    let has_room = self.outbox.has_room();
                    page_due = (!has_room).then(|| Instant::now() + PAGES_EVERY);
                    page_after = Instant::now() + PAGES_EVERY;
                    if has_room {
                        let _ = timeout(REQUEST_TIMEOUT, Box::pin(self.send_page())).await;
                    }
                }
                () = sleep_until(login_due) => {
                    login_due = Instant::now() + login::USED_EVERY;
                    if let Err(error) = Box::pin(self.use_login()).await {
                        tracing::debug!(%error, "a login could not be used");
                    }
                }
                () = sleep_until(leave_at), if self.leave_at.is_some() => {
                    self.outbox.close(CloseCode::GoingAway);
                }
            }
            if self.outbox.closing().is_some() {
                return Ok(());
            }
        }
    }

    /// Answers one frame; false when the session is to end.
    async fn frame(&mut self, frame: Inbound) -> bool {
        let began = std::time::Instant::now();
        let charged = self.pace.charge(&self.app.limits, self.account.id, self.source);
        let text = match (&frame, charged) {
            (_, Charged::Close) => {
                self.outbox.close(CloseCode::Flooding);
                return false;
            }
            // Nobody waits for an answer.
            (Inbound::Control, _) => return true,
            (Inbound::Text(text), Charged::Refused(refused)) => {
                metrics::request("unread", Some(RefusalCode::TooMany), began.elapsed());
                self.answer(id_of(text), Err(too_many(refused)));
                return true;
            }
            (Inbound::Text(text), Charged::Go) => text,
        };
        let request: Request = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                metrics::request("unread", Some(RefusalCode::Malformed), began.elapsed());
                let words = format!("That is not a request: {error}");
                self.answer(id_of(text), Err(Refusal::new(RefusalCode::Malformed, words)));
                return true;
            }
        };
        let (id, kind) = (request.id.clone(), metrics::words::kind_of(&request.ask));
        let answer = match timeout(REQUEST_TIMEOUT, Box::pin(self.request(request))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(name = %self.account.name, %id, %error, "a request could not reach the store");
                Err(Refusal::unavailable())
            }
            Err(_) => Err(Refusal::unavailable()),
        };
        metrics::request(kind, answer.as_ref().err().map(|refusal| refusal.code), began.elapsed());
        self.answer(Some(id), answer);
        true
    }

    /// The table of contents of everything a browser can ask.
    async fn request(&mut self, request: Request) -> Result<Answer, StoreError> {
        let Request { id, ask } = request;
        if !self.app.sessions.is_live(self.account.id, self.id) {
            return Ok(Err(Refusal::not_live()));
        }
        match ask {
            Ask::Ping => Ok(Ok(Done::default())),
            Ask::Lobby(query) => Ok(self.show_lobby(query).await),
            Ask::LeaveLobby => {
                self.query = None;
                Ok(Ok(Done::default()))
            }
            Ask::Invite { to, options, resume } => self.invite(&id, &to, options, resume).await,
            Ask::Accept { from, invite } => self.accept(&from, invite).await,
            Ask::Decline { from, invite } => self.decline(&id, &from, invite).await,
            Ask::Withdraw { to, invite } => self.withdraw(&id, &to, invite).await,
            Ask::Move { table, tip, moves } => Ok(match parse_moves(&moves) {
                Ok(moves) => self.at_table(table, id, SeatAsk::Moves(tip, moves)).await,
                Err(refusal) => Err(refusal),
            }),
            Ask::Resign { table } => Ok(self.at_table(table, id, SeatAsk::Resign).await),
            Ask::Save { table } => Ok(self.at_table(table, id, SeatAsk::Save).await),
            Ask::DropSaved { table } => self.drop_saved(table).await,
            Ask::ClaimWin { table } => Ok(self.at_table(table, id, SeatAsk::ClaimWin).await),
            Ask::Watch { table } => Ok(self.watch(table).await),
            Ask::Unwatch { table } => Ok(self.unwatch(table).await),
            Ask::Seen { table, tip, sealed } => {
                if let Err(refusal) = self.charge(Limit::Seen, 1) {
                    return Ok(Err(refusal));
                }
                let seen = self.app.tables.seen(table, self.account.id, tip, sealed).await;
                Ok(seen.map(|tip| Done { table: Some(table), tip: Some(tip), unsaved: false }))
            }
            Ask::Tell { to, text } => self.tell(&id, &to, &text).await,
            Ask::Say { table, text } => self.say(&id, table, &text).await,
            Ask::Block { name } => self.set_block(&name, true).await,
            Ask::Unblock { name } => self.set_block(&name, false).await,
        }
    }

    /// Charges this account.
    fn charge(&self, limit: Limit, cost: u32) -> Result<(), Refusal> {
        self.app.limits.take_many(limit, self.account.id, cost).map_err(too_many)
    }

    /// Charges where the websocket comes from.
    fn charge_source(&self, limit: Limit, cost: u32) -> Result<(), Refusal> {
        self.app.limits.take_many(limit, self.source, cost).map_err(too_many)
    }

    /// The account of a name: the mirror knows those online, but may be a moment behind.
    async fn account_of(&self, name: &AccountName) -> Result<Option<AccountId>, StoreError> {
        match self.app.mirror.with(|lobby| lobby.player(name)) {
            Some(account) => Ok(Some(account)),
            None => self.app.store.account_id(name).await,
        }
    }

    async fn at_table(&mut self, table: TableId, id: RequestId, ask: SeatAsk) -> Answer {
        self.charge_foreign(table)?;
        let mover = Mover { account: self.account.id, session: self.id };
        let mut acted = self.app.tables.ask(table, mover, id.clone(), ask.clone()).await;
        let is_not_live = |refusal: &Refusal| refusal.code == RefusalCode::NotLive;
        if acted.as_ref().is_err_and(is_not_live)
            && self.reenter().await.map_err(|_| Refusal::unavailable())?
        {
            acted = self.app.tables.ask(table, mover, id, ask).await;
        }
        let Acted { tip, unsaved } = acted?;
        Ok(Done { table: Some(table), tip: Some(tip), unsaved })
    }

    fn member(&self) -> Member {
        Member {
            session: self.id,
            account: self.account.id,
            keeps_view: self.keeps_views,
            outbox: self.outbox.clone(),
            blocked: Arc::clone(&self.blocked),
        }
    }

    fn answer(&self, id: Option<RequestId>, answer: Answer) {
        let Some(id) = id.or_else(|| "unknown".parse().ok()) else { return };
        self.send(&match answer {
            Ok(Done { table, tip, unsaved }) => Update::Done { id, table, tip, unsaved },
            Err(Refusal { code, words, counter }) => Update::Refused { id, code, words, counter },
        });
    }

    fn send(&self, update: &Update) {
        self.outbox.send(text_of(update));
    }
}

/// The id of a request that is otherwise not understood, so that its refusal can be told apart.
fn id_of(text: &str) -> Option<RequestId> {
    #[derive(serde::Deserialize)]
    struct OnlyId {
        id: RequestId,
    }
    serde_json::from_str::<OnlyId>(text).ok().map(|only| only.id)
}

/// Reads the moves of one request.
pub fn parse_moves(texts: &[String]) -> Result<Vec<Move>, Refusal> {
    if texts.is_empty() || texts.len() > MOVES_MAX {
        return Err(Refusal::new(RefusalCode::Malformed, "One to four moves at a time."));
    }
    texts
        .iter()
        .map(|text| match text.parse::<Move>() {
            Ok(Move::Resign) | Err(_) => {
                let shown: String = text.chars().take(MOVE_CHARS_MAX).collect();
                Err(Refusal::new(RefusalCode::Malformed, format!("`{shown}` is not a move.")))
            }
            Ok(mv) => Ok(mv),
        })
        .collect()
}

/// More was asked than a limit allows.
fn too_many(refused: Refused) -> Refusal {
    Refusal::new(RefusalCode::TooMany, refused.words())
}

fn not_online(name: &AccountName) -> Refusal {
    Refusal::new(RefusalCode::NotOnline, format!("{name} is not online."))
}
