//! One at a time.

use std::{
    cell::UnsafeCell,
    fmt,
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{
    batch_semaphore::Semaphore,
    blocking::block_on,
    held::{Gate, Held, TryLockError, shown_as_its_value},
};

pub use guard::{MappedMutexGuard, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard};

mod guard;
#[cfg(test)]
mod tests;

/// A value that one task at a time may use, and whose lock may be held across an await.
///
/// **Fair**: those who wait are served in the order in which their `lock` was first polled; a `try_lock` or a late `lock`
/// overtakes nobody. A panic of the holder unlocks and poisons nothing. It works on any thread, with or without a runtime.
///
/// Where no guard lives across an await, `std::sync::Mutex` is the better choice.
///
/// Cost: lock and unlock are one atomic operation each while nobody waits. One who waits allocates nothing: its place in
/// the queue lies inside the future.
pub struct Mutex<T: ?Sized> {
    permits: Semaphore,
    value: UnsafeCell<T>,
}

// SAFETY: whoever owns the mutex owns the value. Its memory is the owner's, until the mutex is dropped. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: a shared mutex gives the value to one thread at a time, so it needs to be Send and no more. Its memory is the
// owner's, until the mutex is dropped, which no guard outlives. Test: `lock_storm`.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

impl<T: ?Sized> Gate for Mutex<T> {
    fn permits(&self) -> &Semaphore {
        &self.permits
    }
}

impl<T> Mutex<T> {
    /// An unlocked mutex.
    pub fn new(value: T) -> Mutex<T> {
        Mutex::const_new(value)
    }

    /// As [`Mutex::new`], for statics.
    ///
    /// ```
    /// # use runtime_core as runtime;
    /// static NAMES: runtime::sync::Mutex<Vec<String>> = runtime::sync::Mutex::const_new(Vec::new());
    /// assert!(NAMES.try_lock().unwrap().is_empty());
    /// ```
    pub const fn const_new(value: T) -> Mutex<T> {
        Mutex { permits: Semaphore::const_new(1), value: UnsafeCell::new(value) }
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, waiting for those who asked before.
    ///
    /// # Cancel safety
    /// A dropped call has not locked. It loses its place: a new call queues behind all others.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        acquired(self.permits.acquire(1).await);
        MutexGuard { held: Held::new(self) }
    }

    /// As [`Mutex::lock`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Cancel safety
    /// As for [`Mutex::lock`].
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        acquired(self.permits.acquire(1).await);
        OwnedMutexGuard { held: Held::new(self) }
    }

    /// Locks on a thread that runs no tasks, which sleeps until its turn: that of [`Mutex::lock`], in the same queue.
    ///
    /// # Panics
    /// Inside a runtime: it would stop every task of the shard, perhaps the one that holds the lock.
    ///
    /// ```
    /// # use runtime_core as runtime;
    /// let mutex = runtime::sync::Mutex::new(1);
    /// *mutex.blocking_lock() += 1;
    /// assert_eq!(mutex.into_inner(), 2);
    /// ```
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        block_on(self.lock(), "blocking_lock", "lock()")
    }

    /// As [`Mutex::blocking_lock`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Panics
    /// As [`Mutex::blocking_lock`].
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        block_on(self.lock_owned(), "blocking_lock_owned", "lock_owned()")
    }

    /// Locks if that needs no waiting.
    ///
    /// # Errors
    /// If someone holds the lock, or waits for it.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(MutexGuard { held: Held::new(self) })
    }

    /// As [`Mutex::try_lock`], with a guard that holds the `Arc` instead of a borrow.
    ///
    /// # Errors
    /// As for [`Mutex::try_lock`].
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.permits.try_acquire(1).map_err(|_| TryLockError(()))?;
        Ok(OwnedMutexGuard { held: Held::new(self) })
    }

    /// The value. The borrow shows that nobody else has it: nothing is locked.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// Locks are never closed.
pub(super) fn acquired<E: fmt::Debug>(permits: Result<(), E>) {
    permits.expect("a lock's semaphore is not closed");
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(guard) => shown.field("data", &&*guard),
            Err(_) => shown.field("data", &format_args!("<locked>")),
        };
        shown.finish()
    }
}
