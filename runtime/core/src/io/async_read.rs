//! What gives bytes.

use std::{
    io,
    ops::DerefMut,
    pin::Pin,
    task::{Context, Poll},
};

use super::ReadBuf;

/// A source of bytes that can be waited for.
///
/// Users read through the methods of `AsyncReadExt`; this trait is what a stream implements.
pub trait AsyncRead {
    /// Tries to put bytes into the unfilled part of `buf`.
    ///
    /// - `Ready(Ok(()))`: what was read is appended to the filled part of `buf`. If that has not grown although there
    ///   was room, the stream is at its end.
    /// - `Pending`: nothing was read, `buf` is as it was, and the task of `cx` is woken once it is worth trying again.
    /// - `Ready(Err(_))`: nothing was read. [`io::ErrorKind::WouldBlock`] and [`io::ErrorKind::Interrupted`] are not
    ///   passed on: an implementation returns Pending or tries again itself.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
}

impl<T: ?Sized + AsyncRead + Unpin> AsyncRead for Box<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }
}

impl<T: ?Sized + AsyncRead + Unpin> AsyncRead for &mut T {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }
}

impl<P> AsyncRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncRead,
{
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_read(cx, buf)
    }
}

/// Reads from the front; the slice then begins behind what was read.
impl AsyncRead for &[u8] {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (given, rest) = self.split_at(self.len().min(buf.remaining()));
        buf.put_slice(given);
        *self = rest;
        Poll::Ready(Ok(()))
    }
}

/// Reads from the cursor's position, and moves it.
impl<T: AsRef<[u8]> + Unpin> AsyncRead for io::Cursor<T> {
    fn poll_read(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = super::behind(&self);
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        let position = self.position() + count as u64;
        self.set_position(position);
        Poll::Ready(Ok(()))
    }
}
