//! A connection that is not a websocket yet: a head that has begun and does not end in time is answered before it is closed.

use std::io::IoSlice;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::server::late_words;
use super::waiting::Place;

/// The connection, and its place among those that wait.
pub struct Wire {
    stream: TcpStream,
    place: Arc<Place>,
}

impl Wire {
    /// A connection that has just been accepted.
    pub fn new(stream: TcpStream, place: Arc<Place>) -> Self {
        Self { stream, place }
    }

    /// The connection alone.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Says that the head comes too late, as far as the system has room for that.
    fn refuse(&self) {
        let body = format!("{{\"code\":\"late\",\"words\":\"{}\"}}", late_words());
        let head = "HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json\r\ncache-control: no-store\r\n\
                    connection: close\r\n";
        // A browser that reads nothing is closed without a word.
        let _ =
            self.stream.try_write(format!("{head}content-length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.place.hears();
        }
        if read.is_pending() && self.place.is_head_late() {
            self.refuse();
            return Poll::Ready(Ok(()));
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
