//! A one-way stream in memory.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::coop;

use super::{
    AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf,
    pipe::{Pipe, Side, Step},
    split,
};

/// A pipe in memory: what is written to the one half is read from the other.
///
/// At most `max_buf_size` bytes are on their way; a write to a full pipe waits. The pipe ends by
/// [`shutdown`](crate::io::AsyncWriteExt::shutdown) of the write half: the reader gets what is left, then the end. To
/// drop a half does not end it, as of all halves that [`split`] makes.
///
/// # Panics
/// If `max_buf_size` is 0.
///
/// Cost: two allocations, and one that grows with what is on its way.
#[track_caller]
pub fn simplex(max_buf_size: usize) -> (ReadHalf<SimplexStream>, WriteHalf<SimplexStream>) {
    split(SimplexStream::new_unsplit(max_buf_size))
}

/// A stream that gives what was written to it. Made by [`simplex`] and [`SimplexStream::new_unsplit`].
///
/// Writes to one that was shut down fail with [`io::ErrorKind::BrokenPipe`].
pub struct SimplexStream {
    pipe: Pipe,
}

impl SimplexStream {
    /// Both ends of a pipe in one value. It holds at most `max_buf_size` bytes.
    ///
    /// # Panics
    /// If `max_buf_size` is 0.
    #[track_caller]
    pub fn new_unsplit(max_buf_size: usize) -> SimplexStream {
        SimplexStream { pipe: Pipe::new(max_buf_size) }
    }

    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        side: Side,
        step: impl FnOnce(&mut Pipe) -> Option<Step<T>>,
    ) -> Poll<io::Result<T>> {
        let progress = ready!(coop::poll_proceed(cx));
        let Some(Step { result, waker }) = step(&mut self.pipe) else {
            match self.pipe.waiting(side) {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        };
        progress.made();
        if let Some(waker) = waker {
            waker.wake();
        }
        Poll::Ready(result)
    }
}

impl AsyncRead for SimplexStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, Side::Reader, |pipe| pipe.read(buf))
    }
}

impl AsyncWrite for SimplexStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll(cx, Side::Writer, |pipe| pipe.write(&[IoSlice::new(buf)]))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, Side::Writer, |pipe| pipe.write(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (reader, writer) = self.pipe.close();
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for SimplexStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SimplexStream").field(&self.pipe.summary()).finish()
    }
}

runtime_core::foreign_read!([] SimplexStream);
runtime_core::foreign_write!([] SimplexStream);
