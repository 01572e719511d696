//! The bounded queue between a node and one websocket: nobody waits for a slow reader.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::metrics;
use crate::protocol::{CloseCode, Update};

/// Frames that may wait in one outbox.
pub const OUTBOX_FRAMES: usize = 64;
/// Bytes that may wait in one outbox.
pub const OUTBOX_BYTES: usize = 512 * 1024;

/// The sending half; cheap to clone.
#[derive(Debug, Clone)]
pub struct Outbox {
    frames: mpsc::Sender<Utf8Bytes>,
    /// Bytes that wait.
    bytes: Arc<AtomicUsize>,
    /// Bytes that were queued in all.
    sent: Arc<AtomicUsize>,
    closing: Arc<watch::Sender<Option<CloseCode>>>,
}

/// The receiving half, owned by the websocket's task.
#[derive(Debug)]
pub struct OutboxReader {
    frames: mpsc::Receiver<Utf8Bytes>,
    bytes: Arc<AtomicUsize>,
    closing: watch::Receiver<Option<CloseCode>>,
}

/// A new, empty outbox.
pub fn outbox() -> (Outbox, OutboxReader) {
    let (frames, reader) = mpsc::channel(OUTBOX_FRAMES);
    let bytes = Arc::new(AtomicUsize::new(0));
    let (closing, closed) = watch::channel(None);
    (
        Outbox { frames, bytes: Arc::clone(&bytes), sent: Arc::default(), closing: Arc::new(closing) },
        OutboxReader { frames: reader, bytes, closing: closed },
    )
}

impl Outbox {
    /// Queues a frame without waiting; if there is no room the websocket is closed as too slow.
    pub fn send(&self, text: Utf8Bytes) {
        let length = text.len();
        let waiting = self.bytes.fetch_add(length, Ordering::Relaxed) + length;
        self.sent.fetch_add(length, Ordering::Relaxed);
        if waiting > OUTBOX_BYTES || self.frames.try_send(text).is_err() {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
            self.close(CloseCode::TooSlow);
        }
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
        self.frames.capacity() > OUTBOX_FRAMES / 2 && self.bytes.load(Ordering::Relaxed) <= OUTBOX_BYTES / 2
    }

    /// Whether nobody writes what is queued any more.
    pub fn is_gone(&self) -> bool {
        self.frames.is_closed()
    }

    /// Bytes queued so far in all.
    pub fn sent_bytes(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Asks for the websocket to be closed; the first code stands.
    pub fn close(&self, code: CloseCode) {
        let first = self.closing.send_if_modified(|closing| {
            let first = closing.is_none();
            if first {
                *closing = Some(code);
            }
            first
        });
        if first {
            metrics::closed(code);
        }
    }

    /// The code the websocket is being closed with.
    pub fn closing(&self) -> Option<CloseCode> {
        *self.closing.borrow()
    }
}

impl OutboxReader {
    /// The next frame to write, or the code to close with: what waits is written first, unless the browser is too slow.
    pub async fn next(&mut self) -> Result<Utf8Bytes, CloseCode> {
        let closing = *self.closing.borrow_and_update();
        match closing {
            Some(CloseCode::TooSlow) => return Err(CloseCode::TooSlow),
            Some(code) => return self.frames.try_recv().map(|text| self.taken(text)).map_err(|_| code),
            None => {}
        }
        tokio::select! {
            biased;
            _ = self.closing.changed() => {
                // Every sender gone counts as the node going away.
                let code = self.closing.borrow().unwrap_or(CloseCode::GoingAway);
                self.frames.try_recv().map(|text| self.taken(text)).map_err(|_| code)
            }
            text = self.frames.recv() => text.map(|text| self.taken(text)).ok_or(CloseCode::GoingAway),
        }
    }

    /// Waits until the outbox is closed because its reader is too slow.
    pub async fn too_slow(&mut self) {
        let slow = self.closing.wait_for(|code| *code == Some(CloseCode::TooSlow)).await.is_ok();
        if !slow {
            std::future::pending::<()>().await;
        }
    }

    fn taken(&self, text: Utf8Bytes) -> Utf8Bytes {
        self.bytes.fetch_sub(text.len(), Ordering::Relaxed);
        text
    }
}

/// An update as it goes on the wire.
pub fn text_of(update: &Update) -> Utf8Bytes {
    serde_json::to_string(update).expect("updates have string keys and finite numbers").into()
}
