//! The connection below a websocket, where every byte is charged: frames that are no whole message yet cost what they bring.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ids::AccountId;
use crate::limits::{Limit, Limits};

/// A connection whose account is charged for what it sends.
pub(super) struct Metered<S> {
    stream: S,
    limits: Limits,
    account: AccountId,
    is_over: bool,
}

impl<S> Metered<S> {
    pub(super) fn new(stream: S, limits: Limits, account: AccountId) -> Self {
        Self { stream, limits, account, is_over: false }
    }

    /// Whether more came than the account may send: from then on what comes is read and thrown away.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        let bytes = u32::try_from(buffer.filled().len() - before).unwrap_or(u32::MAX);
        if bytes > 0 && !self.is_over {
            self.is_over = self.limits.take_many(Limit::BytesIn, self.account, bytes).is_err();
            if self.is_over {
                return Poll::Ready(Err(io::Error::other("more than the account may send")));
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
