//! Writes from a buffer that gets shorter.

use std::{
    future::Future,
    io::{self, IoSlice},
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::all::poll_some;
use crate::io::{AsyncWrite, BufSource};

/// How many pieces of a buffer go into one write. The slices lie on the stack: 1 KiB.
const SLICES: usize = 64;

pin_project! {
    /// The future of [`write_buf`](super::AsyncWriteExt::write_buf).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteBuf<'a, W, B> {
        pub(super) writer: &'a mut W,
        pub(super) buf: &'a mut B,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<W: AsyncWrite + Unpin, B: BufSource> Future for WriteBuf<'_, W, B> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        if !me.buf.has_more() {
            return Poll::Ready(Ok(0));
        }
        let count = ready!(poll_next(*me.writer, cx, *me.buf))?;
        me.buf.written(count);
        Poll::Ready(Ok(count))
    }
}

pin_project! {
    /// The future of [`write_all_buf`](super::AsyncWriteExt::write_all_buf).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteAllBuf<'a, W, B> {
        pub(super) writer: &'a mut W,
        pub(super) buf: &'a mut B,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<W: AsyncWrite + Unpin, B: BufSource> Future for WriteAllBuf<'_, W, B> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.project();
        while me.buf.has_more() {
            let count = ready!(poll_some(cx, |cx| poll_next(*me.writer, cx, *me.buf)))?;
            me.buf.written(count);
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes from the front of `buf`, in pieces if the writer is good at that.
fn poll_next<W: AsyncWrite + Unpin, B: BufSource>(
    writer: &mut W,
    cx: &mut Context<'_>,
    buf: &B,
) -> Poll<io::Result<usize>> {
    let writer = Pin::new(writer);
    if writer.is_write_vectored() {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = buf.next_slices(&mut slices);
        writer.poll_write_vectored(cx, &slices[..count])
    } else {
        writer.poll_write(cx, buf.next_bytes())
    }
}
