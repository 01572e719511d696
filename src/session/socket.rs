//! One websocket's frames: small buffers, limits, pings, and a bounded outbox in its own task.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode as FrameCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::metered::Metered;
use crate::ids::AccountId;
use crate::limits::{Key, Limits};
use crate::metrics;
use crate::outbox::{Outbox, OutboxReader, outbox};
use crate::protocol::CloseCode;

/// The longest frame a browser may send, in bytes.
pub const FRAME_MAX: usize = 16 * 1024;
/// Bytes read at a time: small, since most websockets are idle.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes gathered before a write.
const WRITE_BUFFER: usize = 4 * 1024;
/// Bytes that may wait inside the websocket.
const WRITE_BUFFER_MAX: usize = 1024 * 1024;
/// Requests that may wait for their session; the socket is not read while there are so many.
pub const INBOUND: usize = 8;
/// How often the browser is pinged.
const PING_EVERY: Duration = Duration::from_secs(15);
/// A browser that says nothing for so long, not even to pings, is gone.
const SILENT_MAX: Duration = Duration::from_secs(40);
/// How long one frame may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that are read on the way to the browser's own goodbye, at most.
pub const GOODBYE_BYTES: u64 = 256 * 1024;
/// How long the goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A session's end of a websocket.
pub struct Socket {
    outbox: Outbox,
    inbound: mpsc::Receiver<Inbound>,
    until_welcome: Option<Box<dyn Send + Sync>>,
    /// Whom the connection is charged to.
    pub source: Key,
}

/// What a browser sent.
#[derive(Debug)]
pub enum Inbound {
    /// A request, or what should be one.
    Text(Utf8Bytes),
    /// A ping or a pong: it is answered by the websocket, and costs the same.
    Control,
}

impl Socket {
    /// Takes over an account's upgraded connection of which `read` was read already, and keeps what is held until the welcome.
    pub async fn open<S>(
        stream: S,
        read: Vec<u8>,
        (limits, account, source): (Limits, AccountId, Key),
        until_welcome: Box<dyn Send + Sync>,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stream = Metered::new(stream, limits, account);
        let stream = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config())).await;
        let (outbox, waiting) = outbox();
        let (sender, inbound) = mpsc::channel(INBOUND);
        let wire = Wire { stream, waiting, inbound: sender, heard: Instant::now() };
        tokio::spawn(wire.run());
        Self { outbox, inbound, until_welcome: Some(until_welcome), source }
    }

    /// Closes an upgraded connection with a code, and waits a while for the browser's goodbye.
    pub async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(stream: S, read: Vec<u8>, code: CloseCode) {
        metrics::closed(code);
        let stream = WebSocketStream::from_partially_read(stream, read, Role::Server, Some(config())).await;
        goodbye(stream, Some(code)).await;
    }

    /// The browser has its welcome: what was held until then is given back.
    pub fn welcomed(&mut self) {
        self.until_welcome = None;
    }

    /// Where updates are queued.
    pub fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// The next frame; nothing when the websocket is closed. Nothing is lost if the wait is given up.
    pub async fn next(&mut self) -> Option<Inbound> {
        self.inbound.recv().await
    }
}

/// The task that owns the websocket.
struct Wire<S> {
    stream: WebSocketStream<Metered<S>>,
    waiting: OutboxReader,
    inbound: mpsc::Sender<Inbound>,
    heard: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    async fn run(mut self) {
        let code = self.exchange().await;
        // Nobody waits for the session any longer: it ends while the goodbyes are said.
        drop((self.waiting, self.inbound));
        goodbye(self.stream, code).await;
    }

    /// Exchanges frames until the websocket is to be closed with a code, or is gone.
    async fn exchange(&mut self) -> Option<CloseCode> {
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        loop {
            tokio::select! {
                (frame, room) = read(&mut self.stream, self.inbound.clone()) => {
                    self.heard = Instant::now();
                    match frame {
                        Some(Ok(Message::Text(text))) => hand_over(room, Inbound::Text(text)),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => hand_over(room, Inbound::Control),
                        Some(
                            Ok(Message::Binary(_) | Message::Frame(_))
                            | Err(Error::Capacity(_) | Error::Utf8(_) | Error::Protocol(_)),
                        ) => return Some(counted(CloseCode::BadFrame)),
                        Some(Err(_)) if self.stream.get_ref().is_over() => return Some(counted(CloseCode::Flooding)),
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                    }
                }
                update = self.waiting.next() => match update {
                    Ok(text) => if let Err(end) = self.write(Message::Text(text)).await { return end },
                    Err(code) => return Some(code),
                },
                _ = ping.tick() => {
                    if self.heard.elapsed() > SILENT_MAX {
                        return None;
                    }
                    if let Err(end) = self.write(Message::Ping(Vec::new().into())).await { return end }
                }
            }
        }
    }

    /// Writes a frame, or gives what the websocket is to be closed with; with nothing if it is gone.
    async fn write(&mut self, message: Message) -> Result<(), Option<CloseCode>> {
        tokio::select! {
            written = timeout(WRITE_TIMEOUT, self.stream.send(message)) => match written {
                Ok(written) => written.map_err(|_| None),
                Err(_) => Err(Some(CloseCode::TooSlow)),
            },
            () = self.waiting.too_slow() => Err(Some(CloseCode::TooSlow)),
        }
    }
}

/// Counts a code that is not from the outbox, which counts its own.
fn counted(code: CloseCode) -> CloseCode {
    metrics::closed(code);
    code
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
}

/// Says goodbye with a code, or answers the browser's own. The browser may be gone, or not reading: it is a courtesy.
async fn goodbye<S: AsyncRead + AsyncWrite + Unpin>(mut stream: WebSocketStream<S>, code: Option<CloseCode>) {
    let courtesy = async {
        match code {
            Some(code) => {
                let frame = CloseFrame { code: FrameCode::from(code as u16), reason: Utf8Bytes::default() };
                stream.close(Some(frame)).await?;
            }
            // Sends an answer that is queued.
            None => stream.flush().await?,
        }
        let mut wire = stream.into_inner();
        wire.shutdown().await?;
        // Reading on until the browser is gone, too, keeps the system from cutting our goodbye off.
        tokio::io::copy(&mut wire.take(GOODBYE_BYTES), &mut tokio::io::sink()).await?;
        Ok::<_, Error>(())
    };
    let _ = timeout(CLOSE_TIMEOUT, courtesy).await;
}

/// Hands a frame to the session. One that has ended takes no more; the outbox has the code to close with, which a frame that
/// came too late does not take away.
fn hand_over(room: Option<mpsc::OwnedPermit<Inbound>>, frame: Inbound) {
    if let Some(room) = room {
        room.send(frame);
    }
}

/// The next frame, once there is room for it with the session. Nothing is lost if the wait is given up.
async fn read<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut WebSocketStream<S>,
    inbound: mpsc::Sender<Inbound>,
) -> (Option<Result<Message, Error>>, Option<mpsc::OwnedPermit<Inbound>>) {
    let room = inbound.reserve_owned().await.ok();
    (stream.next().await, room)
}
