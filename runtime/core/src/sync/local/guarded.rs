//! What lies behind a lock, and who may touch it: the folder's unsafe code.
//!
//! A lock is permits and a value. A guard is a [`Lease`] of permits and, beside it, a pointer to the value or to a part
//! of it. Guards are plain structs of these two without a `Drop` of their own, so that they can be taken apart and put
//! together again by `map` and `downgrade`. A guard that owns its lock cannot hold a reference into it, hence pointers.

use std::{
    cell::UnsafeCell,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    ptr::NonNull,
    rc::Rc,
};

use super::permits::Permits;

/// Something that has permits; it stays where it is, borrowed or owned, as long as this lives.
pub(super) trait HasPermits {
    fn permits(&self) -> &Permits;
}

impl HasPermits for &Permits {
    #[inline]
    fn permits(&self) -> &Permits {
        self
    }
}

impl<L: HasPermits + ?Sized> HasPermits for &L {
    #[inline]
    fn permits(&self) -> &Permits {
        (**self).permits()
    }
}

impl<L: HasPermits + ?Sized> HasPermits for Rc<L> {
    #[inline]
    fn permits(&self) -> &Permits {
        (**self).permits()
    }
}

/// Permits that go back when this is dropped. The wakes that follow are user code.
#[derive(Debug)]
pub(super) struct Lease<L: HasPermits> {
    lock: L,
    count: usize,
}

impl<L: HasPermits> Lease<L> {
    /// Of permits that have been acquired.
    #[inline]
    pub(super) fn new(lock: L, count: usize) -> Lease<L> {
        Lease { lock, count }
    }

    pub(super) fn lock(&self) -> &L {
        &self.lock
    }

    /// Gives back all but `count`.
    pub(super) fn keep(&mut self, count: usize) {
        let less = self.count - count;
        self.count = count;
        self.lock.permits().release(less);
    }
}

impl<'a, L: HasPermits + ?Sized> Lease<&'a L> {
    /// The same lease, of a lock whose type is forgotten.
    pub(super) fn erase(self) -> Lease<&'a Permits> {
        let erased = Lease { lock: self.lock.permits(), count: self.count };
        std::mem::forget(self);
        erased
    }
}

impl<L: HasPermits> Drop for Lease<L> {
    #[inline]
    fn drop(&mut self) {
        self.lock.permits().release(self.count);
    }
}

/// The value behind a lock.
#[derive(Debug, Default)]
pub(super) struct Guarded<T: ?Sized>(UnsafeCell<T>);

/// A value that is nobody else's.
#[derive(Debug)]
pub(super) struct Exclusive<T: ?Sized> {
    pointer: NonNull<T>,
    invariant: PhantomData<*mut T>,
}

/// A value that is not written to.
#[derive(Debug)]
pub(super) struct Shared<T: ?Sized> {
    pointer: NonNull<T>,
    reads: PhantomData<*const T>,
}

impl<T> Guarded<T> {
    pub(super) const fn new(value: T) -> Guarded<T> {
        Guarded(UnsafeCell::new(value))
    }

    pub(super) fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Guarded<T> {
    pub(super) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    fn pointer(&self) -> NonNull<T> {
        NonNull::new(self.0.get()).expect("the address of a field is not null")
    }

    /// # Safety
    /// The caller holds all permits of the lock, and until it releases one of them: keeps the lock alive, makes no other
    /// pointer to this value, and keeps what is returned, which it drops or makes shared before. The lock has one value.
    pub(super) unsafe fn exclusive(&self) -> Exclusive<T> {
        Exclusive { pointer: self.pointer(), invariant: PhantomData }
    }

    /// # Safety
    /// The caller holds a permit of the lock, and until it releases it: keeps the lock alive, and keeps what is returned.
    /// The lock gives out `exclusive` only for all permits.
    pub(super) unsafe fn shared(&self) -> Shared<T> {
        Shared { pointer: self.pointer(), reads: PhantomData }
    }
}

impl<T: ?Sized> Exclusive<T> {
    /// A part of it.
    pub(super) fn map<U: ?Sized>(mut self, f: impl FnOnce(&mut T) -> &mut U) -> Exclusive<U> {
        Exclusive { pointer: NonNull::from(f(&mut self)), invariant: PhantomData }
    }

    /// A part of it, or itself.
    pub(super) fn try_map<U: ?Sized>(
        mut self,
        f: impl FnOnce(&mut T) -> Option<&mut U>,
    ) -> Result<Exclusive<U>, Exclusive<T>> {
        match f(&mut self).map(NonNull::from) {
            Some(pointer) => Ok(Exclusive { pointer, invariant: PhantomData }),
            None => Err(self),
        }
    }

    /// From now on it is only read.
    pub(super) fn share(self) -> Shared<T> {
        Shared { pointer: self.pointer, reads: PhantomData }
    }

    /// A part of it that is only read from now on, or itself.
    pub(super) fn try_share<U: ?Sized>(self, f: impl FnOnce(&T) -> Option<&U>) -> Result<Shared<U>, Exclusive<T>> {
        match f(&self).map(NonNull::from) {
            Some(pointer) => Ok(Shared { pointer, reads: PhantomData }),
            None => Err(self),
        }
    }
}

impl<T: ?Sized> Shared<T> {
    /// A part of it.
    pub(super) fn map<U: ?Sized>(self, f: impl FnOnce(&T) -> &U) -> Shared<U> {
        Shared { pointer: NonNull::from(f(&self)), reads: PhantomData }
    }

    /// A part of it, or itself.
    pub(super) fn try_map<U: ?Sized>(self, f: impl FnOnce(&T) -> Option<&U>) -> Result<Shared<U>, Shared<T>> {
        match f(&self).map(NonNull::from) {
            Some(pointer) => Ok(Shared { pointer, reads: PhantomData }),
            None => Err(self),
        }
    }
}

impl<T: ?Sized> Deref for Exclusive<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock owns the memory, which the guard keeps until its lease has ended; the guard that holds this
        // holds all permits, so there is no other pointer in use. Test: mutex::tests::one_holder_at_a_time_in_order.
        unsafe { self.pointer.as_ref() }
    }
}

impl<T: ?Sized> DerefMut for Exclusive<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`, and the borrow of self is exclusive too.
        // Test: mutex::tests::one_holder_at_a_time_in_order.
        unsafe { self.pointer.as_mut() }
    }
}

impl<T: ?Sized> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the lock owns the memory, which the guard keeps until its lease has ended; while a permit is out nobody
        // has all of them, so nobody writes. Test: rwlock::tests::readers_share_and_a_writer_is_alone.
        unsafe { self.pointer.as_ref() }
    }
}

/// `Deref` and formatting as the value behind it; with `mut`, `DerefMut` too.
macro_rules! transparent {
    ([$($generics:tt)*] $guard:ty => $target:ident mut) => {
        transparent!([$($generics)*] $guard => $target);

        impl<$($generics)*> std::ops::DerefMut for $guard {
            #[inline]
            fn deref_mut(&mut self) -> &mut $target {
                &mut self.value
            }
        }
    };
    ([$($generics:tt)*] $guard:ty => $target:ident) => {
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $target;

            #[inline]
            fn deref(&self) -> &$target {
                &self.value
            }
        }

        impl<$($generics)*> std::fmt::Debug for $guard
        where
            $target: std::fmt::Debug,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard
        where
            $target: std::fmt::Display,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&**self, f)
            }
        }
    };
}

pub(super) use transparent;
