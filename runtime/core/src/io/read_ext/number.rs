//! Reads one number.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::exact::poll_full;
use crate::io::{AsyncRead, ReadBuf};

pin_project! {
    /// The future of `read_u8`, `read_u16` and the like.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadNumber<'a, R: ?Sized, T, B> {
        reader: &'a mut R,
        // An array of as many bytes as the number has; the projection knows no constants.
        bytes: B,
        read: usize,
        decode: fn(B) -> T,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized, T, const BYTES: usize> ReadNumber<'a, R, T, [u8; BYTES]> {
    pub(super) fn new(reader: &'a mut R, decode: fn([u8; BYTES]) -> T) -> Self {
        ReadNumber { reader, bytes: [0; BYTES], read: 0, decode, pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized, T, const BYTES: usize> Future for ReadNumber<'_, R, T, [u8; BYTES]> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let me = self.project();
        let mut buf = ReadBuf::new(me.bytes);
        buf.set_filled(*me.read);
        let outcome = poll_full(Pin::new(&mut **me.reader), cx, &mut buf);
        *me.read = buf.filled().len();
        ready!(outcome)?;
        Poll::Ready(Ok((me.decode)(*me.bytes)))
    }
}
