//! Writes one number.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::all::poll_some;
use crate::io::AsyncWrite;

pin_project! {
    /// The future of `write_u8`, `write_u16` and the like.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct WriteNumber<'a, W: ?Sized, B> {
        writer: &'a mut W,
        // An array of as many bytes as the number has; the projection knows no constants.
        bytes: B,
        written: usize,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<'a, W: ?Sized, const BYTES: usize> WriteNumber<'a, W, [u8; BYTES]> {
    pub(super) fn new(writer: &'a mut W, bytes: [u8; BYTES]) -> Self {
        WriteNumber { writer, bytes, written: 0, pinned: PhantomPinned }
    }
}

impl<W: AsyncWrite + Unpin + ?Sized, const BYTES: usize> Future for WriteNumber<'_, W, [u8; BYTES]> {
    type Output = io::Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let me = self.project();
        while *me.written < BYTES {
            let rest = &me.bytes[*me.written..];
            *me.written += ready!(poll_some(cx, |cx| Pin::new(&mut **me.writer).poll_write(cx, rest)))?;
        }
        Poll::Ready(Ok(()))
    }
}
