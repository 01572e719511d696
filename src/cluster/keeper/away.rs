//! Play while the backup is away: records are applied unsaved where nobody else can get one in first, shown as such, and
//! written in order, before anything new, when it is back.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::refusal::Refusal;
use super::{Acted, FLUSH_EVERY, Keeper, Published};
use crate::ids::{NodeId, RequestId};
use crate::metrics;
use crate::protocol::RefusalCode;
use crate::redis::error::StoreError;
use crate::rules::seat::Seat;
use crate::table::copy::{Accepted, Proposal};
use crate::table::record::{Entry, Tip};

/// An append without an answer for so long makes a table play on unsaved, if it may.
pub(super) const UNSAVED_AFTER: Duration = Duration::from_millis(700);
/// How long the node of the other seat may take to have a record, too.
const TAKEN_WITHIN: Duration = Duration::from_millis(1_500);
/// Records told to the other nodes when the backup goes away, at most: the last ones.
const LAST_TOLD: u32 = 8;
/// How long one attempt to write what is unsaved may hold a table up.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(700);

/// How long a table waits for the data group.
const DATA_WITHIN: Duration = Duration::from_millis(500);

/// Where an answer goes.
pub(super) type Reply = oneshot::Sender<Result<Acted, Refusal>>;

/// A proposal that is applied once the other seat's node has it, too.
pub(super) struct Offered {
    request: RequestId,
    seat: Seat,
    proposal: Proposal,
    reply: Reply,
    until: Instant,
}

impl Offered {
    /// Until when the other node may take it.
    pub(super) fn until(&self) -> Instant {
        self.until
    }
}

/// Who can get a record in while the backup is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Both seats are here: nobody else.
    Here,
    /// The other seat is at another node, which can be asked over the data group.
    Apart,
    /// Nobody knows: the table waits.
    Unknown,
}

impl Keeper {
    /// How the table could play on without its backup.
    pub(super) fn reach(&self) -> Reach {
        if self.shared.is_only_node || Seat::BOTH.into_iter().all(|seat| self.is_here(seat)) {
            return Reach::Here;
        }
        let (data, shard) = (self.shared.store.data(), self.shard());
        if data.is(shard) || data.is_away() { Reach::Unknown } else { Reach::Apart }
    }

    /// Whether a seat's player is at this node.
    pub(super) fn is_here(&self, seat: Seat) -> bool {
        self.members.iter().any(|member| self.copy.seat_of(member.account) == Some(seat))
    }

    /// Whether requests are to be carried out without the backup.
    pub(super) fn plays_on(&self) -> bool {
        !self.copy.unsaved().is_empty() || self.shard().is_away()
    }

    /// Whether it has done so for too long.
    pub(super) fn check_frozen(&self) -> Result<(), Refusal> {
        let limit = self.shared.unsaved_limit;
        match self.unsaved_since {
            Some(since) if since.elapsed() > limit => {
                let words = format!(
                    "The game has gone on unsaved for {} seconds, and waits now until it can be saved.",
                    limit.as_secs()
                );
                Err(Refusal::new(RefusalCode::Frozen, words))
            }
            _ => Ok(()),
        }
    }

    /// Applies a proposal here and now, although the backup does not have it.
    pub(super) async fn keep_unsaved(&mut self, proposal: Proposal) -> Result<Acted, Refusal> {
        self.check_frozen()?;
        let time_ms = self.shared.store.estimated_now_ms();
        if !matches!(self.copy.apply_unsaved(proposal, time_ms), Accepted::Applied(_) | Accepted::Already) {
            return Err(Refusal::unavailable());
        }
        self.became_unsaved();
        self.show();
        self.share(None).await;
        Ok(self.acted_at(self.copy.tip()))
    }

