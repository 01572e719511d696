//! What a node does where the store holds something else of an account than the node has: the decision alone.

/// The session that an account has on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Here<S> {
    /// Its id.
    pub session: S,
    /// The store has had it: one that is still being entered is looked at later.
    pub entered: bool,
}

/// The live session of an account as the store holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held<S> {
    /// Its id.
    pub session: S,
    /// The entry names this node.
    pub here: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair<S> {
    /// Nothing: both agree, or another node looks after it.
    Nothing,
    /// The store takes this session out: its websocket is closed, and the leave was lost or overtaken by the entry.
    Leave(S),
    /// The store gets this session again, which it has lost.
    Reenter(S),
    /// This session is closed: another node has a newer one of the account.
    Close(S),
}

/// Compares the two sides for one account. `here` has to be read after `held`: a session is known to its node before it
/// is entered, so that one without a session here has ended.
pub fn repair<S: Copy + PartialEq>(here: Option<Here<S>>, held: Option<Held<S>>) -> Repair<S> {
    match (here, held) {
        (Some(Here { entered: false, .. }), _) => Repair::Nothing,
        (Some(Here { session, .. }), None) => Repair::Reenter(session),
        (Some(here), Some(held)) if here.session == held.session => Repair::Nothing,
        (_, Some(Held { session, here: true })) => Repair::Leave(session),
        (Some(Here { session, .. }), Some(_)) => Repair::Close(session),
        (None, _) => Repair::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::{Held, Here, Repair, repair};

    #[test]
    fn each_side_is_repaired_by_the_other() {
        let entered = |session| Some(Here { session, entered: true });
        let entering = Some(Here { session: 1, entered: false });
        let at_this = |session| Some(Held { session, here: true });
        let at_another = |session| Some(Held { session, here: false });
        for (here, held, wanted) in [
            (None, None, Repair::Nothing),
            (None, at_another(1), Repair::Nothing),
            (None, at_this(1), Repair::Leave(1)),
            (entering, None, Repair::Nothing),
            (entering, at_this(0), Repair::Nothing),
            (entered(1), None, Repair::Reenter(1)),
            (entered(1), at_this(1), Repair::Nothing),
            // An entry that came late, of a session of this node that has ended.
            (entered(1), at_this(0), Repair::Leave(0)),
            (entered(1), at_another(2), Repair::Close(1)),
        ] {
            assert_eq!(repair(here, held), wanted, "{here:?} {held:?}");
        }
    }
}
