//! One websocket's session: the loop, and the only match on requests.

pub mod frames;
mod invites;
mod login;
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

use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use self::pace::{Charged, Pace};
use self::socket::{Inbound, Socket};
use self::told::Untold;
use self::words::LastFew;
use crate::cluster::App;
use crate::cluster::mirror::PAGES_EVERY;
use crate::cluster::sessions::Events;
use crate::host::{Acted, Mover, Refusal, SeatAsk};
use crate::ids::{AccountId, AccountName, InviteId, RequestId, SessionId, TableId};
use crate::limits::{Held, Key, Limit, Refused};
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
    /// When the page is looked at again, and from when on that may be.
    page_due: Option<Instant>,
    page_after: Instant,
    watched: Vec<TableId>,
    /// The table the player was last seated at here.
    seat: Option<TableId>,
    blocked: Blocked,
    /// The invites in the list that was sent last, by sender: what the player answers is one of them.
    received: Vec<(AccountName, Option<InviteId>)>,
    /// When a browser that was asked to reconnect is sent away.
    leave_at: Option<Instant>,
    /// When the login is used again.
    login_due: Instant,
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

/// Serves one websocket from its first update to its end. What is held until the welcome is given back then, the rest at the
/// end. An idle session is nothing but its loop: what it does now and then is boxed, and freed when it is done.
pub fn serve(
    app: Arc<App>,
    login: Login,
    (mut socket, keeps_views): (Socket, bool),
    until_welcome: Box<dyn Send>,
    held: Held,
) -> impl Future<Output = ()> + Send {
    let (mut session, events, lasts) = Session::new(Arc::clone(&app), login, &socket, keeps_views);
    let here = ForgottenAtEnd { app, account: session.account.id, id: session.id };
    // No async function, which would hold its arguments twice.
    async move {
        let begun = {
            // Thousands may wait for their turn, and hold nothing else until it comes.
            let _turn = socket.beside(here.app.sessions.turn()).await;
            socket.beside(Box::pin(session.begin(lasts))).await
        };
        drop(until_welcome);
        match begun {
            Ok(true) => session.serve(&mut socket, &events).await,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(name = %session.account.name, %error, "a session ended for want of the store");
                session.outbox.close(CloseCode::Unavailable);
            }
        }
        // Nobody waits for the goodbyes.
        tokio::spawn(socket.finish());
        Box::pin(session.leave(here)).await;
        drop(held);
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
    /// The session of a login, known to this node from now on; with its events and how long the login lasts.
    fn new(app: Arc<App>, login: Login, socket: &Socket, keeps_views: bool) -> (Self, Arc<Events>, Duration) {
        let Login { account, hash: login, lasts, .. } = login;
        let (id, outbox, now) = (SessionId::random(), socket.outbox(), Instant::now());
        let events = app.sessions.enter(account.id, id, outbox.clone());
        let session = Self {
            app,
            id,
            // The password's hash is of no use here.
            account: Account { password: String::new(), ..account },
            login,
            outbox,
            keeps_views,
            query: None,
            page_sent: None,
            page_due: None,
            page_after: now,
            watched: Vec::new(),
            seat: None,
            blocked: Blocked::default(),
            received: Vec::new(),
            leave_at: None,
            login_due: now + login::USED_EVERY,
            pace: Pace::default(),
            source: socket.source,
            untold: Untold::default(),
            heard_from: LastFew::default(),
            letters: LastFew::default(),
        };
        (session, events, lasts)
    }

    /// Enters and welcomes the player; false where its login has ended meanwhile.
    async fn begin(&mut self, lasts: Duration) -> Result<bool, StoreError> {
        if !self.enter().await? {
            return Ok(false);
        }
        self.app.sessions.entered(self.account.id, self.id);
        timeout(WELCOME_WITHIN, self.welcome(lasts))
            .await
            .unwrap_or_else(|_| Err(StoreError::Unavailable("no welcome in time".to_owned())))?;
        Ok(true)
    }

    async fn leave(self, here: ForgottenAtEnd) {
        for table in self.watched.iter().chain(&self.seat) {
            self.app.tables.leave(*table, self.id).await;
        }
        drop(here);
        let _turn = self.app.sessions.turn().await;
        let left = Left::Gone { abandoned_ms: self.app.config.abandoned_ms() };
        if let Err(error) = Box::pin(self.app.store.leave(self.account.id, self.id, left)).await {
            // What the store holds is compared with what is here once it is back.
            tracing::debug!(name = %self.account.name, %error, "a player's leave could not be told yet");
        }
    }

    async fn serve(&mut self, socket: &mut Socket, events: &Events) {
        let mut lobby = self.app.mirror.changes();
        while self.outbox.closing().is_none() {
            let reads = self.pace.read_at().is_none();
            let due = self.due().min(socket.due());
            tokio::select! {
                frame = socket.next(reads) => match frame {
                    Some(frame) => socket.beside(Box::pin(self.frame(frame))).await,
                    None => return,
                },
                told = events.next() => socket.beside(Box::pin(self.told(told))).await,
                changed = lobby.changed(), if self.query.is_some() && self.page_due.is_none() => {
                    if changed.is_err() { return }
                    self.page_due = Some(self.page_after);
                }
                () = sleep_until(due) => {
                    socket.look();
                    if self.due() <= Instant::now() {
                        socket.beside(Box::pin(self.do_what_is_due())).await;
                    }
                }
            }
        }
    }

    /// When there is something to do.
    fn due(&self) -> Instant {
        let times = [self.page_due, self.untold.at(), self.pace.read_at(), self.leave_at];
        times.into_iter().flatten().fold(self.login_due, Instant::min)
    }

    async fn do_what_is_due(&mut self) {
        let now = Instant::now();
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.pace.read_at()) {
            self.pace.read_on();
        }
        if is_due(self.untold.at()) {
            self.tell_untold().await;
        }
        if is_due(self.page_due) {
            // A browser that does not read what it has gets the page later.
            let has_room = self.outbox.has_room();
            self.page_after = now + PAGES_EVERY;
            self.page_due = (!has_room).then_some(self.page_after);
            if has_room {
                let _ = timeout(REQUEST_TIMEOUT, self.send_page()).await;
            }
        }
        if self.login_due <= now {
            self.login_due = now + login::USED_EVERY;
            if let Err(error) = self.use_login().await {
                tracing::debug!(%error, "a login could not be used");
            }
        }
        if is_due(self.leave_at) {
            self.outbox.close(CloseCode::GoingAway);
        }
    }

    /// Answers one frame.
    async fn frame(&mut self, frame: Inbound) {
        let began = std::time::Instant::now();
        let charged = self.pace.charge(&self.app.limits, self.account.id, self.source);
        let text = match (&frame, charged) {
            (_, Charged::Close) => {
                return self.outbox.close(CloseCode::Flooding);
            }
            // Nobody waits for an answer.
            (Inbound::Control, _) => return,
            (Inbound::Text(text), Charged::Refused(refused)) => {
                metrics::request("unread", Some(RefusalCode::TooMany), began.elapsed());
                return self.answer(id_of(text), Err(too_many(refused)));
            }
            (Inbound::Text(text), Charged::Go) => text,
        };
        let request: Request = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                metrics::request("unread", Some(RefusalCode::Malformed), began.elapsed());
                let words = format!("That is not a request: {error}");
                return self.answer(id_of(text), Err(Refusal::new(RefusalCode::Malformed, words)));
            }
        };
        let (id, kind) = (request.id.clone(), metrics::words::kind_of(&request.ask));
        let answer = match timeout(REQUEST_TIMEOUT, self.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                tracing::warn!(name = %self.account.name, %id, %error, "a request could not reach the store");
                Err(Refusal::unavailable())
            }
            Err(_) => Err(Refusal::unavailable()),
        };
        metrics::request(kind, answer.as_ref().err().map(|refusal| refusal.code), began.elapsed());
        self.answer(Some(id), answer);
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
