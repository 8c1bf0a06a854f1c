//! Buffers for both directions of one stream.

use std::{
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll},
};

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, BufReader, BufWriter, ReadBuf, forward_write};

pin_project_lite::pin_project! {
    /// A [`BufReader`] and a [`BufWriter`] around one stream.
    ///
    /// What is said of them holds here: dropping it loses what was read ahead and what was not flushed.
    ///
    /// Cost: two allocations, when it is made.
    #[derive(Debug)]
    pub struct BufStream<RW> {
        #[pin]
        inner: BufReader<BufWriter<RW>>,
    }
}

impl<RW: AsyncRead + AsyncWrite> BufStream<RW> {
    /// With two buffers of 8 KiB.
    pub fn new(stream: RW) -> BufStream<RW> {
        BufStream { inner: BufReader::new(BufWriter::new(stream)) }
    }

    /// With buffers of as many bytes as given.
    pub fn with_capacity(reader_capacity: usize, writer_capacity: usize, stream: RW) -> BufStream<RW> {
        let writer = BufWriter::with_capacity(writer_capacity, stream);
        BufStream { inner: BufReader::with_capacity(reader_capacity, writer) }
    }

    /// The stream within.
    pub fn get_ref(&self) -> &RW {
        self.inner.get_ref().get_ref()
    }

    /// The stream within, which knows nothing of what the buffers hold.
    pub fn get_mut(&mut self) -> &mut RW {
        self.inner.get_mut().get_mut()
    }

    /// As [`get_mut`](BufStream::get_mut), pinned.
    pub fn get_pin_mut(self: Pin<&mut Self>) -> Pin<&mut RW> {
        self.project().inner.get_pin_mut().get_pin_mut()
    }

    /// The stream within, without what the buffers hold.
    pub fn into_inner(self) -> RW {
        self.inner.into_inner().into_inner()
    }
}

impl<RW> From<BufReader<BufWriter<RW>>> for BufStream<RW> {
    fn from(inner: BufReader<BufWriter<RW>>) -> BufStream<RW> {
        BufStream { inner }
    }
}

/// The buffers change places with all they hold.
impl<RW> From<BufWriter<BufReader<RW>>> for BufStream<RW> {
    fn from(inner: BufWriter<BufReader<RW>>) -> BufStream<RW> {
        let (reader, pending) = inner.into_parts();
        let (stream, held) = reader.into_parts();
        BufStream { inner: BufReader::from_parts(BufWriter::from_parts(stream, pending), held) }
    }
}

impl<RW: AsyncRead + AsyncWrite> AsyncRead for BufStream<RW> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.project().inner.poll_read(cx, buf)
    }
}

impl<RW: AsyncRead + AsyncWrite> AsyncBufRead for BufStream<RW> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.project().inner.poll_fill_buf(cx)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.project().inner.consume(amt);
    }
}

impl<RW: AsyncRead + AsyncWrite> AsyncWrite for BufStream<RW> {
    forward_write!(inner);
}

/// A seek passes on what was written, then discards what was read ahead. [`SeekFrom::Current`] counts from the byte that
/// the next read would give.
impl<RW: AsyncRead + AsyncWrite + AsyncSeek> AsyncSeek for BufStream<RW> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.project().inner.start_seek(position)
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        self.project().inner.poll_complete(cx)
    }
}

runtime_core::foreign_read!([RW: AsyncRead + AsyncWrite] BufStream<RW>);
runtime_core::foreign_buf_read!([RW: AsyncRead + AsyncWrite] BufStream<RW>);
runtime_core::foreign_write!([RW: AsyncRead + AsyncWrite] BufStream<RW>);
runtime_core::foreign_seek!([RW: AsyncRead + AsyncWrite + AsyncSeek] BufStream<RW>);
