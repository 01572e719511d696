//! Invites of a session's player: sent, accepted, declined, withdrawn.

use super::{Answer, Done, Session, not_online};
use crate::chance;
use crate::host::Refusal;
use crate::ids::{AccountId, AccountName, InviteId, RequestId, TableId};
use crate::limits::{Allowance, Limit};
use crate::protocol::{Invites, RefusalCode};
use crate::redis::error::StoreError;
use crate::rules::seat::BySeat;
use crate::store::invites::{NewTable, Offer, Removed, Sender, Sent, Standing, Started};
use crate::table::options::TableOptions;
use crate::table::record::Start;

impl Session {
    pub(super) async fn invite(
        &mut self,
        request: &RequestId,
        to: &AccountName,
        options: TableOptions,
        resume: Option<TableId>,
    ) -> Result<Answer, StoreError> {
        let Some(other) = self.account_of(to).await? else {
            return Ok(Err(if resume.is_some() { is_gone(to) } else { not_online(to) }));
        };
        if other == self.account.id {
            return Ok(Err(Refusal::new(RefusalCode::Yourself, "That would be yourself.")));
        }
        if let Err(refusal) = self.charge(Limit::Invites, 1) {
            return Ok(Err(refusal));
        }
        let mut invite = Standing {
            id: Some(InviteId::random()),
            from_name: self.account.name.clone(),
            to_name: to.clone(),
            options,
            resume,
            expires_ms: 0,
        };
        if let Some(game) = resume {
            let saved = self.app.store.saved_read(game).await?;
            let both = [self.account.id, other];
            match saved.filter(|game| game.accounts.iter().all(|account| both.contains(account))) {
                Some(game) => invite.options = game.options,
                None => return Ok(Err(no_saved_game())),
            }
        }
        let lives_ms = self.app.config.invite_secs * 1_000;
        let (app, own) = (&self.app, self.account.id);
        let ask = async |sender| app.store.invite_send(request, own, other, &invite, sender, lives_ms).await;
        let stranger = self.as_stranger();
        let mut sent = ask(&stranger).await?;
        if sent == Sent::YouArePlaying && app.tables.is_free_soon(own).await? {
            sent = ask(&stranger).await?;
        }
        if matches!(sent, Sent::TooManyReceived | Sent::TooManyFromNetwork)
            && app.have_played(own, other).await
        {
            sent = ask(&Sender::Known).await?;
        }
        if sent == Sent::TooManyFromNetwork {
            app.limits.count(Limit::InvitesFrom);
        }
        Ok(match sent {
            Sent::Sent => Ok(Done::default()),
            Sent::Crossing => match self.app.store.invite_between(other, self.account.id).await? {
                Some(offer) if offer.standing.has_terms_of(&invite) => {
                    return self.start(to, other, &offer).await;
                }
                // What the other side had sent is gone already: whoever asks again sends an invite.
                _ => Err(no_invite(to)),
            },
            // Whoever does not know what became of a crossing invite asks again.
            Sent::YouArePlaying => self.started(other).await?.unwrap_or_else(|| Err(sent_refusal(sent, to))),
            // The name of a deleted account rests, and nobody waits for it to come online.
            Sent::NotOnline if resume.is_some() && self.app.store.account(other).await?.is_none() => {
                Err(is_gone(to))
            }
            refused => Err(sent_refusal(refused, to)),
        })
    }

    /// The player as whoever has not played with it sees it.
    fn as_stranger(&self) -> Sender {
        let most = match self.app.limits.allowance(Limit::InvitesFrom) {
            Allowance::AtOnce(most) | Allowance::Rate { burst: most, .. } => most,
        };
        Sender::Stranger { network: self.source.network(), most }
    }

    pub(super) async fn accept(
        &mut self,
        from: &AccountName,
        invite: Option<InviteId>,
    ) -> Result<Answer, StoreError> {
        let Some(other) = self.app.store.account_id(from).await? else { return Ok(Err(no_invite(from))) };
        let Some(offer) = self.app.store.invite_between(other, self.account.id).await? else {
            // Whoever does not know what became of an acceptance asks again.
            return Ok(self.started(other).await?.unwrap_or_else(|| Err(no_invite(from))));
        };
        let known = self.received.iter().find(|(name, _)| name.folded() == from.folded());
        let seen = invite.or_else(|| known.and_then(|(_, id)| *id));
        if seen.is_some() && seen != offer.standing.id {
            return self.changed(from).await;
        }
        self.start(from, other, &offer).await
    }

    /// Starts the game of an invite from a player.
    async fn start(
        &mut self,
        from: &AccountName,
        other: AccountId,
        offer: &Offer,
    ) -> Result<Answer, StoreError> {
        if let Err(refusal) = self.charge_start(other) {
            return Ok(Err(refusal));
        }
        let Some(table) = self.new_table(other, &offer.standing).await? else {
            return Ok(Err(no_saved_game()));
        };
        let mut started = self.app.store.invite_accept(self.account.id, other, &offer.text, &table).await?;
        if started == Started::YouArePlaying && self.app.tables.is_free_soon(self.account.id).await? {
            started = self.app.store.invite_accept(self.account.id, other, &offer.text, &table).await?;
        }
        Ok(match started {
            Started::Started => self.begun(table.table).await,
            Started::NoSavedGame => Err(no_saved_game()),
            Started::NotOnline => Err(not_online(from)),
            Started::NoInvite => Err(no_invite(from)),
            Started::Changed => return self.changed(from).await,
            Started::Playing => {
                Err(Refusal::new(RefusalCode::Playing, format!("{from} is playing at another table.")))
            }
            Started::YouArePlaying => Err(you_play()),
        })
    }

