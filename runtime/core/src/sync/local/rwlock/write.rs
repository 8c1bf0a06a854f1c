//! The guards of a writer that borrows the lock.

use super::{Exclusive, Lease, Permits, RwLockReadGuard, transparent};

/// Changing the value of a [`RwLock`](super::RwLock) that is borrowed, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) value: Exclusive<T>,
    pub(super) lease: Lease<&'a Permits>,
}

/// Changing a part of the value of a [`RwLock`](super::RwLock) that is borrowed, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    value: Exclusive<T>,
    lease: Lease<&'a Permits>,
}

transparent!(['a, T: ?Sized] RwLockWriteGuard<'a, T> => T mut);
transparent!(['a, T: ?Sized] RwLockMappedWriteGuard<'a, T> => T mut);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Changing a part of the value.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        RwLockMappedWriteGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Changing a part of the value.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let RwLockWriteGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(RwLockMappedWriteGuard { value, lease }),
            Err(value) => Err(RwLockWriteGuard { value, lease }),
        }
    }

    /// The same, as a guard of a part.
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        RwLockMappedWriteGuard { value: this.value, lease: this.lease }
    }

    /// From now on only reads. No writer comes between; readers who wait before the next writer come in.
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let mut guard = RwLockReadGuard { value: self.value.share(), lease: self.lease };
        guard.lease.keep(1);
        guard
    }

    /// As [`downgrade`](RwLockWriteGuard::downgrade), for a part of the value. `f` runs while nobody else has access.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let mut guard = RwLockReadGuard { value: this.value.share().map(f), lease: this.lease };
        guard.lease.keep(1);
        guard
    }

    /// As [`downgrade_map`](RwLockWriteGuard::downgrade_map).
    ///
    /// # Errors
    /// The guard, still of a writer, if there is no such part.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let RwLockWriteGuard { value, lease } = this;
        match value.try_share(f) {
            Ok(value) => {
                let mut guard = RwLockReadGuard { value, lease };
                guard.lease.keep(1);
                Ok(guard)
            }
            Err(value) => Err(RwLockWriteGuard { value, lease }),
        }
    }
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// Changing a part of the part.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        RwLockMappedWriteGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Changing a part of the part.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let RwLockMappedWriteGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(RwLockMappedWriteGuard { value, lease }),
            Err(value) => Err(RwLockMappedWriteGuard { value, lease }),
        }
    }
}
