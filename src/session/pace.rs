//! How fast one websocket is read: what a limit refuses is read more slowly, and what goes on all the same is closed.

use std::time::Duration;

use tokio::time::Instant;

use crate::ids::AccountId;
use crate::limits::{Key, Limit, Limits, Refused};

/// Frames refused within [`REFUSALS_WITHIN`] after which the websocket is closed.
pub const REFUSALS_MAX: u32 = 100;
/// See there.
const REFUSALS_WITHIN: Duration = Duration::from_secs(10);
/// Nothing is read for so long after a frame that was refused.
const PAUSE: Duration = Duration::from_millis(5);

/// The pace of one websocket.
#[derive(Debug, Default)]
pub struct Pace {
    refused: u32,
    since: Option<Instant>,
    read_at: Option<Instant>,
}

/// Whether a frame may be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged {
    /// It is within the pace, and is carried out.
    Go,
    /// No, say so.
    Refused(Refused),
    /// No, and enough has been said.
    Close,
}

impl Pace {
    /// Charges a frame of any kind to its account and its source.
    pub fn charge(&mut self, limits: &Limits, account: AccountId, source: Key) -> Charged {
        let now = Instant::now();
        let Err(refused) = limits.take(Limit::Requests, account) else {
            // Others of the same address may have used that up: it is no reason to close this one.
            return limits.take(Limit::RequestsFrom, source).map_or_else(
                |refused| {
                    self.read_at = Some(now + PAUSE);
                    Charged::Refused(refused)
                },
                |()| Charged::Go,
            );
        };
        if self.since.is_none_or(|since| now - since > REFUSALS_WITHIN) {
            self.since = Some(now);
            self.refused = 0;
        }
        self.refused += 1;
        if self.refused > REFUSALS_MAX {
            return Charged::Close;
        }
        self.read_at = Some(now + PAUSE);
        Charged::Refused(refused)
    }

    /// When the next frame may be read, if not at once.
    pub fn read_at(&self) -> Option<Instant> {
        self.read_at
    }

    /// The pause is over.
    pub fn read_on(&mut self) {
        self.read_at = None;
    }
}
