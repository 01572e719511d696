//! Words of a session's player: to another player, at a table; and whom it does not want to hear.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{PoisonError, RwLockReadGuard};

use super::text::fault_of;
use super::{Answer, Done, Session, not_online, too_many};
use crate::host::Refusal;
use crate::ids::{AccountId, AccountName, RequestId, TableId};
use crate::limits::{Key, Limit};
use crate::lobby::event::PlayerEvent;
use crate::member::BlockedPlayers;
use crate::outbox::text_of;
use crate::protocol::{Message, RefusalCode, Update};
use crate::redis::error::StoreError;
use crate::store::accounts::BLOCKED_MAX;
use crate::store::talk::{LETTERS_KEPT, LetterSent};

/// As many letters of strangers as one to a player at a table counts for.
const PLAYING_COSTS: u32 = 4;

/// Bytes of a name in a list, at most: with its quotes and a comma.
const NAME_BYTES: u32 = 23;

/// The last few of something.
#[derive(Debug)]
pub(super) struct LastFew<T>(VecDeque<T>);

impl<T> Default for LastFew<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T: PartialEq> LastFew<T> {
    /// Remembers one; false if it was remembered already.
    fn note(&mut self, one: T) -> bool {
        if self.has(&one) {
            return false;
        }
        if self.0.len() == LETTERS_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(one);
        true
    }

