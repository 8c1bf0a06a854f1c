//! Looks at what a reader has.

use std::{
    future::Future,
    io,
    marker::PhantomPinned,
    pin::Pin,
    slice,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;

use crate::io::AsyncBufRead;

pin_project! {
    /// The future of [`fill_buf`](super::AsyncBufReadExt::fill_buf).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct FillBuf<'a, R: ?Sized> {
        // `None` once the result, which borrows it, has been given out.
        pub(super) reader: Option<&'a mut R>,
        #[pin]
        pub(super) pinned: PhantomPinned,
    }
}

impl<'a, R: AsyncBufRead + Unpin + ?Sized> Future for FillBuf<'a, R> {
    type Output = io::Result<&'a [u8]>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&'a [u8]>> {
        let me = self.project();
        let reader = me.reader.take().expect("fill_buf was polled after it had completed");
        match Pin::new(&mut *reader).poll_fill_buf(cx) {
            Poll::Ready(Ok(bytes)) => {
                // SAFETY: the bytes are the reader's, which is borrowed for 'a, and nobody reaches it through this
                // future any more: the reference was taken out of it and ends here. The lifetime is spelled out only
                // because the borrow checker would extend it to the Pending arm.
                // io::tests::fill_buf_gives_what_is_there.
                Poll::Ready(Ok(unsafe { slice::from_raw_parts(bytes.as_ptr(), bytes.len()) }))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                *me.reader = Some(reader);
                Poll::Pending
            }
        }
    }
}
