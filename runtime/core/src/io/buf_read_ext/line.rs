//! Reads a line of text.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::until::poll_until;
use crate::io::{AsyncBufRead, text::Text};

pin_project! {
    /// The future of [`read_line`](super::AsyncBufReadExt::read_line).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadLine<'a, R: ?Sized> {
        pub(super) reader: &'a mut R,
        pub(super) text: Text<'a>,
        pub(super) read: usize,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<R: AsyncBufRead + Unpin + ?Sized> Future for ReadLine<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        let read = ready!(poll_until(Pin::new(&mut **me.reader), cx, b'\n', me.text.bytes(), me.read));
        let finished = me.text.finish();
        // What was read before an error stays, if it is text; the error that came first is the one to know.
        Poll::Ready(read.and(finished))
    }
}
