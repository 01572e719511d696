//! The course of a table: it begins, is resumed, is looked after when nobody is there, and is put away. Each step may be
//! repeated by any node.

use super::{Keeper, text_of};
use crate::fault::stop_at;
use crate::ids::RequestId;
use crate::lobby::event::PlayerEvent;
use crate::protocol::{ClosedWhy, Update};
use crate::redis::error::StoreError;
use crate::rules::seat::{BySeat, Seat};
use crate::store::archive::ArchivedGame;
use crate::table::copy::Intent;
use crate::table::record::Record;

impl Keeper {
    /// Brings a table whose start was cut short to its first record, or a saved game back to life, and tells its players.
    pub(super) async fn begin(&mut self) -> Result<(), StoreError> {
        if self.copy.tip().number > 0 && !self.info.resume {
            return Ok(());
        }
        // A primary that loses its place takes the table with it: nobody is told of one that is not saved.
        let saved = self.shared.store.data().settled(self.shared.store.table_info(self.table)).await?;
        if saved.is_none_or(|saved| saved.made_ms != self.info.made_ms) {
            return Err(StoreError::Unavailable("the table is another by now".to_owned()));
        }
        if self.info.resume {
            self.resume().await?;
        } else {
            self.start().await?;
        }
        self.tell_started().await;
        Ok(())
    }

    /// Appends the first record.
    async fn start(&mut self) -> Result<(), StoreError> {
        let Record::Start(start) = self.info.start.parse()? else {
            return Err(StoreError::Corrupt(format!("table {} has no start", self.table)));
        };
        stop_at("start:seated");
        let request: RequestId = "start".parse()?;
        let proposal = self.copy.propose_start(&request, *start);
        self.append_own(proposal).await?;
        stop_at("start:begun");
        Ok(())
    }

    /// Tells the players who are not shown the table here that they sit there. Whoever is not reached is told once more when
    /// it is looked whether the game began.
    async fn tell_started(&self) {
        let BySeat { first, second } = self.info.accounts;
        for account in [first, second] {
            if self.members.iter().any(|member| member.account == account) {
                continue;
            }
            if let Err(error) =
                self.shared.store.tell(account, &PlayerEvent::Started { table: self.table }).await
            {
                tracing::warn!(table = %self.table, %account, %error, "a player was not told of its game");
            }
        }
    }

    /// Appends the records of a saved game to the backup, and one that says that it goes on.
    async fn resume(&mut self) -> Result<(), StoreError> {
        stop_at("resume:seated");
        // The backup of a game that was saved a moment ago may still be waiting to be dropped.
        self.shared.store.game_keep(self.info.shard, self.table).await?;
        let at = self.copy.tip();
        let missing = self.shared.store.saved_after(self.table, at.number).await?;
        if !missing.is_empty() {
            self.append_again(at, missing).await?;
            self.read_again().await?;
        }
        stop_at("resume:filled");
        if self.copy.stopped() {
            let request: RequestId = format!("resume-{}", self.copy.tip().number).parse()?;
            if let Ok(proposal) = self.copy.propose(Seat::First, &request, &Intent::Resume) {
                self.append_own(proposal).await?;
            }
        }
        // A node that was late in putting the game away may have had the backup end meanwhile; it goes on with another tip now.
        self.shared.store.game_keep(self.info.shard, self.table).await?;
        stop_at("resume:goes-on");
        if !self.shared.store.table_resumed(self.table, &self.info).await? {
            // Another node was faster, and the game was saved again since: its stream is dropped after a while again, too.
            let tip = self.copy.tip();
            if self.copy.stopped() || self.shared.store.table_info(self.table).await?.is_none() {
                self.shared.store.game_drop_later(self.info.shard, self.table, &tip).await?;
            }
            self.ended_elsewhere = Some(ClosedWhy::Saved);
            return Err(StoreError::Unavailable("the table was closed meanwhile".to_owned()));
        }
        stop_at("resume:dropped");
        let BySeat { first, second } = self.info.accounts;
        self.shared.store.tell_games_changed(&[first, second]).await?;
        self.info.resume = false;
        Ok(())
    }

    /// Looks after the table whoever is connected: one with nobody connected for long is saved. A start or an end that
    /// was left half done is seen to by opening the table at all.
    pub(super) async fn due(&mut self) -> Result<(), StoreError> {
        if self.is_over() {
            return Ok(());
        }
        self.tell_started().await;
        self.look_at_presence().await?;
        let abandoned_ms = self.shared.abandoned_ms;
        let now_ms = self.shared.store.now_ms().await?;
        let away = |seat: Seat| {
            self.info.away_since_ms[seat].is_some_and(|since_ms| now_ms >= since_ms + abandoned_ms)
        };
        if !Seat::BOTH.into_iter().all(away) {
            return self.shared.store.deadline_set(self.table, abandoned_ms).await;
        }
        let request: RequestId = format!("abandoned-{}", self.copy.tip().number).parse()?;
        match self.copy.propose(Seat::First, &request, &Intent::Save) {
            Ok(proposal) => self.append_own(proposal).await,
            Err(_) => Ok(()),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.copy.stopped() || self.copy.game().is_some_and(|game| game.ending().is_some())
    }

    /// Whether the end can be acted on. At a shard apart it must be saved first: a failover there could take an end back
    /// that the archive has already. In the same group the archive's own wait covers it.
    pub(super) fn is_settled(&self) -> bool {
        let apart =
            !self.shard().is(self.shared.store.archive()) || !self.shard().is(self.shared.store.data());
        self.copy.unsaved().is_empty() && (!apart || self.saved >= self.copy.tip().number)
    }

    /// Puts the game into the archive or among the saved games, frees the seats, clears the backup; each step may be
    /// repeated by any node, and what is left is done by the next that opens the table.
    pub(super) async fn put_away(&mut self) -> Result<(), StoreError> {
        let Some(game) = ArchivedGame::of(&self.copy) else { return Ok(()) };
        stop_at("finish:appended");
        if self.copy.stopped() {
            if !self.shared.store.saved_put(&game, &self.info.made_ms).await? {
                // Another node has put it away, and it may go on by now.
                return Ok(());
            }
        } else {
            self.archive(&game).await?;
        }
        stop_at("finish:kept");
        let tip = self.copy.tip();
        self.shared.store.game_drop_later(self.info.shard, self.table, &tip).await?;
        stop_at("finish:expiring");
        self.shared.store.table_close(self.table, &self.info).await?;
        stop_at("finish:closed");
        Ok(())
    }

    /// Waits for the archive no longer than until it is known to be away: the table stays as it is, and can be looked at.
    async fn archive(&self, game: &ArchivedGame) -> Result<(), StoreError> {
        let archive = self.shared.store.archive();
        tokio::select! {
            put = async {
                let keep = self.shared.store.archive_keeps(game, self.shared.archive_least).await?;
                self.shared.store.archive_put(game, keep).await
            } => put,
            () = archive.away() => Err(StoreError::Unavailable("it is away".to_owned()).at(archive.name())),
        }
    }

    pub(super) fn close(mut self) {
        let stopped = if self.copy.stopped() { ClosedWhy::Saved } else { ClosedWhy::Finished };
        let why = self.ended_elsewhere.unwrap_or(stopped);
        let text = text_of(&Update::TableClosed { table: self.table, why });
        for member in &self.members {
            member.outbox.send(text.clone());
        }
        self.shared.keeps_unsaved(self.table, 0);
        self.inbox.messages.close();
        self.shared.gone(self.table);
    }
}
