//! What seats and the bench ask of a table: each request is carried out, or refused and changes nothing.

use std::time::Duration;

use super::away::{Reach, Reply, UNSAVED_AFTER};
use super::decide::{Ready, decide, needs_new_view, waits_for_backup};
use super::refusal::Refusal;
use super::unheard::Held;
use super::{Acted, Keeper, PROPOSALS_MAX, Published, SeatAsk};
use crate::fault::is_without;
use crate::ids::{AccountId, RequestId};
use crate::lobby::event::TableNews;
use crate::protocol::{Message, RefusalCode};
use crate::rules::seat::Seat;
use crate::store::games::Mover;
use crate::store::saved::SAVED_MAX;
use crate::store::talk::Said;
use crate::table::copy::{Answer, Effect, Proposal};
use crate::table::options::Talk;

/// How often one game may be stopped by its players.
pub const SAVES_MAX: usize = 50;

/// Why a request was not carried out with the backup.
enum Failed {
    /// The backup does not answer, and the table may play on without it.
    Away,
    /// It was refused.
    Refused(Refusal),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Failed::Refused(refusal)
    }
}

impl Keeper {
    /// Carries a request out, or refuses it, once the other seat's node has told how far it is, where that is waited for.
    pub(super) async fn ask(&mut self, mover: Mover, request: RequestId, ask: SeatAsk, reply: Reply) {
        let seat = self.copy.seat_of(mover.account);
        let held = Held { mover, request, ask, reply };
        let is_new = seat.is_some_and(|seat| self.copy.has_request(seat, &held.request).is_none());
        if let Some(held) = if is_new { self.hold(held) } else { Some(held) } {
            self.carry_out(held).await;
        }
    }

    /// Carries a request out, or refuses it; either is told, now or when the other seat's node has it, too.
    pub(super) async fn carry_out(&mut self, Held { mover, request, ask, reply }: Held) {
        let Some(seat) = self.copy.seat_of(mover.account) else {
            // Whoever asked may be gone by now; so for all replies here.
            return drop(reply.send(Err(Refusal::not_seated())));
        };
        if self.plays_on() {
            match self.reach() {
                Reach::Unknown => self.flush().await,
                reach => return self.ask_unsaved(reach, seat, request, ask, reply).await,
            }
            if !self.copy.unsaved().is_empty() {
                let _ = reply.send(Err(Refusal::unavailable()));
                return;
            }
        }
        match self.ask_backup(mover, seat, &request, &ask).await {
            Err(Failed::Away) => {
                let reach = self.reach();
                self.ask_unsaved(reach, seat, request, ask, reply).await;
            }
            Err(Failed::Refused(refusal)) => {
                let _ = reply.send(Err(refusal));
            }
            Ok(acted) => {
                let _ = reply.send(Ok(acted));
            }
        }
    }

    /// Carries a request out without the backup, if nobody else can get a record in meanwhile.
    async fn ask_unsaved(
        &mut self,
        reach: Reach,
        seat: Seat,
        request: RequestId,
        ask: SeatAsk,
        reply: Reply,
    ) {
        let proposal = match self.prepare(seat, &request, &ask, true) {
            Err(Ready::Done(tip)) => return drop(reply.send(Ok(self.acted_at(tip)))),
            Err(Ready::Refused(refusal)) => return drop(reply.send(Err(refusal))),
            Ok(_) if waits_for_backup(&ask) || reach == Reach::Unknown => {
                return drop(reply.send(Err(Refusal::unavailable())));
            }
            Ok(proposal) => proposal,
        };
        if reach == Reach::Apart {
            return self.offer(seat, request, proposal, reply).await;
        }
        let answer = self.keep_unsaved(proposal).await;
        let _ = reply.send(answer);
    }

    /// What a request would append now, if it is not there already and may be.
    fn prepare(
        &mut self,
        seat: Seat,
        request: &RequestId,
        ask: &SeatAsk,
        known: bool,
    ) -> Result<Proposal, Ready> {
        let proposal = decide(&self.copy, seat, request, ask, known).inspect_err(|ready| {
            if needs_new_view(ready) {
                self.show_news();
            }
        })?;
        if !self.shared.is_known_everywhere(&proposal.entries) {
            let words = "That can be done once every server is upgraded: try again in a while.";
            return Err(Ready::Refused(Refusal::new(RefusalCode::Upgrading, words)));
        }
        Ok(self.salted(proposal))
    }

    /// Carries a request out with the backup.
    async fn ask_backup(
        &mut self,
        mover: Mover,
        seat: Seat,
        request: &RequestId,
        ask: &SeatAsk,
    ) -> Result<Acted, Failed> {
        if let SeatAsk::Save = ask
            && self.copy.has_request(seat, request).is_none()
        {
            // Nobody gets another saved game meanwhile: an account sits at one table.
            self.check_room(seat).await?;
        }
        if let SeatAsk::Moves(tip, _) = ask
            && !self.copy.has_tip(tip)
        {
            // A browser that comes from another node may have seen more than is known here.
            self.read_again().await.map_err(|_| Refusal::unavailable())?;
        }
        for attempt in 0..PROPOSALS_MAX {
            self.check_still(seat, request, ask).await?;
            let known = attempt > 0 || !is_without("request");
            let proposal = match self.prepare(seat, request, ask, known) {
                Ok(proposal) => proposal,
                Err(Ready::Done(tip)) => return Ok(self.acted_at(tip)),
                Err(Ready::Refused(refusal)) => return Err(refusal.into()),
            };
            let may_play_on = self.reach() != Reach::Unknown;
            let patience = if may_play_on { UNSAVED_AFTER } else { Duration::MAX };
            let answer =
                match self.shared.append(self.info.shard, self.table, &proposal, Some(mover), patience).await
                {
                    Ok(answer) => answer,
                    Err(error) => {
                        if !error.may_pass() {
                            return Err(Refusal::unreadable().into());
                        }
                        tracing::warn!(table = %self.table, %error, "an append has no known fate");
                        if may_play_on {
                            return Err(Failed::Away);
                        }
                        // The record may be there: read, so that nobody is shown an old copy for long.
                        let _ = self.read_again().await;
                        self.show();
                        let tip = self.copy.has_request(seat, request).ok_or_else(Refusal::unavailable)?;
                        return Ok(self.acted_at(tip));
                    }
                };
            self.outcome(proposal, answer).await?;
        }
        match self.copy.has_request(seat, request) {
            Some(tip) => Ok(self.acted_at(tip)),
            None => Err(self.old_tip().into()),
        }
    }

