//! The outputs of a host, carried out.

use std::sync::Arc;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::{DATA_WITHIN, Driver, Ended, Waits, exchange};
use crate::fault;
use crate::host::{Note, Output, Published, Shown, Since, Ticket};
use crate::ids::SessionId;
use crate::lobby::event::PlayerEvent;
use crate::metrics;
use crate::outbox::text_of;
use crate::protocol::{Message, TableView, Update};
use crate::rules::seat::BySeat;

/// Publications of one table that wait to be sent, at most: what does not arrive is told again, or read.
const PUBLICATIONS_MAX: usize = 64;

impl Driver {
    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Ask(exchange, command) => {
                let (shared, table, info) = (Arc::clone(&self.shared), self.table, self.info.clone());
                self.running.push(Box::pin(async move {
                    Ended::Exchange(exchange, exchange::carry_out(&shared, table, &info, command).await)
                }));
            }
            Output::Publish(published) => {
                if self.publications.len() == PUBLICATIONS_MAX {
                    self.publications.pop_front();
                }
                self.publications.push_back(published);
                self.publish_next();
            }
            Output::Started(account) => {
                let (shared, table) = (Arc::clone(&self.shared), self.table);
                self.running.push(Box::pin(async move {
                    if let Err(error) = shared.store.tell(account, &PlayerEvent::Started { table }).await {
                        tracing::warn!(%table, %account, %error, "a player was not told of its game");
                    }
                    Ended::Told
                }));
            }
            Output::GamesChanged => {
                let (shared, BySeat { first, second }) = (Arc::clone(&self.shared), self.info.accounts);
                self.running.push(Box::pin(async move {
                    // Whoever is not told sees it with the next change.
                    let _ = shared.store.tell_games_changed(&[first, second]).await;
                    Ended::Told
                }));
            }
            Output::View(ticket, shown) => {
                let view = shown.map(|shown| self.sealed(*shown).0);
                if let Some(Waits::Look(reply)) = self.waiting.remove(&ticket) {
                    let _ = reply.send(view);
                }
            }
            Output::Act(ticket, acted) => {
                if let Some(Waits::Act(reply)) = self.waiting.remove(&ticket) {
                    let _ = reply.send(acted);
                }
            }
            Output::Seen(ticket, seen) => {
                if let Some(Waits::Seen(reply)) = self.waiting.remove(&ticket) {
                    let _ = reply.send(seen);
                }
            }
            Output::Said(ticket, said) => {
                if let Some(Waits::Said(reply)) = self.waiting.remove(&ticket) {
                    let _ = reply.send(said);
                }
            }
            // While the data group is away nobody waits for what was said.
            Output::Joined(ticket, joined, true, is_seated) if !self.shared.store.data().is_away() => {
                self.tell_chat(ticket, joined.session, is_seated);
            }
            Output::Joined(ticket, joined, ..) => self.joined(ticket, joined.session),
            Output::Show(sessions, shown) => {
                let text = text_of(&match self.sealed(*shown) {
                    (view, None) => Update::Table(Box::new(view)),
                    (view, Some(since)) => {
                        Update::TableChanges(Box::new(view.into_changes(since.lines, &since.flags)))
                    }
                });
                self.send(&sessions, &text);
            }
            Output::Tell(sessions, update) => self.send(&sessions, &text_of(&update)),
            Output::Chat(sessions, said) => {
                let text = text_of_message(said.message.clone());
                for member in sessions.iter().filter_map(|session| self.members.get(session)) {
                    if member.hears(said.account, &said.message.from) {
                        // Whoever does not read is not closed for what others say.
                        member.outbox.offer(text.clone());
                    }
                }
            }
            Output::News(news) => self.shared.moved_on(news),
            Output::Settle => self.shared.settle(self.table),
            Output::Provisional(records) => self.shared.keeps_unsaved(self.table, records),
            Output::Note(note) => self.note(&note),
            Output::Point(point) => fault::stop_at(point),
            Output::Closed => {
                self.inbox.messages.close();
                self.shared.gone(self.table);
                self.is_over = true;
            }
            Output::Idle => self.is_over = self.shared.let_go(self.table, &mut self.inbox.messages),
            Output::Failed => {
                tracing::warn!(table = %self.table, "a table could not be opened");
                self.is_over = true;
            }
        }
    }

    fn send(&self, sessions: &[SessionId], text: &Utf8Bytes) {
        for member in sessions.iter().filter_map(|session| self.members.get(session)) {
            member.outbox.send(text.clone());
        }
    }

    /// A view with what its seat's browser keeps.
    fn sealed(&mut self, Shown { mut view, since, from, kept }: Shown) -> (TableView, Option<Since>) {
        self.sealed.forget_before(from);
        let first = view.tip.number.saturating_sub(u32::try_from(kept.len()).unwrap_or(u32::MAX));
        view.sealed = self.sealed.of(&self.shared.seals, self.table, first, &kept);
        (view, since)
    }

    /// Answers a session that is shown the table.
    pub(super) fn joined(&mut self, ticket: Ticket, session: SessionId) {
        let sent = self.members.get(&session).map_or(0, |member| member.outbox.sent_bytes());
        if let Some(Waits::Join(reply, before)) = self.waiting.remove(&ticket) {
            let _ = reply.send(sent.saturating_sub(before));
        }
    }

    /// Reads what was said lately on a session's own side, for a session that comes: it is told that before its answer.
    fn tell_chat(&mut self, ticket: Ticket, session: SessionId, is_seated: bool) {
        let (shared, table) = (Arc::clone(&self.shared), self.table);
        self.running.push(Box::pin(async move {
            let read = exchange::in_time(&shared, shared.store.talk_read(table)).await;
            let said = read.unwrap_or_else(|error| {
                tracing::warn!(%table, %error, "what was said could not be read");
                Vec::new()
            });
            let own_side = said.into_iter().filter(|said| said.seated == is_seated).collect();
            Ended::Chat(ticket, session, own_side)
        }));
    }

    pub(super) fn publish_next(&mut self) {
        if self.is_publishing {
            return;
        }
        let Some(published) = self.publications.pop_front() else { return };
        let (shared, table) = (Arc::clone(&self.shared), self.table);
        self.is_publishing = true;
        self.running.push(Box::pin(async move {
            publish(&shared, table, &published).await;
            Ended::Published
        }));
    }

    fn note(&self, note: &Note) {
        let table = self.table;
        match note {
            Note::Woken => metrics::table_woken(),
            Note::Reloaded => metrics::reload(metrics::Reload::Table),
            Note::Healed(records) => {
                tracing::warn!(%table, records, "healing the backup");
                metrics::healed(*records);
            }
            Note::WentBack(undone) => {
                tracing::warn!(%table, undone, "other records came first");
                metrics::went_back();
                metrics::rolled_back(*undone);
            }
            Note::LostSeen => metrics::went_back(),
            Note::UnknownTip => metrics::tip_unknown(),
            Note::GivenBack(records) => {
                tracing::warn!(%table, records, "a browser gave records back");
                metrics::given_back(*records);
            }
            Note::PlaysOn => {
                tracing::warn!(%table, "the backup is away: the table plays on unsaved");
                metrics::played_on();
            }
            Note::GaveWay => tracing::debug!(%table, "an offer gave way to records that came first"),
            Note::Written(after) => {
                tracing::info!(%table, ms = after.as_millis(), "unsaved records are written");
            }
            Note::Warn(words) => tracing::warn!(%table, "{words}"),
        }
    }
}

/// Publishes something on the table's channel, if the data group is there.
async fn publish(shared: &super::Shared, table: crate::ids::TableId, published: &Published) {
    let Ok(words) = serde_json::to_string(published) else { return };
    // What does not arrive is told again with the next record, or read when the backup is back.
    if let Err(error) = exchange::in_time(shared, shared.store.table_publish(table, &words)).await {
        tracing::debug!(%table, %error, within = ?DATA_WITHIN, "the other nodes could not be told");
    }
}

/// Words as they go on the wire.
pub(super) fn text_of_message(message: Message) -> Utf8Bytes {
    text_of(&Update::Message(message))
}
