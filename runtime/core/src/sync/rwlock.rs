//! Many readers, or one writer.

use std::{cell::UnsafeCell, fmt, sync::Arc};

use super::{
    batch_semaphore::Semaphore,
    blocking::block_on,
    held::{Gate, Held, HeldAll, TryLockError},
    mutex::acquired,
};

pub use owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard};
pub use read::RwLockReadGuard;
pub use write::{RwLockMappedWriteGuard, RwLockWriteGuard};

mod owned;
mod read;
#[cfg(test)]
mod tests;
mod write;

/// A value that many tasks may read at a time, or one may change, and whose lock may be held across an await.
///
/// **Fair, so writers are not starved**: those who wait are served in the order in which their call was first polled. A
/// reader that comes after a waiting writer waits behind it. So a task that holds a read guard and asks for another one
/// waits for itself as soon as a writer stands between the two.
///
/// A panic of a holder unlocks and poisons nothing. It works on any thread, with or without a runtime.
///
/// Cost: lock and unlock are one atomic operation each while nobody waits, for readers on the same word. One who waits
/// allocates nothing.
///
/// ```
/// # use runtime_core as runtime;
/// let lock = runtime::sync::RwLock::new(5);
/// {
///     let (one, other) = (lock.try_read().unwrap(), lock.try_read().unwrap());
///     assert_eq!(*one + *other, 10);
///     assert!(lock.try_write().is_err());
/// }
/// *lock.try_write().unwrap() += 1;
/// assert_eq!(lock.into_inner(), 6);
/// ```
pub struct RwLock<T: ?Sized> {
    shared: Shared,
    value: UnsafeCell<T>,
}

/// The lock without what it locks. A reader holds one permit, a writer all.
struct Shared {
    permits: Semaphore,
    readers: u32,
}

impl Gate for Shared {
    fn permits(&self) -> &Semaphore {
        &self.permits
    }

    fn all(&self) -> usize {
        self.readers as usize
    }
}

impl<T: ?Sized> Gate for RwLock<T> {
    fn permits(&self) -> &Semaphore {
        &self.shared.permits
    }

    fn all(&self) -> usize {
        self.shared.readers as usize
    }
}

// SAFETY: whoever owns the lock owns the value. Its memory is the owner's, until the lock is dropped. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: a shared lock lends the value to readers of several threads (so Sync) and to a writer of any (so Send). Its memory
// is the owner's, until the lock is dropped, which no guard outlives. Test: `rwlock_storm`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}

/// Readers at a time, unless said otherwise, and the most that can be said.
const MAX_READERS: u32 = u32::MAX >> 3;

impl<T> RwLock<T> {
    /// An unlocked lock, for up to `u32::MAX >> 3` readers at a time.
    pub fn new(value: T) -> RwLock<T> {
        RwLock::const_new(value)
    }

    /// As [`RwLock::new`], for statics.
    pub const fn const_new(value: T) -> RwLock<T> {
        RwLock::const_with_max_readers(value, MAX_READERS)
    }

    /// An unlocked lock for up to `max_reads` readers at a time; more wait as for a writer.
    ///
    /// # Panics
    /// Over `u32::MAX >> 3`, and at zero: a writer would then hold nothing that keeps another one out.
    #[track_caller]
    pub fn with_max_readers(value: T, max_reads: u32) -> RwLock<T> {
        RwLock::const_with_max_readers(value, max_reads)
    }

    /// As [`RwLock::with_max_readers`], for statics.
    ///
    /// # Panics
    /// As [`RwLock::with_max_readers`]; in a static that is an error of the compiler.
    #[track_caller]
    pub const fn const_with_max_readers(value: T, max_reads: u32) -> RwLock<T> {
        assert!(max_reads > 0, "an RwLock has at least one reader at a time");
        assert!(max_reads <= MAX_READERS, "an RwLock has at most u32::MAX >> 3 readers at a time");
        let shared = Shared { permits: Semaphore::const_new(max_reads as usize), readers: max_reads };
        RwLock { shared, value: UnsafeCell::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Locks for reading, waiting for writers that hold the lock or asked before.
    ///
    /// # Cancel safety
    /// A dropped call has not locked. It loses its place: a new call queues behind all others.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        acquired(self.shared.permits.acquire(1).await);
        self.reader()
    }

    /// As [`RwLock::read`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Cancel safety
    /// As for [`RwLock::read`].
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        acquired(self.shared.permits.acquire(1).await);
        OwnedRwLockReadGuard { data: self.value.get(), held: Held::new(self) }
    }

    /// Locks for reading on a thread that runs no tasks, which sleeps until its turn.
    ///
    /// # Panics
    /// Inside a runtime: it would stop every task of the shard, perhaps the one that holds the lock.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        block_on(self.read(), "blocking_read", "read()")
    }

    /// Locks for reading if that needs no waiting.
    ///
    /// # Errors
    /// If a writer holds the lock or waits for it.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.shared.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(self.reader())
    }

    /// As [`RwLock::try_read`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`RwLock::try_read`].
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.shared.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(OwnedRwLockReadGuard { data: self.value.get(), held: Held::new(self) })
    }

    /// Locks for writing, waiting for all who hold the lock or asked before. Readers that come later wait behind it.
    ///
    /// # Cancel safety
    /// A dropped call has not locked, and lets the readers behind it pass. It loses its place: a new call queues behind all
    /// others.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        acquired(self.shared.permits.acquire(self.all()).await);
        self.writer()
    }

    /// As [`RwLock::write`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Cancel safety
    /// As for [`RwLock::write`].
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        acquired(self.shared.permits.acquire(self.all()).await);
        OwnedRwLockWriteGuard { data: self.value.get(), held: HeldAll::new(self) }
    }

    /// Locks for writing on a thread that runs no tasks, which sleeps until its turn.
    ///
    /// # Panics
    /// Inside a runtime: it would stop every task of the shard, perhaps the one that holds the lock.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        block_on(self.write(), "blocking_write", "write()")
    }

    /// Locks for writing if that needs no waiting.
    ///
    /// # Errors
    /// If anyone holds the lock or waits for it.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.shared.permits.try_acquire(self.all()).map_err(|_| TryLockError(()))?;
        Ok(self.writer())
    }

    /// As [`RwLock::try_write`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`RwLock::try_write`].
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.shared.permits.try_acquire(self.all()).map_err(|_| TryLockError(()))?;
        Ok(OwnedRwLockWriteGuard { data: self.value.get(), held: HeldAll::new(self) })
    }

    /// The value. The borrow shows that nobody else has it: nothing is locked.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The caller has taken one permit.
    fn reader(&self) -> RwLockReadGuard<'_, T> {
        RwLockReadGuard::new(self.value.get(), Held::new(&self.shared))
    }

    /// The caller has taken all permits.
    fn writer(&self) -> RwLockWriteGuard<'_, T> {
        RwLockWriteGuard::new(self.value.get(), HeldAll::new(&self.shared))
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}