    /// Offers a proposal to the node of the other seat; it is applied here when that node has it.
    pub(super) async fn offer(
        &mut self,
        seat: Seat,
        request: RequestId,
        mut proposal: Proposal,
        reply: Reply,
    ) {
        if let Err(refusal) = self.check_frozen() {
            // Whoever asked may be gone; so for all replies here.
            let _ = reply.send(Err(refusal));
            return;
        }
        if let Some(before) = self.offered.take() {
            // The same request again, or one that gives way to a newer one of the same browser.
            let _ = before.reply.send(Err(Refusal::unavailable()));
        }
        let time_ms = self.shared.store.estimated_now_ms();
        for entry in &mut proposal.entries {
            entry.time_ms = time_ms;
        }
        let until = Instant::now() + TAKEN_WITHIN;
        let offered = Offered { request, seat, proposal, reply, until };
        let proposal = offered.proposal.clone();
        self.offered = Some(offered);
        self.share(Some(proposal)).await;
    }

    /// Tells the other nodes what is unsaved here, and what is offered.
    async fn share(&self, offered: Option<Proposal>) {
        let at = self.copy.accepted();
        let mut entries = self.copy.unsaved().to_vec();
        entries.extend(offered.into_iter().flat_map(|proposal| proposal.entries));
        self.tell_others(&Published::Unsaved { node: self.shared.node, at, entries }).await;
    }

    async fn tell_others(&self, published: &Published) {
        if !self.shared.store.data().is(self.shard()) {
            self.publish(published).await;
        }
    }

    /// Publishes something on the table's channel, if the data group is there.
    pub(super) async fn publish(&self, published: &Published) {
        let Ok(words) = serde_json::to_string(published) else { return };
        // What does not arrive is told again with the next record, or read when the backup is back.
        if let Err(error) = self.in_time(self.shared.store.table_publish(self.table, &words)).await {
            tracing::debug!(table = %self.table, %error, "the other nodes could not be told");
        }
    }

