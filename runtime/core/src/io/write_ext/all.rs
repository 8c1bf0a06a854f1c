//! Writes until nothing is left.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::io::AsyncWrite;

pin_project! {
    /// The future of [`write_all`](super::AsyncWriteExt::write_all).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteAll<'a, W: ?Sized> {
        pub(super) writer: &'a mut W,
        pub(super) bytes: &'a [u8],
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<W: AsyncWrite + Unpin + ?Sized> Future for WriteAll<'_, W> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.project();
        while !me.bytes.is_empty() {
            let count = ready!(poll_some(cx, |cx| Pin::new(&mut **me.writer).poll_write(cx, me.bytes)))?;
            *me.bytes = &me.bytes[count..];
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes until something was written: an interrupted write is tried again, and one of nothing is an error.
pub(super) fn poll_some(
    cx: &mut Context<'_>,
    mut write: impl FnMut(&mut Context<'_>) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<usize>> {
    loop {
        match ready!(write(cx)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            outcome => return Poll::Ready(outcome),
        }
    }
}
