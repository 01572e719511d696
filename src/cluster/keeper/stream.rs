//! How the copy is kept equal to the stream: what is heard, compared, read again and healed.

use std::time::Duration;

use super::{Keeper, Published, text_of};
use crate::fault::is_without;
use crate::metrics;
use crate::protocol::{ClosedWhy, NoticeCode, Update};
use crate::redis::error::StoreError;
use crate::store::games::Compared;
use crate::table::copy::{Accepted, Answer, Copy, Effect, Proposal, Reconciled};
use crate::table::record::{Entry, Tip};

impl Keeper {
    pub(super) async fn heard(&mut self, payload: &str) {
        let Ok(published) = serde_json::from_str::<Published>(payload) else {
            tracing::warn!(table = %self.table, "a publication could not be read");
            return;
        };
        match published {
            Published::Records { from, entries } => {
                let before = self.copy.accepted();
                match self.copy.accept(from, &entries) {
                    Accepted::Already if self.copy.accepted() == before => return self.became_unsaved(),
                    // What was unsaved here is in the stream now, and shows what it reveals.
                    Accepted::Already => self.became_unsaved(),
                    // Whoever appended them is told by its own line.
                    Accepted::Applied(_) => self.shared.settle(self.table),
                    Accepted::Gap | Accepted::Diverged if is_without("gap") => return,
                    Accepted::Gap | Accepted::Diverged => {
                        if let Err(error) = self.read_again().await {
                            tracing::warn!(table = %self.table, %error, "a gap could not be read");
                        }
                    }
                }
                self.show();
            }
            Published::Presence => {
                if let Err(error) = self.look_at_presence().await {
                    tracing::warn!(table = %self.table, %error, "presence could not be read");
                }
                self.show();
                if self.unheard.is_some() {
                    self.look_for_other().await;
                }
            }
            Published::Heal => self.heard_heal().await,
            Published::Unsaved { node, at, entries } => self.heard_unsaved(node, &at, &entries).await,
            Published::Took { node, by, seats, number } => self.heard_took(node, by, &seats, number),
            Published::Lacks { node, tip, by } => self.heard_lacks(node, by, &tip).await,
            Published::Said(said) => {
                let text = text_of(&Update::Message(said.message.clone()));
                for member in &self.members {
                    if self.copy.seat_of(member.account).is_some() == said.seated && member.hears(&said) {
                        // Whoever does not read is not closed for what others say.
                        member.outbox.offer(text.clone());
                    }
                }
            }
        }
    }

    pub(super) async fn look_at_presence(&mut self) -> Result<(), StoreError> {
        if let Some(info) = self.in_time(self.shared.store.table_info(self.table)).await? {
            self.info.away_since_ms = info.away_since_ms;
            self.info.watchers = info.watchers;
        }
        Ok(())
    }

    /// Takes in what a group holds, where the copy differs: publications that told of it were lost. What was appended
    /// since the store was looked at makes no difference: the copy is then further on the same chain.
    pub(super) async fn compared(&mut self, compared: Compared) {
        if let Some(away_since_ms) = compared.away_since_ms
            && self.info.away_since_ms != away_since_ms
        {
            self.info.away_since_ms = away_since_ms;
            self.show();
        }
        if let Some(bench) = compared.bench.filter(|bench| *bench != self.bench) {
            // What is counted here is told again where it was lost.
            self.bench = bench;
            self.count_bench_soon();
        }
        let Some(tip) = compared.tip else { return };
        let before = self.copy.tip();
        if self.saved < before.number {
            self.shared.settle(self.table);
        }
        if tip == before {
            return;
        }
        if let Err(error) = self.read_again().await {
            tracing::warn!(table = %self.table, %error, "a table that differs could not be read again");
        }
        if self.copy.tip() != before {
            self.show();
        }
    }

    /// Reads all that publications may have told while they were not heard.
    pub(super) async fn reload(&mut self) -> Result<(), StoreError> {
        self.look_at_presence().await?;
        self.read_again().await?;
        if self.saved < self.copy.tip().number {
            // Whoever was to tell may have lost its connection.
            self.shared.settle(self.table);
        }
        Ok(())
    }

    /// Reads the stream and makes the copy equal to it; what the stream lost is appended again, and what it undoes is told.
    pub(super) async fn read_again(&mut self) -> Result<(), StoreError> {
        let entries = self.shared.store.game_read(self.info.shard, self.table).await?;
        let accepted = self.copy.accepted().number;
        let reconciled = self.copy.reconcile(entries);
        match reconciled.map_err(|broken| StoreError::Corrupt(format!("table {}: {broken}", self.table)))? {
            Reconciled::Same | Reconciled::Applied => {}
            Reconciled::Heal { at, entries } => {
                // What the stream never had is no loss.
                let written = if at.number >= accepted {
                    self.append_again(at, entries).await
                } else {
                    self.heal(at, entries).await
                };
                if self.ended_elsewhere.is_none() {
                    self.became_unsaved();
                }
                return written;
            }
            Reconciled::WentBack { to, undone } => self.tell_went_back(&to, &undone),
        }
        self.became_unsaved();
        Ok(())
    }

