//! Tips that browsers have seen and this copy does not have: the other nodes are asked to heal the stream, and the answer
//! waits as a state of the keeper, while looks, joins and asks go on.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::refusal::Refusal;
use super::{Keeper, Published, text_of};
use crate::cluster::seals::SEALED_MAX;
use crate::ids::AccountId;
use crate::metrics;
use crate::protocol::{NoticeCode, RefusalCode, Update};
use crate::store::StoreError;
use crate::table::copy::Accepted;
use crate::table::record::{Entry, Tip};

/// How long other nodes may take to heal a stream, and how often it is looked meanwhile.
const HEAL_WITHIN: Duration = Duration::from_millis(500);
const HEAL_LOOK_EVERY: Duration = Duration::from_millis(100);
/// Other nodes are asked once for each tip in this time, ...
const HEAL_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// ... and for so many tips of one table at most.
pub const HEALS_MAX: usize = 4;
/// The stream is read at most once in this time because somebody says that it has more.
const READ_EVERY: Duration = Duration::from_secs(1);

/// Where the answer goes.
type Reply = oneshot::Sender<Result<Tip, Refusal>>;

/// A tip that a seat's browser has seen.
pub(super) struct Seen {
    account: AccountId,
    tip: Tip,
    sealed: Vec<String>,
    reply: Reply,
    until: Instant,
}

/// What is known of tips that were told and are not there.
#[derive(Default)]
pub(super) struct Heals {
    /// Tips that the other nodes were asked for lately, oldest first.
    asked: VecDeque<(Tip, Instant)>,
    /// Those whose answers wait for it.
    waiting: Vec<Seen>,
    look_at: Option<Instant>,
    read_at: Option<Instant>,
    /// Another node asks for a heal, and the stream was read a moment ago: it is read again later.
    heard: bool,
}

impl Heals {
    /// When the keeper has to go on with them.
    pub(super) fn wake_at(&self) -> Option<Instant> {
        let heard = self.read_at.filter(|_| self.heard).map(|at| at + READ_EVERY);
        self.look_at.into_iter().chain(heard).min()
    }

    fn may_read(&self) -> bool {
        self.read_at.is_none_or(|at| at.elapsed() >= READ_EVERY)
    }
}

impl Keeper {
    /// A browser tells which tip it has seen: it is answered when the copy has that tip, or when it is known that nobody
    /// has. Other nodes are asked for seats only, since all that have the table then read its stream; who watches is
    /// answered by this copy, and who does neither is refused.
    pub(super) async fn seen(&mut self, account: AccountId, tip: Tip, sealed: Vec<String>, reply: Reply) {
        let is_seated = self.copy.seat_of(account).is_some();
        if !is_seated && !self.members.iter().any(|member| member.account == account) {
            let words = "You neither play nor watch at that table.";
            // Whoever asked may be gone by now; so for all replies here.
            let _ = reply.send(Err(Refusal::new(RefusalCode::NotSeated, words)));
            return;
        }
        if tip.number > self.copy.tip().number && self.heals.may_read() {
            self.heals.read_at = Some(Instant::now());
            if self.read_again().await.is_err() {
                let _ = reply.send(Err(Refusal::unavailable()));
                return;
            }
            self.show_news();
        }
        let now = Instant::now();
        let seen = Seen { account, tip, sealed, reply, until: now + HEAL_WITHIN };
        let ahead =
            usize::try_from(seen.tip.number.saturating_sub(self.copy.tip().number)).unwrap_or(usize::MAX);
        self.heals.asked.retain(|(_, at)| now.duration_since(*at) < HEAL_AGAIN_AFTER);
        let is_asked = self.heals.asked.iter().any(|(asked, _)| *asked == seen.tip);
        if !is_seated || self.copy.has_tip(&seen.tip) || ahead == 0 || ahead > SEALED_MAX || is_asked {
            return self.answer_seen(seen).await;
        }
        if self.heals.asked.len() >= HEALS_MAX {
            let words = "The other servers were asked for that game just now. Try again in ten seconds.";
            let _ = seen.reply.send(Err(Refusal::new(RefusalCode::TooMany, words)));
            return;
        }
        if self.ask_to_heal().await.is_err() {
            let _ = seen.reply.send(Err(Refusal::unavailable()));
            return;
        }
        self.heals.asked.push_back((seen.tip.clone(), now));
        self.heals.waiting.push(seen);
        self.heals.look_at.get_or_insert(now + HEAL_LOOK_EVERY);
    }

