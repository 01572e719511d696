//! Frames of a websocket as a server reads and writes them (RFC 6455). An idle websocket holds nothing here: what was read is
//! freed once it is taken, and texts are written from where all their readers share them.

use std::collections::VecDeque;
use std::io::{self, Cursor, ErrorKind, IoSlice};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// The longest message a browser may send, in bytes.
pub const FRAME_MAX: usize = 16 * 1024;
/// The longest payload of a control frame, in bytes.
const CONTROL_MAX: usize = 125;
/// The longest header of a frame from here, in bytes: it has no mask.
const HEADER_MAX: usize = 10;
/// Frames in one write, at most.
const WRITTEN_AT_ONCE: usize = 16;

/// What a browser sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A request, or what should be one.
    Text(Utf8Bytes),
    /// A ping, to be answered with the same bytes.
    Ping(Bytes),
    /// The answer to a ping.
    Pong,
    /// The browser's goodbye, with its code if it gives one.
    Close(Bytes),
}

/// A browser sent what no browser may send here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadFrame;

/// What came and was not taken yet.
#[derive(Debug, Default)]
pub struct Incoming {
    bytes: Vec<u8>,
    /// How many of the bytes were taken.
    taken: usize,
    /// The beginning of a text that comes in several frames.
    begun: Option<Vec<u8>>,
}

impl Incoming {
    /// Takes in what was read.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing is left to be taken.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next whole message or control frame.
    pub fn take(&mut self) -> Result<Option<Heard>, BadFrame> {
        while let Some((header, payload)) = self.frame()? {
            let heard = match header.opcode {
                OpCode::Control(control) => Some(control_of(control, &header, payload)?),
                OpCode::Data(data) => self.data(data, header.is_final, payload)?,
            };
            if heard.is_some() {
                return Ok(heard);
            }
        }
        Ok(None)
    }

    /// The next whole frame, unmasked.
    fn frame(&mut self) -> Result<Option<(FrameHeader, Vec<u8>)>, BadFrame> {
        let mut cursor = Cursor::new(&self.bytes[self.taken..]);
        let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| BadFrame)? else {
            return Ok(None);
        };
        let at = self.taken + usize::try_from(cursor.position()).map_err(|_| BadFrame)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= FRAME_MAX).ok_or(BadFrame)?;
        let is_reserved = header.rsv1 || header.rsv2 || header.rsv3;
        let mask = header.mask.filter(|_| !is_reserved).ok_or(BadFrame)?;
        let Some(masked) = self.bytes.get(at..at + length) else { return Ok(None) };
        let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        self.taken = at + length;
        if self.taken == self.bytes.len() {
            *self = Self { begun: self.begun.take(), ..Self::default() };
        }
        Ok(Some((header, payload)))
    }

    /// Takes a frame of a message in; gives the message if that was its last.
    fn data(&mut self, data: Data, is_last: bool, payload: Vec<u8>) -> Result<Option<Heard>, BadFrame> {
        let text = match (data, self.begun.take()) {
            (Data::Text, None) => payload,
            (Data::Continue, Some(mut text)) if text.len() + payload.len() <= FRAME_MAX => {
                text.extend(payload);
                text
            }
            _ => return Err(BadFrame),
        };
        if !is_last {
            self.begun = Some(text);
            return Ok(None);
        }
        let text = Utf8Bytes::try_from(Bytes::from(text)).map_err(|_| BadFrame)?;
        Ok(Some(Heard::Text(text)))
    }
}

fn control_of(control: Control, header: &FrameHeader, payload: Vec<u8>) -> Result<Heard, BadFrame> {
    if !header.is_final || payload.len() > CONTROL_MAX {
        return Err(BadFrame);
    }
    match control {
        Control::Ping => Ok(Heard::Ping(payload.into())),
        Control::Pong => Ok(Heard::Pong),
        Control::Close => {
            let reason = payload.get(2..).unwrap_or_default();
            let is_whole = payload.len() != 1 && std::str::from_utf8(reason).is_ok();
            is_whole.then(|| Heard::Close(payload.into())).ok_or(BadFrame)
        }
        Control::Reserved(_) => Err(BadFrame),
    }
}

/// What is on its way to a browser.
#[derive(Debug, Default)]
pub struct Outgoing {
    frames: VecDeque<(OpCode, Bytes)>,
    /// Bytes of the first frame that the system has taken.
    written: usize,
    /// The goodbye is among them: nothing comes after it.
    is_closed: bool,
}

impl Outgoing {
    /// An update, after all others.
    pub fn text(&mut self, text: Utf8Bytes) {
        self.frames.push_back((OpCode::Data(Data::Text), text.into()));
    }

    /// A ping.
    pub fn ping(&mut self) {
        self.frames.push_back((OpCode::Control(Control::Ping), Bytes::new()));
    }

    /// The answer to a ping.
    pub fn pong(&mut self, payload: Bytes) {
        self.frames.push_back((OpCode::Control(Control::Pong), payload));
    }

    /// The last frame, with a code and nothing else, in the place of all that was not begun yet; once.
    pub fn close(&mut self, code: Bytes) {
        if !self.is_closed {
            self.is_closed = true;
            self.frames.truncate(usize::from(self.written > 0));
            self.frames.push_back((OpCode::Control(Control::Close), code));
        }
    }

    /// Writes as long as the system takes something, many frames at once. Tells `done` the bytes of each text that it has
    /// taken whole.
    pub fn write(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>,
        mut done: impl FnMut(usize),
    ) -> io::Result<()> {
        while !self.frames.is_empty() {
            let taken = self.write_once(&mut write)?;
            if taken == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            self.take(taken, &mut done);
        }
        self.frames = VecDeque::new();
        Ok(())
    }

    fn write_once(&self, write: &mut impl FnMut(&[IoSlice<'_>]) -> io::Result<usize>) -> io::Result<usize> {
        let mut headers = [[0; HEADER_MAX]; WRITTEN_AT_ONCE];
        let mut parts = [IoSlice::new(&[]); 2 * WRITTEN_AT_ONCE];
        let mut skipped = self.written;
        let mut count = 0;
        for ((opcode, payload), header) in self.frames.iter().zip(&mut headers) {
            let length = header_into(header, *opcode, payload);
            let (header, payload) = (&header[..length], payload.as_ref());
            parts[count] = IoSlice::new(&header[skipped.min(length)..]);
            parts[count + 1] = IoSlice::new(&payload[skipped.saturating_sub(length)..]);
            skipped = 0;
            count += 2;
        }
        write(&parts[..count])
    }

    /// The system has taken so many bytes more.
    fn take(&mut self, taken: usize, done: &mut impl FnMut(usize)) {
        self.written += taken;
        while let Some((opcode, payload)) = self.frames.front() {
            let length = header_into(&mut [0; HEADER_MAX], *opcode, payload) + payload.len();
            if self.written < length {
                return;
            }
            self.written -= length;
            if *opcode == OpCode::Data(Data::Text) {
                done(payload.len());
            }
            self.frames.pop_front();
        }
    }
}

/// Writes a frame's header, and gives its length.
fn header_into(header: &mut [u8; HEADER_MAX], opcode: OpCode, payload: &Bytes) -> usize {
    let length = payload.len() as u64;
    let frame = FrameHeader { opcode, ..FrameHeader::default() };
    frame.format(length, &mut header.as_mut_slice()).expect("a header without a mask has room");
    frame.len(length)
}
