//! Guards of a locked mutex: borrowed or owned, of the value or of a part of it.

use std::marker::PhantomData;

use super::*;
use crate::sync::held::written_by_pointer;

/// The mutex is locked for as long as this lives.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) held: Held<&'a Mutex<T>>,
}

/// As [`MutexGuard`], holding the `Arc` of the mutex: it may go wherever `'static` is asked for.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct OwnedMutexGuard<T: ?Sized> {
    pub(super) held: Held<Arc<Mutex<T>>>,
}

/// A guard that lets only a part of the locked value be seen.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    data: *mut T,
    held: Held<&'a Semaphore>,
    _lent: PhantomData<&'a mut T>,
}

/// As [`MappedMutexGuard`], holding the `Arc` of the mutex.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    data: *mut U,
    held: Held<Arc<Mutex<T>>>,
}

// SAFETY: a shared guard shares the value. Its memory is the mutex's owner's, who is borrowed. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Sync for MutexGuard<'_, T> {}
// SAFETY: as for the borrowed guard; the mutex is counted instead. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedMutexGuard<T> {}
// SAFETY: a shared guard shares the part that it shows and gives nothing else. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Sync> Sync for MappedMutexGuard<'_, T> {}
// SAFETY: the guard is an exclusive borrow of the part that it shows. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send> Send for MappedMutexGuard<'_, T> {}
// SAFETY: a shared guard shares the part that it shows, and its `Arc`. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedMappedMutexGuard<T, U> {}
// SAFETY: the guard is an exclusive borrow of the part that it shows; dropped as the last owner of the mutex, it drops the
// whole value, so that must be Send too. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedMutexGuard<T, U> {}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// A guard of a part of the value. To be called as `MutexGuard::map(guard, ..)`, so as not to hide a method of the value.
    ///
    /// ```
    /// # use runtime_core as runtime;
    /// use runtime::sync::{Mutex, MutexGuard};
    ///
    /// let pair = Mutex::new((1, "one"));
    /// let mut number = MutexGuard::map(pair.try_lock().unwrap(), |pair| &mut pair.0);
    /// *number = 2;
    /// drop(number);
    /// assert_eq!(pair.into_inner(), (2, "one"));
    /// ```
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = std::ptr::from_mut(f(&mut this));
        MappedMutexGuard { data, held: this.held.erased(), _lent: PhantomData }
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(MappedMutexGuard { data, held: this.held.erased(), _lent: PhantomData }),
            None => Err(this),
        }
    }

    /// The mutex that is locked.
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.held.gate()
    }
}

impl<T: ?Sized> OwnedMutexGuard<T> {
    /// A guard of a part of the value.
    pub fn map<U, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = std::ptr::from_mut(f(&mut this));
        OwnedMappedMutexGuard { data, held: this.held }
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(OwnedMappedMutexGuard { data, held: this.held }),
            None => Err(this),
        }
    }

    /// The mutex that is locked.
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        this.held.gate()
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// A guard of a part of the part.
    pub fn map<U, F>(mut this: Self, f: F) -> MappedMutexGuard<'a, U>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = std::ptr::from_mut(f(&mut this));
        MappedMutexGuard { data, held: this.held, _lent: PhantomData }
    }

    /// A guard of a part of the part, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<U, F>(mut this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        U: ?Sized,
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(MappedMutexGuard { data, held: this.held, _lent: PhantomData }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// A guard of a part of the part.
    pub fn map<S, F>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, S>
    where
        S: ?Sized,
        F: FnOnce(&mut U) -> &mut S,
    {
        let data = std::ptr::from_mut(f(&mut this));
        OwnedMappedMutexGuard { data, held: this.held }
    }

    /// A guard of a part of the part, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<S, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        S: ?Sized,
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(OwnedMappedMutexGuard { data, held: this.held }),
            None => Err(this),
        }
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the one permit is this guard's until it is dropped, and the mutex, which owns the memory, is borrowed
        // until then. Test: `lock_storm`.
        unsafe { &*self.held.gate().value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively. Test: `lock_storm`.
        unsafe { &mut *self.held.gate().value.get() }
    }
}

impl<T: ?Sized> Deref for OwnedMutexGuard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the one permit is this guard's until it is dropped, and the mutex, which owns the memory, is counted
        // until then. Test: `guards_of_parts_unlock_once`.
        unsafe { &*self.held.gate().value.get() }
    }
}

impl<T: ?Sized> DerefMut for OwnedMutexGuard<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the guard is borrowed exclusively. Test: `guards_of_parts_unlock_once`.
        unsafe { &mut *self.held.gate().value.get() }
    }
}

written_by_pointer! {
    [T: ?Sized] MappedMutexGuard<'_, T>, T;
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, U;
}

shown_as_its_value! {
    [T: ?Sized] MutexGuard<'_, T>, T;
    [T: ?Sized] OwnedMutexGuard<T>, T;
    [T: ?Sized] MappedMutexGuard<'_, T>, T;
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>, U;
}
