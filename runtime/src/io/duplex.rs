//! A connection in memory.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use runtime_core::coop;

use super::{
    AsyncRead, AsyncWrite, ReadBuf,
    pipe::{Pipe, Side, Step},
};

/// Two ends of a connection in memory, as of a pair of sockets: what is written to the one is read from the other.
///
/// At most `max_buf_size` bytes are on their way in each direction; a write to a full direction waits. The ends may be
/// on two threads.
///
/// # Panics
/// If `max_buf_size` is 0.
///
/// Cost: two allocations, and one for each direction that grows with what is on its way; a lock for each call. No
/// descriptors, no system calls.
#[track_caller]
pub fn duplex(max_buf_size: usize) -> (DuplexStream, DuplexStream) {
    let there = Shared(Arc::new(Mutex::new(Pipe::new(max_buf_size))));
    let back = Shared(Arc::new(Mutex::new(Pipe::new(max_buf_size))));
    (DuplexStream { read: back.clone(), write: there.clone() }, DuplexStream { read: there, write: back })
}

/// One end of a connection in memory. Made by [`duplex`].
///
/// [`shutdown`](crate::io::AsyncWriteExt::shutdown) ends its writing: the other end reads what is left, then the end. A
/// drop ends both directions: the other end reads what is left, and its writes fail with [`io::ErrorKind::BrokenPipe`].
#[derive(Debug)]
pub struct DuplexStream {
    read: Shared,
    write: Shared,
}

/// A pipe between two ends. Its lock is held for no more than a copy of bytes; code of others (wakers) runs outside.
#[derive(Clone)]
struct Shared(Arc<Mutex<Pipe>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pipe> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        side: Side,
        mut step: impl FnMut(&mut Pipe) -> Option<Step<T>>,
    ) -> Poll<io::Result<T>> {
        let progress = ready!(coop::poll_proceed(cx));
        let mut spare = None;
        loop {
            let mut pipe = self.lock();
            if let Some(Step { result, waker }) = step(&mut pipe) {
                drop(pipe);
                progress.made();
                if let Some(waker) = waker {
                    waker.wake();
                }
                return Poll::Ready(result);
            }
            let waiting = pipe.waiting(side);
            if waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            if let Some(waker) = spare.take() {
                let replaced = waiting.replace(waker);
                drop(pipe);
                drop(replaced);
                return Poll::Pending;
            }
            drop(pipe);
            // The clone is made without the lock, so the step has to be tried again.
            spare = Some(cx.waker().clone());
        }
    }

    fn close(&self) {
        let (reader, writer) = self.lock().close();
        for waker in [reader, writer].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let summary = self.lock().summary();
        summary.fmt(f)
    }
}

impl AsyncRead for DuplexStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.read.poll(cx, Side::Reader, |pipe| pipe.read(buf))
    }
}

impl AsyncWrite for DuplexStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.write.poll(cx, Side::Writer, |pipe| pipe.write(&[IoSlice::new(buf)]))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write.poll(cx, Side::Writer, |pipe| pipe.write(bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write.close();
        Poll::Ready(Ok(()))
    }
}

impl Drop for DuplexStream {
    fn drop(&mut self) {
        self.write.close();
        self.read.close();
    }
}

runtime_core::foreign_read!([] DuplexStream);
runtime_core::foreign_write!([] DuplexStream);
