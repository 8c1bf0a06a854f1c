//! Pipes to and from a child.

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    pin::Pin,
    process::{self, Stdio},
    task::{Context, Poll},
};

use runtime_core::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    nonblocking::NonBlocking,
};

/// The way to a child's standard input. Dropping it closes it, and the child sees the end.
///
/// # Cancel safety
/// A write that is dropped has written nothing that it did not report.
///
/// # Cost
/// A write is one system call; one SQE more if the pipe was full. No copy in user space.
#[derive(Debug)]
pub struct ChildStdin {
    pipe: NonBlocking,
}

/// A child's standard output.
///
/// # Cancel safety
/// A read that is dropped has read nothing.
///
/// # Cost
/// A read is one system call; one more and one SQE if the pipe was empty. No copy in user space.
#[derive(Debug)]
pub struct ChildStdout {
    pipe: NonBlocking,
}

/// A child's standard error. As [`ChildStdout`].
#[derive(Debug)]
pub struct ChildStderr {
    pipe: NonBlocking,
}

macro_rules! pipes {
    ($($pipe:ident),+) => { $(
        impl $pipe {
            /// Takes over the pipe of a child of std, and sets it to non-blocking mode.
            ///
            /// # Errors
            /// Those of fcntl(2).
            pub fn from_std(inner: process::$pipe) -> io::Result<$pipe> {
                Ok($pipe { pipe: NonBlocking::new(inner.into())? })
            }

            /// Gives the descriptor, in blocking mode: a duplicate if a wait on it was just dropped.
            ///
            /// # Errors
            /// Those of fcntl(2).
            pub fn into_owned_fd(self) -> io::Result<OwnedFd> {
                self.pipe.into_blocking()
            }
        }

        impl TryFrom<$pipe> for Stdio {
            type Error = io::Error;

            /// For the standard stream of another child: in blocking mode.
            fn try_from(pipe: $pipe) -> io::Result<Stdio> {
                Ok(Stdio::from(pipe.into_owned_fd()?))
            }
        }

        impl AsFd for $pipe {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.pipe.as_fd()
            }
        }

        impl AsRawFd for $pipe {
            fn as_raw_fd(&self) -> RawFd {
                self.pipe.as_raw_fd()
            }
        }
    )+ };
}

pipes!(ChildStdin, ChildStdout, ChildStderr);

macro_rules! readers {
    ($($pipe:ident),+) => { $(
        impl $pipe {
            /// All that comes; nothing without a pipe.
            pub(super) async fn read_all(pipe: Option<$pipe>) -> io::Result<Vec<u8>> {
                match pipe {
                    Some(pipe) => pipe.pipe.read_to_end().await,
                    None => Ok(Vec::new()),
                }
            }
        }

        impl AsyncRead for $pipe {
            fn poll_read(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &mut ReadBuf<'_>,
            ) -> Poll<io::Result<()>> {
                self.pipe.poll_read(cx, buf)
            }
        }
    )+ };
}

readers!(ChildStdout, ChildStderr);

impl AsyncWrite for ChildStdin {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.pipe.poll_write(cx, buf)
    }

    /// Ready: what was written is in the pipe.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ready, and closes nothing: dropping it does.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
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
}

runtime_core::foreign_read!([] ChildStdout, [] ChildStderr);
runtime_core::foreign_write!([] ChildStdin);
