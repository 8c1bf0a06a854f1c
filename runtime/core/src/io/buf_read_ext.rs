//! What users call on a reader that has a buffer.

mod fill;
mod line;
mod until;

use std::{marker::PhantomPinned, pin::Pin};

use fill::FillBuf;
use line::ReadLine;
use until::ReadUntil;
pub(super) use until::poll_until;

use super::{AsyncBufRead, Lines, Split, text::Text};

/// The methods of every reader with a buffer.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let example = async {
/// use runtime_core::io::AsyncBufReadExt;
///
/// let mut lines = (&b"one\r\ntwo\nthree"[..]).lines();
/// let mut all = Vec::new();
/// while let Some(line) = lines.next_line().await? {
///     all.push(line);
/// }
/// assert_eq!(all, ["one", "two", "three"]);
/// # std::io::Result::Ok(()) };
/// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
/// ```
pub trait AsyncBufReadExt: AsyncBufRead {
    /// Appends all up to `byte`, and `byte` itself, to `buf`, and gives the count. Without that byte it reads up to the
    /// end of the stream; 0 says that this was reached before.
    ///
    /// # Errors
    /// What reading returns; an interrupted read is tried again. What was read by then is in `buf`.
    ///
    /// # Cancel safety
    /// What a dropped call has read is in `buf`, so another call goes on where it ended; only the count starts anew.
    fn read_until<'a>(&'a mut self, byte: u8, buf: &'a mut Vec<u8>) -> ReadUntil<'a, Self>
    where
        Self: Unpin,
    {
        ReadUntil { reader: self, delimiter: byte, bytes: buf, read: 0, pinned: PhantomPinned }
    }

    /// Appends a line with its end, which must be UTF-8, to `buf`, and gives the count of bytes; 0 at the end of the
    /// stream. A last line needs no end.
    ///
    /// A line can be as long as the stream: put a [`take`](super::AsyncReadExt::take) in front where the peer is not
    /// trusted.
    ///
    /// # Errors
    /// [`InvalidData`](std::io::ErrorKind::InvalidData), with the [`Utf8Error`](std::str::Utf8Error) of the line as its
    /// source, if the line is not UTF-8: `buf` is then as it was, and the line is lost. Else what reading returns,
    /// while an interrupted read is tried again: what was read of the line is then in `buf`, if that is UTF-8, or lost.
    ///
    /// # Cancel safety
    /// Not cancel-safe: what a dropped call has read of the line is lost. `buf` is then as it was; it is empty if the
    /// call was forgotten without a drop. [`read_until`](AsyncBufReadExt::read_until) and [`Lines::next_line`] keep
    /// what was read.
    fn read_line<'a>(&'a mut self, buf: &'a mut String) -> ReadLine<'a, Self>
    where
        Self: Unpin,
    {
        ReadLine { reader: self, text: Text::new(buf), read: 0, pinned: PhantomPinned }
    }

    /// What lies between the `byte`s, one by one. A last segment that is empty is none.
    ///
    /// Each segment is a `Vec` of its own.
    fn split(self, byte: u8) -> Split<Self>
    where
        Self: Sized + Unpin,
    {
        Split::new(self, byte)
    }

    /// What the reader has in its buffer, which is filled first if it is empty. An empty slice is the end of the
    /// stream.
    ///
    /// The same bytes come again until [`consume`](AsyncBufReadExt::consume) takes them.
    ///
    /// # Errors
    /// What reading returns; nothing was read then.
    ///
    /// # Panics
    /// If it is polled after it has completed.
    ///
    /// # Cancel safety
    /// Cancel-safe: nothing is taken.
    fn fill_buf(&mut self) -> FillBuf<'_, Self>
    where
        Self: Unpin,
    {
        FillBuf { reader: Some(self), pinned: PhantomPinned }
    }

    /// Takes the first `amt` bytes of what [`fill_buf`](AsyncBufReadExt::fill_buf) gave; more than those must not be
    /// asked for.
    fn consume(&mut self, amt: usize)
    where
        Self: Unpin,
    {
        Pin::new(self).consume(amt);
    }

    /// The lines, one by one and without their ends (`\n` or `\r\n`).
    ///
    /// Each line is a `String` of its own, and can be as long as the stream: put a [`take`](super::AsyncReadExt::take)
    /// in front where the peer is not trusted.
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines::new(self)
    }
}

impl<R: AsyncBufRead + ?Sized> AsyncBufReadExt for R {}
