//! One websocket: frames in and out on the session's own task, limits, pings, and the goodbye.

use std::io::ErrorKind;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::frames::{BadFrame, Heard, Incoming, Outgoing};
use crate::ids::AccountId;
use crate::limits::{Key, Limit, Limits};
use crate::metrics;
use crate::outbox::{Outbox, OutboxReader, outbox};
use crate::protocol::CloseCode;

pub use super::frames::FRAME_MAX;

/// Bytes read at a time.
const READ_AT_ONCE: usize = 4 * 1024;
/// A browser that has said nothing for so long is pinged.
const PING_AFTER: Duration = Duration::from_secs(25);
/// A browser that says nothing for so long, not even to pings, is gone.
const SILENT_MAX: Duration = Duration::from_secs(40);
/// How long one frame may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are read on the way to the browser's own goodbye, at most.
pub const GOODBYE_BYTES: u64 = 256 * 1024;
/// How long the goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A session's websocket.
pub struct Socket {
    stream: TcpStream,
    incoming: Incoming,
    writing: Writing,
    outbox: Outbox,
    heard: Instant,
    is_pinged: bool,
    /// How it has ended.
    end: Option<End>,
    limits: Limits,
    /// Who is charged for what comes.
    account: AccountId,
    /// Whom the connection is charged to.
    pub source: Key,
}

/// The way to the browser.
struct Writing {
    outgoing: Outgoing,
    waiting: OutboxReader,
    /// Since when the system has had no room for the next frame.
    blocked_since: Option<Instant>,
}

/// What a browser sent.
#[derive(Debug)]
pub enum Inbound {
    /// A request, or what should be one.
    Text(Utf8Bytes),
    /// A ping or a pong: it is answered by the websocket, and costs the same.
    Control,
}

/// How a websocket ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is to be closed with a code.
    Close(CloseCode),
    /// The browser says goodbye, and gets its code back.
    Goodbye(Bytes),
    /// It is gone.
    Gone,
}

impl Socket {
    /// Takes over an account's upgraded connection of which `read` was read already.
    pub fn open(stream: TcpStream, read: &[u8], (limits, account, source): (Limits, AccountId, Key)) -> Self {
        let (outbox, waiting) = outbox();
        let mut incoming = Incoming::default();
        incoming.extend(read);
        Self {
            stream,
            incoming,
            writing: Writing { outgoing: Outgoing::default(), waiting, blocked_since: None },
            outbox,
            heard: Instant::now(),
            is_pinged: false,
            end: None,
            limits,
            account,
            source,
        }
    }

    /// Closes an upgraded connection with a code, and waits a while for the browser's goodbye.
    pub async fn refuse(stream: TcpStream, code: CloseCode) {
        metrics::closed(code);
        goodbye(stream, Outgoing::default(), End::Close(code)).await;
    }

    /// Where updates are queued.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// The next frame, unless nothing is to be read just now; nothing once the websocket has ended. Writes what waits
    /// meanwhile. Nothing is lost if the wait is given up.
    pub async fn next(&mut self, reads: bool) -> Option<Inbound> {
        while self.end.is_none() {
            // A browser that does not take its answers is not read; what it was answered is written before more is taken in.
            if reads
                && !self.incoming.is_empty()
                && self.flushed()
                && let Some(inbound) = self.taken()
            {
                return Some(inbound);
            }
            tokio::select! {
                written = self.writing.go_on(&self.stream), if self.end.is_none() => self.end = written.err(),
                _ = self.stream.readable(), if self.end.is_none() && reads && !self.writing.is_blocked() => self.read(),
                else => {}
            }
        }
        None
    }