    /// What the data group answers, if it does so soon: moves wait for the table meanwhile.
    pub(super) async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let data = self.shared.store.data();
        let late = |words: &str| Err(StoreError::Unavailable(words.to_owned()).at(data.name()));
        tokio::select! {
            asked = timeout(DATA_WITHIN, asked) => asked.unwrap_or_else(|_| late("no answer in time")),
            () = data.away() => late("it is away"),
        }
    }

    /// Another node tells of records that the backup does not have.
    pub(super) async fn heard_unsaved(&mut self, from: NodeId, at: &Tip, entries: &[Entry]) {
        if from == self.shared.node {
            return;
        }
        if entries.is_empty() {
            return self.heard_of(from, at).await;
        }
        if self.gives_way_to_own(at, entries) {
            return;
        }
        let accepted = self.copy.take_unsaved(at, entries);
        match accepted {
            Accepted::Applied(_) | Accepted::Already => {
                if accepted != Accepted::Already {
                    self.became_unsaved();
                    self.show();
                }
                let after = at.number.saturating_add(u32::try_from(entries.len()).unwrap_or(u32::MAX));
                let took = Published::Took {
                    node: from,
                    by: self.shared.node,
                    seats: self.seats_here(),
                    number: after,
                };
                self.tell_others(&took).await;
            }
            Accepted::Gap => {
                let (tip, by) = (self.copy.tip(), Some(self.shared.node));
                self.publish(&Published::Lacks { node: from, tip, by }).await;
            }
            // Whatever the backup takes first is right; the others are told.
            Accepted::Diverged => tracing::warn!(table = %self.table, "unsaved records of two nodes differ"),
        }
        self.settle_offer();
        let tip = self.copy.tip();
        if accepted != Accepted::Gap {
            self.heard_of(from, &tip).await;
        }
    }

    /// Where both seats offer a record at once, the first seat's comes first on both nodes.
    fn gives_way_to_own(&self, at: &Tip, entries: &[Entry]) -> bool {
        let Some(own) = &self.offered else { return false };
        let Some(behind) = own.proposal.at.number.checked_sub(at.number) else { return false };
        let rival = usize::try_from(behind).ok().and_then(|behind| entries.get(behind));
        own.seat == Seat::First && rival.is_some_and(|rival| !rival.is_of(own.seat, &own.request))
    }

    /// A node has the records told of, and these seats with it.
    pub(super) fn heard_took(&mut self, of: NodeId, by: NodeId, seats: &[Seat], number: u32) {
        if of != self.shared.node || by == of {
            return;
        }
        let taken = self.offered.as_ref().filter(|own| {
            let end = own.proposal.at.number as usize + own.proposal.entries.len();
            number as usize >= end && seats.contains(&own.seat.other())
        });
        let Some(proposal) = taken.map(|own| own.proposal.clone()) else { return };
        let time_ms = self.shared.store.estimated_now_ms();
        if matches!(self.copy.apply_unsaved(proposal, time_ms), Accepted::Applied(_)) {
            self.became_unsaved();
            self.show();
        }
        self.settle_offer();
    }

    /// A node tells how far it is, and asks this one for what comes after that: also where nothing does.
    pub(super) async fn heard_lacks(&mut self, of: NodeId, by: Option<NodeId>, tip: &Tip) {
        if let Some(by) = by {
            self.heard_of(by, tip).await;
        }
        if of != self.shared.node || !self.copy.has_tip(tip) {
            return;
        }
        let mut entries = self.copy.missing_after(tip).unwrap_or_default();
        entries.extend(self.offered.iter().flat_map(|own| own.proposal.entries.clone()));
        self.publish(&Published::Unsaved { node: self.shared.node, at: tip.clone(), entries }).await;
    }

    /// Answers an offer that is decided: its records are here, others came first, or nobody answered.
    pub(super) fn settle_offer(&mut self) {
        let Some(own) = &self.offered else { return };
        let is_late = Instant::now() >= own.until;
        let answer = if let Some(tip) = self.copy.has_request(own.seat, &own.request) {
            Ok(self.acted_at(tip))
        } else if own.proposal.at != self.copy.tip() {
            Err(self.old_tip())
        } else if is_late {
            Err(Refusal::unavailable())
        } else {
            return;
        };
        if let Some(own) = self.offered.take() {
            let _ = own.reply.send(answer);
        }
    }

    /// Tells the other nodes, once each time the backup goes away, what it took last: a publication may not have come out.
    pub(super) async fn tell_last(&mut self) {
        let is_away = self.shard().is_away();
        if std::mem::replace(&mut self.told_last, is_away) || !is_away {
            return;
        }
        let (at, entries) = self.copy.last(LAST_TOLD);
        self.tell_others(&Published::Unsaved { node: self.shared.node, at, entries }).await;
    }

    /// Writes what is unsaved, if the backup is there; before anything new.
    pub(super) async fn flush(&mut self) {
        if self.copy.unsaved().is_empty() || self.shard().is_away() {
            return;
        }
        match timeout(FLUSH_TIMEOUT, self.read_again()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(table = %self.table, %error, "unsaved records wait"),
            Err(_) => tracing::debug!(table = %self.table, "unsaved records wait: no answer in time"),
        }
        self.settle_offer();
    }

    /// Notes since when records are unsaved, and for how many of them others wait.
    pub(super) fn became_unsaved(&mut self) {
        let unsaved = self.copy.unsaved().len();
        self.shared.keeps_unsaved(self.table, unsaved);
        self.flush_at = (unsaved > 0).then(|| self.flush_at.unwrap_or_else(|| Instant::now() + FLUSH_EVERY));
        if unsaved == 0 {
            if let Some(since) = self.unsaved_since.take() {
                tracing::info!(table = %self.table, ms = since.elapsed().as_millis(), "unsaved records are written");
                self.show();
            }
        } else if self.unsaved_since.is_none() {
            tracing::warn!(table = %self.table, "the backup is away: the table plays on unsaved");
            metrics::played_on();
            self.unsaved_since = Some(Instant::now());
        }
    }

    fn seats_here(&self) -> Vec<Seat> {
        self.members.iter().filter_map(|member| self.copy.seat_of(member.account)).collect()
    }

    /// A request that was carried out up to a tip.
    pub(super) fn acted_at(&self, tip: Tip) -> Acted {
        let unsaved = tip.number > self.copy.accepted().number;
        Acted { tip, unsaved }
    }
}
