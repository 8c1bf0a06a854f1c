//! hyper's traits of byte streams, and streams that have them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use hyper::rt::ReadBuf;
pub use hyper::rt::{Read, ReadBufCursor, Write};

use super::forward::{forward_write, wrapper};
use crate::io::{self as native, read_buf::fill};

wrapper! {
    /// A stream with hyper's traits, such as hyper's `Upgraded`, as one with this runtime's: the other way round from
    /// [`Native`](super::Native).
    Hyper {}
}

impl<T: Read> native::AsyncRead for Hyper<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut native::ReadBuf<'_>) -> Poll<io::Result<()>> {
        // SAFETY: the memory is its owner's, borrowed through `buf` until this returns. It is passed on as a buffer of
        // hyper's, whose users keep the same promise. tests::every_reader_comes_through.
        let mut theirs = ReadBuf::uninit(unsafe { buf.unfilled_mut() });
        ready!(self.get_pin_mut().poll_read(cx, theirs.unfilled()))?;
        let filled = theirs.filled().len();
        // SAFETY: `theirs` was this very memory to its end, since the reader had no more than a cursor in it; and what is
        // filled is initialized. tests::every_reader_comes_through.
        unsafe { buf.assume_init(filled) };
        buf.advance(filled);
        Poll::Ready(Ok(()))
    }
}

impl<T: Write> native::AsyncWrite for Hyper<T> {
    forward_write!(T as Write);
}

crate::foreign_read!([T: Read] Hyper<T>);
crate::foreign_write!([T: Write] Hyper<T>);

/// Lets a stream of this runtime fill a buffer of hyper's.
#[doc(hidden)]
pub fn poll_read<S: native::AsyncRead>(
    stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    mut buf: ReadBufCursor<'_>,
) -> Poll<io::Result<()>> {
    // SAFETY: the memory is its owner's, borrowed through `buf` until this returns. `fill` passes it on as a `ReadBuf`, whose
    // users make no byte uninitialized. tests::every_reader_comes_through.
    let memory = unsafe { buf.as_mut() };
    // SAFETY: of none of these bytes is it claimed that they are initialized.
    let filled = unsafe { fill(memory, 0, |buf| stream.poll_read(cx, buf)) };
    let count = ready!(filled.outcome)?;
    // SAFETY: `fill` says that the first `count` bytes of that memory are filled, and so they are initialized.
    // tests::every_reader_comes_through.
    unsafe { buf.advance(count) };
    Poll::Ready(Ok(()))
}
