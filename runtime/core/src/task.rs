//! Tasks: one heap allocation for future, output, and everything that others need to wake, await or abort it.
//!
//! # Who holds what
//!
//! | reference | held by | thread | gives |
//! |---|---|---|---|
//! | [`Runnable`] | a queue; at most one exists | moves freely, is run by the owner | one poll |
//! | [`TaskRef`] | the executor's list of live tasks | owner | shutdown |
//! | [`JoinHandle`] | whoever spawned | any, if the output is Send | the output, abort |
//! | [`AbortHandle`] | anyone | any | abort |
//! | `Waker` | anyone | any | a wake |
//!
//! The **owner** is the thread that called [`spawn`], or that opened the [`Parcel`]. Futures need not be Send: the owner alone polls and drops them.
//! So the `TaskRef`, which cannot leave the owner's thread, is what keeps the future alive: when it is dropped the
//! future goes at once, and the memory stays, without the future, for as long as others refer to it.
//!
//! # The states
//!
//! ```text
//!                  ┌────────────── wake, abort: a Runnable to the scheduler ───────────────┐
//!                  ▼                                                                       │
//! spawn ──► SCHEDULED ──run──► SCHEDULED, being polled ──Pending, nobody woke──► idle ─────┘
//!           ▲      │                   │        │                                 │
//!           │      └─run if ABORTED─┐  │Ready,  └─Pending, WOKEN: the same        │
//!           │                       │  │panic     Runnable once more─┐            │
//!           └───────────────────────┼──┼─────────────────────────────┘            │
//!                                   ▼  ▼                                          │
//!                                 COMPLETE ◄──────────── shutdown ────────────────┘ (also from SCHEDULED)
//! ```
//!
//! The bits, and what each excludes, are the page `task/state.rs`.
//!
//! # Who may touch which field
//!
//! Four fields are not atomics.
//!
//! **`scheduler`** is never written, may be read with any reference, and is dropped with the memory.
//!
//! **`hold`** is the owner's alone. It is there because the owner can meet itself: a future, or the drop of one, may run
//! the executor, shut it down or drop it.
//!
//! **The stage** (future, output, nothing):
//! 1. Until COMPLETE it is the owner's.
//! 2. If JOIN_INTEREST was set at COMPLETE it is the `JoinHandle`'s, which takes the output or drops it.
//! 3. Else it stays the owner's, which drops the output at once. An output that is not Send thus never leaves the
//!    owner's thread: its handle cannot either.
//!
//! **The join waker**:
//! 1. While JOIN_WAKER is not set it is uninitialised and the `JoinHandle`'s to write.
//! 2. The handle writes and then sets the bit. If it finds COMPLETE in that step, nobody looks at the join waker any
//!    more, and the handle takes it back.
//! 3. While JOIN_WAKER is set nobody writes. The handle may compare the bytes.
//! 4. To write anew, or to go, the handle first clears the bit. If it finds COMPLETE in that step, rule 5 holds and it
//!    keeps its hands off.
//! 5. If JOIN_WAKER was set at COMPLETE the owner moves the waker out, by reading: the bytes stay, so that rule 3 needs
//!    no lock. After that nobody uses or drops them.
//!
//! Every step above is one operation on one word, so of two steps one comes first and the other one sees it.
//!
//! # Costs
//!
//! Atomic steps that write, which are what time goes to: spawn none, beside one allocation. A wake: one. A run: one,
//! pending or ready; one more if the task was woken twice before, or if a joiner is waiting; none if the task is ready
//! and nobody else refers to it. A detached handle, a waker's clone, its drop: one each; none for the waker that is
//! lent to a poll, and none for the last reference.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull,
    sync::{Arc, atomic::Ordering::Relaxed},
};

mod id;
mod join;
mod raw;
mod reference;
mod state;
#[cfg(test)]
mod tests;
mod waker;