    /// Does something for the session, and writes what waits meanwhile.
    pub async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                written = self.writing.go_on(&self.stream), if self.end.is_none() => {
                    self.end = written.err();
                    // Whoever is sent away hears of it at once; the rest of the goodbye comes when the work is done.
                    if let Some(End::Close(code)) = self.end {
                        self.writing.outgoing.close(code_bytes(code));
                        let _ = self.writing.write(&self.stream);
                    }
                }
            }
        }
    }

    /// When [`Socket::look`] is to be called.
    pub fn due(&self) -> Instant {
        let silent_at = self.heard + if self.is_pinged { SILENT_MAX } else { PING_AFTER };
        self.writing.blocked_since.map_or(silent_at, |since| silent_at.min(since + WRITE_TIMEOUT))
    }

    /// Pings a browser that says nothing, and ends the websocket of one that is gone or takes nothing.
    pub fn look(&mut self) {
        let now = Instant::now();
        if self.writing.blocked_since.is_some_and(|since| now >= since + WRITE_TIMEOUT) {
            self.end = Some(End::Close(counted(CloseCode::TooSlow)));
        } else if now >= self.heard + SILENT_MAX {
            self.end = Some(End::Gone);
        } else if now >= self.heard + PING_AFTER && !self.is_pinged {
            self.is_pinged = true;
            self.writing.outgoing.ping();
        }
    }

    /// Writes what still waits and says goodbye.
    pub async fn finish(self) {
        let Self { stream, mut writing, end, .. } = self;
        let end = match end {
            Some(end) => end,
            None => {
                timeout(WRITE_TIMEOUT, writing.end(&stream)).await.unwrap_or(End::Close(CloseCode::TooSlow))
            }
        };
        let Writing { outgoing, waiting, .. } = writing;
        // Nobody queues anything for it any longer.
        drop(waiting);
        goodbye(stream, outgoing, end).await;
    }

    /// Writes what waits, as far as the system takes it at once; whether that is all.
    fn flushed(&mut self) -> bool {
        match self.writing.flush(&self.stream) {
            Ok(all) => all,
            Err(end) => {
                self.end = Some(end);
                false
            }
        }
    }

    /// The next frame of what was read.
    fn taken(&mut self) -> Option<Inbound> {
        let heard = self.incoming.take();
        let inbound = match heard {
            Ok(None) => return None,
            Ok(Some(Heard::Text(text))) => Inbound::Text(text),
            Ok(Some(Heard::Ping(payload))) => {
                self.writing.outgoing.pong(payload);
                Inbound::Control
            }
            Ok(Some(Heard::Pong)) => Inbound::Control,
            Ok(Some(Heard::Close(code))) => {
                self.end = Some(End::Goodbye(code));
                return None;
            }
            Err(BadFrame) => {
                self.end = Some(End::Close(counted(CloseCode::BadFrame)));
                return None;
            }
        };
        self.heard = Instant::now();
        self.is_pinged = false;
        Some(inbound)
    }

    /// Reads what has come: frames that are no whole message yet cost what they bring.
    fn read(&mut self) {
        let mut bytes = [0; READ_AT_ONCE];
        match self.stream.try_read(&mut bytes) {
            Ok(0) => self.end = Some(End::Gone),
            Ok(length) => {
                let cost = u32::try_from(length).unwrap_or(u32::MAX);
                if self.limits.take_many(Limit::BytesIn, self.account, cost).is_err() {
                    self.end = Some(End::Close(counted(CloseCode::Flooding)));
                } else {
                    self.incoming.extend(&bytes[..length]);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.end = Some(End::Gone),
        }
    }
}

impl Writing {
    /// Writes all that waits, once there is something, or tells how the websocket ends. What waits is written before it is
    /// closed, unless the browser is too slow.
    async fn go_on(&mut self, stream: &TcpStream) -> Result<(), End> {
        let mut begun = self.is_blocked();
        loop {
            let all = self.flush(stream)?;
            if all && begun {
                return Ok(());
            }
            begun = true;
            tokio::select! {
                _ = stream.writable(), if !all => {}
                () = self.waiting.changed() => {}
            }
        }
    }

    /// Writes on until the websocket ends, and tells how.
    async fn end(&mut self, stream: &TcpStream) -> End {
        loop {
            if let Err(end) = self.go_on(stream).await {
                return end;
            }
        }
    }

    /// Writes what waits, as far as the system takes it at once; whether that is all.
    fn flush(&mut self, stream: &TcpStream) -> Result<bool, End> {
        let (texts, code) = self.waiting.take();
        for text in texts {
            self.outgoing.text(text);
        }
        if code == Some(CloseCode::TooSlow) {
            return Err(End::Close(CloseCode::TooSlow));
        }
        let all = self.write(stream)?;
        code.filter(|_| all).map_or(Ok(all), |code| Err(End::Close(code)))
    }

    fn write(&mut self, stream: &TcpStream) -> Result<bool, End> {
        let mut goes_on = false;
        let written = self.outgoing.write(
            |parts| stream.try_write_vectored(parts),
            |bytes| {
                goes_on = true;
                self.waiting.written(bytes);
            },
        );
        let blocked_since = self.blocked_since.take().filter(|_| !goes_on);
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.blocked_since = Some(blocked_since.unwrap_or_else(Instant::now));
                Ok(false)
            }
            Err(_) => Err(End::Gone),
        }
    }

    fn is_blocked(&self) -> bool {
        self.blocked_since.is_some()
    }
}

/// Counts a code that is not from the outbox, which counts its own.
fn counted(code: CloseCode) -> CloseCode {
    metrics::closed(code);
    code
}

fn code_bytes(code: CloseCode) -> Bytes {
    Bytes::copy_from_slice(&(code as u16).to_be_bytes())
}

/// Says goodbye. The browser may be gone, or not reading: it is a courtesy.
async fn goodbye(mut stream: TcpStream, mut outgoing: Outgoing, end: End) {
    match end {
        End::Close(code) => outgoing.close(code_bytes(code)),
        End::Goodbye(code) => outgoing.close(code.slice(..code.len().min(2))),
        End::Gone => return,
    }
    let courtesy = async {
        while let Err(error) = outgoing.write(|parts| stream.try_write_vectored(parts), |_| {}) {
            if error.kind() != ErrorKind::WouldBlock {
                return Err(error);
            }
            stream.writable().await?;
        }
        stream.shutdown().await?;
        // Reading on until the browser is gone, too, keeps the system from cutting our goodbye off.
        tokio::io::copy(&mut stream.take(GOODBYE_BYTES), &mut tokio::io::sink()).await
    };
    let _ = timeout(CLOSE_TIMEOUT, courtesy).await;
}
