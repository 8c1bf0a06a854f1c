//! A counted reference to a task, and the steps that its holders take: each is a transition of the state, and then
//! what the transition ordered.

use std::{mem::ManuallyDrop, panic::AssertUnwindSafe, ptr::NonNull, task::Waker};

use super::{
    Ran, Runnable, TaskRef, Way, id,
    join::Failure,
    join_waker::Seen,
    raw::{Header, Polled, forget_panic},
    state::{Begin, Content, Finish, Hold, Notify, Release, Rest},
};
use crate::primitives::catch_unwind;

/// A counted reference. What it can do can be done on any thread, save for the functions that are `unsafe`.
pub(super) struct Reference(NonNull<Header>);

// SAFETY: through a shared or a moved reference only atomics and `S: Sync` are touched, and the free drops `S: Send`
// and an empty stage; everything else is behind `unsafe` functions. The memory is the task's own and is freed with
// the last reference. Tests: clone_and_drop_storm, waker_outlives_executor_and_thread (under AddressSanitizer).
unsafe impl Send for Reference {}
// SAFETY: as for Send.
unsafe impl Sync for Reference {}

impl Reference {
    /// # Safety
    /// The caller owns one counted reference of `header`, and gives it away.
    #[inline]
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> Reference {
        Reference(header)
    }

    #[inline]
    pub(super) fn into_raw(self) -> NonNull<Header> {
        ManuallyDrop::new(self).0
    }

    #[inline]
    pub(super) fn header(&self) -> &Header {
        // SAFETY: the task owns the memory; it lives until the last reference is released, and self is one.
        // Test: clone_and_drop_storm.
        let header = unsafe { self.0.as_ref() };
        header.alive.touch();
        header
    }

    #[inline]
    pub(super) fn wake(&self) {
        let header = self.header();
        match header.is_at_home() {
            true => self.notify(header.state.wake_at_home(), Way::Home),
            false => self.notify(header.state.wake_away(), Way::Posted),
        }
    }

    pub(super) fn abort(&self) {
        let header = self.header();
        match header.is_at_home() {
            true => self.notify(header.state.abort_at_home(), Way::Home),
            false => self.notify(header.state.abort_away(), Way::Posted),
        }
    }

    #[inline]
    fn notify(&self, order: Notify, way: Way) {
        match order {
            Notify::Nothing => {}
            // SAFETY: the order gives the reference that `schedule` takes. The memory is the task's, and stays during
            // the call because of self, even if the scheduler drops what it is given. Test: scheduler_drops_at_once.
            Notify::Schedule => unsafe { (self.header().vtable.schedule)(self.0, way) },
        }
    }

    /// # Safety
    /// Self is the reference of the owner's one `Runnable`.
    #[inline]
    pub(super) unsafe fn run(self, unlist: impl FnOnce(usize) -> TaskRef) -> Ran {
        let header = self.header();
        if !header.is_at_home() {
            assert!(header.state.is_complete(), "a task must be run by the thread that spawned it");
            return Ran::Pending;
        }
        if header.state.hold.get() != Hold::Free {
            // The executor came back from inside a shutdown of this very task, which is as good as complete.
            return Ran::Pending;
        }
        header.state.hold.set(Hold::Busy);
        let _current = id::enter(header.id);
        // SAFETY (all three): owner's thread, not COMPLETE, and `hold` was Free: the stage is ours. The memory is the
        // task's, and stays because of self. Tests: shutdown_inside_poll, abort_while_pending_from_another_thread.
        let polled = match header.state.begin() {
            // SAFETY: see above.
            Begin::Poll => unsafe { (header.vtable.poll)(self.0) },
            Begin::Cancel => Polled::Doomed,
            Begin::Nothing => {
                header.state.hold.set(Hold::Free);
                return Ran::Pending;
            }
        };
        match polled {
            Polled::Pending if header.state.hold.get() == Hold::Busy => {
                header.state.hold.set(Hold::Free);
                return match header.state.rest() {
                    Rest::Again => Ran::Again(Runnable::from_reference(self, Way::Home)),
                    Rest::Idle => {
                        let _released_by_rest = self.into_raw();
                        Ran::Pending
                    }
                };
            }
            // SAFETY: see above.
            Polled::Pending | Polled::Doomed => unsafe { (header.vtable.cancel)(self.0) },
            Polled::Ready => {}
        }
        let entry = if header.state.hold.get() == Hold::Orphaned {
            // SAFETY: Orphaned means that the TaskRef left us its reference, which keeps the memory. Test:
            // task_ref_dropped_inside_poll.
            unsafe { Reference::from_raw(self.0) }
        } else {
            let entry = unlist(header.index());
            assert!(entry.reference().0 == self.0, "the executor has another task under this index");
            entry.into_reference()
        };
        // SAFETY: the two references are the Runnable's and the TaskRef's, and the output is stored. Test:
        // output_is_dropped_once_wherever_the_handle_is_dropped.
        unsafe { Reference::finish(self, entry) };
        Ran::Complete
    }

