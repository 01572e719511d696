//! The first update of a session.

use std::sync::Arc;
use std::time::Duration;

use super::{MESSAGE_CHARS_MAX, Session, WATCHED_MAX};
use crate::protocol::{Limits, LobbyList, LobbyQuery, RefusalCode, Update, VERSION, Welcome, You};
use crate::redis::error::StoreError;
use crate::store::invites::INVITES_SENT_MAX;
use crate::store::logins::millis;

impl Session {
    /// Sends everything there is for the player, whose login lasts so long from now on.
    pub(super) async fn welcome(&mut self, login_lasts: Duration) -> Result<(), StoreError> {
        let app = Arc::clone(&self.app);
        let query = LobbyQuery { list: LobbyList::Players, search: String::new(), free_only: false, page: 0 };
        let (invites, games, blocked, seat, now_ms, letters) = tokio::try_join!(
            app.store.invites_of(self.account.id),
            app.games_of(self.account.id),
            app.store.blocked(self.account.id),
            app.store.seat_of(self.account.id),
            app.store.now_ms(),
            app.store.letters(self.account.id),
        )?;
        let table = match seat {
            Some(table) => match app.tables.look(table, self.account.id).await {
                Ok(view) => Some(view),
                Err(refusal) if refusal.code == RefusalCode::NoTable => None,
                // Better no welcome than one without the table: the browser comes again.
                Err(refusal) => return Err(StoreError::Unavailable(refusal.words)),
            },
            None => None,
        };
        let blocked = self.set_blocked(blocked);
        self.note_received(&invites);
        let seat = table.as_ref().map(|view| view.table);
        let expires_ms = self.account.guest.then(|| now_ms + millis(login_lasts));
        let welcome = Welcome {
            protocol: VERSION,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            now_ms,
            you: You {
                account: Some(self.account.id),
                name: self.account.name.clone(),
                guest: self.account.guest,
                expires_ms,
            },
            invites,
            table: table.map(Box::new),
            games,
            blocked,
            lobby: app.mirror.page(&query),
            limits: Limits {
                message_chars: MESSAGE_CHARS_MAX,
                watched_tables: WATCHED_MAX,
                invites_sent: INVITES_SENT_MAX,
                invite_secs: app.config.invite_secs,
                away_save_secs: app.config.away_save_secs,
                away_win_secs: app.config.away_win_secs,
            },
        };
        self.query = Some(query);
        self.send(&Update::Welcome(Box::new(welcome)));
        if let Some(table) = seat {
            self.sit_down(table).await;
        }
        self.hear_again(letters);
        Ok(())
    }
}
