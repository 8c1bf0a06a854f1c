//! The process's own streams.
//!
//! They may be terminals or files, and others may share their descriptors, so they are read and written with blocking
//! calls on the pool's threads, through std's own buffers.

mod hand_over;

use std::{
    io::{self, IoSlice},
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    pin::Pin,
    task::{Context, Poll},
};

use hand_over::HandOver;

use super::{AsyncRead, AsyncWrite, ReadBuf};

/// The process's standard input.
///
/// All handles share std's buffer, and [`std::io::stdin`] does too. Each read is one call on a thread of the pool, which
/// **cannot be interrupted**: shutdown waits for a read that is under way as for any blocking work. For a dialogue with a
/// person a thread of your own, with std's functions, does better.
///
/// Cost: for each read a pass to another thread and back, one copy.
pub fn stdin() -> Stdin {
    Stdin { handle: io::stdin(), stream: HandOver::new(io::stdin()) }
}

/// The process's standard output.
///
/// A write copies its bytes and is done once a thread of the pool has them; the next write, or a flush, waits for it
/// and gives its error. So **flush** at the end, or an error is never seen. As with [`std::io::stdout`], what stands
/// behind the last line break may stay in std's buffer until a flush. Writes of several handles may be mixed.
///
/// Cost: for each write a pass to another thread, one copy.
pub fn stdout() -> Stdout {
    Stdout { handle: io::stdout(), stream: HandOver::new(io::stdout()) }
}

/// The process's standard error.
///
/// As [`stdout`], but std has no buffer behind it.
pub fn stderr() -> Stderr {
    Stderr { handle: io::stderr(), stream: HandOver::new(io::stderr()) }
}

/// The process's standard input. Made by [`stdin`].
///
/// # Cancel safety
/// A dropped read loses nothing: what it brings later, the next read on this handle gives. It is lost with the handle.
#[derive(Debug)]
pub struct Stdin {
    handle: io::Stdin,
    stream: HandOver<io::Stdin>,
}

/// The process's standard output. Made by [`stdout`].
#[derive(Debug)]
pub struct Stdout {
    handle: io::Stdout,
    stream: HandOver<io::Stdout>,
}

/// The process's standard error. Made by [`stderr`].
#[derive(Debug)]
pub struct Stderr {
    handle: io::Stderr,
    stream: HandOver<io::Stderr>,
}

macro_rules! descriptor {
    ($($type:ty),*) => {$(
        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.handle.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.handle.as_raw_fd()
            }
        }
    )*};
}

descriptor!(Stdin, Stdout, Stderr);

impl AsyncRead for Stdin {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_read(cx, buf)
    }
}

macro_rules! write {
    ($($type:ty),*) => {$(
        /// Shutting down is a flush: the descriptor stays open.
        impl AsyncWrite for $type {
            fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.stream.poll_write(cx, &[IoSlice::new(buf)])
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                self.stream.poll_write(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.stream.poll_flush(cx)
            }

            fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.stream.poll_flush(cx)
            }
        }
    )*};
}

write!(Stdout, Stderr);

runtime_core::foreign_read!([] Stdin);
runtime_core::foreign_write!([] Stdout, [] Stderr);
