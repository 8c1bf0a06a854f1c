//! [`RwLock`].

mod owned;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::{fmt, marker::PhantomData, rc::Rc};

pub use self::{
    owned::{OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard},
    read::RwLockReadGuard,
    write::{RwLockMappedWriteGuard, RwLockWriteGuard},
};
use super::{
    OneThread, TryLockError,
    guarded::{Exclusive, Guarded, HasPermits, Lease, Shared, transparent},
    permits::Permits,
};

/// As tokio has it.
const MOST_READERS: u32 = u32::MAX >> 3;

/// A value that many tasks may read, or one may change, also across an `await`.
///
/// First come, first served: a writer waits for the readers before it, and readers who come later wait behind it, so no
/// writer starves. A task that holds a read guard and asks for another one may so wait for ever.
pub struct RwLock<T: ?Sized> {
    /// One for each reader; a writer takes all.
    permits: Permits,
    readers: u32,
    one_thread: OneThread,
    value: Guarded<T>,
}

impl<T: ?Sized> HasPermits for RwLock<T> {
    #[inline]
    fn permits(&self) -> &Permits {
        &self.permits
    }
}

impl<T: ?Sized> RwLock<T> {
    /// A lock that nobody holds, for up to `u32::MAX >> 3` readers.
    pub const fn new(value: T) -> RwLock<T>
    where
        T: Sized,
    {
        RwLock::with_max_readers(value, MOST_READERS)
    }

    /// A lock for up to `max_reads` readers at a time.
    ///
    /// # Panics
    /// If there may be no reader, or more than `u32::MAX >> 3`.
    pub const fn with_max_readers(value: T, max_reads: u32) -> RwLock<T>
    where
        T: Sized,
    {
        assert!(max_reads != 0, "a RwLock may not be created with 0 readers");
        assert!(max_reads <= MOST_READERS, "a RwLock may not be created with more than u32::MAX >> 3 readers");
        let permits = Permits::new(max_reads as usize);
        RwLock { permits, readers: max_reads, one_thread: PhantomData, value: Guarded::new(value) }
    }

    /// The same as [`new`](RwLock::new).
    pub const fn const_new(value: T) -> RwLock<T>
    where
        T: Sized,
    {
        RwLock::new(value)
    }

    /// The same as [`with_max_readers`](RwLock::with_max_readers).
    ///
    /// # Panics
    /// As [`with_max_readers`](RwLock::with_max_readers) does.
    pub const fn const_with_max_readers(value: T, max_reads: u32) -> RwLock<T>
    where
        T: Sized,
    {
        RwLock::with_max_readers(value, max_reads)
    }

    /// Waits until the value may be read.
    ///
    /// # Cancel safety
    /// Dropping the future loses its place in the queue.
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        self.acquire(1).await;
        self.read_guard()
    }

    /// As [`read`](RwLock::read), for a guard that owns the lock.
    ///
    /// # Cancel safety
    /// As for [`read`](RwLock::read).
    pub async fn read_owned(self: Rc<Self>) -> OwnedRwLockReadGuard<T> {
        self.acquire(1).await;
        self.owned_read_guard()
    }

    /// Waits until nobody else uses the value.
    ///
    /// # Cancel safety
    /// Dropping the future loses its place in the queue, and those behind it move up.
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.acquire(self.readers).await;
        self.write_guard()
    }

    /// As [`write`](RwLock::write), for a guard that owns the lock.
    ///
    /// # Cancel safety
    /// As for [`write`](RwLock::write).
    pub async fn write_owned(self: Rc<Self>) -> OwnedRwLockWriteGuard<T> {
        self.acquire(self.readers).await;
        self.owned_write_guard()
    }

    /// Lets the value be read if nobody changes it or waits.
    ///
    /// # Errors
    /// If not.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        self.try_acquire(1)?;
        Ok(self.read_guard())
    }

    /// As [`try_read`](RwLock::try_read), for a guard that owns the lock.
    ///
    /// # Errors
    /// As [`try_read`](RwLock::try_read).
    pub fn try_read_owned(self: Rc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        self.try_acquire(1)?;
        Ok(self.owned_read_guard())
    }

    /// Lets the value be changed if nobody uses it.
    ///
    /// # Errors
    /// If not.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        self.try_acquire(self.readers)?;
        Ok(self.write_guard())
    }

    /// As [`try_write`](RwLock::try_write), for a guard that owns the lock.
    ///
    /// # Errors
    /// As [`try_write`](RwLock::try_write).
    pub fn try_write_owned(self: Rc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        self.try_acquire(self.readers)?;
        Ok(self.owned_write_guard())
    }

    /// The value, without a lock: nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    /// The value.
    pub fn into_inner(self) -> T
    where
        T: Sized,
    {
        self.value.into_inner()
    }

    async fn acquire(&self, permits: u32) {
        self.permits.acquire(permits as usize).await.expect("a lock is never closed");
    }

    fn try_acquire(&self, permits: u32) -> Result<(), TryLockError> {
        self.permits.try_acquire(permits as usize).map_err(|_held| TryLockError(()))
    }

    /// For one that has just acquired a permit.
    fn read_guard(&self) -> RwLockReadGuard<'_, T> {
        let lease = Lease::new(&self.permits, 1);
        RwLockReadGuard { value: self.share(), lease }
    }

    /// As [`read_guard`](RwLock::read_guard).
    fn owned_read_guard(self: Rc<Self>) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard { value: self.share(), lease: Lease::new(self, 1) }
    }

    /// For one that has just acquired all permits.
    fn write_guard(&self) -> RwLockWriteGuard<'_, T> {
        let lease = Lease::new(&self.permits, self.readers as usize);
        RwLockWriteGuard { value: self.exclude(), lease }
    }

    /// As [`write_guard`](RwLock::write_guard).
    fn owned_write_guard(self: Rc<Self>) -> OwnedRwLockWriteGuard<T> {
        let (value, readers) = (self.exclude(), self.readers as usize);
        OwnedRwLockWriteGuard { value, lease: Lease::new(self, readers) }
    }

    /// For the guards of readers, which put a lease of one permit beside it.
    fn share(&self) -> Shared<T> {
        // SAFETY: called by the two functions above that have just acquired a permit. The guard keeps it, and the lock,
        // which owns the memory, until it goes. Test: readers_share_and_a_writer_is_alone.
        unsafe { self.value.shared() }
    }

    /// For the guards of writers, which put a lease of all permits beside it.
    fn exclude(&self) -> Exclusive<T> {
        // SAFETY: called by the two functions above that have just acquired all permits. The guard keeps them, and the
        // lock, which owns the memory, until it goes or shares the value. Test: readers_share_and_a_writer_is_alone.
        unsafe { self.value.exclusive() }
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
        let mut text = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(value) => text.field("data", &&*value),
            Err(TryLockError(())) => text.field("data", &format_args!("<locked>")),
        };
        text.finish()
    }
}
