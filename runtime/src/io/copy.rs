//! From a reader to a writer.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::coop;

use super::{AsyncRead, AsyncWrite, DEFAULT_CAPACITY, ReadBuf, write_zero};

/// Copies everything from `reader` to `writer`, flushes it, and gives the count of bytes.
///
/// Whenever the reader has nothing to give for now, the writer is flushed, so that nothing is held back while the two
/// wait for each other. The writer is not shut down.
///
/// # Errors
/// The first of either side. [`io::ErrorKind::WriteZero`] if the writer takes no more. What was read before and not
/// written is lost.
///
/// # Cancel safety
/// None: a dropped copy loses what it has read and not yet written.
///
/// Cost: one allocation of 8 KiB, one copy. [`copy_buf`](super::copy_buf) has neither.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let mut writer = Vec::new();
/// assert_eq!(runtime::io::copy(&mut &b"three"[..], &mut writer).await.unwrap(), 5);
/// assert_eq!(writer, b"three");
/// # });
/// ```
pub async fn copy<'a, R, W>(reader: &'a mut R, writer: &'a mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut relay = Relay::new(DEFAULT_CAPACITY);
    poll_fn(|cx| relay.poll(cx, Pin::new(reader), Pin::new(writer))).await
}

/// One direction of a copy: a buffer, and what lies in it on its way, `bytes[start..end]`.
#[derive(Debug)]
pub(super) struct Relay {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// All bytes that the writer has taken.
    written: u64,
    /// The reader is at its end and is not asked again.
    at_end: bool,
    /// The writer has taken bytes since it was flushed.
    unflushed: bool,
}

/// What came of asking the reader.
enum Fill {
    /// It has given bytes, or its end.
    Read,
    /// It wakes the task.
    Pending,
    /// There is no room, or its end has come.
    NotAsked,
}

impl Relay {
    /// `capacity` is at least 1.
    pub(super) fn new(capacity: usize) -> Relay {
        let bytes = vec![0; capacity].into_boxed_slice();
        Relay { bytes, start: 0, end: 0, written: 0, at_end: false, unflushed: false }
    }

    /// Copies on, until the reader's end is written and flushed.
    pub(super) fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        mut reader: Pin<&mut R>,
        mut writer: Pin<&mut W>,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + ?Sized,
        W: AsyncWrite + ?Sized,
    {
        loop {
            let turn = ready!(coop::poll_proceed(cx));
            // Reading goes on while the writer is slow, as long as there is room.
            let fill = self.fill(cx, reader.as_mut())?;
            let wrote = self.poll_drain(cx, writer.as_mut())?;
            let reader_waits = matches!(fill, Fill::Pending);
            if self.start == self.end && (self.at_end || (reader_waits && self.unflushed)) {
                ready!(writer.as_mut().poll_flush(cx))?;
                self.unflushed = false;
                if self.at_end {
                    turn.made();
                    return Poll::Ready(Ok(self.written));
                }
            }
            if wrote.is_pending() && !matches!(fill, Fill::Read) {
                return Poll::Pending;
            }
            turn.made();
        }
    }

    /// One read into the room behind what waits to be written.
    fn fill<R: AsyncRead + ?Sized>(&mut self, cx: &mut Context<'_>, reader: Pin<&mut R>) -> io::Result<Fill> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.at_end || self.end == self.bytes.len() {
            return Ok(Fill::NotAsked);
        }
        let mut buf = ReadBuf::new(&mut self.bytes[self.end..]);
        let Poll::Ready(result) = reader.poll_read(cx, &mut buf) else { return Ok(Fill::Pending) };
        result?;
        let count = buf.filled().len();
        self.end += count;
        self.at_end = count == 0;
        Ok(Fill::Read)
    }

    /// One write. Pending also if there is nothing to write.
    fn poll_drain<W: AsyncWrite + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        writer: Pin<&mut W>,
    ) -> Poll<io::Result<()>> {
        if self.start == self.end {
            return Poll::Pending;
        }
        let count = ready!(writer.poll_write(cx, &self.bytes[self.start..self.end]))?;
        if count == 0 {
            return Poll::Ready(Err(write_zero()));
        }
        self.start += count;
        self.written += count as u64;
        self.unflushed = true;
        Poll::Ready(Ok(()))
    }
}
