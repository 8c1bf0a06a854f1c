//! Tasks: one heap allocation for future, output, and everything that others need to wake, await or abort it.
//!
//! # Who holds what
//!
//! | reference | held by | thread | gives |
//! |---|---|---|---|
//! | [`Runnable`] | a queue; the owner has one at most, and one at most is on its way to it | moves freely, is run by the owner | one poll |
//! | [`TaskRef`] | the executor's list of live tasks | owner | shutdown |
//! | [`JoinHandle`] | whoever spawned | any, if the output is Send | the output, abort |
//! | [`AbortHandle`] | anyone | any | abort |
//! | `Waker` | anyone | any | a wake |
//!
//! The **owner** is the thread that called [`spawn`], or that opened the [`Parcel`]. Futures need not be Send: the owner alone
//! polls and drops them. So the `TaskRef`, which cannot leave the owner's thread, is what keeps the future alive: when it is
//! dropped the future goes at once, and the memory stays, without the future, for as long as others refer to it.
//!
//! The owner's thread is the task's **home**, where all that follows is plain memory; other threads are **away**, and take
//! atomic steps. A wake, a clone, a join first looks where it is: one comparison of two numbers.
//!
//! # The states
//!
//! ```text
//!                  ┌─────── wake, abort at home: a Runnable to the scheduler ──────────────┐
//!                  ▼                                                                       │
//! spawn ──► SCHEDULED ──run──► SCHEDULED, being polled ──Pending, nobody woke──► idle ─────┘
//!           ▲      │                   │        │                                 │
//!           │      └─run if ABORTED─┐  │Ready,  └─Pending, WOKEN: the same        │
//!           │                       │  │panic     Runnable once more─┐            │
//!           └───────────────────────┼──┼─────────────────────────────┘            │
//!                                   ▼  ▼                                          │
//!                                 COMPLETE ◄──────────── shutdown ────────────────┘ (also from SCHEDULED)
//!
//! wake, abort away: POSTED, a Runnable to the scheduler ──► inbox ──► arrives: the same as a wake at home
//! ```
//!
//! The bits, and what each excludes, are the page `task/state.rs`; the count of references is there, too.
//!
//! # Who may touch which field
//!
//! **`scheduler`** is never written, may be read with any reference, and is dropped with the memory.
//!
//! **What is at home** (flags, the count of references there, `hold`) is the owner's alone. A parcel's task has no home until
//! it is opened: who has its handle is away. `hold` is there because the owner can meet itself: a future, or the drop of one,
//! may run the executor, shut it down or drop it.
//!
//! **The stage** (future, output, nothing; `content` says which):
//! 1. Until COMPLETE it is the owner's.
//! 2. If the handle was not DETACHED at COMPLETE it is the `JoinHandle`'s, which takes the output or drops it.
//! 3. Else it stays the owner's, which drops the output at once. An output that is not Send thus never leaves the
//!    owner's thread: its handle cannot either.
//!
//! **The join waker**, while the handle has only been at home:
//! 1. The handle, and the owner at COMPLETE, are one thread. `home_join_waker` says whether it is there.
//! 2. The owner looks at the slot before the step that sets COMPLETE. If AWAY is not set in that step, what it saw is the
//!    waker, and the owner's.
//! 3. When the handle is polled or dropped away for the first time, it sets AWAY. If it finds COMPLETE in that step it keeps
//!    its hands off; else a waker that is there is the handle's again, and the following rules hold, for ever.
//!
//! After that:
//! 4. While JOIN_WAKER is not set the slot is the `JoinHandle`'s to write.
//! 5. The handle writes and then sets the bit. If it finds COMPLETE in that step, nobody looks at the join waker any
//!    more, and the handle takes it back.
//! 6. While JOIN_WAKER is set nobody writes. The handle may compare.
//! 7. To write anew, or to go, the handle first clears the bit. If it finds COMPLETE in that step, rule 8 holds and it
//!    keeps its hands off.
//! 8. If JOIN_WAKER was set at COMPLETE the owner takes the waker out: the words stay, so that rule 6 needs
//!    no lock. After that nobody uses or drops them.
//!
//! Every step above is one operation on one word, so of two steps one comes first and the other one sees it.
//!
//! # Costs
//!
//! At home: one allocation for a spawn; one atomic step that writes when a task completes whose handle is there, and none in
//! anything else: wakes, runs, clones and drops of wakers, joins, aborts. Away: a wake is two, with the inbox, and a third one
//! when it arrives; each clone and each drop is one; none for the last reference.

