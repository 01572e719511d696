//! What a table makes of a seat's request before anything is sent: records to append, or an answer. Pure: it depends on the
//! copy alone, and tells nothing that the seat's own view does not.

use super::SeatAsk;
use super::refusal::{Refusal, refused};
use crate::ids::RequestId;
use crate::protocol::RefusalCode;
use crate::rules::moves::Move;
use crate::rules::seat::Seat;
use crate::table::copy::{Copy, Intent, Proposal};
use crate::table::record::Tip;

/// Why a request comes to its end before anything is proposed.
#[derive(Debug, Clone, PartialEq)]
pub enum Ready {
    /// It was carried out before, up to this tip.
    Done(Tip),
    /// It cannot be carried out.
    Refused(Refusal),
}

/// The records a seat's request would append to a copy, unless they are there already or may not be. With `known` false
/// the request is not looked for among the records, with `compares` false an old view is as good as the newest.
pub fn decide(
    copy: &Copy,
    seat: Seat,
    request: &RequestId,
    ask: &SeatAsk,
    known: bool,
    compares: bool,
) -> Result<Proposal, Ready> {
    if let Some(tip) = copy.has_request(seat, request)
        && known
    {
        return Err(Ready::Done(tip));
    }
    let intent = match ask {
        SeatAsk::Moves(tip, _) if compares && *tip != copy.tip() => {
            return Err(Ready::Refused(Refusal::old_tip()));
        }
        SeatAsk::Moves(_, moves) => Intent::Moves(moves.clone()),
        SeatAsk::Resign => Intent::Moves(vec![Move::Resign]),
        SeatAsk::Save => Intent::Save,
        SeatAsk::ClaimWin => Intent::Absent,
    };
    copy.propose(seat, request, &intent).map_err(|why| Ready::Refused(refused(why)))
}

/// Whether a request waits for the backup: what ends or stops a game is not to be undone, and an end opens both hands.
pub fn waits_for_backup(ask: &SeatAsk) -> bool {
    match ask {
        SeatAsk::Moves(..) => false,
        SeatAsk::Resign | SeatAsk::Save | SeatAsk::ClaimWin => true,
    }
}

/// Whether a refusal comes with a new view, since the one chosen from is old.
pub fn needs_new_view(ready: &Ready) -> bool {
    matches!(ready, Ready::Refused(refusal) if refusal.code == RefusalCode::OldTip)
}
