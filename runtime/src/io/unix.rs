//! Waiting for descriptors that something else than this crate works on.

use std::{
    error, fmt, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    task::{Context, Poll, ready},
};

use runtime_core::{
    readiness::{Interest, Readiness, Ready, check_pollable},
    shard::with_current,
};

mod guard;

pub use guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard, TryIoError};

/// Tells when the descriptor of `T` can be read from or written to: for a library's own sockets, for inotify, udev, GPIO
/// lines, anything that poll(2) takes.
///
/// The descriptor should be in non-blocking mode. Wait, try with what the guard has, wait again if that would have blocked:
///
/// ```
/// use std::{io::Read, os::unix::net::UnixStream};
/// use runtime::io::unix::AsyncFd;
///
/// async fn read_some(stream: &AsyncFd<UnixStream>, buf: &mut [u8]) -> std::io::Result<usize> {
///     loop {
///         let mut guard = stream.readable().await?;
///         if let Ok(result) = guard.try_io(|stream| stream.get_ref().read(buf)) {
///             return result;
///         }
///     }
/// }
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// # use std::io::Write;
/// # let (a, mut b) = UnixStream::pair().unwrap();
/// # a.set_nonblocking(true).unwrap();
/// # b.write_all(b"abc").unwrap();
/// # assert_eq!(read_some(&AsyncFd::new(a).unwrap(), &mut [0; 8]).await.unwrap(), 3);
/// # });
/// ```
///
/// The kernel is asked anew for every wait. So nothing has to be cleared for the next wait to be a true one, and
/// a wait ends at once as long as there is something left: clearing a guard keeps nobody waiting. Any interest can be waited
/// for, and any number of tasks can wait, on any shard. Two `AsyncFd`s on one descriptor are independent.
///
/// # Cost
/// One SQE per wait; no allocation. Making one: one system call for sockets and pipes, four for others.
pub struct AsyncFd<T: AsRawFd> {
    /// Goes first when this is dropped: no wait outlives the descriptor.
    readiness: Readiness,
    inner: T,
}

impl<T: AsRawFd> AsyncFd<T> {
    /// Takes over an object with a descriptor, which must stay the same.
    ///
    /// # Errors
    /// EPERM if it cannot be waited for, as a regular file; EBADF if it is not open; EMFILE, ENFILE, ENOMEM. The object is
    /// dropped then; [`try_new`](AsyncFd::try_new) gives it back.
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<AsyncFd<T>> {
        Ok(AsyncFd::try_new(inner)?)
    }

