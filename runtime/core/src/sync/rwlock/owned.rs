//! Guards that hold the `Arc` of their lock instead of a borrow.

use super::*;
use crate::sync::held::{dereferenced_by_pointer, shown_as_its_value, written_by_pointer};

/// As [`RwLockReadGuard`], holding the `Arc` of the lock: it may go wherever `'static` is asked for.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) data: *const U,
    pub(super) held: Held<Arc<RwLock<T>>>,
}

/// As [`RwLockWriteGuard`], holding the `Arc` of the lock.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    pub(super) data: *mut T,
    pub(super) held: HeldAll<Arc<RwLock<T>>>,
}

/// As [`RwLockMappedWriteGuard`], holding the `Arc` of the lock.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    data: *mut U,
    held: HeldAll<Arc<RwLock<T>>>,
}

// SAFETY: the guard is a shared borrow of what it shows; dropped as the last owner of the lock, it drops the value, so that
// must be Send too. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Send for OwnedRwLockReadGuard<T, U> {}
// SAFETY: a shared guard shares what it shows, and its `Arc`. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockReadGuard<T, U> {}
// SAFETY: the guard is an exclusive borrow of the value, may downgrade to a shared one, and may be its last owner. Test:
// `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Send for OwnedRwLockWriteGuard<T> {}
// SAFETY: a shared guard shares the value, and its `Arc`. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Sync for OwnedRwLockWriteGuard<T> {}
// SAFETY: the guard is an exclusive borrow of what it shows and may be the last owner of the whole. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Send for OwnedRwLockMappedWriteGuard<T, U> {}
// SAFETY: a shared guard shares what it shows, and its `Arc`. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockMappedWriteGuard<T, U> {}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// A guard of a part of what this one shows.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        let data = std::ptr::from_ref(f(&this));
        OwnedRwLockReadGuard { data, held: this.held }
    }

    /// A guard of a part of what this one shows, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        match f(&this).map(std::ptr::from_ref) {
            Some(data) => Ok(OwnedRwLockReadGuard { data, held: this.held }),
            None => Err(this),
        }
    }

    /// The lock that is held.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.held.gate()
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// A guard of a part of the value.
    pub fn map<F, U: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        let data = std::ptr::from_mut(f(&mut this));
        OwnedRwLockMappedWriteGuard { data, held: this.held }
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(mut this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(OwnedRwLockMappedWriteGuard { data, held: this.held }),
            None => Err(this),
        }
    }

    /// A reader's guard of a part of the value. No writer comes in between.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let data = std::ptr::from_ref(f(&this));
        OwnedRwLockReadGuard { data, held: this.held.downgrade() }
    }

    /// A reader's guard of a part of the value, if there is one. No writer comes in between.
    ///
    /// # Errors
    /// The writer's guard, if `f` gives `None`.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&this).map(std::ptr::from_ref) {
            Some(data) => Ok(OwnedRwLockReadGuard { data, held: this.held.downgrade() }),
            None => Err(this),
        }
    }

    /// The same guard as one of a part, which is the whole.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        OwnedRwLockMappedWriteGuard { data: this.data, held: this.held }
    }

    /// A reader's guard: others may read at once, and no writer comes in between.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        OwnedRwLockReadGuard { data: self.data, held: self.held.downgrade() }
    }

    /// The lock that is held.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.held.gate()
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// A guard of a part of the part.
    pub fn map<F, V: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        let data = std::ptr::from_mut(f(&mut this));
        OwnedRwLockMappedWriteGuard { data, held: this.held }
    }

    /// A guard of a part of the part, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<F, V: ?Sized>(mut this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        match f(&mut this).map(std::ptr::from_mut) {
            Some(data) => Ok(OwnedRwLockMappedWriteGuard { data, held: this.held }),
            None => Err(this),
        }
    }

    /// The lock that is held.
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        this.held.gate()
    }
}

dereferenced_by_pointer! { [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, U; }

written_by_pointer! {
    [T: ?Sized] OwnedRwLockWriteGuard<T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U;
}

shown_as_its_value! {
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>, U;
    [T: ?Sized] OwnedRwLockWriteGuard<T>, T;
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>, U;
}
