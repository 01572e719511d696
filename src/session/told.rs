//! What happened to a session's player elsewhere: told by events, or read where events may have been missed.

use tokio::time::{Duration, Instant};

use super::{RECONNECT_GRACE, Session};
use crate::cluster::sessions::Told;
use crate::ids::TableId;
use crate::lobby::event::PlayerEvent;
use crate::protocol::{CloseCode, Update};
use crate::store::StoreError;

impl Session {
    /// Takes in what happened to this player elsewhere.
    pub(super) async fn told(&mut self, told: Told) -> Result<(), StoreError> {
        match told {
            Told::Reconnect(delay_ms) => {
                self.send(&Update::Reconnect { delay_ms });
                // The browser goes by itself, once it is welcome elsewhere; one that stays is sent away.
                self.leave_at = Some(Instant::now() + Duration::from_millis(delay_ms) + RECONNECT_GRACE);
            }
            Told::Reenter => {
                self.reenter().await?;
            }
            Told::Missed => {
                // Events are told on the data group, which may be away again.
                if self.catch_up().await.is_err() {
                    self.app.sessions.missed(self.account.id, self.id);
                }
            }
            Told::Event(event) => match event {
                PlayerEvent::TakenOver { session } => {
                    if session == self.id {
                        self.outbox.close(CloseCode::TakenOver);
                    }
                }
                PlayerEvent::Changed => self.outbox.close(CloseCode::GoingAway),
                PlayerEvent::LoggedOut => self.outbox.close(CloseCode::LoggedOut),
                PlayerEvent::InvitesChanged => self.tell_invites().await?,
                PlayerEvent::GamesChanged => self.tell_games().await?,
                PlayerEvent::Notice { code, name, words } => {
                    self.send(&Update::Notice { code, words, name, table: None, tip: None });
                }
                PlayerEvent::Message { account, message } => {
                    if self.blocked().hears(account, &message.from) {
                        self.send(&Update::Message(message));
                    }
                }
                PlayerEvent::Started { table } => self.sit_down(table).await?,
            },
        }
        Ok(())
    }

    /// Reads what the player's events would have told.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        self.tell_invites().await?;
        self.tell_games().await?;
        match self.app.store.seat_of(self.account.id).await? {
            Some(table) if self.seat != Some(table) => self.sit_down(table).await,
            _ => Ok(()),
        }
    }

    pub(super) async fn tell_invites(&mut self) -> Result<(), StoreError> {
        let invites = self.app.store.invites_of(self.account.id).await?;
        self.note_received(&invites);
        self.send(&Update::Invites(invites));
        Ok(())
    }

    async fn tell_games(&self) -> Result<(), StoreError> {
        let games = self.app.games_of(self.account.id).await?;
        self.send(&Update::Games(games));
        Ok(())
    }

    /// Shows the table the player has got a seat at.
    async fn sit_down(&mut self, table: TableId) -> Result<(), StoreError> {
        self.watched.retain(|watched| *watched != table);
        let joined = self.app.tables.join(table, self.member()).await;
        // Where it could not be shown the session ends, or catches up once more.
        joined.map_err(|refusal| StoreError::Unavailable(refusal.words))?;
        self.seat = Some(table);
        Ok(())
    }
}
