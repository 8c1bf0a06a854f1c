//! A buffer behind which a writer stands.

use std::{
    fmt,
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, DEFAULT_CAPACITY, ReadBuf};

pin_project_lite::pin_project! {
    /// Collects small writes and passes them on to `W` in large ones.
    ///
    /// A write that is at least as large as the buffer goes to `W` directly, behind what was collected. Reads pass through
    /// untouched. **A dropped writer loses what it holds**: nobody could wait for the write; call
    /// [`flush`](crate::io::AsyncWriteExt::flush) or [`shutdown`](crate::io::AsyncWriteExt::shutdown) first.
    ///
    /// Cost: one allocation, when it is made.
    pub struct BufWriter<W> {
        #[pin]
        inner: W,
        pending: Pending,
    }
}

/// What was taken and not yet passed on: `bytes[written..]`. The vector's capacity is what the user asked for, and it
/// never grows.
#[derive(Debug)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    capacity: usize,
    written: usize,
    /// A seek that has not been passed on: what is pending goes first. Whatever fails ends it.
    seek: Option<SeekFrom>,
}

impl Pending {
    fn room(&self) -> usize {
        self.capacity - self.bytes.len()
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Passes all on. What an error or a Pending leaves stays for the next call.
    fn poll_drain<W: AsyncWrite>(&mut self, mut inner: Pin<&mut W>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest().is_empty() {
            let count = ready!(inner.as_mut().poll_write(cx, self.rest()))?;
            if count == 0 {
                return Poll::Ready(Err(super::write_zero()));
            }
            self.written += count;
        }
        self.bytes.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// With a buffer of 8 KiB.
    pub fn new(inner: W) -> BufWriter<W> {
        BufWriter::with_capacity(DEFAULT_CAPACITY, inner)
    }

    /// With a buffer of `capacity` bytes.
    pub fn with_capacity(capacity: usize, inner: W) -> BufWriter<W> {
        let bytes = Vec::with_capacity(capacity);
        BufWriter { inner, pending: Pending { bytes, capacity, written: 0, seek: None } }
    }

    /// The writer within.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The writer within. What is written to it directly comes before what the buffer holds.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// As [`get_mut`](BufWriter::get_mut), pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut W> {
        self.project().inner
    }

    /// The writer within, without what the buffer holds.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// What the inner writer has not taken yet.
    pub fn buffer(&self) -> &[u8] {
        self.pending.rest()
    }
}

impl<W> BufWriter<W> {
    pub(super) fn from_parts(inner: W, pending: Pending) -> BufWriter<W> {
        BufWriter { inner, pending }
    }

    pub(super) fn into_parts(self) -> (W, Pending) {
        (self.inner, self.pending)
    }
}

impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut this = self.project();
        let pending = this.pending;
        if buf.len() > pending.room() {
            ready!(pending.poll_drain(this.inner.as_mut(), cx))?;
        }
        if buf.len() >= pending.capacity {
            return this.inner.poll_write(cx, buf);
        }
        pending.bytes.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    /// Takes all of `bufs` if they fit into the buffer together. Else they go to `W` at once if it is vectored itself;
    /// if not, as many of the first as fit are taken.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total = bufs.iter().fold(0, |sum: usize, buf| sum.saturating_add(buf.len()));
        let mut this = self.as_mut().project();
        if total > this.pending.room() {
            ready!(this.pending.poll_drain(this.inner.as_mut(), cx))?;
        }
        if total >= this.pending.capacity {
            if this.inner.is_write_vectored() {
                return this.inner.poll_write_vectored(cx, bufs);
            }
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            if first.len() >= this.pending.capacity {
                return this.inner.poll_write(cx, first);
            }
        }
        let mut taken = 0;
        for buf in bufs {
            if buf.len() > this.pending.room() {
                break;
            }
            this.pending.bytes.extend_from_slice(buf);
            taken += buf.len();
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        ready!(this.pending.poll_drain(this.inner.as_mut(), cx))?;
        this.inner.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut this = self.project();
        ready!(this.pending.poll_drain(this.inner.as_mut(), cx))?;
        this.inner.poll_shutdown(cx)
    }
}

/// A seek first passes on what the buffer holds.
impl<W: AsyncWrite + AsyncSeek> AsyncSeek for BufWriter<W> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.project().pending.seek = Some(position);
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let mut this = self.project();
        let pending = this.pending;
        if let Some(position) = pending.seek {
            let drained = ready!(pending.poll_drain(this.inner.as_mut(), cx));
            pending.seek = None;
            drained?;
            this.inner.as_mut().start_seek(position)?;
        }
        this.inner.poll_complete(cx)
    }
}

impl<W: AsyncWrite + AsyncRead> AsyncRead for BufWriter<W> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.get_pin_mut().poll_read(cx, buf)
    }
}

impl<W: AsyncWrite + AsyncBufRead> AsyncBufRead for BufWriter<W> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_pin_mut().poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_pin_mut().consume(amt);
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = &self.pending;
        f.debug_struct("BufWriter")
            .field("writer", &self.inner)
            .field("buffer", &format_args!("{}/{}", pending.bytes.len(), pending.capacity))
            .field("written", &pending.written)
            .finish()
    }
}

runtime_core::foreign_write!([W: AsyncWrite] BufWriter<W>);
runtime_core::foreign_seek!([W: AsyncWrite + AsyncSeek] BufWriter<W>);
runtime_core::foreign_read!([W: AsyncWrite + AsyncRead] BufWriter<W>);
runtime_core::foreign_buf_read!([W: AsyncWrite + AsyncBufRead] BufWriter<W>);
