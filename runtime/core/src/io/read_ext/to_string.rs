//! Reads text until the end of the stream.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::to_end::Growth;
use crate::io::{AsyncRead, text::Text};

pin_project! {
    /// The future of [`read_to_string`](super::AsyncReadExt::read_to_string).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct ReadToString<'a, R: ?Sized> {
        reader: &'a mut R,
        text: Text<'a>,
        growth: Growth,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<'a, R: ?Sized> ReadToString<'a, R> {
    pub(super) fn new(reader: &'a mut R, string: &'a mut String) -> Self {
        let mut text = Text::new(string);
        ReadToString { reader, growth: Growth::of(text.bytes()), text, pinned: PhantomPinned }
    }
}

impl<R: AsyncRead + Unpin + ?Sized> Future for ReadToString<'_, R> {
    type Output = io::Result<usize>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let me = self.project();
        // SAFETY: `growth` was made for these bytes, which `text` keeps for this future alone.
        // tests::spare_capacity_is_initialized_once (of `to_end`).
        let read = ready!(unsafe { me.growth.poll_to_end(Pin::new(&mut **me.reader), cx, me.text.bytes()) });
        Poll::Ready(match read {
            Ok(_) => me.text.finish(),
            Err(error) => {
                me.text.revert();
                Err(error)
            }
        })
    }
}
