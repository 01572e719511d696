//! The bounded queue between a node and one websocket: nobody waits for a slow reader, and an empty one holds no memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::metrics;
use crate::protocol::{CloseCode, Update};

/// Frames that may wait in one outbox.
pub const OUTBOX_FRAMES: usize = 64;
/// Bytes that may wait in one outbox.
pub const OUTBOX_BYTES: usize = 512 * 1024;

/// The sending half; cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox(Arc<Shared>);

/// The receiving half, owned by the session.
#[derive(Debug)]
pub struct OutboxReader(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Frames that were not taken to be written yet.
    queued: Vec<Utf8Bytes>,
    /// Frames that wait, also those that are being written.
    frames: usize,
    /// Their bytes.
    bytes: usize,
    /// Bytes that were queued in all.
    sent: usize,
    closing: Option<CloseCode>,
    is_gone: bool,
}

/// A new, empty outbox.
pub fn outbox() -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared::default());
    (Outbox(Arc::clone(&shared)), OutboxReader(shared))
}

impl Outbox {
    /// Queues a frame without waiting; if there is no room the websocket is closed as too slow.
    pub fn send(&self, text: Utf8Bytes) {
        let mut state = self.0.lock();
        state.sent += text.len();
        if state.is_gone {
            return;
        }
        if state.frames >= OUTBOX_FRAMES || state.bytes + text.len() > OUTBOX_BYTES {
            drop(state);
            return self.close(CloseCode::TooSlow);
        }
        state.frames += 1;
        state.bytes += text.len();
        state.queued.push(text);
        drop(state);
        self.0.changed.notify_one();
    }

    /// Queues a frame that others caused and that the browser can do without, unless the outbox is half full: what others
    /// send never closes a websocket. False when it was dropped.
    pub fn offer(&self, text: Utf8Bytes) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.send(text);
        }
        has_room
    }

    /// Whether no more than half of the outbox is taken.
    pub fn has_room(&self) -> bool {
        let state = self.0.lock();
        state.frames < OUTBOX_FRAMES / 2 && state.bytes <= OUTBOX_BYTES / 2
    }

    /// Whether nobody writes what is queued any more.
    pub fn is_gone(&self) -> bool {
        self.0.lock().is_gone
    }

    /// Bytes queued so far in all.
    pub fn sent_bytes(&self) -> usize {
        self.0.lock().sent
    }

    /// Asks for the websocket to be closed; the first code stands.
    pub fn close(&self, code: CloseCode) {
        let mut state = self.0.lock();
        if state.closing.is_none() {
            state.closing = Some(code);
            drop(state);
            metrics::closed(code);
            self.0.changed.notify_one();
        }
    }

    /// The code the websocket is being closed with.
    pub fn closing(&self) -> Option<CloseCode> {
        self.0.lock().closing
    }
}

impl OutboxReader {
    /// Takes what waits, to be written; gives the code to close with after it.
    pub fn take(&self) -> (Vec<Utf8Bytes>, Option<CloseCode>) {
        let mut state = self.0.lock();
        (std::mem::take(&mut state.queued), state.closing)
    }

    /// A frame of so many bytes was written.
    pub fn written(&self, bytes: usize) {
        let mut state = self.0.lock();
        state.frames -= 1;
        state.bytes -= bytes;
    }

    /// Ends when there may be something to take, or a code.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }
}

impl Drop for OutboxReader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.is_gone = true;
        state.queued = Vec::new();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An update as it goes on the wire.
pub fn text_of(update: &Update) -> Utf8Bytes {
    serde_json::to_string(update).expect("updates have string keys and finite numbers").into()
}
