//! A reader as segments between delimiters.

use std::{
    future::poll_fn,
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, buf_read_ext::poll_until};

pin_project! {
    /// The segments of a reader: [`split`](super::AsyncBufReadExt::split).
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Split<R> {
        #[pin]
        reader: R,
        delimiter: u8,
        // The beginning of the next segment.
        bytes: Vec<u8>,
    }
}

impl<R> Split<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Split { reader, delimiter, bytes: Vec::new() }
    }
}

impl<R: AsyncBufRead + Unpin> Split<R> {
    /// The next segment without its delimiter, or `None` at the end of the stream. A last segment needs no delimiter.
    ///
    /// # Errors
    /// What reading returns.
    ///
    /// # Cancel safety
    /// Cancel-safe: what a dropped call has read of a segment is kept for the next one.
    pub async fn next_segment(&mut self) -> io::Result<Option<Vec<u8>>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_segment(cx)).await
    }
}

impl<R: AsyncBufRead> Split<R> {
    /// As [`next_segment`](Split::next_segment), for one's own `poll`.
    ///
    /// On Pending the task of `cx` is woken once it is worth trying again; of several tasks only the one of the last
    /// call.
    pub fn poll_next_segment(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        let me = self.project();
        ready!(poll_until(me.reader, cx, *me.delimiter, me.bytes, &mut 0))?;
        if me.bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let mut segment = mem::take(me.bytes);
        segment.pop_if(|last| last == me.delimiter);
        Poll::Ready(Ok(Some(segment)))
    }
}
