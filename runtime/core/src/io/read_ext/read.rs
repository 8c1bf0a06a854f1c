//! One read.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::io::{AsyncRead, BufSink, ReadBuf, read_buf::fill};

pin_project! {
    /// The future of [`read`](super::AsyncReadExt::read).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Read<'a, R: ?Sized> {
        pub(super) reader: &'a mut R,
        pub(super) buf: &'a mut [u8],
        // As in tokio, none of these futures is `Unpin`: what is not promised can change.
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for Read<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        let mut buf = ReadBuf::new(me.buf);
        ready!(Pin::new(&mut **me.reader).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }
}

pin_project! {
    /// The future of [`read_buf`](super::AsyncReadExt::read_buf).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadIntoBuf<'a, R: ?Sized, B: ?Sized> {
        pub(super) reader: &'a mut R,
        pub(super) buf: &'a mut B,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<R: AsyncRead + Unpin + ?Sized, B: BufSink + ?Sized> Future for ReadIntoBuf<'_, R, B> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        if !me.buf.has_room() {
            return Poll::Ready(Ok(0));
        }
        // SAFETY: nothing is said to be initialized. The memory is the sink's, which this future borrows.
        // io::tests::read_buf_appends.
        let filled = unsafe { fill(me.buf.room(), 0, |buf| Pin::new(&mut **me.reader).poll_read(cx, buf)) };
        let count = ready!(filled.outcome)?;
        // SAFETY: `fill` counted these bytes in the room that the sink gave just now. io::tests::read_buf_appends.
        unsafe { me.buf.fill_room(count) };
        Poll::Ready(Ok(count))
    }
}
