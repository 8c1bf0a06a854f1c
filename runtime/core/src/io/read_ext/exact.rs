//! Reads until a buffer is full.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::io::{AsyncRead, ReadBuf};

pin_project! {
    /// The future of [`read_exact`](super::AsyncReadExt::read_exact).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadExact<'a, R: ?Sized> {
        pub(super) reader: &'a mut R,
        pub(super) buf: ReadBuf<'a>,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadExact<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        ready!(poll_full(Pin::new(&mut **me.reader), cx, me.buf))?;
        Poll::Ready(Ok(me.buf.capacity()))
    }
}

/// Reads until nothing of `buf` is unfilled.
pub(super) fn poll_full<R: AsyncRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    while buf.remaining() > 0 {
        let before = buf.filled().len();
        match ready!(reader.as_mut().poll_read(cx, buf)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Poll::Ready(Err(error)),
            Ok(()) if buf.filled().len() == before => {
                let message = "the stream ended before the buffer was full";
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
            Ok(()) => {}
        }
    }
    Poll::Ready(Ok(()))
}
