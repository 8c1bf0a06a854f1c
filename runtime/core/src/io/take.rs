//! The beginning of a reader.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, AsyncRead, ReadBuf};

pin_project! {
    /// Reads so many bytes of a stream, then ends: [`take`](super::AsyncReadExt::take).
    #[derive(Debug)]
    #[must_use = "streams do nothing unless you `.await` or poll them"]
    pub struct Take<R> {
        #[pin]
        inner: R,
        // Not `limit`: the projection would hide the method.
        limit_bytes: u64,
    }
}

impl<R> Take<R> {
    pub(super) fn new(inner: R, limit_bytes: u64) -> Self {
        Take { inner, limit_bytes }
    }
}

impl<R: AsyncRead> Take<R> {
    /// How many bytes may still be read. The stream inside may end before.
    pub fn limit(&self) -> u64 {
        self.limit_bytes
    }

    /// Sets how many bytes may be read from here on, whatever was read before.
    pub fn set_limit(&mut self, limit: u64) {
        self.limit_bytes = limit;
    }

    /// The stream inside.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The stream inside. What is read from it directly does not count.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The stream inside, pinned. What is read from it directly does not count.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().inner
    }

    /// The stream inside, from which no byte more than was asked for has been read.
    pub fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: AsyncRead> AsyncRead for Take<R> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let me = self.project();
        // At its end it does not ask the stream inside, which might wait for more.
        if *me.limit_bytes > 0 {
            let limit = usize::try_from(*me.limit_bytes).unwrap_or(usize::MAX);
            let count = ready!(buf.fill_up_to(limit, |part| me.inner.poll_read(cx, part)))?;
            *me.limit_bytes -= count as u64;
        }
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncBufRead> AsyncBufRead for Take<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let me = self.project();
        if *me.limit_bytes == 0 {
            return Poll::Ready(Ok(&[]));
        }
        let bytes = ready!(me.inner.poll_fill_buf(cx))?;
        let count = usize::try_from(*me.limit_bytes).unwrap_or(usize::MAX).min(bytes.len());
        Poll::Ready(Ok(&bytes[..count]))
    }

    /// Takes no more than the limit, if `amt` exceeds it.
    fn consume(self: Pin<&mut Self>, amt: usize) {
        let me = self.project();
        let count = usize::try_from(*me.limit_bytes).unwrap_or(usize::MAX).min(amt);
        *me.limit_bytes -= count as u64;
        me.inner.consume(count);
    }
}

crate::foreign_read!([R: AsyncRead] Take<R>);
crate::foreign_buf_read!([R: AsyncBufRead] Take<R>);
