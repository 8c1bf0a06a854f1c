//! The guards that own the lock.

use std::rc::Rc;

use super::{Exclusive, Lease, RwLock, Shared, transparent};

/// Reading the value of a [`RwLock`] that is owned, or a part of it, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    pub(super) value: Shared<U>,
    pub(super) lease: Lease<Rc<RwLock<T>>>,
}

/// Changing the value of a [`RwLock`] that is owned, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    pub(super) value: Exclusive<T>,
    pub(super) lease: Lease<Rc<RwLock<T>>>,
}

/// Changing a part of the value of a [`RwLock`] that is owned, until it is dropped.
#[clippy::has_significant_drop]
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    value: Exclusive<U>,
    lease: Lease<Rc<RwLock<T>>>,
}

transparent!([T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U> => U);
transparent!([T: ?Sized] OwnedRwLockWriteGuard<T> => T mut);
transparent!([T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U> => U mut);

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// Reading a part of the value.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V>
    where
        F: FnOnce(&U) -> &V,
    {
        OwnedRwLockReadGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Reading a part of the value.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        let OwnedRwLockReadGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(OwnedRwLockReadGuard { value, lease }),
            Err(value) => Err(OwnedRwLockReadGuard { value, lease }),
        }
    }

    /// Whose value it is.
    pub fn rwlock(this: &Self) -> &Rc<RwLock<T>> {
        this.lease.lock()
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    /// Changing a part of the value.
    pub fn map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U>
    where
        F: FnOnce(&mut T) -> &mut U,
    {
        OwnedRwLockMappedWriteGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Changing a part of the value.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let OwnedRwLockWriteGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(OwnedRwLockMappedWriteGuard { value, lease }),
            Err(value) => Err(OwnedRwLockWriteGuard { value, lease }),
        }
    }

    /// The same, as a guard of a part.
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        OwnedRwLockMappedWriteGuard { value: this.value, lease: this.lease }
    }

    /// From now on only reads. No writer comes between; readers who wait before the next writer come in.
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        let mut guard = OwnedRwLockReadGuard { value: self.value.share(), lease: self.lease };
        guard.lease.keep(1);
        guard
    }

    /// As [`downgrade`](OwnedRwLockWriteGuard::downgrade), for a part of the value. `f` runs while nobody else has access.
    pub fn downgrade_map<F, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U>
    where
        F: FnOnce(&T) -> &U,
    {
        let mut guard = OwnedRwLockReadGuard { value: this.value.share().map(f), lease: this.lease };
        guard.lease.keep(1);
        guard
    }

    /// As [`downgrade_map`](OwnedRwLockWriteGuard::downgrade_map).
    ///
    /// # Errors
    /// The guard, still of a writer, if there is no such part.
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let OwnedRwLockWriteGuard { value, lease } = this;
        match value.try_share(f) {
            Ok(value) => {
                let mut guard = OwnedRwLockReadGuard { value, lease };
                guard.lease.keep(1);
                Ok(guard)
            }
            Err(value) => Err(OwnedRwLockWriteGuard { value, lease }),
        }
    }

    /// Whose value it is.
    pub fn rwlock(this: &Self) -> &Rc<RwLock<T>> {
        this.lease.lock()
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// Changing a part of the part.
    pub fn map<F, V: ?Sized>(this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V>
    where
        F: FnOnce(&mut U) -> &mut V,
    {
        OwnedRwLockMappedWriteGuard { value: this.value.map(f), lease: this.lease }
    }

    /// Changing a part of the part.
    ///
    /// # Errors
    /// The guard, if there is no such part.
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        let OwnedRwLockMappedWriteGuard { value, lease } = this;
        match value.try_map(f) {
            Ok(value) => Ok(OwnedRwLockMappedWriteGuard { value, lease }),
            Err(value) => Err(OwnedRwLockMappedWriteGuard { value, lease }),
        }
    }

    /// Whose value it is.
    pub fn rwlock(this: &Self) -> &Rc<RwLock<T>> {
        this.lease.lock()
    }
}