pub(crate) use id::outside;
pub use id::{Id, id, try_id};
pub use join::{AbortHandle, JoinError, JoinHandle};
pub(crate) use raw::Header;
use reference::Reference;
pub use waker::is_task_waker;

/// Where woken tasks go.
pub trait Schedule: Send + Sync + 'static {
    /// Takes a task that has something to do, and sees to it that the owner runs it.
    ///
    /// It is called by wakes and aborts, so on any thread, at any time, inside any user code, and also when the owner is
    /// gone: then drop the `Runnable`. It must not run the task, and should not block.
    fn schedule(&self, task: Runnable);
}

impl<S: Schedule + ?Sized> Schedule for Arc<S> {
    fn schedule(&self, task: Runnable) {
        S::schedule(self, task);
    }
}

impl<S: Schedule + ?Sized> Schedule for &'static S {
    fn schedule(&self, task: Runnable) {
        S::schedule(self, task);
    }
}

/// Makes a task of `future`. It does not run by itself: queue the [`Runnable`], which counts as scheduled already, and
/// keep the [`TaskRef`] until [`Runnable::run`] asks for it.
///
/// One allocation, of 64 bytes, the scheduler, and the larger one of future and output or error, which is a word.
pub fn spawn<F, S>(future: F, scheduler: S) -> (Runnable, TaskRef, JoinHandle<F::Output>)
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let [runnable, task, join] = raw::allocate(future, scheduler);
    let task = TaskRef { task: ManuallyDrop::new(task), owners_thread_only: PhantomData };
    // SAFETY: `allocate` made this reference for the handle, and the output is F::Output. Test: join_from_other_threads.
    (Runnable { task: runnable }, task, unsafe { JoinHandle::from_reference(join) })
}

/// A task on its way to the thread that is to own it. Until it has arrived its future has not been polled, and is nothing
/// but the closure that will make it; so it may be dropped anywhere.
pub struct Parcel {
    /// Never in a queue of the executor's before the arrival: whoever has the parcel has all that can reach the future.
    contents: Option<(Runnable, TaskRef)>,
}

// SAFETY: the two references are Send but for the future, which the TaskRef's drop would drop. `new` sees to it that this is
// a Send closure, and `adopt` that nothing else can come of it before the thread is settled.
// Test: parcels_run_where_they_arrive_and_die_anywhere.
unsafe impl Send for Parcel {}

impl Parcel {
    /// Makes a task of the future that `start` returns on the thread where the parcel is opened.
    pub fn new<F, Fut, S>(start: F, scheduler: S) -> (Parcel, JoinHandle<Fut::Output>)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future + 'static,
        Fut::Output: Send + 'static,
        S: Schedule,
    {
        let (runnable, task, join) = spawn(async move { start().await }, scheduler);
        (Parcel { contents: Some((runnable, task)) }, join)
    }

    /// Makes the calling thread the owner.
    pub fn adopt(mut self) -> (Runnable, TaskRef) {
        self.open().expect("a parcel is opened once")
    }

    fn open(&mut self) -> Option<(Runnable, TaskRef)> {
        let (runnable, task) = self.contents.take()?;
        task.reference().header().owner.store(raw::current_thread(), Relaxed);
        Some((runnable, task))
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        // Nobody has taken it in: the closure goes here, and the task completes as cancelled.
        if let Some((runnable, task)) = self.open() {
            drop((task, runnable));
        }
    }
}

impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Parcel").field(&self.contents).finish()
    }
}

/// A task that has something to do: it was just spawned, woken or aborted. There is at most one of these per task.
///
/// Dropping it does not drop the future: the task then merely never runs again. That is for queues that are torn down.
#[must_use = "a task that is neither queued nor run never runs again"]
pub struct Runnable {
    task: Reference,
}

