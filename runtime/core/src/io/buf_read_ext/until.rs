//! Reads until a byte comes.

use std::{
    future::Future,
    io::{self, BufRead},
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use crate::io::AsyncBufRead;

pin_project! {
    /// The future of [`read_until`](super::AsyncBufReadExt::read_until).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadUntil<'a, R: ?Sized> {
        pub(super) reader: &'a mut R,
        pub(super) delimiter: u8,
        pub(super) bytes: &'a mut Vec<u8>,
        // Bytes appended by earlier polls.
        pub(super) read: usize,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadUntil<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        ready!(poll_until(Pin::new(&mut **me.reader), cx, *me.delimiter, me.bytes, me.read))?;
        Poll::Ready(Ok(*me.read))
    }
}

/// Appends to `bytes` what comes up to `delimiter` and with it, or up to the end of the stream; adds to `read` the
/// count.
pub(in crate::io) fn poll_until<R: AsyncBufRead + ?Sized>(
    mut reader: Pin<&mut R>,
    cx: &mut Context<'_>,
    delimiter: u8,
    bytes: &mut Vec<u8>,
    read: &mut usize,
) -> Poll<io::Result<()>> {
    loop {
        let mut available = match ready!(reader.as_mut().poll_fill_buf(cx)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            available => available?,
        };
        // On memory, std's own does the search and the copy.
        let count = available.read_until(delimiter, bytes)?;
        reader.as_mut().consume(count);
        *read += count;
        if count == 0 || bytes.last() == Some(&delimiter) {
            return Poll::Ready(Ok(()));
        }
    }
}
