//! The end that reads.

use std::{
    fs::File,
    io::{self, IoSliceMut},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::{
    io::{AsyncRead, BufSink, ReadBuf, fill_sink},
    nonblocking::NonBlocking,
    readiness::{Interest, Ready},
};

use super::{checked, end_methods};

/// The end of a pipe that reads.
///
/// # Cost
/// A read is one system call; one more and one SQE if the pipe was empty. No copy in user space.
#[derive(Debug)]
pub struct Receiver {
    pipe: NonBlocking,
}

end_methods!(Receiver, O_RDONLY, "reading");

impl Receiver {
    /// Waits until there is something to read, or nobody can write any more.
    ///
    /// # Errors
    /// As for `ready`.
    ///
    /// # Cancel safety
    /// As for `ready`.
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// As `readable`, inside a poll. Only the task that asked last is woken.
    ///
    /// # Errors
    /// As for `ready`.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.pipe.readiness().poll_read_ready(cx))?;
        Poll::Ready(Ok(()))
    }

    /// Reads what is there, without waiting; 0 once nobody can write any more, or if `buf` is empty.
    ///
    /// # Errors
    /// Those of read(2): `WouldBlock` if nothing is there.
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.pipe.try_read(&mut ReadBuf::new(buf))
    }

    /// As `try_read`, into several buffers, one after the other.
    ///
    /// # Errors
    /// As for `try_read`.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.pipe.try_read_vectored(bufs)
    }

    /// As `try_read`, into a buffer that grows; 0 also if it has no room.
    ///
    /// # Errors
    /// As for `try_read`.
    pub fn try_read_buf<B: BufSink>(&self, buf: &mut B) -> io::Result<usize> {
        fill_sink(buf, |buf| self.pipe.try_read(buf).map(drop))
    }
}

/// read(2), and a poll op if nothing is there. Only the task that polled last is woken.
impl AsyncRead for Receiver {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.pipe.poll_read(cx, buf)
    }
}