/// What the executor has to do after a run.
#[must_use]
#[derive(Debug)]
pub enum Ran {
    /// Nothing. The task waits for a wake; or it was shut down, before this run or during it.
    Pending,
    /// Queue it again: it was woken during the poll. Behind the others, if it shall not starve them.
    Again(Runnable),
    /// Nothing: the future is gone, the output is stored, the joiner was woken, and the [`TaskRef`] taken.
    Complete,
}

impl Runnable {
    /// Polls the future once; or drops it, if the task was aborted. Panics in the future become the output.
    ///
    /// If the task completes, and the executor still has its [`TaskRef`], `unlist` is asked for it, by the index given
    /// to [`TaskRef::set_index`]. It is asked then, not before and not afterwards, because the reference is released in
    /// the very step that completes the task, and because what follows is user code.
    ///
    /// User code runs in here: the future, its drop, the drop of an output that nobody waits for, and the waker of the
    /// joiner; not during `unlist`. So the caller must hold nothing that these may want.
    ///
    /// # Panics
    /// On another thread than the one that spawned the task, unless it is complete. If `unlist` gives another task.
    #[inline]
    pub fn run(self, unlist: impl FnOnce(usize) -> TaskRef) -> Ran {
        // SAFETY: this is the one Runnable, and it goes. Test: self_wake_during_poll.
        unsafe { self.task.run(unlist) }
    }

    /// As given to [`TaskRef::set_index`]; `usize::MAX` before that.
    #[inline]
    pub fn index(&self) -> usize {
        self.task.header().index.load(Relaxed)
    }

    pub(crate) fn into_raw(self) -> NonNull<Header> {
        self.task.into_raw()
    }

    /// # Safety
    /// `header` comes from `into_raw`, and each of those comes back at most once.
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Runnable {
        // SAFETY: the reference that `into_raw` gave up; it keeps the task's memory. Test:
        // tasks_come_out_in_the_order_they_went_in.
        Runnable::from_reference(unsafe { Reference::from_raw(header) })
    }

    fn from_reference(task: Reference) -> Runnable {
        Runnable { task }
    }
}

impl fmt::Debug for Runnable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runnable({:?})", self.task.header())
    }
}

/// The executor's entry for a live task, on the owner's thread. Dropping it shuts the task down.
#[must_use = "dropping it shuts the task down"]
pub struct TaskRef {
    task: ManuallyDrop<Reference>,
    owners_thread_only: PhantomData<*mut ()>,
}

impl TaskRef {
    /// Notes where the executor keeps this entry, for [`Runnable::run`].
    #[inline]
    pub fn set_index(&self, index: usize) {
        self.task.header().index.store(index, Relaxed);
    }

    /// As given to [`set_index`](TaskRef::set_index); `usize::MAX` before that.
    #[inline]
    pub fn index(&self) -> usize {
        self.task.header().index.load(Relaxed)
    }

    /// True if the future is gone.
    pub fn is_complete(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// Drops the future now, if it is still there, and wakes the joiner. Wakes and aborts are without effect from then
    /// on. A panic in the drop becomes the output, otherwise that is a cancelled [`JoinError`].
    ///
    /// From inside the task itself the future cannot go at once: it does when its poll returns.
    ///
    /// User code runs in here, as in [`Runnable::run`].
    pub fn shutdown(&self) {
        // SAFETY: this is the TaskRef, which stays on the owner's thread. Test: shutdown_while_pending.
        unsafe { self.task.shutdown() }
    }

    fn reference(&self) -> &Reference {
        &self.task
    }

    /// The reference, without the shutdown.
    fn into_reference(self) -> Reference {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `task` is not used again. Test: clone_and_drop_storm.
        unsafe { ManuallyDrop::take(&mut this.task) }
    }
}

impl Drop for TaskRef {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this is the TaskRef, which stayed on the owner's thread, and its reference is not used again.
        // Test: task_ref_dropped_while_pending.
        unsafe { ManuallyDrop::take(&mut self.task).abandon() }
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskRef({:?})", self.task.header())
    }
}
