//! The place in a task for the waker of whoever awaits it.

use std::{
    ptr,
    task::{RawWakerVTable, Waker},
};

use crate::primitives::atomic::{AtomicPtr, Ordering::Relaxed};

/// Room for one waker; whether one is in it, the state knows. Two atomic words, so that a look that comes at the wrong time gives
/// words which mean nothing, and no more harm: the owner looks before the step that says whether it may.
pub(super) struct JoinWakerSlot {
    data: AtomicPtr<()>,
    vtable: AtomicPtr<RawWakerVTable>,
}

/// What was in a slot: a waker, if the state says so.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    data: *mut (),
    vtable: *mut RawWakerVTable,
}

impl JoinWakerSlot {
    #[inline]
    pub(super) fn new() -> JoinWakerSlot {
        JoinWakerSlot { data: AtomicPtr::new(ptr::null_mut()), vtable: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Writes over what was in it, without a drop.
    #[inline]
    pub(super) fn put(&self, waker: Waker) {
        self.data.store(waker.data().cast_mut(), Relaxed);
        self.vtable.store(ptr::from_ref(waker.vtable()).cast_mut(), Relaxed);
        // It is in the slot now.
        std::mem::forget(waker);
    }

    #[inline]
    pub(super) fn look(&self) -> Seen {
        Seen { data: self.data.load(Relaxed), vtable: self.vtable.load(Relaxed) }
    }

    /// True if what is in it is the same as this waker. The words stay when a waker is taken out.
    #[inline]
    pub(super) fn will_wake(&self, waker: &Waker) -> bool {
        let Seen { data, vtable } = self.look();
        ptr::eq(data, waker.data()) && ptr::eq(vtable, waker.vtable())
    }
}

impl Seen {
    /// # Safety
    /// It was seen while a waker was in the slot, which is the caller's to take, and is taken once.
    #[inline]
    pub(super) unsafe fn waker(self) -> Waker {
        // SAFETY: data and table of a waker that was put in and forgotten, by the caller's promise; tables are static.
        // Test: join_from_other_threads.
        unsafe { Waker::new(self.data, &*self.vtable) }
    }
}
