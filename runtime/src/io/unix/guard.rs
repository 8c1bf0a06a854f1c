//! What a wait gives: what the descriptor is ready for, and the way to it.

use std::{fmt, io, os::fd::AsRawFd};

use runtime_core::readiness::Ready;

use super::AsyncFd;

/// What a wait for an [`AsyncFd`] found.
///
/// What it says holds until something is read or written. Clearing is for whoever asks the guard again by
/// [`ready`](AsyncFdReadyGuard::ready); the next wait looks for itself.
pub struct AsyncFdReadyGuard<'a, T: AsRawFd> {
    async_fd: &'a AsyncFd<T>,
    ready: Ready,
}

/// As [`AsyncFdReadyGuard`], with the object mutably.
pub struct AsyncFdReadyMutGuard<'a, T: AsRawFd> {
    async_fd: &'a mut AsyncFd<T>,
    ready: Ready,
}

macro_rules! guard {
    () => {
        /// Forgets what was found: the call would have blocked.
        pub fn clear_ready(&mut self) {
            self.ready = Ready::EMPTY;
        }

        /// Forgets a part of what was found.
        pub fn clear_ready_matching(&mut self, ready: Ready) {
            self.ready = self.ready - ready;
        }

        /// Forgets nothing: does nothing.
        pub fn retain_ready(&mut self) {}

        /// What was found, without what has been cleared.
        pub fn ready(&self) -> Ready {
            self.ready
        }
    };
}

impl<'a, T: AsRawFd> AsyncFdReadyGuard<'a, T> {
    pub(super) fn new(async_fd: &'a AsyncFd<T>, ready: Ready) -> AsyncFdReadyGuard<'a, T> {
        AsyncFdReadyGuard { async_fd, ready }
    }

    guard!();

    /// Calls `f` once, and clears the guard if that fails with `WouldBlock`.
    ///
    /// # Errors
    /// [`TryIoError`]: it would have blocked; wait again. All else is the inner result.
    pub fn try_io<R>(&mut self, f: impl FnOnce(&'a AsyncFd<T>) -> io::Result<R>) -> Result<io::Result<R>, TryIoError> {
        let result = f(self.async_fd);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.clear_ready();
            return Err(TryIoError(()));
        }
        Ok(result)
    }

    /// What was waited for.
    pub fn get_ref(&self) -> &'a AsyncFd<T> {
        self.async_fd
    }

    /// The object.
    pub fn get_inner(&self) -> &'a T {
        self.async_fd.get_ref()
    }
}

impl<'a, T: AsRawFd> AsyncFdReadyMutGuard<'a, T> {
    pub(super) fn new(async_fd: &'a mut AsyncFd<T>, ready: Ready) -> AsyncFdReadyMutGuard<'a, T> {
        AsyncFdReadyMutGuard { async_fd, ready }
    }

    guard!();

    /// Calls `f` once, and clears the guard if that fails with `WouldBlock`.
    ///
    /// # Errors
    /// [`TryIoError`]: it would have blocked; wait again. All else is the inner result.
    pub fn try_io<R>(&mut self, f: impl FnOnce(&mut AsyncFd<T>) -> io::Result<R>) -> Result<io::Result<R>, TryIoError> {
        let result = f(self.async_fd);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
            self.clear_ready();
            return Err(TryIoError(()));
        }
        Ok(result)
    }

    /// What was waited for.
    pub fn get_ref(&self) -> &AsyncFd<T> {
        self.async_fd
    }

    /// What was waited for.
    pub fn get_mut(&mut self) -> &mut AsyncFd<T> {
        self.async_fd
    }

    /// The object.
    pub fn get_inner(&self) -> &T {
        self.async_fd.get_ref()
    }

    /// The object.
    pub fn get_inner_mut(&mut self) -> &mut T {
        self.async_fd.get_mut()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFdReadyGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyGuard").field("async_fd", &self.async_fd).field("ready", &self.ready).finish()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFdReadyMutGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFdReadyMutGuard").field("async_fd", &self.async_fd).field("ready", &self.ready).finish()
    }
}

/// The call would have blocked: the descriptor was not ready after all.
#[derive(Debug)]
pub struct TryIoError(());
