//! The guard of a reader.

use std::marker::PhantomData;

use super::*;
use crate::sync::held::{dereferenced_by_pointer, shown_as_its_value};

/// The lock is held for reading for as long as this lives.
#[must_use = "dropped at once, it unlocks at once"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    data: *const T,
    held: Held<&'a Shared>,
    _lent: PhantomData<&'a T>,
}

// SAFETY: the guard is a shared borrow of what it shows and gives nothing else. Test: `sync_auto_traits`.
unsafe impl<T: ?Sized + Sync> Send for RwLockReadGuard<'_, T> {}
// SAFETY: as for Send. It could do without `T: Send`; tokio's cannot, and code must not come to depend on it. Test:
// `sync_auto_traits`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLockReadGuard<'_, T> {}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// `data` lies in the value of the lock that is held.
    pub(super) const fn new(data: *const T, held: Held<&'a Shared>) -> RwLockReadGuard<'a, T> {
        RwLockReadGuard { data, held, _lent: PhantomData }
    }

    /// A guard of a part of the value. To be called as `RwLockReadGuard::map(guard, ..)`, so as not to hide a method of the
    /// value.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let data = std::ptr::from_ref(f(&this));
        RwLockReadGuard::new(data, this.held)
    }

    /// A guard of a part of the value, if there is one.
    ///
    /// # Errors
    /// The guard, if `f` gives `None`.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        match f(&this).map(std::ptr::from_ref) {
            Some(data) => Ok(RwLockReadGuard::new(data, this.held)),
            None => Err(this),
        }
    }
}

dereferenced_by_pointer! { [T: ?Sized] RwLockReadGuard<'_, T>, T; }
shown_as_its_value! { [T: ?Sized] RwLockReadGuard<'_, T>, T; }
