//! A seat that comes here from another node, where the other seat still is: what both did there provisionally binds it.
//! Nothing is carried out for it here before that node has told how far it is, or it could play a move differently after
//! seeing the other's answer to it.

use std::time::Duration;

use super::asks::Asking;
use super::{Command, Errand, Facts, Host, Note, Output, Published, Refusal, Reply, Safeguard, Task};
use crate::ids::NodeId;
use crate::rules::seat::Seat;
use crate::table::record::Tip;

/// How long the other node may take to tell. One that says nothing for so long was cut off, and is held to be dead by now.
const HEARD_WITHIN: Duration = Duration::from_secs(5);
/// How often it is asked meanwhile: it may have begun to listen only now.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Requests that wait for it, at most.
const HELD_MAX: usize = 8;

/// The node of the other seat, which has not told yet how far it is.
#[derive(Debug)]
pub(super) struct Unheard {
    /// Which it is, where the data group has told.
    node: Option<NodeId>,
    look_at: Duration,
    until: Duration,
    held: Vec<Asking>,
}

impl Unheard {
    /// When it is asked again, or waited for no longer.
    pub(super) fn wake_at(&self) -> Duration {
        self.look_at.min(self.until)
    }
}

impl Host {
    /// A seat has come here, or the other one came or went: looks where that is, and asks its node how far it is.
    pub(super) fn look_for_other(&mut self, facts: &Facts) {
        let Some(other) = self.other_seat(facts) else { return self.heard_enough() };
        let unheard = self.unheard.get_or_insert_with(|| Unheard {
            node: None,
            look_at: facts.now + LOOK_EVERY,
            until: facts.now + HEARD_WITHIN,
            held: Vec::new(),
        });
        unheard.look_at = facts.now + LOOK_EVERY;
        let is_asked = self.errands.iter().any(|(_, errand)| matches!(errand, Errand::Where));
        if !is_asked {
            self.errand(Errand::Where, Command::Where(self.info.accounts[other]));
        }
    }

    /// The seat whose node is asked: one seat is here and the other is not. A node of an older version does not answer where
    /// it lacks nothing.
    fn other_seat(&self, facts: &Facts) -> Option<Seat> {
        if self.settings.is_only_node || facts.knows_old_nodes || self.is_without(Safeguard::Hear) {
            return None;
        }
        let mut here = Seat::BOTH.into_iter().filter(|seat| self.is_here(*seat));
        let (one, both) = (here.next(), here.next());
        one.filter(|_| both.is_none()).map(Seat::other)
    }

    /// Where the other seat is.
    pub(super) fn found(&mut self, facts: &Facts, reply: &Reply) {
        if self.unheard.is_none() {
            return;
        }
        match reply {
            Reply::Where(Some(node)) if *node != self.settings.node && self.other_seat(facts).is_some() => {
                let (tip, by) = (self.chain.tip(), Some(self.settings.node));
                self.out.push(Output::Publish(Published::Lacks { node: *node, tip, by }));
                if let Some(unheard) = &mut self.unheard {
                    unheard.node = Some(*node);
                }
            }
            Reply::Where(_) => self.heard_enough(),
            // It is asked again.
            _ => {}
        }
    }

    /// Keeps a request until the other seat's node has told; gives it back where nothing is waited for.
    pub(super) fn hold(&mut self, asking: Asking) -> Option<Asking> {
        match &mut self.unheard {
            Some(unheard) if unheard.held.len() < HELD_MAX => unheard.held.push(asking),
            Some(_) => self.refuse(&asking, Refusal::unavailable()),
            None => return Some(asking),
        }
        None
    }

    /// A node has told that it has no record after this tip that is not known here.
    pub(super) fn heard_of(&mut self, _facts: &Facts, node: NodeId, tip: &Tip) {
        if self.unheard.as_ref().is_some_and(|unheard| unheard.node == Some(node)) && self.chain.has_tip(tip)
        {
            self.heard_enough();
        }
    }

    /// Asks again, or waits no longer where it has waited long enough.
    pub(super) fn go_on_hearing(&mut self, facts: &Facts) {
        match &self.unheard {
            Some(unheard) if unheard.until <= facts.now => {
                self.note(Note::Warn("the other seat's node does not tell how far it is"));
                self.heard_enough();
            }
            Some(unheard) if unheard.look_at <= facts.now => self.look_for_other(facts),
            Some(_) | None => {}
        }
    }

    fn heard_enough(&mut self) {
        let held = self.unheard.take().map(|unheard| unheard.held).unwrap_or_default();
        self.queue.extend(held.into_iter().map(Task::Ask));
    }
}
