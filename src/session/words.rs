//! Words of a session's player: to another player, at a table; and whom it does not want to hear.

use std::sync::{PoisonError, RwLockReadGuard};

use super::pace::Paced;
use super::{Answer, Done, MESSAGE_CHARS_MAX, Session, not_online};
use crate::cluster::keeper::Refusal;
use crate::ids::{AccountName, RequestId, TableId};
use crate::lobby::event::PlayerEvent;
use crate::protocol::{Message, RefusalCode, Update};
use crate::store::StoreError;

impl Session {
    pub(super) async fn tell(
        &mut self,
        id: &RequestId,
        to: &AccountName,
        text: &str,
    ) -> Result<Answer, StoreError> {
        let text = match self.words_of(text) {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(other) = self.account_of(to).await? else { return Ok(Err(not_online(to))) };
        if self.app.store.is_blocked(other, self.account.id).await? {
            return Ok(Err(Refusal::new(
                RefusalCode::Blocked,
                format!("{to} does not take messages from you."),
            )));
        }
        if !self.app.store.words_first(self.account.id, id).await? {
            return Ok(Ok(Done::default()));
        }
        let message = Message {
            from: self.account.name.clone(),
            to: Some(to.clone()),
            table: None,
            text,
            sent_ms: self.app.store.now_ms().await?,
        };
        if !self.app.store.tell(other, &PlayerEvent::Message(message.clone())).await? {
            return Ok(Err(not_online(to)));
        }
        self.send(&Update::Message(message));
        Ok(Ok(Done::default()))
    }

    pub(super) async fn say(
        &mut self,
        id: &RequestId,
        table: TableId,
        text: &str,
    ) -> Result<Answer, StoreError> {
        let text = match self.words_of(text) {
            Ok(text) => text,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if self.seat != Some(table) && !self.watched.contains(&table) {
            return Ok(Err(Refusal::new(RefusalCode::NoTalk, "You are not at that table.")));
        }
        if !self.app.store.words_first(self.account.id, id).await? {
            return Ok(Ok(Done::default()));
        }
        let message = Message {
            from: self.account.name.clone(),
            to: None,
            table: Some(table),
            text,
            sent_ms: self.app.store.now_ms().await?,
        };
        Ok(self.app.tables.say(table, self.account.id, message).await.map(|()| Done::default()))
    }

    pub(super) fn words_of(&mut self, text: &str) -> Result<String, Refusal> {
        let text = text.trim();
        let chars = text.chars().count();
        if chars == 0 || chars > MESSAGE_CHARS_MAX || text.chars().any(char::is_control) {
            let words = format!("A message has 1 to {MESSAGE_CHARS_MAX} characters on one line.");
            return Err(Refusal::new(RefusalCode::BadText, words));
        }
        match self.words.take() {
            Paced::Go => Ok(text.to_owned()),
            Paced::Refuse | Paced::Close => {
                Err(Refusal::new(RefusalCode::TooMany, "You write too fast: wait a moment."))
            }
        }
    }

    pub(super) async fn block(&mut self, name: &AccountName, blocked: bool) -> Result<Answer, StoreError> {
        let Some(other) = self.app.store.account_id(name).await? else {
            return Ok(Err(Refusal::new(RefusalCode::NotOnline, format!("Nobody is called {name}."))));
        };
        if other == self.account.id {
            return Ok(Err(Refusal::new(RefusalCode::Yourself, "That would be yourself.")));
        }
        self.app.store.block(self.account.id, other, blocked).await?;
        let names = self.app.store.blocked(self.account.id).await?;
        self.set_blocked(&names);
        self.send(&Update::Blocked { names });
        Ok(Ok(Done::default()))
    }

    pub(super) fn set_blocked(&self, names: &[AccountName]) {
        *self.blocked.write().unwrap_or_else(PoisonError::into_inner) = names.to_vec();
    }

    pub(super) fn blocked(&self) -> RwLockReadGuard<'_, Vec<AccountName>> {
        self.blocked.read().unwrap_or_else(PoisonError::into_inner)
    }
}
