//! One write.

use std::{
    future::Future,
    io::{self, IoSlice},
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::io::AsyncWrite;

pin_project! {
    /// The future of [`write`](super::AsyncWriteExt::write).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Write<'a, W: ?Sized> {
        pub(super) writer: &'a mut W,
        pub(super) bytes: &'a [u8],
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for Write<'_, W> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        Pin::new(&mut **me.writer).poll_write(cx, me.bytes)
    }
}

pin_project! {
    /// The future of [`write_vectored`](super::AsyncWriteExt::write_vectored).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteVectored<'a, 'b, W: ?Sized> {
        pub(super) writer: &'a mut W,
        pub(super) slices: &'a [IoSlice<'b>],
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteVectored<'_, '_, W> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        Pin::new(&mut **me.writer).poll_write_vectored(cx, me.slices)
    }
}
