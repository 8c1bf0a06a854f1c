//! Advisory locks of whole files: flock(2), as std has them.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::AcqRel},
    },
};

use runtime_core::{
    blocking,
    fd::SharedFd,
    file::{self, Lock},
};

use super::File;

/// Why a lock was not taken at once: the shape of std's type, which is newer than the oldest compiler.
pub enum TryLockError {
    /// The system call failed.
    Error(io::Error),
    /// Somebody else has the lock.
    WouldBlock,
}

impl fmt::Debug for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::Error(error) => error.fmt(f),
            TryLockError::WouldBlock => f.write_str("WouldBlock"),
        }
    }
}

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryLockError::Error(_) => "the lock could not be taken: the system call failed",
            TryLockError::WouldBlock => "the lock could not be taken: somebody else has it",
        })
    }
}

impl std::error::Error for TryLockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TryLockError::Error(error) => Some(error),
            TryLockError::WouldBlock => None,
        }
    }
}

impl From<TryLockError> for io::Error {
    fn from(error: TryLockError) -> io::Error {
        match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::ErrorKind::WouldBlock.into(),
        }
    }
}

/// A wait for a lock: the thread and the future each leave a mark at their end, and whoever comes second sees both.
#[derive(Debug, Default)]
struct Waiting(AtomicU8);

/// The thread has the lock.
const TAKEN: u8 = 1;
/// The future was dropped.
const LEFT: u8 = 2;

/// Gives back a lock that came for a future that has been dropped.
struct Leave<'a> {
    fd: &'a SharedFd,
    waiting: Arc<Waiting>,
    arrived: bool,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if !self.arrived && self.waiting.0.swap(LEFT, AcqRel) == TAKEN {
            let _unlocked = file::lock(self.fd, Lock::None, false);
        }
    }
}

impl File {
    /// Takes the exclusive lock, and waits until nobody else has a lock of the file. The lock is the open file's: its
    /// duplicates share it, and it ends with the last of them. It hinders nobody who does not ask for it.
    ///
    /// Taken on the spot if it is free, else by a thread of the pool, which waits.
    ///
    /// # Errors
    /// Those of flock(2).
    ///
    /// # Cancel safety
    /// A lock that comes after the call was dropped is given back; the thread waits for it all the same.
    pub async fn lock(&self) -> io::Result<()> {
        self.wait_for(Lock::Exclusive).await
    }

    /// Takes a shared lock, and waits until nobody has the exclusive one. See [`lock`](File::lock).
    ///
    /// # Errors
    /// Those of flock(2).
    ///
    /// # Cancel safety
    /// As for [`lock`](File::lock).
    pub async fn lock_shared(&self) -> io::Result<()> {
        self.wait_for(Lock::Shared).await
    }

    /// Takes the exclusive lock if it is free.
    ///
    /// # Errors
    /// Those of flock(2); `WouldBlock` if somebody else has a lock.
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        try_lock(&self.fd, Lock::Exclusive)
    }

    /// Takes a shared lock if nobody has the exclusive one.
    ///
    /// # Errors
    /// Those of flock(2); `WouldBlock` if somebody else has the exclusive lock.
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        try_lock(&self.fd, Lock::Shared)
    }

    /// Gives all locks back.
    ///
    /// # Errors
    /// Those of flock(2).
    pub fn unlock(&self) -> io::Result<()> {
        file::lock(&self.fd, Lock::None, false)
    }

    async fn wait_for(&self, lock: Lock) -> io::Result<()> {
        match try_lock(&self.fd, lock) {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        let waiting = Arc::new(Waiting::default());
        let mut leave = Leave { fd: &self.fd, waiting: waiting.clone(), arrived: false };
        let fd = self.fd.clone();
        let taken = blocking::spawn(move || {
            runtime_core::socket::retry(|| file::lock(&fd, lock, true))?;
            if waiting.0.swap(TAKEN, AcqRel) == LEFT { file::lock(&fd, Lock::None, false) } else { Ok(()) }
        });
        let result = taken.await?;
        leave.arrived = true;
        result
    }
}

fn try_lock(fd: &SharedFd, lock: Lock) -> Result<(), TryLockError> {
    file::lock(fd, lock, false).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => TryLockError::WouldBlock,
        _ => TryLockError::Error(error),
    })
}
