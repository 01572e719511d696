//! How a node's mirror follows the lobby: which of the changes it hears count, and when it reads the whole lobby again. The
//! decision alone.

use std::time::Duration;

use super::Applied;

/// The whole lobby is read at most once in this time.
pub const READ_EVERY: Duration = Duration::from_secs(1);

/// What is heard over which connection, and when the lobby is read next.
#[derive(Debug, Clone, Default)]
pub struct Following {
    /// The connection that is heard, counted: each begins where changes may have been missed.
    connection: u64,
    read_at: Option<Duration>,
    not_before: Duration,
}

impl Following {
    /// Changes may have been missed, and what is heard from now on comes over this connection.
    pub fn missed(&mut self, now: Duration, connection: u64) {
        self.connection = connection;
        self.read_soon(now);
    }

    /// Whether a change counts that was heard over a connection. One that waited while the connection ended may be from a
    /// primary that lost its place: the new one gives the number of that change to another.
    pub fn counts(&self, connection: u64) -> bool {
        connection >= self.connection
    }

    /// A change was taken in.
    pub fn applied(&mut self, now: Duration, applied: Applied) {
        if applied == Applied::Gap {
            self.read_soon(now);
        }
    }

    /// When the whole lobby is to be read.
    pub fn read_at(&self) -> Option<Duration> {
        self.read_at
    }

    /// It is being read: what is published from now on comes after what is read.
    pub fn reads(&mut self, now: Duration) {
        self.read_at = None;
        self.not_before = now + READ_EVERY;
    }

    /// It could not be read.
    pub fn failed(&mut self) {
        self.read_at = Some(self.not_before);
    }

    fn read_soon(&mut self, now: Duration) {
        self.read_at.get_or_insert(self.not_before.max(now));
    }
}
