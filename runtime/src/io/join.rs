//! One stream of a reader and a writer.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use super::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf, forward_write};

/// Makes one stream of a reader and a writer: reads go to the one, writes to the other. [`split`](super::split) does the
/// reverse.
///
/// ```
/// # use runtime::io::{empty, join, sink};
/// let nothing = join(empty(), sink());
/// let (_reader, _writer) = nothing.into_inner();
/// ```
pub fn join<R: AsyncRead, W: AsyncWrite>(reader: R, writer: W) -> Join<R, W> {
    Join { reader, writer }
}

pin_project_lite::pin_project! {
    /// A reader and a writer as one stream. Made by [`join`].
    #[derive(Debug)]
    pub struct Join<R, W> {
        #[pin]
        reader: R,
        #[pin]
        writer: W,
    }
}

impl<R: AsyncRead, W: AsyncWrite> Join<R, W> {
    /// The two again.
    pub fn into_inner(self) -> (R, W) {
        (self.reader, self.writer)
    }

    /// The reader within.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    /// The writer within.
    pub fn writer(&self) -> &W {
        &self.writer
    }

    /// The reader within.
    pub fn reader_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// The writer within.
    pub fn writer_mut(&mut self) -> &mut W {
        &mut self.writer
    }

    /// The reader within, pinned.
    pub fn reader_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().reader
    }

    /// The writer within, pinned.
    pub fn writer_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().writer
    }
}

impl<R: AsyncRead, W> AsyncRead for Join<R, W> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.project().reader.poll_read(cx, buf)
    }
}

impl<R: AsyncBufRead, W> AsyncBufRead for Join<R, W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().reader.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.project().reader.consume(amt);
    }
}

impl<R, W: AsyncWrite> AsyncWrite for Join<R, W> {
    forward_write!(writer);
}

runtime_core::foreign_read!([R: AsyncRead, W] Join<R, W>);
runtime_core::foreign_buf_read!([R: AsyncBufRead, W] Join<R, W>);
runtime_core::foreign_write!([R, W: AsyncWrite] Join<R, W>);
