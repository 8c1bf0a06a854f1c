//! The two halves of a stream that cannot be divided by itself.

use std::{
    fmt,
    hint::spin_loop,
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError, TryLockError},
    task::{Context, Poll},
};

use super::{AsyncRead, AsyncWrite, ReadBuf};

/// How often a half tries to get hold of the stream before it lets its task wait for another turn.
const TRIES: usize = 100;

/// Divides a stream into a half that reads and a half that writes, for two tasks or threads.
///
/// The stream lives as long as one of the halves does, and dropping the write half does not shut it down; call
/// [`shutdown`](crate::io::AsyncWriteExt::shutdown) for that. Streams with a division of their own, such as a
/// `TcpStream`, do better with that one: it needs no lock.
///
/// Cost: two allocations; one lock for each call, which waits only while both halves are polled on two threads at once.
pub fn split<T: AsyncRead + AsyncWrite>(stream: T) -> (ReadHalf<T>, WriteHalf<T>) {
    let vectored = stream.is_write_vectored();
    let shared = Arc::new(Shared { stream: Mutex::new(Box::pin(stream)), vectored });
    (ReadHalf { shared: shared.clone() }, WriteHalf { shared })
}

/// The half that reads. Made by [`split`].
pub struct ReadHalf<T> {
    shared: Arc<Shared<T>>,
}

/// The half that writes. Made by [`split`].
pub struct WriteHalf<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    /// Held while the stream is polled, and so while code of others runs: a waker that is woken there may poll the other
    /// half on this very thread. Therefore nobody blocks on it.
    stream: Mutex<Pin<Box<T>>>,
    vectored: bool,
}

impl<T> Shared<T> {
    /// Polls the stream as soon as the other half is not doing so.
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        for _ in 0..TRIES {
            match self.stream.try_lock() {
                Ok(mut stream) => return poll(stream.as_mut(), cx),
                // A poll has panicked. What that did to the stream is for the stream to know.
                Err(TryLockError::Poisoned(stream)) => return poll(stream.into_inner().as_mut(), cx),
                Err(TryLockError::WouldBlock) => spin_loop(),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<T> ReadHalf<T> {
    /// True if the two come from one call of [`split`].
    pub fn is_pair_of(&self, other: &WriteHalf<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The stream as it was before [`split`].
    ///
    /// # Panics
    /// If the two do not come from one call of [`split`].
    #[track_caller]
    pub fn unsplit(self, wr: WriteHalf<T>) -> T
    where
        T: Unpin,
    {
        assert!(self.is_pair_of(&wr), "the halves of two streams cannot become one");
        drop(wr);
        let Some(shared) = Arc::into_inner(self.shared) else { unreachable!("there are two halves") };
        let stream = shared.stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        *Pin::into_inner(stream)
    }
}

impl<T> WriteHalf<T> {
    /// True if the two come from one call of [`split`].
    pub fn is_pair_of(&self, other: &ReadHalf<T>) -> bool {
        other.is_pair_of(self)
    }
}

impl<T: AsyncRead> AsyncRead for ReadHalf<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.shared.poll(cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl<T: AsyncWrite> AsyncWrite for WriteHalf<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.shared.poll(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.shared.poll(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.shared.vectored
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.poll(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.shared.poll(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("split::ReadHalf").finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("split::WriteHalf").finish()
    }
}

runtime_core::foreign_read!([T: AsyncRead] ReadHalf<T>);
runtime_core::foreign_write!([T: AsyncWrite] WriteHalf<T>);
