//! What takes bytes.

use std::{
    io::{self, IoSlice},
    ops::DerefMut,
    pin::Pin,
    task::{Context, Poll},
};

/// A sink of bytes that can be waited for.
///
/// Users write through the methods of `AsyncWriteExt`; this trait is what a stream implements. In every method, Pending
/// means that nothing was done and that the task of `cx` is woken once it is worth trying again; an implementation does
/// not pass on [`io::ErrorKind::WouldBlock`] or [`io::ErrorKind::Interrupted`].
pub trait AsyncWrite {
    /// Tries to write bytes from the front of `buf`, and gives their count.
    ///
    /// A count of 0 for a `buf` that is not empty means that the stream takes no more, now or ever. An error means that
    /// nothing of `buf` was written.
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Tries to bring all that the writer holds back to where it is written to.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the stream: what the writer holds back is flushed, and the other side learns that no more will come (a
    /// socket's write half is shut down, a file needs no more than a flush).
    ///
    /// No write may follow, whether this is done or pending. Dropping a writer without it may lose what is held back.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// As [`poll_write`](AsyncWrite::poll_write), from several buffers, in order.
    ///
    /// By default it writes from the first that is not empty.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty());
        self.poll_write(cx, first.map_or(&[], |buf| &**buf))
    }

    /// True if [`poll_write_vectored`](AsyncWrite::poll_write_vectored) is better than its default, so that a caller
    /// with several buffers need not join them first.
    fn is_write_vectored(&self) -> bool {
        false
    }
}

/// The five methods of a writer that stands in front of another one.
macro_rules! forward {
    ($self:ident => $inner:expr) => {
        #[allow(unused_mut, reason = "a pin's way in needs no `mut`")]
        fn poll_write(mut $self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            $inner.poll_write(cx, buf)
        }

        #[allow(unused_mut, reason = "as above")]
        fn poll_flush(mut $self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            $inner.poll_flush(cx)
        }

        #[allow(unused_mut, reason = "as above")]
        fn poll_shutdown(mut $self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            $inner.poll_shutdown(cx)
        }

        #[allow(unused_mut, reason = "as above")]
        fn poll_write_vectored(
            mut $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            $inner.poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&$self) -> bool {
            (**$self).is_write_vectored()
        }
    };
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for Box<T> {
    forward!(self => Pin::new(&mut **self));
}

impl<T: ?Sized + AsyncWrite + Unpin> AsyncWrite for &mut T {
    forward!(self => Pin::new(&mut **self));
}

impl<P> AsyncWrite for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncWrite,
{
    forward!(self => self.as_deref_mut());
}

/// A writer in memory, which is always ready and does as its [`io::Write`] does.
macro_rules! memory {
    ($($(#[$doc:meta])* $type:ty),* $(,)?) => {$(
        $(#[$doc])*
        impl AsyncWrite for $type {
            fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                Poll::Ready(io::Write::write(&mut *self, buf))
            }

            fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                Poll::Ready(Ok(()))
            }

            fn poll_write_vectored(
                mut self: Pin<&mut Self>,
                _cx: &mut Context<'_>,
                bufs: &[IoSlice<'_>],
            ) -> Poll<io::Result<usize>> {
                Poll::Ready(io::Write::write_vectored(&mut *self, bufs))
            }

            fn is_write_vectored(&self) -> bool {
                true
            }
        }
    )*};
}

memory! {
    /// Appends; the vector grows.
    Vec<u8>,
    /// Overwrites from the cursor's position; at the end of the slice it takes no more (0).
    io::Cursor<&mut [u8]>,
    /// Overwrites from the cursor's position; the vector grows, with zeros up to a position past its end.
    io::Cursor<&mut Vec<u8>>,
    /// Overwrites from the cursor's position; the vector grows, with zeros up to a position past its end.
    io::Cursor<Vec<u8>>,
    /// Overwrites from the cursor's position; at the end of the slice it takes no more (0).
    io::Cursor<Box<[u8]>>,
}
