//! How long Redis and its sentinels are waited for: every time-out, on one page.

use std::time::Duration;

/// One command, whatever has to be found out or opened for it.
pub const COMMAND: Duration = Duration::from_secs(2);
/// A new connection: TCP, TLS and the greeting.
pub const CONNECT: Duration = Duration::from_secs(1);
/// Who the primary is: a round of the sentinels, and room for the one that is under way.
pub const FIND: Duration = Duration::from_millis(1_500);
/// One question to one Redis or sentinel by whoever asks several, also where it has to be connected to first.
pub const ANSWER: Duration = Duration::from_millis(700);
/// The question by which a group that answers is looked at: two late answers, and it counts as away.
pub const PROBE: Duration = Duration::from_millis(450);
/// The write by which a group that is away is tried, with the connection for it.
pub const TRY: Duration = Duration::from_millis(900);
/// The replicas, where an answer is given only once they have what was written: within [`COMMAND`], with the write before.
pub const REPLICAS: Duration = Duration::from_millis(1_400);
/// Whether a session is the live one of its account, where that is asked before an append.
pub const SESSION: Duration = Duration::from_millis(300);
/// The replicas, where a record is shown before: later it is not called durable, and the next ones may be.
pub const DURABLE: Duration = Duration::from_mins(1);
/// Replicas that stay behind for so long make the primary doubtful.
pub const BEHIND: Duration = Duration::from_secs(1);
/// One `WAIT` of the connection that waits for them, before newer writes are looked at, too.
pub const WAIT_MS: u64 = 100;
/// One command on a connection that hears channels.
pub const SUBSCRIBE: Duration = Duration::from_secs(1);
/// A Redis near the node: it is near, or of no use.
pub const NEAR: Duration = Duration::from_millis(300);
/// The first bytes of whoever answers at an address where no connection could be opened.
pub const LISTEN: Duration = Duration::from_millis(300);
