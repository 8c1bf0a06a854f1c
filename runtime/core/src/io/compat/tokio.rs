//! tokio's traits, and tokio's streams. Only the traits: no runtime of tokio's is needed or started.

use std::{
    io,
    pin::Pin,
    ptr,
    task::{Context, Poll, ready},
};

pub use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

use super::forward::{forward_buf_read, forward_seek, forward_write, wrapper};
use crate::io::{self as native, read_buf::fill};

wrapper! {
    /// A stream with tokio's traits as one with this runtime's: the other way round from
    /// [`Native`](super::Native).
    ///
    /// It is for streams around a stream, such as the `TlsStream` of tokio-rustls. tokio's own sockets and files work only
    /// inside tokio's runtime, wrapped or not.
    Tokio {}
}

impl<T: AsyncRead> native::AsyncRead for Tokio<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut native::ReadBuf<'_>) -> Poll<io::Result<()>> {
        let known = buf.initialized().len() - buf.filled().len();
        // SAFETY: the memory is its owner's, borrowed through `buf` until this returns. It is passed on as a buffer of
        // tokio's, whose users keep the same promise. tests::every_reader_comes_through.
        let memory = unsafe { buf.unfilled_mut() };
        let given: *const _ = memory;
        let mut theirs = ReadBuf::uninit(memory);
        // SAFETY: `buf` knows of these bytes, the first of its unfilled part, that they are initialized.
        // tests::what_is_initialized_is_passed_on_both_ways.
        unsafe { theirs.assume_init(known) };
        let outcome = self.get_pin_mut().poll_read(cx, &mut theirs);
        let (filled, initialized) = (theirs.filled().len(), theirs.initialized().len());
        // SAFETY: the memory is only looked at for its address.
        let kept = ptr::eq(given, unsafe { theirs.inner_mut() });
        assert!(kept, "a reader put another buffer in the place of the one it was given");
        // SAFETY: `theirs` was this very memory to its end, and counts as initialized only what is.
        // tests::what_is_initialized_is_passed_on_both_ways.
        unsafe { buf.assume_init(initialized) };
        ready!(outcome)?;
        buf.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> native::AsyncWrite for Tokio<T> {
    forward_write!(T as AsyncWrite);
}

impl<T: AsyncBufRead> native::AsyncBufRead for Tokio<T> {
    forward_buf_read!(T as AsyncBufRead);
}

impl<T: AsyncSeek> native::AsyncSeek for Tokio<T> {
    forward_seek!(T as AsyncSeek);
}

crate::foreign_read!([T: AsyncRead] Tokio<T>);
crate::foreign_write!([T: AsyncWrite] Tokio<T>);
crate::foreign_buf_read!([T: AsyncBufRead] Tokio<T>);
crate::foreign_seek!([T: AsyncSeek] Tokio<T>);

/// Lets a stream of this runtime fill a buffer of tokio's.
#[doc(hidden)]
pub fn poll_read<S: native::AsyncRead>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    buf: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let known = buf.initialized().len() - buf.filled().len();
    // SAFETY: the memory is its owner's, borrowed through `buf` until this returns. `fill` passes it on as a `ReadBuf`, whose
    // users make no byte uninitialized. tests::every_reader_comes_through.
    let memory = unsafe { buf.unfilled_mut() };
    // SAFETY: `buf` knows of these bytes, the first of its unfilled part, that they are initialized.
    // tests::what_is_initialized_is_passed_on_both_ways.
    let filled = unsafe { fill(memory, known, |buf| stream.poll_read(cx, buf)) };
    // SAFETY: `fill` counts from the start of that memory what is initialized now.
    // tests::what_is_initialized_is_passed_on_both_ways.
    unsafe { buf.assume_init(filled.initialized) };
    buf.advance(ready!(filled.outcome)?);
    Poll::Ready(Ok(()))
}
