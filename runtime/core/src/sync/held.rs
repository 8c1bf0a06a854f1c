//! What a guard holds: permits of a lock, which go back when it is dropped.
//!
//! Guards have no destructor of their own. So they can be taken apart and put together as guards of another kind, and a
//! panic on the way unlocks.

use std::{
    fmt,
    mem::{self, ManuallyDrop},
    ops::Deref,
    ptr,
};

use super::batch_semaphore::Semaphore;

/// Something that is locked by permits.
pub(super) trait Gate {
    /// Where the permits come from.
    fn permits(&self) -> &Semaphore;

    /// How many make the holder the only one.
    fn all(&self) -> usize {
        1
    }
}

impl Gate for Semaphore {
    fn permits(&self) -> &Semaphore {
        self
    }
}

/// One permit.
pub(super) struct Held<P: Deref<Target: Gate>>(P);

impl<P: Deref<Target: Gate>> Held<P> {
    /// The caller has taken the permit.
    pub(super) const fn new(gate: P) -> Held<P> {
        Held(gate)
    }

    pub(super) const fn gate(&self) -> &P {
        &self.0
    }
}

impl<'a, G: Gate + ?Sized> Held<&'a G> {
    /// The same permit, without the name of what it locks.
    pub(super) fn erased(self) -> Held<&'a Semaphore> {
        let erased = Held(self.0.permits());
        mem::forget(self);
        erased
    }
}

impl<P: Deref<Target: Gate>> Drop for Held<P> {
    fn drop(&mut self) {
        self.0.permits().release(1);
    }
}

/// Every permit that there is.
pub(super) struct HeldAll<P: Deref<Target: Gate>>(P);

impl<P: Deref<Target: Gate>> HeldAll<P> {
    /// The caller has taken the permits.
    pub(super) const fn new(gate: P) -> HeldAll<P> {
        HeldAll(gate)
    }

    pub(super) const fn gate(&self) -> &P {
        &self.0
    }

    /// Keeps one, with nobody in between.
    pub(super) fn downgrade(self) -> Held<P> {
        let all = ManuallyDrop::new(self);
        // SAFETY: the pointer to the lock is moved out of a value that is never used or dropped again. The lock's memory is
        // its owner's, who is borrowed, or counted, by the pointer that lives on. Test: `a_downgraded_guard_lets_readers_in`.
        let held = Held(unsafe { ptr::read(&all.0) });
        held.0.permits().release(held.0.all() - 1);
        held
    }
}

impl<P: Deref<Target: Gate>> Drop for HeldAll<P> {
    fn drop(&mut self) {
        self.0.permits().release(self.0.all());
    }
}

/// A lock that could not be had without waiting.
#[derive(Debug)]
pub struct TryLockError(pub(super) ());

impl fmt::Display for TryLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("operation would block")
    }
}

impl std::error::Error for TryLockError {}

/// A guard is shown as its value.
macro_rules! shown_as_its_value {
    ($([$($generics:tt)*] $guard:ty, $value:ident;)+) => { $(
        impl<$($generics)*> std::fmt::Debug for $guard where $value: std::fmt::Debug {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<$($generics)*> std::fmt::Display for $guard where $value: std::fmt::Display {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                (**self).fmt(f)
            }
        }
    )+ };
}
pub(super) use shown_as_its_value;

/// Dereferences by a pointer field `data`.
macro_rules! dereferenced_by_pointer {
    ($([$($generics:tt)*] $guard:ty, $value:ident;)+) => { $(
        impl<$($generics)*> std::ops::Deref for $guard {
            type Target = $value;

            fn deref(&self) -> &$value {
                // SAFETY: the pointer came from a reference into the value of the lock, which its owner keeps as long as
                // the guard borrows or counts it; the permits keep others from writing until the guard is dropped. Test:
                // `guards_of_parts_unlock_once` of the lock.
                unsafe { &*self.data }
            }
        }
    )+ };
}
pub(super) use dereferenced_by_pointer;

/// Dereferences by a pointer field `data`, also for writing: only for guards that are alone.
macro_rules! written_by_pointer {
    ($([$($generics:tt)*] $guard:ty, $value:ident;)+) => { $(
        $crate::sync::held::dereferenced_by_pointer! { [$($generics)*] $guard, $value; }

        impl<$($generics)*> std::ops::DerefMut for $guard {
            fn deref_mut(&mut self) -> &mut $value {
                // SAFETY: as for `deref`; the permits of this guard keep others from reading too, the pointer came from an
                // exclusive reference, and the guard is borrowed exclusively. Test: `guards_of_parts_unlock_once` of the
                // lock.
                unsafe { &mut *self.data }
            }
        }
    )+ };
}
pub(super) use written_by_pointer;
