//! The end that writes.

use std::{
    fs::File,
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::{
    io::AsyncWrite,
    nonblocking::NonBlocking,
    readiness::{Interest, Ready},
};

use super::{checked, end_methods};

/// The end of a pipe that writes. Written bytes up to PIPE_BUF (4096) are not mixed with those of others.
///
/// # Cost
/// A write is one system call; one more and one SQE if the pipe was full. No copy in user space.
#[derive(Debug)]
pub struct Sender {
    pipe: NonBlocking,
}

end_methods!(Sender, O_WRONLY, "writing");

impl Sender {
    /// Waits until there is room, or nobody can read any more.
    ///
    /// # Errors
    /// As for `ready`.
    ///
    /// # Cancel safety
    /// As for `ready`.
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// As `writable`, inside a poll. Only the task that asked last is woken.
    ///
    /// # Errors
    /// As for `ready`.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.pipe.readiness().poll_write_ready(cx))?;
        Poll::Ready(Ok(()))
    }

    /// Writes as much as there is room for, without waiting.
    ///
    /// # Errors
    /// Those of write(2): `WouldBlock` if there is no room; EPIPE once nobody can read any more.
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.pipe.try_write(buf)
    }

    /// As `try_write`, from several buffers, one after the other.
    ///
    /// # Errors
    /// As for `try_write`.
    pub fn try_write_vectored(&self, buf: &[IoSlice<'_>]) -> io::Result<usize> {
        self.pipe.try_write_vectored(buf)
    }
}

/// write(2), and a poll op if there is no room. A flush and a shutdown do nothing: the pipe ends when the sender is dropped.
impl AsyncWrite for Sender {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.pipe.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
