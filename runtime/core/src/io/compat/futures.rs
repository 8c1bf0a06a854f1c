//! The traits of the crate `futures-io`, and streams that have them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};

use super::forward::{forward_buf_read, wrapper};
use crate::io as native;

wrapper! {
    /// A stream with the traits of futures-io as one with this runtime's: the other way round from
    /// [`Native`](super::Native).
    ///
    /// A read zeroes memory that is not known to be initialized, since futures-io knows initialized memory only.
    Futures { seek: Option<io::SeekFrom> }
}

impl<T: AsyncRead> native::AsyncRead for Futures<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut native::ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = ready!(self.project().inner.poll_read(cx, buf.initialize_unfilled()))?;
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> native::AsyncWrite for Futures<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write(cx, bytes)
    }

    // Whether that is better than a write of one piece is not known, so `is_write_vectored` stays false.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().inner.poll_write_vectored(cx, pieces)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_close(cx)
    }
}

impl<T: AsyncBufRead> native::AsyncBufRead for Futures<T> {
    forward_buf_read!(T as AsyncBufRead);
}

/// A seek is begun by the first poll for its end.
impl<T: AsyncSeek> native::AsyncSeek for Futures<T> {
    fn start_seek(self: Pin<&mut Self>, position: io::SeekFrom) -> io::Result<()> {
        let seek = self.project().seek;
        if seek.is_some() {
            return Err(io::Error::other("a seek was begun whose end nobody waited for"));
        }
        *seek = Some(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.project();
        let position = this.seek.unwrap_or(io::SeekFrom::Current(0));
        let outcome = ready!(this.inner.poll_seek(cx, position));
        *this.seek = None;
        Poll::Ready(outcome)
    }
}

crate::foreign_read!([T: AsyncRead] Futures<T>);
crate::foreign_write!([T: AsyncWrite] Futures<T>);
crate::foreign_buf_read!([T: AsyncBufRead] Futures<T>);
crate::foreign_seek!([T: AsyncSeek] Futures<T>);

/// Lets a stream of this runtime fill memory that is initialized.
#[doc(hidden)]
pub fn poll_read<S: native::AsyncRead>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    native::ReadBuf::new(buf).fill_up_to(usize::MAX, |buf| stream.poll_read(cx, buf))
}
