//! Any stream with this runtime's traits, for code that asks for those of others.

use std::{
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use super::forward::{forward_buf_read, forward_seek, forward_write, wrapper};
use crate::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

wrapper! {
    /// A stream with this runtime's traits, for code that asks for those of tokio, futures-io or hyper.
    ///
    /// The types of this runtime need no such wrapper, except for the `AsyncSeek` of futures-io. It is for types of your own,
    /// for type parameters (`S: runtime::io::AsyncRead`) and for trait objects.
    Native { seek: Option<SeekFrom> }
}

impl<T: AsyncRead> AsyncRead for Native<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<T: AsyncWrite> AsyncWrite for Native<T> {
    forward_write!(T as AsyncWrite);
}

impl<T: AsyncBufRead> AsyncBufRead for Native<T> {
    forward_buf_read!(T as AsyncBufRead);
}

impl<T: AsyncSeek> AsyncSeek for Native<T> {
    forward_seek!(T as AsyncSeek);
}

crate::foreign_read!([T: AsyncRead] Native<T>);
crate::foreign_write!([T: AsyncWrite] Native<T>);
crate::foreign_buf_read!([T: AsyncBufRead] Native<T>);
crate::foreign_seek!([T: AsyncSeek] Native<T>);

/// A poll with the same position as before goes on waiting; with another one it first waits for the seek that was begun.
#[cfg(feature = "futures-io")]
impl<T: AsyncSeek> super::futures::AsyncSeek for Native<T> {
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, position: SeekFrom) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        if this.seek.is_some_and(|begun| begun != position) {
            // Whoever began it is gone, and with it who would hear how it went.
            let _ = std::task::ready!(this.inner.as_mut().poll_complete(cx));
            *this.seek = None;
        }
        if this.seek.is_none() {
            this.inner.as_mut().start_seek(position)?;
            *this.seek = Some(position);
        }
        let outcome = std::task::ready!(this.inner.poll_complete(cx));
        *this.seek = None;
        Poll::Ready(outcome)
    }
}
