//! A reader without an end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::{AsyncRead, ReadBuf, empty::poll_at_once};

/// A reader that gives this byte for ever: each read fills its buffer.
///
/// ```
/// # use runtime::io::{AsyncRead, ReadBuf, repeat};
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let mut memory = [0; 4];
/// let mut buf = ReadBuf::new(&mut memory);
/// let mut dashes = std::pin::pin!(repeat(b'-'));
/// std::future::poll_fn(|cx| dashes.as_mut().poll_read(cx, &mut buf)).await.unwrap();
/// assert_eq!(buf.filled(), b"----");
/// # });
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat { byte }
}

/// A reader that gives one byte for ever. Made by [`repeat`].
#[derive(Debug)]
pub struct Repeat {
    byte: u8,
}

impl AsyncRead for Repeat {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(poll_at_once(cx, ()))?;
        let room = buf.remaining();
        buf.initialize_unfilled().fill(self.byte);
        buf.advance(room);
        Poll::Ready(Ok(()))
    }
}

runtime_core::foreign_read!([] Repeat);
