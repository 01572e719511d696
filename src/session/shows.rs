//! What a session's player looks at: a page of the lobby, and tables of others.

use super::{Answer, Done, Session, WATCHED_MAX};
use crate::host::Refusal;
use crate::ids::{AccountName, TableId};
use crate::limits::Limit;
use crate::protocol::{ClosedWhy, LobbyQuery, RefusalCode, Update};

/// Bytes that a table sends at most to whoever begins to watch it, but for long games: its view, and what was said.
const WATCH_BYTES: u32 = 16 * 1_024;

impl Session {
    pub(super) async fn show_lobby(&mut self, query: LobbyQuery) -> Answer {
        if query.search.chars().count() > AccountName::MAX {
            return Err(Refusal::new(RefusalCode::BadText, "A search has at most 20 characters."));
        }
        self.charge(Limit::Lobby, 1)?;
        let text = self.app.mirror.page_text(&query).await;
        self.charge(Limit::Bytes, u32::try_from(text.len()).unwrap_or(u32::MAX))?;
        self.query = Some(query);
        self.outbox.send(text.clone());
        self.page_sent = Some(text);
        Ok(Done::default())
    }

    /// Sends the page that is shown again, if it is another by now.
    pub(super) async fn send_page(&mut self) {
        let Some(query) = &self.query else { return };
        let text = self.app.mirror.page_text(query).await;
        if self.page_sent.as_ref() != Some(&text) && !text.is_empty() {
            self.outbox.send(text.clone());
            self.page_sent = Some(text);
        }
    }

    /// Charges a request about a table that is not one's own: it reads as much as watching does.
    pub(super) fn charge_foreign(&self, table: TableId) -> Result<(), Refusal> {
        if self.sits_at(table) { Ok(()) } else { self.charge(Limit::Watches, 1) }
    }

    /// Whether the player sits at a table: one that is put away is no more than any other.
    fn sits_at(&self, table: TableId) -> bool {
        self.seat == Some(table) && self.app.tables.is_kept(table)
    }

    pub(super) async fn watch(&mut self, table: TableId) -> Answer {
        if self.sits_at(table) {
            return Err(Refusal::new(RefusalCode::Seated, "You play at that table."));
        }
        self.charge(Limit::Watches, 1)?;
        self.charge(Limit::Bytes, WATCH_BYTES)?;
        self.charge_source(Limit::BytesFrom, WATCH_BYTES)?;
        // Games that are over are watched no longer: their keepers have said so and gone.
        self.watched.retain(|watched| *watched != table && self.app.tables.is_kept(*watched));
        if self.watched.len() >= WATCHED_MAX {
            let words = format!("You watch {WATCHED_MAX} tables already.");
            return Err(Refusal::new(RefusalCode::TooManyWatched, words));
        }
        // Nothing is sent of a table that is shown already.
        self.app.tables.join(table, self.member()).await?;
        self.watched.push(table);
        Ok(Done::at(table))
    }

    pub(super) async fn unwatch(&mut self, table: TableId) -> Answer {
        if self.watched.contains(&table) {
            self.watched.retain(|watched| *watched != table);
            self.app.tables.leave(table, self.id).await;
            self.send(&Update::TableClosed { table, why: ClosedWhy::Unwatched });
        }
        Ok(Done::default())
    }
}
