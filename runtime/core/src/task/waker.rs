//! Wakers of tasks: one counted reference in one word.

use std::{
    mem::ManuallyDrop,
    ptr::{self, NonNull},
    task::{RawWaker, RawWakerVTable, Waker},
};

use super::{raw::Header, reference::Reference};

/// A static, not a constant, so that it has one address: `Waker::will_wake` compares it.
static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

/// True if `waker` wakes a task of this runtime: then it needs no allocation to be cloned, and one atomic step to be
/// woken.
pub fn is_task_waker(waker: &Waker) -> bool {
    ptr::eq(waker.vtable(), &VTABLE)
}

/// # Safety
/// The waker takes over one reference of `header`; or it is not dropped, and a reference outlives it.
pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Waker {
    // SAFETY: the functions below keep the contract of RawWakerVTable: they may be called on any thread, and the data
    // is a counted reference of the task, whose memory lives as long as that. Test: clone_and_drop_storm.
    unsafe { Waker::new(header.as_ptr().cast_const().cast(), &VTABLE) }
}

/// # Safety
/// `data` comes from a living waker of ours. The result must not be used or dropped beyond the reference it stands for.
unsafe fn reference(data: *const ()) -> ManuallyDrop<Reference> {
    debug_assert!(!data.is_null());
    // SAFETY: the data of our wakers is a header's address and one reference of it, by `from_raw`.
    // Test: clone_and_drop_storm.
    ManuallyDrop::new(unsafe { Reference::from_raw(NonNull::new_unchecked(data.cast_mut().cast())) })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker being cloned holds its reference during this call. Test: clone_and_drop_storm.
    let copy = Reference::clone(&*unsafe { reference(data) });
    RawWaker::new(copy.into_raw().as_ptr().cast_const().cast(), &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // The reference is released after the wake and not passed on to the `Runnable`: the scheduler that is being called
    // lives in the task, and the owner may run and free the task before the call returns.
    // SAFETY: the waker gives away its reference. Test: cross_thread_wakes_are_not_lost.
    ManuallyDrop::into_inner(unsafe { reference(data) }).wake();
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker holds its reference during this call. Test: cross_thread_wakes_are_not_lost.
    unsafe { reference(data) }.wake();
}

unsafe fn drop(data: *const ()) {
    // SAFETY: the waker gives away its reference. Test: clone_and_drop_storm.
    std::mem::drop(ManuallyDrop::into_inner(unsafe { reference(data) }));
}
