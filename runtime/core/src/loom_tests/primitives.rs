//! The types of `primitives`, as loom has them.

use std::{
    alloc::Layout,
    cell::RefCell,
    collections::VecDeque,
    ops::Deref,
    sync::{LockResult, Mutex as StdMutex, OnceLock},
    thread::Result,
    time::Duration,
};

pub(crate) use loom::{
    cell::{Cell, UnsafeCell},
    hint,
    sync::{Arc, Mutex, MutexGuard, atomic},
    thread,
};

pub(crate) use super::time::Instant;

/// loom's, which does not know `const` blocks.
macro_rules! thread_locals {
    ($(static $name:ident: $type:ty = const $first:block $(;)?)+) => {
        loom::thread_local! { $(static $name: $type = $first;)+ }
    };
}
pub(crate) use thread_locals as thread_local;

/// A model that fails panics, perhaps in a task: that is not caught as the task's result.
pub(crate) fn catch_unwind<R>(user_code: impl FnOnce() -> R) -> Result<R> {
    Ok(user_code())
}

/// Made by loom when first used; and that store is the one that other threads find first. So a model uses such a value
/// before it starts the threads that share it.
pub(crate) mod late {
    use super::*;

    #[derive(Debug)]
    pub(crate) struct AtomicUsize {
        first: usize,
        made: OnceLock<atomic::AtomicUsize>,
    }

    impl AtomicUsize {
        pub(crate) const fn new(first: usize) -> AtomicUsize {
            AtomicUsize { first, made: OnceLock::new() }
        }
    }

    impl Deref for AtomicUsize {
        type Target = atomic::AtomicUsize;

        fn deref(&self) -> &atomic::AtomicUsize {
            self.made.get_or_init(|| atomic::AtomicUsize::new(self.first))
        }
    }

    #[derive(Debug)]
    pub(crate) struct Mutex<T> {
        first: StdMutex<Option<T>>,
        made: OnceLock<super::Mutex<T>>,
    }

    impl<T> Mutex<T> {
        pub(crate) const fn new(first: T) -> Mutex<T> {
            Mutex { first: StdMutex::new(Some(first)), made: OnceLock::new() }
        }
    }

    impl<T> Deref for Mutex<T> {
        type Target = super::Mutex<T>;

        fn deref(&self) -> &super::Mutex<T> {
            let first = || self.first.lock().unwrap().take().expect("made once");
            self.made.get_or_init(|| super::Mutex::new(first()))
        }
    }
}

/// loom takes `SeqCst` for `AcqRel`, except in fences: so there is one on both sides of each such access.
pub(crate) mod sequential {
    use super::atomic::{
        self, Ordering,
        Ordering::{Relaxed, SeqCst},
        fence,
    };

    fn fenced<R>(order: Ordering, access: impl FnOnce() -> R) -> R {
        if order == SeqCst {
            fence(SeqCst);
        }
        let result = access();
        if order == SeqCst {
            fence(SeqCst);
        }
        result
    }

    macro_rules! sequential {
        ($($name:ident: $value:ty),+) => {$(
            #[derive(Debug)]
            pub(crate) struct $name(atomic::$name);

            #[allow(dead_code, reason = "all of them have all")]
            impl $name {
                pub(crate) fn new(value: $value) -> $name {
                    $name(atomic::$name::new(value))
                }

                pub(crate) fn load(&self, order: Ordering) -> $value {
                    fenced(order, || self.0.load(order))
                }

                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    fenced(order, || self.0.store(value, order));
                }

                pub(crate) fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    order: Ordering,
                    failed: Ordering,
                ) -> Result<$value, $value> {
                    fenced(order, || self.0.compare_exchange(current, new, order, failed))
                }

                pub(crate) fn compare_exchange_weak(
                    &self,
                    current: $value,
                    new: $value,
                    order: Ordering,
                    failed: Ordering,
                ) -> Result<$value, $value> {
                    self.compare_exchange(current, new, order, failed)
                }

                pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                    fenced(order, || self.0.fetch_or(value, order))
                }
            }
        )+};
    }

    sequential!(AtomicBool: bool, AtomicU8: u8, AtomicUsize: usize);

    impl AtomicUsize {
        pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
            fenced(order, || self.0.fetch_add(value, order))
        }

        pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
            fenced(order, || self.0.fetch_sub(value, order))
        }

        pub(crate) fn fetch_update(
            &self,
            order: Ordering,
            fetch: Ordering,
            next: impl FnMut(usize) -> Option<usize>,
        ) -> Result<usize, usize> {
            debug_assert!(order != SeqCst && fetch != SeqCst && Relaxed != SeqCst);
            self.0.fetch_update(order, fetch, next)
        }
    }
}

/// loom's, whose waits last until they are notified: a model that lets time pass has to do that, too.
#[derive(Debug, Default)]
pub(crate) struct Condvar(loom::sync::Condvar);

pub(crate) struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    pub(crate) fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    pub(crate) fn new() -> Condvar {
        Condvar::default()
    }

    pub(crate) fn wait_timeout_while<'a, T>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let until = Instant::now() + limit;
        while condition(&mut guard) {
            if Instant::now() >= until {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            guard = self.0.wait(guard).unwrap();
        }
        Ok((guard, WaitTimeoutResult(false)))
    }
}

impl Deref for Condvar {
    type Target = loom::sync::Condvar;

    fn deref(&self) -> &loom::sync::Condvar {
        &self.0
    }
}

std::thread_local! {
    /// Of this test's tasks, those that have not been freed. (A model runs on one thread of the system.)
    static LIVE: std::cell::Cell<isize> = const { std::cell::Cell::new(0) };
    /// Memory that counts as freed, kept for a while, so that a use after the free finds what it can be recognised by.
    static FREED: RefCell<VecDeque<(*mut u8, Layout)>> = const { RefCell::new(VecDeque::new()) };
}

/// Allocations of this test's that have begun and not ended.
pub(super) fn live_allocations() -> isize {
    LIVE.get()
}

/// True until [`end`](Alive::end), which must come after all uses, and not only in time.
pub(crate) struct Alive(UnsafeCell<bool>);

impl Alive {
    pub(crate) fn new() -> Alive {
        LIVE.set(LIVE.get() + 1);
        Alive(UnsafeCell::new(true))
    }

    #[track_caller]
    pub(crate) fn touch(&self) {
        // SAFETY: `free` keeps the memory.
        self.0.with(|alive| assert!(unsafe { *alive }, "used after it was freed"));
    }

    #[track_caller]
    pub(crate) fn end(&self) {
        // SAFETY: as above.
        let was_alive = self.0.with_mut(|alive| std::mem::replace(unsafe { &mut *alive }, false));
        assert!(was_alive, "freed twice");
        LIVE.set(LIVE.get() - 1);
    }
}

/// # Safety
/// As for [`Box::from_raw`].
pub(crate) unsafe fn free<T>(memory: *mut T) {
    // SAFETY: the caller's promise: the value is dropped here, its memory remains for a while without one.
    unsafe { std::ptr::drop_in_place(memory) };
    let oldest = FREED.with_borrow_mut(|all| {
        all.push_back((memory.cast(), Layout::new::<T>()));
        if all.len() > 100 { all.pop_front() } else { None }
    });
    if let Some((memory, layout)) = oldest {
        // SAFETY: it was a box of this layout, and nobody has used it for a long time.
        unsafe { std::alloc::dealloc(memory, layout) };
    }
}