    /// Takes what the script answered into the copy, and shows it.
    pub(super) async fn outcome(&mut self, proposal: Proposal, answer: Answer) -> Result<(), Refusal> {
        let appended = matches!(answer, Answer::Appended { .. });
        match self.copy.outcome(proposal, answer) {
            Effect::Applied => {
                if appended {
                    self.note_news();
                }
                self.show();
            }
            Effect::Heal { at, entries } => {
                let healed = self.heal(at, entries).await;
                healed.map_err(|_| Refusal::unavailable())?;
            }
            Effect::ReadAgain => {
                self.read_again().await.map_err(|_| Refusal::unavailable())?;
                self.show();
            }
            Effect::NotLive => return Err(Refusal::not_live()),
        }
        Ok(())
    }

    /// Has the lobby told, with other tables, how far this one is: the node that appended tells.
    pub(super) fn note_news(&self) {
        let (number, flags) = (self.copy.tip().number, self.copy.flags());
        self.shared.moved_on(TableNews { table: self.table, number, flags });
    }

    /// Refuses what was chosen from an old view. Whoever has the newest view already gets nothing again.
    pub(super) fn old_tip(&mut self) -> Refusal {
        self.show_news();
        Refusal::old_tip()
    }

    /// What allows a request that names no tip, looked at before each attempt: where other records came first, the other
    /// seat has been here since, or the game has grown. Whoever comes back after the look and before the record has no
    /// part in it: the claim was right when it was made.
    async fn check_still(&mut self, seat: Seat, request: &RequestId, ask: &SeatAsk) -> Result<(), Refusal> {
        match ask {
            _ if self.copy.has_request(seat, request).is_some() => Ok(()),
            SeatAsk::ClaimWin => self.check_away(seat.other()).await,
            SeatAsk::Save => self.check_length(),
            SeatAsk::Moves(..) | SeatAsk::Resign => Ok(()),
        }
    }

    async fn check_away(&mut self, seat: Seat) -> Result<(), Refusal> {
        self.look_at_presence().await.map_err(|_| Refusal::unavailable())?;
        let now_ms = self.in_time(self.shared.store.now_ms()).await.map_err(|_| Refusal::unavailable())?;
        let limit_ms = self.shared.away_win_secs * 1_000;
        match self.info.away_since_ms[seat] {
            Some(since_ms) if now_ms.saturating_sub(since_ms) >= limit_ms => Ok(()),
            _ => Err(Refusal::new(
                RefusalCode::NotAway,
                format!("The other player has not been away for {} seconds.", self.shared.away_win_secs),
            )),
        }
    }

    /// Whether the game may be stopped once more.
    fn check_length(&self) -> Result<(), Refusal> {
        if self.copy.saves() >= SAVES_MAX {
            let words =
                format!("A game can be saved {SAVES_MAX} times: this one has to be played to its end.");
            return Err(Refusal::new(RefusalCode::TooManySaves, words));
        }
        Ok(())
    }

    /// Whether both players have room for a saved game.
    async fn check_room(&self, seat: Seat) -> Result<(), Refusal> {
        let whose = [seat, seat.other()];
        let counted = self.shared.store.saved_counts(whose.map(|seat| self.info.accounts[seat]));
        // While the data group is away games are stopped uncounted: where they are too many the oldest goes.
        let counts = self.in_time(counted).await.unwrap_or_default();
        for (whose, saved) in whose.into_iter().zip(counts) {
            if saved >= SAVED_MAX {
                let words = match self.copy.start().filter(|_| whose != seat) {
                    None => format!("You have {SAVED_MAX} saved games: go on with one of them, or drop one."),
                    Some(start) => format!("{} has {SAVED_MAX} saved games already.", start.names[whose]),
                };
                return Err(Refusal::new(RefusalCode::TooManySaved, words));
            }
        }
        Ok(())
    }

    pub(super) async fn say(
        &mut self,
        account: AccountId,
        request: &RequestId,
        message: Message,
    ) -> Result<(), Refusal> {
        let seated = self.copy.seat_of(account).is_some();
        let talk = self.copy.start().map_or(Talk::Nobody, |start| start.options.talk);
        let allowed = match talk {
            Talk::Everyone => true,
            Talk::Players => seated,
            Talk::Nobody => false,
        };
        if !allowed {
            return Err(Refusal::new(RefusalCode::NoTalk, "There is no talk at this table from your side."));
        }
        let said = Said { account: Some(account), message, seated };
        let published =
            serde_json::to_string(&Published::Said(said.clone())).map_err(|_| Refusal::unavailable())?;
        let store = &self.shared.store;
        let kept = self.in_time(store.talk_say(self.table, account, request, &said, &published)).await;
        kept.map_err(|_| Refusal::unavailable())
    }
}
