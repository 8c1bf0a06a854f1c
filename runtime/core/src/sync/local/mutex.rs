//! [`Mutex`].

use std::{fmt, marker::PhantomData, rc::Rc};

use super::{
    super::TryLockError,
    OneThread,
    guarded::{Exclusive, Guarded, HasPermits, Lease, transparent},
    permits::Permits,
};

/// A value that one task at a time may use, also across an `await`. First come, first served.
///
/// Where no `await` lies between taking and using the value, a `RefCell` does.
pub struct Mutex<T: ?Sized> {
    permit: Permits,
    one_thread: OneThread,
    value: Guarded<T>,
}

/// Access to the value of a [`Mutex`] that is borrowed, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    value: Exclusive<T>,
    lease: Lease<&'a Mutex<T>>,
}

/// Access to the value of a [`Mutex`] that is owned, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct OwnedMutexGuard<T: ?Sized> {
    value: Exclusive<T>,
    lease: Lease<Rc<Mutex<T>>>,
}

/// Access to a part of the value of a [`Mutex`] that is borrowed, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    value: Exclusive<T>,
    lease: Lease<&'a Permits>,
}

/// Access to a part of the value of a [`Mutex`] that is owned, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    value: Exclusive<U>,
    lease: Lease<Rc<Mutex<T>>>,
}

transparent!(['a, T: ?Sized] MutexGuard<'a, T> => T mut);
transparent!([T: ?Sized] OwnedMutexGuard<T> => T mut);
transparent!(['a, T: ?Sized] MappedMutexGuard<'a, T> => T mut);
transparent!([T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U> => U mut);

impl<T: ?Sized> HasPermits for Mutex<T> {
    #[inline]
    fn permits(&self) -> &Permits {
        &self.permit
    }
}

impl<T: ?Sized> Mutex<T> {
    /// A mutex that nobody holds.
    pub const fn new(t: T) -> Mutex<T>
    where
        T: Sized,
    {
        Mutex { permit: Permits::new(1), one_thread: PhantomData, value: Guarded::new(t) }
    }

    /// The same as [`new`](Mutex::new).
    pub const fn const_new(t: T) -> Mutex<T>
    where
        T: Sized,
    {
        Mutex::new(t)
    }

    /// Waits for the lock.
    ///
    /// # Cancel safety
    /// Dropping the future loses its place in the queue; a lock that was put by for it goes to the next.
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        self.acquire().await;
        self.guard()
    }

    /// As [`lock`](Mutex::lock), for a guard that owns the mutex.
    ///
    /// # Cancel safety
    /// As for [`lock`](Mutex::lock).
    pub async fn lock_owned(self: Rc<Self>) -> OwnedMutexGuard<T> {
        self.acquire().await;
        self.owned_guard()
    }

    /// Takes the lock if it is free and nobody waits.
    ///
    /// # Errors
    /// If not.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        self.permit.try_acquire(1).map_err(|_held| TryLockError(()))?;
        Ok(self.guard())
    }

    /// As [`try_lock`](Mutex::try_lock), for a guard that owns the mutex.
    ///
    /// # Errors
    /// As [`try_lock`](Mutex::try_lock).
    pub fn try_lock_owned(self: Rc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        self.permit.try_acquire(1).map_err(|_held| TryLockError(()))?;
        Ok(self.owned_guard())
    }

    /// The value, without a lock: nobody else has the mutex.
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

    async fn acquire(&self) {
        self.permit.acquire(1).await.expect("a mutex is never closed");
    }

    /// For one that has just acquired the permit.
    fn guard(&self) -> MutexGuard<'_, T> {
        let lease = Lease::new(self, 1);
        // SAFETY: the one permit is the lease's, and the guard holds both, borrowing the mutex. The mutex owns the memory;
        // no access comes after the lease's end. Test: one_holder_at_a_time_in_order.
        MutexGuard { value: unsafe { self.value.exclusive() }, lease }
    }

    /// As [`guard`](Mutex::guard).
    fn owned_guard(self: Rc<Self>) -> OwnedMutexGuard<T> {
        // SAFETY: as in `guard`; the lease owns a count of the mutex. Test: owned_guards_keep_the_mutex.
        let value = unsafe { self.value.exclusive() };
        OwnedMutexGuard { value, lease: Lease::new(self, 1) }
    }
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
        let mut text = f.debug_struct("Mutex");
        match self.try_lock() {
            Ok(value) => text.field("data", &&*value),
            Err(TryLockError(())) => text.field("data", &format_args!("<locked>")),
        };
        text.finish()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Access to a part of the value.
    pub fn map<U: ?Sized, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        MappedMutexGuard { value: this.value.map(f), lease: this.lease.erase() }
    }

    /// Access to a part of the value.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<U: ?Sized, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let MutexGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(MappedMutexGuard { value, lease: lease.erase() }),
            Err(value) => Err(MutexGuard { value, lease }),
        }
    }

    /// Whose value it is.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.lease.lock()
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// Access to a part of the part.
    pub fn map<U: ?Sized, F>(this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        MappedMutexGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Access to a part of the part.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<U: ?Sized, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let MappedMutexGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(MappedMutexGuard { value, lease }),
            Err(value) => Err(MappedMutexGuard { value, lease }),
        }
    }
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// Access to a part of the value.
    pub fn map<U: ?Sized, F>(this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        OwnedMappedMutexGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Access to a part of the value.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<U: ?Sized, F>(this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let OwnedMutexGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(OwnedMappedMutexGuard { value, lease }),
            Err(value) => Err(OwnedMutexGuard { value, lease }),
        }
    }

    /// Whose value it is.
    pub fn mutex(this: &Self) -> &Rc<Mutex<T>> {
        this.lease.lock()
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// Access to a part of the part.
    pub fn map<S: ?Sized, F>(this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        F: FnOnce(&mut U) -> &mut S,
    {
        OwnedMappedMutexGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Access to a part of the part.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<S: ?Sized, F>(this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        let OwnedMappedMutexGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(OwnedMappedMutexGuard { value, lease }),
            Err(value) => Err(OwnedMappedMutexGuard { value, lease }),
        }
    }
}

#[cfg(test)]
mod tests;