    /// Tells everybody at the table that records they saw do not count, before they see what does.
    fn tell_went_back(&mut self, to: &Tip, undone: &[Entry]) {
        tracing::warn!(table = %self.table, to = to.number, undone = undone.len(), "other records came first");
        metrics::went_back();
        metrics::rolled_back(undone.len());
        // What was saved after it was of another chain.
        self.saved = self.saved.min(to.number);
        let words = format!(
            "The game went back to move {}: another record was saved first, so {} that had not been saved {}.",
            to.number.saturating_sub(1),
            if undone.len() == 1 { "one record".to_owned() } else { format!("{} records", undone.len()) },
            if undone.len() == 1 { "is undone" } else { "are undone" },
        );
        let (table, tip) = (Some(self.table), Some(to.clone()));
        let text = text_of(&Update::Notice { code: NoticeCode::WentBack, words, name: None, table, tip });
        for member in &self.members {
            member.outbox.send(text.clone());
        }
        self.show();
    }

    /// Appends records again that the stream lost, each with the time it had.
    pub(super) async fn heal(&mut self, at: Tip, entries: Vec<Entry>) -> Result<(), StoreError> {
        if is_without("heal") {
            return self.believe_stream().await;
        }
        if at.number == 0 {
            // The stream of a game that was put away is dropped after a while: there is nothing to heal.
            self.ended_elsewhere = self.ended_unheard().await?;
            if self.ended_elsewhere.is_some() {
                return Err(StoreError::Unavailable("the game was put away".to_owned()));
            }
        }
        tracing::warn!(table = %self.table, from = at.number, records = entries.len(), "healing the backup");
        metrics::healed(entries.len());
        self.append_again(at, entries).await
    }

    /// Where the game was put away, if its table is gone. A table that cannot be looked for is thought to be there.
    async fn ended_unheard(&self) -> Result<Option<ClosedWhy>, StoreError> {
        match self.in_time(self.shared.store.table_info(self.table)).await {
            Ok(None) => self.shared.store.put_away(self.table).await,
            Ok(Some(_)) | Err(_) => Ok(None),
        }
    }

    /// What takes the place of healing where a test switched it off: the copy becomes what the stream has left.
    async fn believe_stream(&mut self) -> Result<(), StoreError> {
        let left = self.shared.store.game_read(self.info.shard, self.table).await?;
        self.copy = Copy::open(self.table);
        self.copy.accept(0, &left);
        self.show();
        Ok(())
    }

    /// Appends records the copy has after a tip of the stream.
    pub(super) async fn append_again(&mut self, at: Tip, entries: Vec<Entry>) -> Result<(), StoreError> {
        let proposal = Proposal { at, entries };
        let accepted =
            match self.shared.append(self.info.shard, self.table, &proposal, None, Duration::MAX).await? {
                Answer::Appended { .. } => self.copy.accept(proposal.at.number, &proposal.entries),
                // Somebody else healed at the same time.
                Answer::Already { missing } | Answer::Conflict { missing } => {
                    self.copy.accept(proposal.at.number, &missing)
                }
                Answer::Behind { .. } | Answer::Diverged | Answer::NotLive => Accepted::Diverged,
            };
        match accepted {
            Accepted::Applied(_) | Accepted::Already => Ok(()),
            Accepted::Gap | Accepted::Diverged => {
                Err(StoreError::Unavailable("the backup changed while it was healed".to_owned()))
            }
        }
    }

    /// A proposal as it is appended: salted, once every live node knows salted records.
    pub(super) fn salted(&self, proposal: Proposal) -> Proposal {
        if self.shared.store.writes_new_forms() { self.copy.salted(proposal) } else { proposal }
    }

    /// Appends a record that no seat asked for.
    pub(super) async fn append_own(&mut self, proposal: Proposal) -> Result<(), StoreError> {
        let proposal = self.salted(proposal);
        let answer = self.shared.append(self.info.shard, self.table, &proposal, None, Duration::MAX).await?;
        match self.copy.outcome(proposal, answer) {
            Effect::Applied => Ok(()),
            Effect::Heal { .. } | Effect::ReadAgain | Effect::NotLive => self.read_again().await,
        }
    }
}