    /// Another invite stands than the one that was answered: it is shown first.
    async fn changed(&mut self, name: &AccountName) -> Result<Answer, StoreError> {
        self.tell_invites().await?;
        let words = format!("There is another invite between you and {name} by now: look at it first.");
        Ok(Err(Refusal::new(RefusalCode::InviteChanged, words)))
    }

    /// Notes the invites that are shown to the player.
    pub(super) fn note_received(&mut self, invites: &Invites) {
        self.received = invites.received.iter().map(|invite| (invite.name.clone(), invite.id)).collect();
    }

    /// Charges a game that is to start to both players: a game takes room for ever.
    fn charge_start(&self, other: AccountId) -> Result<(), Refusal> {
        self.charge(Limit::Starts, 1)?;
        self.charge_source(Limit::StartsFrom, 1)?;
        let words = "That player starts too many games just now. Try again later.";
        self.app.limits.take(Limit::Starts, other).map_err(|_| Refusal::new(RefusalCode::TooMany, words))
    }

    /// What is answered of the game that has started with a player, if one has.
    async fn started(&self, other: AccountId) -> Result<Option<Answer>, StoreError> {
        let Some(table) = self.app.store.seat_of(self.account.id).await? else { return Ok(None) };
        let info = self.app.store.table_info(table).await?;
        match info.filter(|info| info.accounts.find(|account| *account == other).is_some()) {
            Some(_) => Ok(Some(self.begun(table).await)),
            None => Ok(None),
        }
    }

    /// What is answered of a game: its table is saved and its first record in the backup before anybody is told of it.
    async fn begun(&self, table: TableId) -> Answer {
        match self.app.tables.look(table, self.account.id).await {
            Ok(_) => Ok(Done::at(table)),
            Err(_) => Err(Refusal::unavailable()),
        }
    }

    /// The table an invite makes: a new game with the seats drawn by lot, or the saved one.
    pub(super) async fn new_table(
        &self,
        from: AccountId,
        invite: &Standing,
    ) -> Result<Option<NewTable>, StoreError> {
        if let Some(table) = invite.resume {
            let saved = self.app.store.saved_read(table).await?;
            return Ok(saved.map(|game| NewTable {
                table,
                accounts: game.accounts,
                names: game.names,
                start: String::new(),
            }));
        }
        let from = (from, invite.from_name.clone());
        let by = (self.account.id, self.account.name.clone());
        let (first, second) = if chance::below(2) == 0 { (from, by) } else { (by, from) };
        let start = Start {
            game: TableId::random(),
            accounts: BySeat { first: first.0, second: second.0 },
            names: BySeat { first: first.1, second: second.1 },
            options: invite.options,
            decks: chance::decks(),
            nonce: chance::nonce(),
        };
        Ok(Some(NewTable {
            table: start.game,
            accounts: start.accounts,
            names: start.names.clone(),
            start: start.to_string(),
        }))
    }

    pub(super) async fn decline(
        &mut self,
        request: &RequestId,
        from: &AccountName,
        invite: Option<InviteId>,
    ) -> Result<Answer, StoreError> {
        let Some(other) = self.app.store.account_id(from).await? else { return Ok(Err(no_invite(from))) };
        let declined = self.app.store.invite_decline(request, &self.account, other, invite).await?;
        self.removed(declined, from).await
    }

    pub(super) async fn withdraw(
        &mut self,
        request: &RequestId,
        to: &AccountName,
        invite: Option<InviteId>,
    ) -> Result<Answer, StoreError> {
        let Some(other) = self.app.store.account_id(to).await? else { return Ok(Err(no_invite(to))) };
        let withdrawn = self.app.store.invite_withdraw(request, &self.account, other, invite).await?;
        self.removed(withdrawn, to).await
    }

    async fn removed(&mut self, removed: Removed, name: &AccountName) -> Result<Answer, StoreError> {
        match removed {
            Removed::Done => Ok(Ok(Done::default())),
            Removed::NoInvite => Ok(Err(no_invite(name))),
            Removed::Changed => self.changed(name).await,
        }
    }
}

fn no_invite(name: &AccountName) -> Refusal {
    Refusal::new(RefusalCode::NoInvite, format!("There is no invite between you and {name} any more."))
}

fn no_saved_game() -> Refusal {
    Refusal::new(RefusalCode::NoSavedGame, "There is no such saved game of you two.")
}

fn is_gone(name: &AccountName) -> Refusal {
    let words = format!("The account of {name} is gone: that game cannot be resumed, only dropped.");
    Refusal::new(RefusalCode::NoSavedGame, words)
}

fn you_play() -> Refusal {
    Refusal::new(RefusalCode::YouArePlaying, "You are playing: finish or save that game first.")
}

fn sent_refusal(refused: Sent, to: &AccountName) -> Refusal {
    match refused {
        // Not refusals, and answered elsewhere; if one comes here, the other side was faster.
        Sent::Sent | Sent::Crossing => no_invite(to),
        Sent::NotOnline => not_online(to),
        Sent::Playing => Refusal::new(RefusalCode::Playing, format!("{to} is playing at a table.")),
        Sent::YouArePlaying => you_play(),
        Sent::AlreadyInvited => {
            Refusal::new(RefusalCode::AlreadyInvited, format!("Your invite to {to} still stands."))
        }
        Sent::TooMany => Refusal::new(RefusalCode::TooManyInvites, "You have sent too many invites at once."),
        Sent::TooManyReceived => Refusal::new(
            RefusalCode::TooManyInvites,
            format!("{to} has too many invites to answer just now."),
        ),
        Sent::TooManyFromNetwork => {
            Refusal::new(RefusalCode::TooManyInvites, Limit::InvitesFrom.line().refusal)
        }
        Sent::Blocked => Refusal::new(RefusalCode::Blocked, format!("{to} does not take invites from you.")),
    }
}
