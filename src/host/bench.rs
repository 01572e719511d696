//! Who looks at a table: sessions come and go, and how many watch is counted and shown.

use std::time::Duration;

use super::{Command, Errand, Facts, Host, IDLE_AFTER, Member, Output, RETRY_EVERY, Reply};
use crate::ids::SessionId;

/// How often a bench that changed is counted and shown.
const BENCH_EVERY: Duration = Duration::from_millis(500);

impl Host {
    /// Shows the table to a session from now on; nothing to one that is shown it already.
    pub(super) fn join(&mut self, facts: &Facts, member: Member, ticket: super::Ticket) {
        let seat = self.chain.seat_of(member.account);
        let is_new = !self.members.iter().any(|other| other.session == member.session);
        if is_new {
            // From then on what is new for one is for all.
            self.show_news();
            self.members.push(member);
            self.show_to(seat, vec![member.session], None);
            self.count_bench_soon(facts);
        }
        self.out.push(Output::Joined(ticket, member, is_new, seat.is_some()));
        if is_new && seat.is_some() {
            self.look_for_other(facts);
        }
    }

    pub(super) fn leave(&mut self, facts: &Facts, session: SessionId) {
        self.members.retain(|member| member.session != session);
        self.count_bench_soon(facts);
    }

    /// This many watch, on all nodes.
    pub(super) fn watchers(&mut self, facts: &Facts, count: u32) {
        if self.info.watchers != count {
            self.info.watchers = count;
            self.bench_changed = true;
            // Where this node is counting, it is shown with the reply.
            if !self.is_counting() {
                self.count_bench_soon(facts);
            }
        }
    }

    /// How many watch is counted and shown at most twice a second.
    pub(super) fn count_bench_soon(&mut self, facts: &Facts) {
        self.bench_at.get_or_insert(facts.now + BENCH_EVERY);
    }

    /// Tells the lobby how many watch on this node, if that changed, and shows how many watch in all. What cannot be told
    /// is told later.
    pub(super) fn tell_bench(&mut self, facts: &Facts) {
        let bench = self.members.iter().filter(|member| self.chain.seat_of(member.account).is_none()).count();
        let count = u32::try_from(bench).unwrap_or(u32::MAX);
        if self.is_counting() {
            return self.count_bench_soon(facts);
        }
        if count != self.bench {
            self.errand(Errand::Watch(count), Command::Watch(count));
        } else if std::mem::take(&mut self.bench_changed) {
            self.show();
        }
    }

    fn is_counting(&self) -> bool {
        self.errands.iter().any(|(_, errand)| matches!(errand, Errand::Watch(_)))
    }

    pub(super) fn counted(&mut self, facts: &Facts, count: u32, reply: &Reply) {
        if let Reply::Watchers(watchers) = reply {
            self.bench = count;
            self.bench_changed |= self.info.watchers != *watchers;
            self.info.watchers = *watchers;
            if std::mem::take(&mut self.bench_changed) {
                self.show();
            }
        } else {
            self.bench_at = Some(facts.now + RETRY_EVERY);
        }
    }

    /// Whether nobody has looked at the table for a while.
    pub(super) fn is_idle(&mut self, facts: &Facts) -> bool {
        let is_busy =
            !self.chain.unsaved().is_empty() || self.heals.wake_at().is_some() || !self.errands.is_empty();
        if !self.members.is_empty() || is_busy {
            self.idle_since = None;
            return false;
        }
        let since = *self.idle_since.get_or_insert(facts.now);
        if facts.now.saturating_sub(since) < IDLE_AFTER {
            return false;
        }
        // The last count of the bench is told before: nobody else would.
        if self.bench != 0 {
            self.idle_since = Some(facts.now);
            self.tell_bench(facts);
            return false;
        }
        true
    }
}
