//! The live sessions of this node: one for each account.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::timeout;

use crate::ids::{AccountId, SessionId};
use crate::lobby::event::PlayerEvent;
use crate::lobby::presence::Here;
use crate::metrics;
use crate::outbox::Outbox;
use crate::protocol::CloseCode;

/// What the node tells a session.
#[derive(Debug, Clone)]
pub enum Told {
    /// Something happened to its player.
    Event(PlayerEvent),
    /// Reconnect, to any node, after so many milliseconds.
    Reconnect(u64),
    /// The store does not know the session any more: enter again.
    Reenter,
    /// Events of its player may have been missed: read what they would have told.
    Missed,
}

/// Events that may wait for one session; what finds no room is read again later.
pub const EVENTS: usize = 256;
/// Websockets for which the store is asked at the same time because they come or go: when all do so at once, each waits for
/// its turn rather than all for the store, and for those who play.
pub const TURNS: usize = 64;
/// How long one waits for a turn, at most; then it goes on without.
const TURN_WITHIN: Duration = Duration::from_secs(30);

/// The live sessions.
pub struct Sessions {
    live: Mutex<HashMap<AccountId, Live>>,
    /// What the store holds of this node may be something else than is here.
    doubtful: Notify,
    turns: Semaphore,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { live: Mutex::default(), doubtful: Notify::default(), turns: Semaphore::new(TURNS) }
    }
}

/// What one session is told, in order; nothing is allocated while nothing waits.
#[derive(Default)]
pub struct Events {
    waiting: Mutex<VecDeque<Told>>,
    news: Notify,
}

