//! A buffer in front of a reader.

use std::{
    fmt,
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_CAPACITY, ReadBuf, forward_write};

pin_project_lite::pin_project! {
    /// Reads from `R` in large pieces and gives them out in small ones.
    ///
    /// It is worth its copy where reads are many and small, as for lines or numbers. A read that is at least as large as
    /// the buffer goes to `R` directly while the buffer is empty. Writes pass through untouched. Dropping the reader, or
    /// taking it apart with [`into_inner`](BufReader::into_inner), loses what is in the buffer.
    ///
    /// Cost: one allocation, when it is made.
    pub struct BufReader<R> {
        #[pin]
        inner: R,
        held: Held,
    }
}

/// What was read from the inner reader and not yet given out: `bytes[start..end]`.
#[derive(Debug)]
pub(super) struct Held {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    seek: Seek,
}

/// How far a seek has come. Whatever fails ends it (`Idle`).
#[derive(Clone, Copy, Debug)]
enum Seek {
    Idle,
    /// Nothing has been asked of the inner reader.
    Asked(SeekFrom),
    /// The inner reader goes back by what the buffer holds; then it moves on by this, as both in one sum overflow.
    GoingBack(i64),
    /// The inner reader goes to where the user wants it.
    Moving,
}

impl Held {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    fn discard(&mut self) {
        (self.start, self.end) = (0, 0);
    }
}

impl<R: AsyncRead> BufReader<R> {
    /// With a buffer of 8 KiB.
    pub fn new(inner: R) -> BufReader<R> {
        BufReader::with_capacity(DEFAULT_CAPACITY, inner)
    }

    /// With a buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize, inner: R) -> BufReader<R> {
        let bytes = vec![0; capacity].into_boxed_slice();
        BufReader { inner, held: Held { bytes, start: 0, end: 0, seek: Seek::Idle } }
    }

    /// The reader within.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The reader within. What is read from it directly comes behind what the buffer holds.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// As [`get_mut`](BufReader::get_mut), pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut R> {
        self.project().inner
    }

    /// The reader within, without what the buffer holds.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// What the buffer holds. Unlike [`poll_fill_buf`](AsyncBufRead::poll_fill_buf) it never reads.
    pub fn buffer(&self) -> &[u8] {
        self.held.rest()
    }
}

impl<R> BufReader<R> {
    pub(super) fn from_parts(inner: R, held: Held) -> BufReader<R> {
        BufReader { inner, held }
    }

    pub(super) fn into_parts(self) -> (R, Held) {
        (self.inner, self.held)
    }
}

impl<R: AsyncRead> AsyncRead for BufReader<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.held.rest().is_empty() && buf.remaining() >= self.held.bytes.len() {
            return self.project().inner.poll_read(cx, buf);
        }
        let held = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = held.len().min(buf.remaining());
        buf.put_slice(&held[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

impl<R: AsyncRead> AsyncBufRead for BufReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.project();
        if this.held.rest().is_empty() {
            let mut buf = ReadBuf::new(&mut this.held.bytes);
            ready!(this.inner.poll_read(cx, &mut buf))?;
            (this.held.start, this.held.end) = (0, buf.filled().len());
        }
        Poll::Ready(Ok(this.held.rest()))
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        let held = self.project().held;
        held.start += amt.min(held.end - held.start);
    }
}

/// A seek discards the buffer, also one that stays within it. [`SeekFrom::Current`] counts from the byte that the next
/// read would give. Until a seek is done the buffer stays as it is; a seek that fails half-way, after the inner
/// reader has moved, has discarded it.
impl<R: AsyncRead + AsyncSeek> AsyncSeek for BufReader<R> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.project().held.seek = Seek::Asked(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        let held = this.held;
        loop {
            match std::mem::replace(&mut held.seek, Seek::Idle) {
                Seek::Idle => return this.inner.poll_complete(cx),
                Seek::Asked(position) => {
                    // A buffer is never larger than isize::MAX bytes.
                    let ahead = held.rest().len() as i64;
                    let (position, next) = match position {
                        SeekFrom::Current(by) => match by.checked_sub(ahead) {
                            Some(by) => (SeekFrom::Current(by), Seek::Moving),
                            None => (SeekFrom::Current(-ahead), Seek::GoingBack(by)),
                        },
                        absolute => (absolute, Seek::Moving),
                    };
                    this.inner.as_mut().start_seek(position)?;
                    held.seek = next;
                }
                state @ (Seek::GoingBack(_) | Seek::Moving) => {
                    let Poll::Ready(result) = this.inner.as_mut().poll_complete(cx) else {
                        held.seek = state;
                        return Poll::Pending;
                    };
                    let position = result?;
                    held.discard();
                    let Seek::GoingBack(by) = state else { return Poll::Ready(Ok(position)) };
                    this.inner.as_mut().start_seek(SeekFrom::Current(by))?;
                    held.seek = Seek::Moving;
                }
            }
        }
    }
}

impl<R: AsyncRead + AsyncWrite> AsyncWrite for BufReader<R> {
    forward_write!(inner);
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("reader", &self.inner)
            .field("buffer", &format_args!("{}/{}", self.held.rest().len(), self.held.bytes.len()))
            .finish()
    }
}

runtime_core::foreign_read!([R: AsyncRead] BufReader<R>);
runtime_core::foreign_buf_read!([R: AsyncRead] BufReader<R>);
runtime_core::foreign_seek!([R: AsyncRead + AsyncSeek] BufReader<R>);
runtime_core::foreign_write!([R: AsyncRead + AsyncWrite] BufReader<R>);
