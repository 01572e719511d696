//! Who looks at a table: sessions come and go, and how many watch is counted and shown.

use tokio::time::Instant;

use super::{BENCH_EVERY, Keeper, Member, RETRY_EVERY, text_of};
use crate::ids::SessionId;
use crate::protocol::Update;
use crate::store::talk::Said;

impl Keeper {
    /// Shows the table to a session from now on, and gives how many bytes it was sent: nothing to one that is shown it
    /// already.
    pub(super) async fn join(&mut self, member: Member) -> usize {
        if self.members.iter().any(|other| other.session == member.session) {
            return 0;
        }
        let before = member.outbox.sent_bytes();
        let seat = self.copy.seat_of(member.account);
        self.show_to(&member);
        // While it is away nobody waits for what was said.
        if !self.shared.store.data().is_away() {
            self.tell_talk(&member, seat.is_some()).await;
        }
        let bytes = member.outbox.sent_bytes() - before;
        self.members.push(member);
        self.count_bench_soon();
        if seat.is_some() {
            self.look_for_other().await;
        }
        bytes
    }

    /// Tells what was said lately on a member's own side.
    async fn tell_talk(&self, member: &Member, seated: bool) {
        match self.in_time(self.shared.store.talk_read(self.table)).await {
            Ok(talk) => {
                let own_side = |said: &Said| said.seated == seated && member.hears(said);
                for said in talk.into_iter().filter(own_side) {
                    // Words give way to views.
                    member.outbox.offer(text_of(&Update::Message(said.message)));
                }
            }
            Err(error) => tracing::warn!(table = %self.table, %error, "what was said could not be read"),
        }
    }

    pub(super) fn leave(&mut self, session: SessionId) {
        self.members.retain(|member| member.session != session);
        self.count_bench_soon();
    }

    /// This many watch, on all nodes.
    pub(super) fn watchers(&mut self, count: u32) {
        if self.info.watchers != count {
            self.info.watchers = count;
            self.bench_changed = true;
            self.count_bench_soon();
        }
    }

    /// How many watch is counted and shown at most twice a second.
    pub(super) fn count_bench_soon(&mut self) {
        self.bench_at.get_or_insert_with(|| Instant::now() + BENCH_EVERY);
    }

    /// Tells the lobby how many watch on this node, if that changed, and shows how many watch in all. What cannot be told
    /// is told later.
    pub(super) async fn tell_bench(&mut self) {
        self.members.retain(|member| !member.outbox.is_gone());
        let bench = self.members.iter().filter(|member| self.copy.seat_of(member.account).is_none()).count();
        let count = u32::try_from(bench).unwrap_or(u32::MAX);
        if count != self.bench {
            match self.in_time(self.shared.store.table_watchers(self.table, self.shared.node, count)).await {
                Ok(watchers) => {
                    self.bench = count;
                    self.bench_changed |= self.info.watchers != watchers;
                    self.info.watchers = watchers;
                }
                Err(error) => {
                    tracing::debug!(table = %self.table, %error, "the bench could not be counted yet");
                    self.bench_at = Some(Instant::now() + RETRY_EVERY);
                }
            }
        }
        if std::mem::take(&mut self.bench_changed) {
            self.show();
        }
    }
}
