//! What happened to a session's player elsewhere: told by events, or read where events may have been missed. What others
//! cause is gathered, and waits while the browser does not read what it has: it never closes a websocket.

use tokio::time::{Duration, Instant, timeout};

use super::{RECONNECT_GRACE, REQUEST_TIMEOUT, Session};
use crate::cluster::sessions::Told;
use crate::ids::TableId;
use crate::limits::Limit;
use crate::lobby::event::PlayerEvent;
use crate::outbox::text_of;
use crate::protocol::{CloseCode, RefusalCode, Update};
use crate::redis::error::StoreError;

/// Lists are told at most once in this time.
const GATHER_EVERY: Duration = Duration::from_millis(500);
/// What could not be read is read again after this time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Lists that changed, gathered until it is time to read and tell them.
#[derive(Debug, Default)]
pub(super) struct Untold {
    at: Option<Instant>,
    after: Option<Instant>,
    invites: bool,
    games: bool,
    letters: bool,
}

impl Untold {
    /// When it is told.
    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// There was no room for a letter.
    pub(super) fn letters(&mut self) {
        self.letters = true;
        self.soon();
    }

    fn soon(&mut self) {
        let now = Instant::now();
        let after = self.after.map_or(now, |after| after.max(now));
        self.at.get_or_insert(after);
    }
}

impl Session {
    /// Takes in what happened to this player elsewhere. What the store did not tell in time is read again at the next
    /// beat.
    pub(super) async fn told(&mut self, told: Told) {
        let taken = timeout(REQUEST_TIMEOUT, self.take_in(told)).await;
        if let Ok(Err(error)) = &taken {
            tracing::debug!(name = %self.account.name, %error, "what happened to a player is read again");
        }
        if !matches!(taken, Ok(Ok(()))) {
            self.app.sessions.missed(self.account.id, self.id);
        }
    }

    async fn take_in(&mut self, told: Told) -> Result<(), StoreError> {
        match told {
            Told::Reconnect(delay_ms) => {
                self.send(&Update::Reconnect { delay_ms });
                // The browser goes by itself, once it is welcome elsewhere; one that stays is sent away.
                self.leave_at = Some(Instant::now() + Duration::from_millis(delay_ms) + RECONNECT_GRACE);
            }
            Told::Reenter => {
                self.reenter().await?;
            }
            // Events are told on the data group, which may be away again.
            Told::Missed => self.catch_up().await?,
            Told::Event(event) => match event {
                PlayerEvent::TakenOver { session } => {
                    if session == self.id {
                        self.outbox.close(CloseCode::TakenOver);
                    }
                }
                PlayerEvent::Changed { login } => {
                    if login.as_deref() != Some(self.login.as_str()) {
                        self.outbox.close(CloseCode::GoingAway);
                    }
                }
                PlayerEvent::LoggedOut => self.outbox.close(CloseCode::LoggedOut),
                PlayerEvent::InvitesChanged => {
                    self.untold.invites = true;
                    self.untold.soon();
                }
                PlayerEvent::GamesChanged => {
                    self.untold.games = true;
                    self.untold.soon();
                }
                PlayerEvent::Notice { code, name, words } => {
                    // What is dropped is about invites, and their list says the same.
                    if self.charge(Limit::InvitesTo, 1).is_ok() {
                        self.outbox.offer(text_of(&Update::Notice {
                            code,
                            words,
                            name,
                            table: None,
                            tip: None,
                        }));
                    }
                }
                PlayerEvent::Message { account, message } => self.hear(account, message),
                PlayerEvent::Started { table } => self.sit_down(table).await,
            },
        }
        Ok(())
    }

    /// Reads what the player's events would have told, the end of the login among it.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        Box::pin(self.use_login()).await?;
        self.untold.invites = true;
        self.untold.games = true;
        self.untold.soon();
        match self.app.store.seat_of(self.account.id).await? {
            Some(table) if self.seat != Some(table) => self.sit_down(table).await,
            _ => {}
        }
        let letters = self.app.store.letters(self.account.id).await?;
        self.hear_again(letters);
        Ok(())
    }

    /// Tells what was gathered. What cannot be read stays to be told.
    pub(super) async fn tell_untold(&mut self) {
        self.untold.after = Some(Instant::now() + GATHER_EVERY);
        self.untold.at = self.untold.after;
        if !self.outbox.has_room() {
            return;
        }
        self.untold.at = None;
        match timeout(REQUEST_TIMEOUT, self.tell_lists()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(name = %self.account.name, %error, "a player's lists are read again");
                self.untold.at = Some(Instant::now() + AGAIN_AFTER);
            }
            Err(_) => self.untold.at = Some(Instant::now() + AGAIN_AFTER),
        }
    }

    pub(super) async fn tell_invites(&mut self) -> Result<(), StoreError> {
        let invites = self.app.store.invites_of(self.account.id).await?;
        self.note_received(&invites);
        self.send(&Update::Invites(invites));
        Ok(())
    }

    async fn tell_lists(&mut self) -> Result<(), StoreError> {
        if self.untold.invites {
            self.tell_invites().await?;
            self.untold.invites = false;
        }
        if self.untold.games {
            let games = self.app.games_of(self.account.id).await?;
            self.untold.games = false;
            self.send(&Update::Games(games));
        }
        if self.untold.letters {
            let letters = self.app.store.letters(self.account.id).await?;
            self.untold.letters = false;
            self.hear_again(letters);
        }
        Ok(())
    }

    /// Shows the table the player has got a seat at. One that is gone already is no trouble; one that cannot be shown just
    /// now is shown when what was missed is read.
    pub(super) async fn sit_down(&mut self, table: TableId) {
        self.watched.retain(|watched| *watched != table);
        match self.app.tables.join(table, self.member()).await {
            Ok(_) => self.seat = Some(table),
            Err(refusal) if refusal.code == RefusalCode::NoTable => {}
            Err(_) => self.app.sessions.missed(self.account.id, self.id),
        }
    }
}
