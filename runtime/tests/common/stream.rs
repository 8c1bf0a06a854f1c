//! Streams for tests: one that is slow by chance, one that does as a script says.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::{
    collections::VecDeque,
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// Numbers from a seed.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// Less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// A stream of which each call may be Pending first, and may do less than is asked for.
#[derive(Debug)]
pub struct Slow<T> {
    pub inner: T,
    pub random: Random,
}

impl<T> Slow<T> {
    pub fn new(inner: T, seed: u64) -> Slow<T> {
        Slow { inner, random: Random(seed * 2 + 1) }
    }

    fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        if self.random.below(3) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(1 + self.random.below(9))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Slow<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let count = ready!(self.poll_pace(cx));
        let mut part = vec![0; count.min(buf.remaining())];
        let mut part = ReadBuf::new(&mut part);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut part))?;
        buf.put_slice(part.filled());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Slow<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let count = ready!(self.poll_pace(cx));
        Pin::new(&mut self.inner).poll_write(cx, &buf[..count.min(buf.len())])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pace(cx));
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_pace(cx));
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<T: AsyncSeek + Unpin> AsyncSeek for Slow<T> {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        Pin::new(&mut self.inner).start_seek(position)
    }

    fn poll_complete(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        ready!(self.poll_pace(cx));
        Pin::new(&mut self.inner).poll_complete(cx)
    }
}

/// What a [`Script`] does at one call. Without a step it is at its end, and takes everything.
#[derive(Debug)]
pub enum Step {
    Give(&'static [u8]),
    Take(usize),
    Fail(io::ErrorKind),
    /// Pending, once; the task is woken.
    Wait,
    /// Pending, for ever.
    Hang,
}

/// A stream that does as it is told and says what it was asked: reads and writes have steps of their own, the log is one.
#[derive(Debug, Default)]
pub struct Script {
    pub reads: VecDeque<Step>,
    pub writes: VecDeque<Step>,
    pub log: Vec<String>,
    pub vectored: bool,
    pub position: u64,
}

impl Script {
    pub fn new(reads: impl IntoIterator<Item = Step>, writes: impl IntoIterator<Item = Step>) -> Script {
        Script { reads: reads.into_iter().collect(), writes: writes.into_iter().collect(), ..Script::default() }
    }

    fn take(&mut self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let count = match self.writes.pop_front() {
            None => bytes.len(),
            Some(Step::Take(count)) => count.min(bytes.len()),
            Some(step) => return stop(step, cx, &mut self.writes),
        };
        self.log.push(format!("write {}", String::from_utf8_lossy(&bytes[..count])));
        Poll::Ready(Ok(count))
    }
}

fn stop<T>(step: Step, cx: &Context<'_>, steps: &mut VecDeque<Step>) -> Poll<io::Result<T>> {
    match step {
        Step::Fail(kind) => Poll::Ready(Err(kind.into())),
        Step::Wait => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Step::Hang => {
            steps.push_front(Step::Hang);
            Poll::Pending
        }
        step => panic!("{step:?} is for the other direction"),
    }
}

impl AsyncRead for Script {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match this.reads.pop_front() {
            None => {}
            Some(Step::Give(bytes)) => buf.put_slice(bytes),
            Some(step) => return stop(step, cx, &mut this.reads),
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.take(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let bytes: Vec<u8> = if self.vectored {
            bufs.iter().flat_map(|buf| buf.iter().copied()).collect()
        } else {
            bufs.iter().find(|buf| !buf.is_empty()).map_or(Vec::new(), |buf| buf.to_vec())
        };
        self.take(cx, &bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }

    fn poll_flush(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.log.push("flush".to_owned());
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.log.push("shutdown".to_owned());
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Script {
    fn start_seek(mut self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.log.push(format!("seek {position:?}"));
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position))
    }
}

/// Polls a future once, with a waker that does nothing.
pub fn poll_now<F: Future>(future: F) -> Poll<F::Output> {
    std::pin::pin!(future).poll(&mut Context::from_waker(std::task::Waker::noop()))
}

/// The output of a future that is ready at once.
#[track_caller]
pub fn now<F: Future>(future: F) -> F::Output {
    match poll_now(future) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready at once"),
    }
}
