//! A stream without bytes.

use std::{
    fmt,
    io::{self, IoSlice, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::coop;

use super::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

/// A reader that is at its end from the start, and a writer that forgets what it takes.
///
/// ```
/// # use runtime::io;
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// assert_eq!(io::copy(&mut io::empty(), &mut io::sink()).await.unwrap(), 0);
/// # });
/// ```
pub fn empty() -> Empty {
    Empty { _private: () }
}

/// A stream without bytes: reads give none, writes are forgotten, any seek ends at 0. Made by [`empty`].
pub struct Empty {
    _private: (),
}

/// Ready with this, at the cost of one unit of the task's turn.
pub(super) fn poll_at_once<T>(cx: &Context<'_>, value: T) -> Poll<io::Result<T>> {
    ready!(coop::poll_proceed(cx)).made();
    Poll::Ready(Ok(value))
}

impl AsyncRead for Empty {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, _buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        poll_at_once(cx, ())
    }
}

impl AsyncBufRead for Empty {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        poll_at_once(cx, &[][..])
    }

    fn consume(self: Pin<&mut Self>, _amt: usize) {}
}

/// The five methods of a writer that takes everything at once and keeps nothing.
macro_rules! forget_writes {
    ($type:ty) => {
        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                poll_at_once(cx, buf.len())
            }

            fn poll_write_vectored(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                poll_at_once(cx, bufs.iter().map(|buf| buf.len()).sum())
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                poll_at_once(cx, ())
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                poll_at_once(cx, ())
            }
        }
    };
}

pub(super) use forget_writes;

forget_writes!(Empty);

impl AsyncSeek for Empty {
    fn start_seek(self: Pin<&mut Self>, _position: SeekFrom) -> io::Result<()> {
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        poll_at_once(cx, 0)
    }
}

impl fmt::Debug for Empty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Empty { .. }")
    }
}

runtime_core::foreign_read!([] Empty);
runtime_core::foreign_buf_read!([] Empty);
runtime_core::foreign_write!([] Empty);
runtime_core::foreign_seek!([] Empty);
