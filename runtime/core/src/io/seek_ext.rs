//! What users call on a stream that has a position.

use std::{
    future::Future,
    io::{self, SeekFrom},
    marker::PhantomPinned,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;

use super::AsyncSeek;

/// The methods of every stream with a position.
///
/// ```
/// # use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// # let example = async {
/// use std::io::{Cursor, SeekFrom};
///
/// use runtime_core::io::{AsyncReadExt, AsyncSeekExt};
///
/// let mut file = Cursor::new(b"0123456789");
/// assert_eq!(file.seek(SeekFrom::End(-2)).await?, 8);
/// assert_eq!(file.read_u8().await?, b'8');
/// assert_eq!(file.stream_position().await?, 9);
/// # std::io::Result::Ok(()) };
/// # assert!(matches!(pin!(example).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
/// ```
pub trait AsyncSeekExt: AsyncSeek {
    /// Moves the position, and gives the new one counted from the start. A seek that was started before completes
    /// first.
    ///
    /// # Errors
    /// If the position would lie before the start, and what the stream reports.
    ///
    /// # Cancel safety
    /// A dropped call may have moved the position, or may move it still; the next seek waits for that.
    fn seek(&mut self, pos: SeekFrom) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        Seek { stream: self, position: Some(pos), pinned: PhantomPinned }
    }

    /// Moves the position to the start: [`seek`](AsyncSeekExt::seek) to `SeekFrom::Start(0)`.
    fn rewind(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Start(0))
    }

    /// The position, counted from the start: [`seek`](AsyncSeekExt::seek) to `SeekFrom::Current(0)`.
    fn stream_position(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Current(0))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}

pin_project! {
    /// The future of [`seek`](AsyncSeekExt::seek).
    #[derive(Debug)]
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Seek<'a, S: ?Sized> {
        stream: &'a mut S,
        // `None` once the seek has been started.
        position: Option<SeekFrom>,
        #[pin]
        pinned: PhantomPinned,
    }
}

impl<S: AsyncSeek + Unpin + ?Sized> Future for Seek<'_, S> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let me = self.project();
        let mut stream = Pin::new(&mut **me.stream);
        if let Some(position) = *me.position {
            ready!(stream.as_mut().poll_complete(cx))?;
            stream.as_mut().start_seek(position)?;
            *me.position = None;
        }
        stream.poll_complete(cx)
    }
}