    /// Asks the other nodes to append again what the stream lost.
    async fn ask_to_heal(&self) -> Result<(), StoreError> {
        let words = serde_json::to_string(&Published::Heal)?;
        self.shared.store.table_publish(self.table, &words).await
    }

    /// Another node asks so: this copy is compared with the stream, though not more often than it may be.
    pub(super) async fn heard_heal(&mut self) {
        self.heals.heard = !self.heals.may_read();
        if self.heals.heard {
            return;
        }
        self.heals.read_at = Some(Instant::now());
        if let Err(error) = self.read_again().await {
            tracing::warn!(table = %self.table, %error, "a table could not be healed");
        }
        self.show_news();
    }

    /// Looks whether the stream was healed, and answers those who waited for it or have waited long enough.
    pub(super) async fn look_for_heals(&mut self) {
        let now = Instant::now();
        if self.heals.heard && self.heals.may_read() {
            self.heard_heal().await;
        }
        if self.heals.look_at.is_none_or(|at| at > now) {
            return;
        }
        let read = self.read_again().await;
        self.show_news();
        for seen in std::mem::take(&mut self.heals.waiting) {
            if let Err(error) = &read {
                tracing::warn!(table = %self.table, %error, "it is not known whether a table was healed");
                let _ = seen.reply.send(Err(Refusal::unavailable()));
            } else if self.copy.has_tip(&seen.tip) || seen.until <= Instant::now() {
                self.answer_seen(seen).await;
            } else {
                self.heals.waiting.push(seen);
            }
        }
        self.heals.look_at = (!self.heals.waiting.is_empty()).then(|| Instant::now() + HEAL_LOOK_EVERY);
    }

    /// Answers by what is known by now; what only this browser has is taken back.
    async fn answer_seen(&mut self, seen: Seen) {
        let ahead = seen.tip.number > self.copy.tip().number;
        let opened = if ahead && self.copy.seat_of(seen.account).is_some() {
            self.shared.seals.open(self.table, &seen.sealed)
        } else {
            Vec::new()
        };
        let is_proved =
            opened.last().is_some_and(|(number, _)| number.checked_add(1) == Some(seen.tip.number));
        let answer = if self.copy.has_tip(&seen.tip) {
            Ok(self.copy.tip())
        } else if ahead && self.shard().is_away() {
            Err(Refusal::unavailable())
        } else {
            match self.take_back(&seen.tip, &opened).await {
                Ok(true) => Ok(self.copy.tip()),
                Ok(false) => Err(self.went_back(seen.account, is_proved)),
                Err(_) => Err(Refusal::unavailable()),
            }
        };
        let _ = seen.reply.send(answer);
    }

    /// Tells a seat that what it has seen is gone. It counts as a loss where the browser can prove that it was there.
    fn went_back(&self, account: AccountId, is_proved: bool) -> Refusal {
        if is_proved {
            metrics::went_back();
        } else if self.copy.seat_of(account).is_some() {
            metrics::tip_unknown();
        }
        let words = format!("The game went back to move {}.", self.copy.tip().number.saturating_sub(1));
        for member in self.members.iter().filter(|member| member.account == account) {
            member.outbox.send(text_of(&Update::Notice {
                code: NoticeCode::WentBack,
                words: words.clone(),
                name: None,
                table: Some(self.table),
                // What was seen of another chain may have left this one anywhere.
                tip: None,
            }));
        }
        Refusal::new(RefusalCode::WentBack, words)
    }

    /// Appends records again that only a browser still has: nobody but this cluster can have sealed them, and they are
    /// taken only if they follow what is there. Whether the tip is there then. Another node may append a part of them at the
    /// same time: the others are appended after that.
    async fn take_back(&mut self, tip: &Tip, opened: &[(u32, Entry)]) -> Result<bool, StoreError> {
        while !self.copy.has_tip(tip) {
            let at = self.copy.tip();
            let entries: Vec<Entry> = (at.number..)
                .zip(opened.iter().skip_while(|(number, _)| *number < at.number))
                .map_while(|(wanted, (number, entry))| (*number == wanted).then(|| entry.clone()))
                .collect();
            let mut tried = self.copy.clone();
            if !matches!(tried.take_unsaved(&at, &entries), Accepted::Applied(_)) || !tried.has_tip(tip) {
                return Ok(false);
            }
            tracing::warn!(table = %self.table, from = at.number, records = entries.len(), "a browser gave records back");
            metrics::given_back(entries.len());
            self.heal(at.clone(), entries).await?;
            self.show();
            if self.copy.tip().number <= at.number {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