impl Events {
    /// The next event. Nothing is lost if the wait is given up.
    pub async fn next(&self) -> Told {
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.pop_front();
                if waiting.is_empty() {
                    *waiting = VecDeque::new();
                }
                next
            };
            match next {
                Some(told) => return told,
                None => self.news.notified().await,
            }
        }
    }

    /// Adds an event; false if there is no room.
    fn push(&self, told: Told) -> bool {
        let mut waiting = self.lock();
        let has_room = waiting.len() < EVENTS;
        if has_room {
            waiting.push_back(told);
            drop(waiting);
            self.news.notify_one();
        }
        has_room
    }

    fn has_room(&self) -> bool {
        self.lock().len() < EVENTS
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Told>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Live {
    session: SessionId,
    /// The store knows it.
    entered: bool,
    /// It was asked to reconnect.
    asked: bool,
    /// Events of its player may have been missed, and it was not told so yet.
    missed: bool,
    events: Arc<Events>,
    outbox: Outbox,
}

impl Sessions {
    /// A new session takes over from an older one of the same account; gives what it is told from now on.
    pub fn enter(&self, account: AccountId, session: SessionId, outbox: Outbox) -> Arc<Events> {
        let events = Arc::new(Events::default());
        let live = Live {
            session,
            entered: false,
            asked: false,
            missed: false,
            events: Arc::clone(&events),
            outbox,
        };
        if let Some(old) = self.lock().insert(account, live) {
            old.outbox.close(CloseCode::TakenOver);
        }
        events
    }

    /// Waits for a turn to ask the store for a websocket that comes or goes.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        timeout(TURN_WITHIN, self.turns.acquire()).await.ok()?.ok()
    }

    /// The store knows a session from now on, so that it can be compared.
    pub fn entered(&self, account: AccountId, session: SessionId) {
        if let Some(live) = self.lock().get_mut(&account).filter(|live| live.session == session) {
            live.entered = true;
        }
    }

    /// The accounts whose sessions the store should know, for comparing.
    pub fn entered_here(&self) -> Vec<AccountId> {
        self.lock().iter().filter(|(_, live)| live.entered).map(|(account, _)| *account).collect()
    }

    /// The session of an account, as it is compared with what the store holds.
    pub fn here(&self, account: AccountId) -> Option<Here<SessionId>> {
        let here = |live: &Live| Here { session: live.session, entered: live.entered };
        self.lock().get(&account).map(here)
    }

    /// Another node has a newer session of the account.
    pub fn taken_over(&self, account: AccountId, session: SessionId) {
        if let Some(live) = self.lock().get(&account).filter(|live| live.session == session) {
            live.outbox.close(CloseCode::TakenOver);
        }
    }

    /// The store has lost a session: it is to be entered again.
    pub fn reenter(&self, account: AccountId, session: SessionId) {
        if let Some(live) = self.lock().get(&account).filter(|live| live.session == session) {
            live.tell(Told::Reenter);
        }
    }

    /// Has all that the store holds of this node compared, soon.
    pub fn doubt(&self) {
        self.doubtful.notify_one();
    }

    /// Ends when all is to be compared.
    pub async fn doubted(&self) {
        self.doubtful.notified().await;
    }

    /// A session is over.
    pub fn leave(&self, account: AccountId, session: SessionId) {
        let mut live = self.lock();
        if live.get(&account).is_some_and(|live| live.session == session) {
            live.remove(&account);
        }
    }

    /// Whether a session is its account's live one, as far as this node knows.
    pub fn is_live(&self, account: AccountId, session: SessionId) -> bool {
        self.lock().get(&account).is_some_and(|live| live.session == session)
    }

    /// Tells a player's session. One that has no room for it reads later what it was to be told: nobody is closed for
    /// what others do.
    pub fn tell(&self, account: AccountId, event: PlayerEvent) {
        let mut sessions = self.lock();
        let Some(live) = sessions.get_mut(&account) else { return };
        if live.events.has_room() {
            live.tell(Told::Event(event));
            return;
        }
        match event {
            PlayerEvent::TakenOver { session } if session == live.session => {
                live.outbox.close(CloseCode::TakenOver);
            }
            PlayerEvent::Changed { .. } => live.outbox.close(CloseCode::GoingAway),
            PlayerEvent::LoggedOut => live.outbox.close(CloseCode::LoggedOut),
            PlayerEvent::TakenOver { .. }
            | PlayerEvent::InvitesChanged
            | PlayerEvent::GamesChanged
            | PlayerEvent::Notice { .. }
            | PlayerEvent::Message { .. }
            | PlayerEvent::Started { .. } => live.missed = true,
        }
    }

    /// Events may have been missed, and what was told of this node may be lost: all sessions are to be told so.
    pub fn all_missed(&self) {
        self.doubt();
        for live in self.lock().values_mut() {
            live.missed = true;
        }
    }

    /// A session could not read what it may have missed: it is to be told again.
    pub fn missed(&self, account: AccountId, session: SessionId) {
        if let Some(live) = self.lock().get_mut(&account).filter(|live| live.session == session) {
            live.missed = true;
        }
    }

    /// Tells some sessions that they may have missed something; the others have to wait for the next call.
    pub fn tell_missed(&self, most: usize) {
        for live in self.lock().values_mut().filter(|live| live.missed && live.entered).take(most) {
            live.missed = !live.tell(Told::Missed);
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// How many were not asked to reconnect.
    pub fn staying(&self) -> usize {
        self.lock().values().filter(|live| !live.asked).count()
    }

    /// Asks all browsers to reconnect, spread evenly over a time.
    pub fn ask_all_to_reconnect(&self, spread_ms: u64) -> usize {
        ask_to_reconnect(&mut self.lock().values_mut().collect::<Vec<_>>(), spread_ms)
    }

    /// Asks so many browsers, of those not asked before, to reconnect, spread evenly over a time.
    pub fn let_go(&self, most: usize, spread_ms: u64) -> usize {
        let mut live = self.lock();
        let mut staying: Vec<&mut Live> = live.values_mut().filter(|live| !live.asked).take(most).collect();
        ask_to_reconnect(&mut staying, spread_ms)
    }

    /// Closes what is left.
    pub fn close_all(&self) {
        for live in self.lock().values() {
            live.outbox.close(CloseCode::GoingAway);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ask_to_reconnect(sessions: &mut [&mut Live], spread_ms: u64) -> usize {
    let count = u64::try_from(sessions.len()).unwrap_or(u64::MAX);
    for (place, session) in (0..count).zip(sessions.iter_mut()) {
        session.asked = true;
        session.tell(Told::Reconnect(place * spread_ms / count));
    }
    metrics::reconnects_asked(sessions.len());
    sessions.len()
}

impl Live {
    /// Hands something to the session; false if it has no room, since it waits for the store while others cause events:
    /// that never closes it. What matters is told again at the next beat.
    fn tell(&self, told: Told) -> bool {
        self.events.push(told)
    }
}