    /// Completes a task that has been run, and releases the last two references of its owner.
    ///
    /// # Safety
    /// Owner's thread, not COMPLETE, the stage holds the output; the references are the `Runnable`'s and the `TaskRef`'s.
    #[inline]
    unsafe fn finish(runnable: Reference, entry: Reference) {
        let seen = runnable.header().join_waker.look();
        let order = runnable.header().state.complete(2);
        if matches!(order, Finish::Keep | Finish::Wake) {
            let _released_by_complete = (runnable.into_raw(), entry.into_raw());
            // SAFETY: Wake means that `seen` is the join waker, and ours. The task may be gone. Test: a_task_joins_another.
            wake_join_waker((order == Finish::Wake).then(|| unsafe { seen.waker() }));
            return;
        }
        // SAFETY: the order is passed on, and the references keep the memory. Test: join_from_other_threads.
        let join_waker = unsafe { runnable.settle(order, seen) };
        let header = runnable.into_raw();
        let _counted_below = entry.into_raw();
        // SAFETY: these two references, which are not used again. Test: clone_and_drop_storm.
        unsafe { Reference::release(header, 2) };
        wake_join_waker(join_waker);
    }

    /// # Safety
    /// The caller owns `count` references of the task, and gives them away.
    #[inline]
    unsafe fn release(header: NonNull<Header>, count: u8) {
        // SAFETY: the task owns the memory, and before the release the caller's references keep it. After Free there
        // are no others: the memory is nobody's but ours, and nothing can come after the free. Tests:
        // clone_and_drop_storm, waker_outlives_executor_and_thread (under AddressSanitizer).
        unsafe {
            let at_home = header.as_ref().is_at_home();
            match header.as_ref().state.release(at_home, count) {
                Release::Nothing => {}
                Release::Free => (header.as_ref().vtable.free)(header),
            }
        }
    }

    /// Does what [`State::complete`] said, except for waking the join waker: that is user code, and for the caller to
    /// call when nothing of the task is held.
    ///
    /// # Safety
    /// The order is that of the one call of `complete`, and `seen` was in the slot just before it.
    unsafe fn settle(&self, order: Finish, seen: Seen) -> Option<Waker> {
        let header = self.header();
        match order {
            Finish::Keep => None,
            // SAFETY: the order says that this was the join waker, and is now ours. Test: join_before_completion_is_woken_once.
            Finish::Wake => Some(unsafe { seen.waker() }),
            // SAFETY: JOIN_WAKER at COMPLETE makes the join waker ours. It is moved out by this one look, and nobody
            // drops what stays behind. Test: join_from_other_threads.
            Finish::WakeAway => Some(unsafe { header.join_waker.look().waker() }),
            Finish::Discard => {
                // SAFETY: of a task that was DETACHED at COMPLETE the stage stays ours. The memory stays because of self.
                // Test: output_is_dropped_once_wherever_the_handle_is_dropped.
                caught(|| unsafe { (header.vtable.drop_output)(self.0) });
                None
            }
        }
    }

    /// # Safety
    /// Self is the reference of the `TaskRef`, hence this is the owner's thread.
    pub(super) unsafe fn shutdown(&self) {
        debug_assert!(self.header().is_at_home());
        let header = self.header();
        match header.state.hold.get() {
            Hold::Free if !header.state.is_complete() => {}
            Hold::Busy => return header.state.hold.set(Hold::Doomed),
            Hold::Free | Hold::Doomed | Hold::Orphaned => return,
        }
        header.state.hold.set(Hold::Busy);
        let _current = id::enter(header.id);
        // SAFETY: owner's thread, not COMPLETE, and `hold` was Free: the stage is ours. The memory is the task's, and
        // stays because of self. Test: shutdown_while_pending.
        unsafe { (header.vtable.cancel)(self.0) };
        header.state.hold.set(Hold::Free);
        let seen = header.join_waker.look();
        // SAFETY: the order is passed on. Test: shutdown_while_pending.
        wake_join_waker(unsafe { self.settle(header.state.complete(0), seen) });
    }

    /// Drops the `TaskRef`.
    ///
    /// # Safety
    /// As for [`shutdown`](Reference::shutdown).
    pub(super) unsafe fn abandon(self) {
        if self.header().state.hold.get() == Hold::Free {
            // SAFETY: the caller's promise. The memory stays until self is dropped, after this.
            // Test: task_ref_dropped_while_pending.
            unsafe { self.shutdown() };
        } else {
            self.header().state.hold.set(Hold::Orphaned);
            let _left_to_the_run = self.into_raw();
        }
    }

    /// Moves the output out; `None` if that was done before.
    ///
    /// # Safety
    /// `T` is the task's output, and the caller is its `JoinHandle`, which has seen COMPLETE.
    #[inline]
    pub(super) unsafe fn take_output<T>(&self) -> Option<Result<T, Failure>> {
        let header = self.header();
        debug_assert!(header.state.is_complete());
        if header.state.content.replace(Content::Nothing) != Content::Output {
            return None;
        }
        // SAFETY: since COMPLETE the stage is the handle's, and it held the output until the step above. The memory is the
        // task's and stays because of self. Test: join_from_other_threads.
        Some(unsafe { (header.vtable.output)(self.0).cast::<Result<T, Failure>>().read() })
    }
}

impl Clone for Reference {
    #[inline]
    fn clone(&self) -> Reference {
        let header = self.header();
        header.state.retain(header.is_at_home());
        Reference(self.0)
    }
}

impl Drop for Reference {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: self is one reference, and goes. Test: clone_and_drop_storm.
        unsafe { Reference::release(self.0, 1) };
    }
}

/// Runs user code whose panic concerns nobody here.
fn caught(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        forget_panic(payload);
    }
}

#[inline]
fn wake_join_waker(join_waker: Option<Waker>) {
    if let Some(waker) = join_waker {
        caught(|| waker.wake());
    }
}
