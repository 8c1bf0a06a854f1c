//! The guard of a reader that borrows the lock.

use super::{Lease, Permits, Shared, transparent};

/// Reading the value of a [`RwLock`](super::RwLock) that is borrowed, or a part of it, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) value: Shared<T>,
    pub(super) lease: Lease<&'a Permits>,
}

transparent!(['a, T: ?Sized] RwLockReadGuard<'a, T> => T);

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    /// Reading a part of the value.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        RwLockReadGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Reading a part of the value.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let RwLockReadGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(RwLockReadGuard { value, lease }),
            Err(value) => Err(RwLockReadGuard { value, lease }),
        }
    }
}
