//! The guards of a writer: of the value, or of a part of it.

use std::marker::PhantomData;

use super::*;
use crate::sync::held::{shown_as_its_value, written_by_pointer};

/// The lock is held for writing for as long as this lives.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    data: *mut T,
    held: HeldAll<&'a Shared>,
    _lent: PhantomData<&'a mut T>,
}

/// A guard that lets only a part of the locked value be seen and changed.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    data: *mut T,
    held: HeldAll<&'a Shared>,
    _lent: PhantomData<&'a mut T>,
}

// SAFETY: the guard is an exclusive borrow of the value, which it can downgrade to a shared one. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockWriteGuard<'_, T> {}
// SAFETY: a shared guard shares the value and gives nothing else. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockWriteGuard<'_, T> {}
// SAFETY: the guard is an exclusive borrow of what it shows. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Send for RwLockMappedWriteGuard<'_, T> {}
// SAFETY: a shared guard shares what it shows and gives nothing else. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockMappedWriteGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// `data` lies in the value of the lock that is held.
    pub(super) const fn new(data: *mut T, held: HeldAll<&'a Shared>) -> RwLockWriteGuard<'a, T> {
        RwLockWriteGuard { data, held, _lent: PhantomData }
    }

    /// A guard of a part of the value. To be called as `RwLockWriteGuard::map(guard, ..)`, so as not to hide a method of the
    /// value.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = std::ptr::from_mut(f(&mut this));
        RwLockMappedWriteGuard::new(data, this.held)
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(mut this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(RwLockMappedWriteGuard::new(data, this.held)),
            None => Err(this),
        }
    }

    /// A reader's guard of a part of the value. No writer comes in between.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let data = std::ptr::from_ref(f(&this));
        RwLockReadGuard::new(data, this.held.downgrade())
    }

    /// A reader's guard of a part of the value, if there is one. No writer comes in between.
    ///
    /// # Errors
    /// The writer's guard, if `f` gives `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&this).map(std::ptr::from_ref) {
            Some(data) => Ok(RwLockReadGuard::new(data, this.held.downgrade())),
            None => Err(this),
        }
    }

    /// The same guard as one of a part, which is the whole.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard::new(this.data, this.held)
    }

    /// A reader's guard: others may read at once, and no writer comes in between.
    ///
    /// ```
    /// # use runtime_core as runtime;
    /// let lock = runtime::sync::RwLock::new(1);
    /// let mut writer = lock.try_write().unwrap();
    /// *writer += 1;
    /// let reader = writer.downgrade();
    /// assert_eq!(*reader + *lock.try_read().unwrap(), 4);
    /// ```
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard::new(self.data, self.held.downgrade())
    }
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// `data` lies in the value of the lock that is held.
    const fn new(data: *mut T, held: HeldAll<&'a Shared>) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard { data, held, _lent: PhantomData }
    }

    /// A guard of a part of the part.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = std::ptr::from_mut(f(&mut this));
        RwLockMappedWriteGuard::new(data, this.held)
    }

    /// A guard of a part of the part, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(mut this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(RwLockMappedWriteGuard::new(data, this.held)),
            None => Err(this),
        }
    }
}

written_by_pointer! {
    [T: ?Sized] RwLockWriteGuard<'_, T>, T;
    [T: ?Sized] RwLockMappedWriteGuard<'_, T>, T;
}

shown_as_its_value! {
    [T: ?Sized] RwLockWriteGuard<'_, T>, T;
    [T: ?Sized] RwLockMappedWriteGuard<'_, T>, T;
}