    fn has(&self, one: &T) -> bool {
        self.0.contains(one)
    }
}

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
        // Whoever is blocked takes no room from others.
        if self.app.store.hears(other, self.account.id).await?
            && let Err(refusal) = self.reaches(other).await
        {
            return Ok(Err(refusal));
        }
        let from = self.account.name.clone();
        let mut message = Message { from, to: Some(to.clone()), table: None, text, sent_ms: 0 };
        Ok(match self.app.store.letter_send(self.account.id, other, id, &message).await? {
            LetterSent::Sent(sent_ms) => {
                message.sent_ms = sent_ms;
                if self.is_new(&message) {
                    self.send(&Update::Message(message));
                }
                Ok(Done::default())
            }
            LetterSent::Blocked => {
                Err(Refusal::new(RefusalCode::Blocked, format!("{to} does not take messages from you.")))
            }
            LetterSent::NotOnline => Err(not_online(to)),
        })
    }

    /// Shows a letter that came, once.
    pub(super) fn hear(&mut self, account: Option<AccountId>, message: Message) {
        if !self.blocked().hears(account, &message.from) {
            return;
        }
        // Nodes of older versions tell only the name.
        let account = account.or_else(|| self.app.mirror.with(|lobby| lobby.player(&message.from)));
        if let Some(account) = account {
            self.heard_from.note(account);
        }
        if !self.outbox.has_room() {
            // It is kept for a while, and read once there is room.
            return self.untold.letters();
        }
        if self.is_new(&message) {
            self.outbox.offer(text_of(&Update::Message(message)));
        }
    }

    /// Whether a letter was not shown here yet; it is from now on.
    fn is_new(&mut self, letter: &Message) -> bool {
        let mut hasher = DefaultHasher::new();
        (&letter.from, &letter.to, &letter.text, letter.sent_ms).hash(&mut hasher);
        self.letters.note(hasher.finish())
    }

    /// Shows those of the last letters that did not come: their event was lost, or went to the session before.
    pub(super) fn hear_again(&mut self, letters: Vec<PlayerEvent>) {
        for letter in letters {
            if let PlayerEvent::Message { account, message } = letter {
                self.hear(account, message);
            }
        }
    }

    /// Whether a letter reaches its receiver. Whoever sits at the same table, was written to by the receiver, or has played
    /// with it, is no stranger; all strangers together, at whatever nodes, may write so much, those of one network a part of
    /// it, and less while the receiver plays.
    async fn reaches(&self, other: AccountId) -> Result<(), Refusal> {
        let seat = |account| self.app.mirror.with(|lobby| lobby.seat_of(account));
        let theirs = seat(other);
        if self.heard_from.has(&other)
            || (theirs.is_some() && theirs == self.seat.or_else(|| seat(self.account.id)))
        {
            return Ok(());
        }
        let cost = if theirs.is_some() { PLAYING_COSTS } else { 1 };
        // Any fixed part of the id does.
        let (_, receiver) = other.0.as_u64_pair();
        let of_network = (Limit::LettersFrom, Key::NameFrom(receiver, self.source.network()), cost);
        let taken = self.app.take_of_all([of_network, (Limit::LettersTo, other.into(), cost)]).await;
        match taken {
            Err(refused) if !self.app.have_played(self.account.id, other).await => Err(too_many(refused)),
            _ => Ok(()),
        }
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
        if let Err(refusal) = self.reaches_bench(table) {
            return Ok(Err(refusal));
        }
        let message = Message {
            from: self.account.name.clone(),
            to: None,
            table: Some(table),
            text,
            sent_ms: self.app.store.now_ms().await?,
        };
        let said = self.app.tables.say(table, self.account.id, id.clone(), message).await;
        Ok(said.map(|()| Done::default()))
    }

    /// Whether what a watcher says reaches the bench, at which any number of others may write as well.
    fn reaches_bench(&self, table: TableId) -> Result<(), Refusal> {
        if self.seat == Some(table) {
            return Ok(());
        }
        // Any fixed part of the id does.
        let (_, bench) = table.0.as_u64_pair();
        self.app.limits.take(Limit::Bench, Key::Name(bench)).map_err(too_many)
    }

    pub(super) fn words_of(&mut self, text: &str) -> Result<String, Refusal> {
        let text = text.trim();
        if let Some(fault) = fault_of(text) {
            return Err(Refusal::new(RefusalCode::BadText, fault));
        }
        self.charge(Limit::Letters, 1)?;
        Ok(text.to_owned())
    }

    pub(super) async fn set_block(&mut self, name: &AccountName, block: bool) -> Result<Answer, StoreError> {
        let Some(other) = self.app.store.account_id(name).await? else {
            return Ok(Err(Refusal::new(RefusalCode::NotOnline, format!("Nobody is called {name}."))));
        };
        let own = self.account.id;
        if other == own {
            return Ok(Err(Refusal::new(RefusalCode::Yourself, "That would be yourself.")));
        }
        // The answer brings the whole list.
        let names = u32::try_from(self.blocked().names.len()).unwrap_or(u32::MAX);
        let bytes = names.saturating_mul(NAME_BYTES);
        let charged = self.charge(Limit::Blocks, 1).and_then(|()| self.charge(Limit::Bytes, bytes));
        if let Err(refusal) = charged.and_then(|()| self.charge_source(Limit::BytesFrom, bytes)) {
            return Ok(Err(refusal));
        }
        if !block {
            self.app.store.unblock(own, other).await?;
        } else if !self.app.store.block(own, other).await? {
            let words =
                format!("You have blocked {BLOCKED_MAX} players, which is the most: unblock one first.");
            return Ok(Err(Refusal::new(RefusalCode::TooManyBlocked, words)));
        }
        let blocked = self.app.store.blocked(own).await?;
        let names = self.set_blocked(blocked);
        self.send(&Update::Blocked { names });
        Ok(Ok(Done::default()))
    }

    /// Notes whom the player has blocked; gives the names of those that are still there, to be shown.
    pub(super) fn set_blocked(&self, blocked: Vec<(AccountId, Option<AccountName>)>) -> Vec<AccountName> {
        let accounts = blocked.iter().map(|(account, _)| *account).collect();
        let mut names: Vec<AccountName> = blocked.into_iter().filter_map(|(_, name)| name).collect();
        names.sort_by_key(AccountName::folded);
        *self.blocked.write().unwrap_or_else(PoisonError::into_inner) =
            BlockedPlayers { accounts, names: names.clone() };
        // Older versions let the list grow without end; what is beyond the bound counts, and is not shown.
        names.truncate(BLOCKED_MAX);
        names
    }

    pub(super) fn blocked(&self) -> RwLockReadGuard<'_, BlockedPlayers> {
        self.blocked.read().unwrap_or_else(PoisonError::into_inner)
    }
}
