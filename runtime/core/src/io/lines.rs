//! A reader as lines of text.

use std::{
    future::poll_fn,
    io, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::{AsyncBufRead, buf_read_ext::poll_until};

pin_project! {
    /// The lines of a reader: [`lines`](super::AsyncBufReadExt::lines).
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct Lines<R> {
        #[pin]
        reader: R,
        // The beginning of the next line.
        bytes: Vec<u8>,
    }
}

impl<R> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Lines { reader, bytes: Vec::new() }
    }
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// The next line without its end (`\n` or `\r\n`), or `None` at the end of the stream. A last line needs no end.
    ///
    /// # Errors
    /// What reading returns, and [`InvalidData`](io::ErrorKind::InvalidData) for a line that is not UTF-8: that line is
    /// gone, the next call gives the one behind it.
    ///
    /// # Cancel safety
    /// Cancel-safe: what a dropped call has read of a line is kept for the next one.
    pub async fn next_line(&mut self) -> io::Result<Option<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next_line(cx)).await
    }

    /// The reader. What is read from it directly is missing from the lines.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The reader.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// The reader back. What was read of an unfinished line is lost.
    pub fn into_inner(self) -> R {
        self.reader
    }
}

impl<R: AsyncBufRead> Lines<R> {
    /// As [`next_line`](Lines::next_line), for one's own `poll`.
    ///
    /// On Pending the task of `cx` is woken once it is worth trying again; of several tasks only the one of the last
    /// call.
    pub fn poll_next_line(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Option<String>>> {
        let me = self.project();
        ready!(poll_until(me.reader, cx, b'\n', me.bytes, &mut 0))?;
        if me.bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let mut line = mem::take(me.bytes);
        if line.pop_if(|last| *last == b'\n').is_some() {
            line.pop_if(|last| *last == b'\r');
        }
        let line = String::from_utf8(line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error));
        Poll::Ready(line.map(Some))
    }
}
