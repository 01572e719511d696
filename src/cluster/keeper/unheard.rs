//! A seat that comes here from another node, where the other seat still is: what both did there unsaved binds it. Nothing is
//! carried out for it here before that node has told how far it is, or it could play a move differently after seeing the
//! other's answer to it.

use std::time::Duration;

use tokio::time::Instant;

use super::away::Reply;
use super::refusal::Refusal;
use super::{Keeper, Published, SeatAsk};
use crate::fault::is_without;
use crate::ids::{NodeId, RequestId};
use crate::rules::seat::Seat;
use crate::store::games::Mover;
use crate::table::record::Tip;

/// How long the other node may take to tell. One that says nothing for so long was cut off, and is held to be dead by now.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile: it may have begun to listen only now.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Requests that wait for it, at most.
const HELD_MAX: usize = 8;

/// The node of the other seat, which has not told yet how far it is.
pub(super) struct Unheard {
    /// Which it is, where the data group has told.
    node: Option<NodeId>,
    look_at: Instant,
    until: Instant,
    held: Vec<Held>,
}

/// A request that waits for it.
pub(super) struct Held {
    pub(super) mover: Mover,
    pub(super) request: RequestId,
    pub(super) ask: SeatAsk,
    pub(super) reply: Reply,
}

impl Unheard {
    /// When it is asked again, or waited for no longer.
    pub(super) fn wake_at(&self) -> Instant {
        self.look_at.min(self.until)
    }
}

impl Keeper {
    /// A seat has come here, or the other one came or went: looks where that is, and asks its node how far it is.
    pub(super) async fn look_for_other(&mut self) {
        let mut here = Seat::BOTH.into_iter().filter(|seat| self.is_here(*seat));
        let (one, both) = (here.next(), here.next());
        // A node of an older version does not answer where it lacks nothing.
        let is_asked = !self.shared.is_only_node && !self.shared.knows_old_nodes() && !is_without("hear");
        let Some(seat) = one.filter(|_| both.is_none() && is_asked) else { return self.go_on().await };
        let other = self.info.accounts[seat.other()];
        let found = self.in_time(self.shared.store.entered(&[other])).await;
        let node = match found.map(|found| found.into_iter().next().flatten()) {
            Ok(Some(at)) if at.node != self.shared.node => Some(at.node),
            Ok(_) => return self.go_on().await,
            Err(_) => None,
        };
        let now = Instant::now();
        let (until, held) = match self.unheard.take() {
            Some(unheard) => (unheard.until, unheard.held),
            None => (now + HEARD_WITHIN, Vec::new()),
        };
        self.unheard = Some(Unheard { node, look_at: now + LOOK_EVERY, until, held });
        if let Some(node) = node {
            let (tip, by) = (self.copy.tip(), Some(self.shared.node));
            self.publish(&Published::Lacks { node, tip, by }).await;
        }
    }

    /// Keeps a request until the other seat's node has told; gives it back where nothing is waited for.
    pub(super) fn hold(&mut self, held: Held) -> Option<Held> {
        match &mut self.unheard {
            Some(unheard) if unheard.held.len() < HELD_MAX => unheard.held.push(held),
            // Whoever asked may be gone by now.
            Some(_) => drop(held.reply.send(Err(Refusal::unavailable()))),
            None => return Some(held),
        }
        None
    }

    /// A node has told that it has no record after this tip that is not known here.
    pub(super) async fn heard_of(&mut self, node: NodeId, tip: &Tip) {
        if self.unheard.as_ref().is_some_and(|unheard| unheard.node == Some(node)) && self.copy.has_tip(tip) {
            self.go_on().await;
        }
    }

    /// Asks again, or waits no longer where it has waited long enough.
    pub(super) async fn go_on_hearing(&mut self) {
        let now = Instant::now();
        match &self.unheard {
            Some(unheard) if unheard.until <= now => {
                tracing::warn!(table = %self.table, "the other seat's node does not tell how far it is");
                self.go_on().await;
            }
            Some(unheard) if unheard.look_at <= now => self.look_for_other().await,
            Some(_) | None => {}
        }
    }

    async fn go_on(&mut self) {
        let held = self.unheard.take().map(|unheard| unheard.held).unwrap_or_default();
        for held in held {
            self.carry_out(held).await;
        }
    }
}