use std::{fmt, future::Future, marker::PhantomData, mem::ManuallyDrop, ptr::NonNull, sync::Arc};

mod id;
mod join;
mod join_waker;
mod raw;
mod reference;
mod state;
#[cfg(test)]
mod tests;
mod waker;

pub(crate) use id::outside;
pub use id::{Id, id, try_id};
pub use join::{AbortHandle, JoinError, JoinHandle};
pub(crate) use raw::{Header, current_thread};
use reference::Reference;
use state::Arrival;
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
    (Runnable::from_reference(runnable, Way::Home), task, unsafe { JoinHandle::from_reference(join) })
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
        // The handle is the caller's, who is not to be the owner.
        task.reference().header().settle_nowhere();
        (Parcel { contents: Some((runnable, task)) }, join)
    }

    /// Makes the calling thread the owner.
    pub fn adopt(mut self) -> (Runnable, TaskRef) {
        self.open().expect("a parcel is opened once")
    }

    fn open(&mut self) -> Option<(Runnable, TaskRef)> {
        let (runnable, task) = self.contents.take()?;
        task.reference().header().settle_here();
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

/// A task that has something to do: it was just spawned, woken or aborted. There are at most two of these per task: one that
/// its owner has made, and one that another thread has.
///
/// Dropping it does not drop the future: the task then merely never runs again. That is for queues that are torn down.
#[must_use = "a task that is neither queued nor run never runs again"]
pub struct Runnable {
    task: Reference,
    way: Way,
}

/// Whose a [`Runnable`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The owner's; SCHEDULED says that it exists.
    Home,
    /// Another thread's, or on its way through an inbox; POSTED says that it exists. It becomes the owner's when it has got
    /// there.
    Posted,
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
        let Some(runnable) = self.arrived() else { return Ran::Pending };
        // SAFETY: this is the owner's one Runnable, and it goes; or this is not the owner's thread, which is all that `run`
        // will find out. Test: self_wake_during_poll.
        unsafe { runnable.task.run(unlist) }
    }

    /// False for one that other threads have made: it has to go by the inbox, also where that is the owner's own thread, since
    /// the task may not have arrived there yet.
    #[inline]
    pub(crate) fn is_the_owners(&self) -> bool {
        self.way == Way::Home
    }

    /// Makes a posted one the owner's, on the owner's thread. `None` if the owner has one already.
    #[inline]
    pub(crate) fn arrived(mut self) -> Option<Runnable> {
        let header = self.task.header();
        if self.way == Way::Posted && header.is_at_home() {
            if header.state.arrive() == Arrival::Nothing {
                return None;
            }
            self.way = Way::Home;
        }
        Some(self)
    }

    /// As given to [`TaskRef::set_index`]; `usize::MAX` before that.
    #[inline]
    pub fn index(&self) -> usize {
        self.task.header().index()
    }

    /// Gives it up to an inbox. `None` if it need not be put in: one that is there, or on its way there, stands for both.
    pub(crate) fn post(self) -> Option<NonNull<Header>> {
        match self.way == Way::Posted || self.task.header().state.post() {
            true => Some(self.task.into_raw()),
            false => None,
        }
    }

    /// # Safety
    /// `header` comes from `post`, and each of those comes back at most once.
    pub(crate) unsafe fn from_inbox(header: NonNull<Header>) -> Runnable {
        // SAFETY: the reference that `post` gave up; it keeps the task's memory. Test:
        // tasks_come_out_in_the_order_they_went_in.
        Runnable::from_reference(unsafe { Reference::from_raw(header) }, Way::Posted)
    }

    fn from_reference(task: Reference, way: Way) -> Runnable {
        Runnable { task, way }
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
        self.task.header().set_index(index);
    }

    /// As given to [`set_index`](TaskRef::set_index); `usize::MAX` before that.
    #[inline]
    pub fn index(&self) -> usize {
        self.task.header().index()
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