    /// As [`new`](AsyncFd::new). What `interest` leaves out can be waited for all the same.
    ///
    /// # Errors
    /// As for [`new`](AsyncFd::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn with_interest(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
        Ok(AsyncFd::try_with_interest(inner, interest)?)
    }

    /// As [`new`](AsyncFd::new), and gives the object back on failure.
    ///
    /// # Errors
    /// As for [`new`](AsyncFd::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn try_new(inner: T) -> Result<AsyncFd<T>, AsyncFdTryNewError<T>> {
        AsyncFd::try_with_interest(inner, Interest::READABLE | Interest::WRITABLE)
    }

    /// As [`with_interest`](AsyncFd::with_interest), and gives the object back on failure.
    ///
    /// # Errors
    /// As for [`new`](AsyncFd::new).
    ///
    /// # Panics
    /// Outside a runtime.
    #[track_caller]
    pub fn try_with_interest(inner: T, _interest: Interest) -> Result<AsyncFd<T>, AsyncFdTryNewError<T>> {
        assert!(
            with_current(|_| ()).is_some(),
            "an AsyncFd was made outside a runtime; use #[runtime::main] or Runtime::block_on"
        );
        let fd = inner.as_raw_fd();
        match check_pollable(fd) {
            Ok(()) => Ok(AsyncFd { readiness: Readiness::of_number(fd), inner }),
            Err(cause) => Err(AsyncFdRegisterError { inner, cause }),
        }
    }

    /// The object.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The object. Its descriptor must stay the same.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Gives the object back; waits inside [`poll_read_ready`](AsyncFd::poll_read_ready) and its like end.
    pub fn into_inner(self) -> T {
        self.inner
    }

    /// Whether the descriptor can be read from; if not, wakes the task when it can. Only the task that asked last is woken:
    /// several wait by [`readable`](AsyncFd::readable).
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_read_ready<'a>(&'a self, cx: &mut Context<'_>) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let ready = ready!(self.readiness.poll_read_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, ready)))
    }

    /// As [`poll_read_ready`](AsyncFd::poll_read_ready), with a guard that gives the object mutably.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_read_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let ready = ready!(self.readiness.poll_read_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, ready)))
    }

    /// As [`poll_read_ready`](AsyncFd::poll_read_ready), for writes. It and that one do not disturb each other.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_write_ready<'a>(&'a self, cx: &mut Context<'_>) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let ready = ready!(self.readiness.poll_write_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, ready)))
    }

    /// As [`poll_write_ready`](AsyncFd::poll_write_ready), with a guard that gives the object mutably.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_write_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let ready = ready!(self.readiness.poll_write_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, ready)))
    }

    /// Waits until something of `interest` holds; the guard says what. An error or hang-up ends every wait.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Panics
    /// When polled outside a runtime.
    ///
    /// # Cancel safety
    /// A wait changes nothing: dropping it loses nothing.
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        let ready = self.readiness.ready(interest).await?;
        Ok(AsyncFdReadyGuard::new(self, ready))
    }

    /// As [`ready`](AsyncFd::ready), with a guard that gives the object mutably.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Cancel safety
    /// As for [`ready`](AsyncFd::ready).
    pub async fn ready_mut(&mut self, interest: Interest) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        let ready = self.readiness.ready(interest).await?;
        Ok(AsyncFdReadyMutGuard::new(self, ready))
    }

    /// Waits until it can be read from: [`ready`](AsyncFd::ready) for [`Interest::READABLE`].
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Cancel safety
    /// As for [`ready`](AsyncFd::ready).
    pub async fn readable<'a>(&'a self) -> io::Result<AsyncFdReadyGuard<'a, T>> {
        self.ready(Interest::READABLE).await
    }

    /// As [`readable`](AsyncFd::readable), with a guard that gives the object mutably.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Cancel safety
    /// As for [`ready`](AsyncFd::ready).
    pub async fn readable_mut<'a>(&'a mut self) -> io::Result<AsyncFdReadyMutGuard<'a, T>> {
        self.ready_mut(Interest::READABLE).await
    }

    /// Waits until it can be written to: [`ready`](AsyncFd::ready) for [`Interest::WRITABLE`].
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Cancel safety
    /// As for [`ready`](AsyncFd::ready).
    pub async fn writable<'a>(&'a self) -> io::Result<AsyncFdReadyGuard<'a, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// As [`writable`](AsyncFd::writable), with a guard that gives the object mutably.
    ///
    /// # Errors
    /// EBADF if the descriptor has been closed.
    ///
    /// # Cancel safety
    /// As for [`ready`](AsyncFd::ready).
    pub async fn writable_mut<'a>(&'a mut self) -> io::Result<AsyncFdReadyMutGuard<'a, T>> {
        self.ready_mut(Interest::WRITABLE).await
    }

    /// Waits, then calls `f`; again as long as that fails with `WouldBlock`.
    ///
    /// # Errors
    /// Those of `f`; EBADF if the descriptor has been closed.
    ///
    /// # Cancel safety
    /// Dropped while it waits, it has done nothing.
    pub async fn async_io<R>(&self, interest: Interest, mut f: impl FnMut(&T) -> io::Result<R>) -> io::Result<R> {
        loop {
            let mut guard = self.ready(interest).await?;
            if let Ok(done) = guard.try_io(|this| f(&this.inner)) {
                return done;
            }
        }
    }

    /// As [`async_io`](AsyncFd::async_io), with the object mutably.
    ///
    /// # Errors
    /// As for [`async_io`](AsyncFd::async_io).
    ///
    /// # Cancel safety
    /// As for [`async_io`](AsyncFd::async_io).
    pub async fn async_io_mut<R>(
        &mut self,
        interest: Interest,
        mut f: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        loop {
            let mut guard = self.ready_mut(interest).await?;
            if let Ok(done) = guard.try_io(|this| f(&mut this.inner)) {
                return done;
            }
        }
    }

    /// Calls `f` if something of `interest` holds now: poll(2) without waiting.
    ///
    /// # Errors
    /// Those of `f`; `WouldBlock`, without a call of `f`, if nothing holds.
    pub fn try_io<R>(&self, interest: Interest, f: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.check_now(interest)?;
        f(&self.inner)
    }

    /// As [`try_io`](AsyncFd::try_io), with the object mutably.
    ///
    /// # Errors
    /// As for [`try_io`](AsyncFd::try_io).
    pub fn try_io_mut<R>(&mut self, interest: Interest, f: impl FnOnce(&mut T) -> io::Result<R>) -> io::Result<R> {
        self.check_now(interest)?;
        f(&mut self.inner)
    }

    fn check_now(&self, interest: Interest) -> io::Result<()> {
        if self.readiness.now(interest)? == Ready::EMPTY {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    }
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl<T: AsRawFd + AsFd> AsFd for AsyncFd<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd").field("inner", &self.inner).finish()
    }
}

/// Why an [`AsyncFd`] could not be made, with the object.
pub struct AsyncFdRegisterError<T> {
    inner: T,
    cause: io::Error,
}

/// The other name of [`AsyncFdRegisterError`].
pub type AsyncFdTryNewError<T> = AsyncFdRegisterError<T>;

impl<T> AsyncFdRegisterError<T> {
    /// The object, and the reason.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> fmt::Display for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.cause, f)
    }
}

impl<T> fmt::Debug for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.cause, f)
    }
}

impl<T> error::Error for AsyncFdRegisterError<T> {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl<T> From<AsyncFdRegisterError<T>> for io::Error {
    fn from(error: AsyncFdRegisterError<T>) -> io::Error {
        error.cause
    }
}
