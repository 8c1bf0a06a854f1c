//! What threads share data through: std's types, or loom's in the models of `loom_tests`.
//!
//! Modules that pass memory between threads take their atomics, locks, cells and thread locals from here. Without
//! `--cfg loom` these are std's own, or wrappers that compile to nothing.

#[cfg(all(test, loom))]
pub(crate) use crate::loom_tests::primitives::*;
#[cfg(not(all(test, loom)))]
pub(crate) use real::*;

#[cfg(not(all(test, loom)))]
mod real {
    pub(crate) use std::{
        cell::Cell,
        hint,
        panic::catch_unwind,
        sync::{Arc, Condvar, Mutex, MutexGuard, atomic},
        thread, thread_local,
        time::Instant,
    };

    /// What a `const fn` can make; loom's types cannot be made there.
    pub(crate) mod late {
        pub(crate) use std::sync::{Mutex, atomic::AtomicUsize};
    }

    /// Atomics whose accesses may be `SeqCst`, which loom's own take for less.
    pub(crate) mod sequential {
        pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize};
    }

    /// A cell whose accesses have an end, so that loom can tell which of them overlap.
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        #[inline(always)]
        pub(crate) const fn new(value: T) -> UnsafeCell<T> {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        /// For reading.
        #[inline(always)]
        pub(crate) fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
            access(self.0.get())
        }

        /// For writing.
        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
            access(self.0.get())
        }
    }

    /// Part of an allocation that is counted by hand. In models it notices whatever comes after the end, or beside it.
    pub(crate) struct Alive;

    impl Alive {
        #[inline(always)]
        pub(crate) const fn new() -> Alive {
            Alive
        }

        /// The memory is being used.
        #[inline(always)]
        pub(crate) fn touch(&self) {}

        /// The memory is about to be freed.
        #[inline(always)]
        pub(crate) fn end(&self) {}
    }

    /// # Safety
    /// As for [`Box::from_raw`].
    #[inline(always)]
    pub(crate) unsafe fn free<T>(memory: *mut T) {
        // SAFETY: the caller's promise: its memory, and not used again. Test: clone_and_drop_storm.
        drop(unsafe { Box::from_raw(memory) });
    }
}
