//! The far ends of a task: waiting for its output, and aborting it, from any thread.

use std::{
    any::Any,
    error::Error,
    fmt,
    future::Future,
    io,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{RefUnwindSafe, UnwindSafe},
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use super::{
    Header, Id,
    reference::Reference,
    state::{Detach, JoinWaker, Joining},
};
use crate::coop;

/// Waits for a task's output. Dropping it detaches the task, which then runs on by itself.
///
/// It may be used on any thread if `T` may be sent there. Neither awaiting nor aborting allocates.
pub struct JoinHandle<T> {
    /// Released by hand: when the task is not complete, the drop of the handle does that in the step that says so.
    task: ManuallyDrop<Reference>,
    /// Send and Sync if T is Send: a shared handle gives no access to a T, and an own one moves it to this thread.
    output: PhantomData<Mutex<T>>,
}

// The output is not stored in the handle.
impl<T> Unpin for JoinHandle<T> {}
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// # Safety
    /// The reference is that of the `JoinHandle` of a task whose output is `T`.
    pub(super) unsafe fn from_reference(task: Reference) -> JoinHandle<T> {
        JoinHandle { task: ManuallyDrop::new(task), output: PhantomData }
    }

    /// Asks the owner of the task to drop the future at its next turn, on its own thread. The result is then an error
    /// for which [`JoinError::is_cancelled`] is true, unless the task completes first.
    pub fn abort(&self) {
        self.task.abort();
    }

    /// True if the result is there, or was taken.
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// A handle that can only abort, and that keeps no interest in the output.
    pub fn abort_handle(&self) -> AbortHandle {
        AbortHandle { task: Reference::clone(&self.task) }
    }

    /// A number that no other task of this process has or had.
    pub fn id(&self) -> Id {
        self.task.header().id
    }

    /// Makes `waker` the one that completion wakes. False if the task has completed: then it is not woken.
    #[doc(hidden)] // for sets of tasks
    pub fn set_join_waker(&mut self, waker: &Waker) -> bool {
        self.register(waker)
    }

    /// The result, if it is there. Takes nothing from the caller's budget.
    ///
    /// # Panics
    /// If it was taken before.
    #[doc(hidden)] // for sets of tasks
    pub fn take_finished(&mut self) -> Option<Result<T, JoinError>> {
        if !self.is_finished() {
            return None;
        }
        // SAFETY: COMPLETE was seen. Test: join_from_other_threads.
        match unsafe { self.take_output() } {
            Poll::Ready(result) => Some(result),
            Poll::Pending => unreachable!("`take_output` writes the result"),
        }
    }

    /// The result: ready.
    ///
    /// # Safety
    /// The task is complete, and this thread has seen it.
    #[inline]
    unsafe fn take_output(&mut self) -> Poll<Result<T, JoinError>> {
        // SAFETY: this is the one JoinHandle, it has seen COMPLETE, and T is the task's by `from_reference`.
        // Test: join_from_other_threads.
        let output = unsafe { self.task.take_output::<T>() };
        let output = output.expect("a JoinHandle was polled after it had given its result");
        Poll::Ready(output.map_err(|failure| failure.of(self.id())))
    }

    /// Where the handle has only been at home, it needs no atomic step: completion happens on this very thread.
    #[inline]
    fn is_at_home(&self) -> bool {
        let header = self.task.header();
        header.is_at_home() && !header.state.has_gone_away()
    }

    /// One caller at a time: the fields are the handle's alone.
    #[inline]
    fn register(&mut self, waker: &Waker) -> bool {
        match self.is_at_home() {
            true => self.register_at_home(waker),
            false => self.register_away(waker),
        }
    }

    #[inline]
    fn register_at_home(&mut self, waker: &Waker) -> bool {
        let Header { state, join_waker, .. } = self.task.header();
        if state.is_complete_at_home() {
            return false;
        }
        if state.has_join_waker_at_home() && join_waker.will_wake(waker) {
            return true;
        }
        let new = waker.clone();
        // The clone is user code, and may have run the executor.
        if state.is_complete_at_home() {
            return false;
        }
        // SAFETY: `home_join_waker` says that it is there; it changes on this thread only, and is written over before any
        // user code runs. Test: join_polled_with_changing_wakers.
        let old = state.has_join_waker_at_home().then(|| unsafe { join_waker.look().waker() });
        join_waker.put(new);
        state.set_join_waker_at_home();
        drop(old);
        true
    }

    fn register_away(&mut self, waker: &Waker) -> bool {
        let header = self.task.header();
        let join_waker = &header.join_waker;
        let found = header.state.joining_away();
        let mut old = None;
        match found {
            Joining::Complete => return false,
            Joining::Unregistered => {}
            // SAFETY: the task was alive when AWAY was set, so the owner does not take the join waker from then on: it is
            // ours alone to move out. Test: join_at_home_then_elsewhere.
            Joining::Brought => old = Some(unsafe { join_waker.look().waker() }),
            // If the owner completes the task now and moves the waker out, it leaves the words.
            Joining::Registered if join_waker.will_wake(waker) => return true,
            Joining::Registered => {}
        }
        // User code (the clone, and the drop of the old one) runs before the first or after the last step.
        let new = waker.clone();
        if found == Joining::Registered {
            if header.state.retract_join_waker() == JoinWaker::Complete {
                return false;
            }
            // SAFETY: JOIN_WAKER was set and now is not, before COMPLETE: the waker is ours alone to move out.
            // Test: join_polled_with_changing_wakers_elsewhere.
            old = Some(unsafe { join_waker.look().waker() });
        }
        // AWAY is set and JOIN_WAKER is not, so nobody else cares for the slot, and nothing in it needs a drop.
        join_waker.put(new);
        let registered = header.state.publish_join_waker() == JoinWaker::Changed;
        if !registered {
            // SAFETY: the task completed without JOIN_WAKER, so that the owner does not take the join waker, which
            // we put in above. Test: join_from_other_threads.
            drop(unsafe { join_waker.look().waker() });
        }
        drop(old);
        registered
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.register(context.waker()) {
            return Poll::Pending;
        }
        // Only now, since a task that is not ready takes nothing from the budget.
        ready!(coop::poll_spend(context));
        // SAFETY: `register` has seen COMPLETE. Test: join_from_other_threads.
        unsafe { self.take_output() }
    }
}

impl<T> Drop for JoinHandle<T> {
    #[inline]
    fn drop(&mut self) {
        let state = &self.task.header().state;
        let order = match self.is_at_home() {
            true => state.detach_at_home(),
            false => state.detach_away(),
        };
        if order == Detach::Nothing {
            return;
        }
        // SAFETY: `task` is not touched again, and its reference is still ours. It is released at the end of this
        // function, also when user code below panics. Test: panic_in_drop_of_output.
        let task = unsafe { ManuallyDrop::take(&mut self.task) };
        match order {
            Detach::Nothing => {}
            // SAFETY: the order says that it was there and nobody else looks for it any more: it is ours alone to move out.
            // The memory stays because of `task`. Test: output_is_dropped_once_wherever_the_handle_is_dropped.
            Detach::DropWaker => drop(unsafe { task.header().join_waker.look().waker() }),
            // SAFETY: this is the one JoinHandle, it has seen COMPLETE, and T is the task's by `from_reference`. The memory stays
            // because of `task`. Test: output_is_dropped_once_wherever_the_handle_is_dropped.
            Detach::DropOutput => drop(unsafe { task.take_output::<T>() }),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinHandle({:?})", self.task.header())
    }
}

/// Aborts a task from anywhere. Dropping it does nothing.
#[derive(Clone)]
pub struct AbortHandle {
    task: Reference,
}

impl AbortHandle {
    /// As [`JoinHandle::abort`].
    pub fn abort(&self) {
        self.task.abort();
    }

    /// As [`JoinHandle::is_finished`].
    pub fn is_finished(&self) -> bool {
        self.task.header().state.is_complete()
    }

    /// As [`JoinHandle::id`].
    pub fn id(&self) -> Id {
        self.task.header().id
    }
}

// It gives access to no value of the task's.
impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AbortHandle({:?})", self.task.header())
    }
}

/// Why a task has no output: it was cancelled, or it panicked.
pub struct JoinError {
    id: Id,
    failure: Failure,
}

type Payload = Box<dyn Any + Send>;

/// What a task keeps of its error. One word, so that it makes no task larger; the id is in the header.
pub(super) struct Failure {
    /// The panic's payload, or `None` for a cancelled task. The mutex is what makes it Sync; nobody waits for it.
    panic: Option<Box<Mutex<Payload>>>,
}

impl Failure {
    pub(super) fn cancelled() -> Failure {
        Failure { panic: None }
    }

    pub(super) fn panic(payload: Payload) -> Failure {
        Failure { panic: Some(Box::new(Mutex::new(payload))) }
    }

    pub(super) fn of(self, id: Id) -> JoinError {
        JoinError { id, failure: self }
    }
}

impl JoinError {
    /// True if the task was aborted, or its shard was shut down.
    pub fn is_cancelled(&self) -> bool {
        self.failure.panic.is_none()
    }

    /// True if the future panicked, in a poll or when it was dropped by an abort.
    pub fn is_panic(&self) -> bool {
        self.failure.panic.is_some()
    }

    /// The payload of the panic, as for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    /// If the task did not panic.
    pub fn into_panic(self) -> Box<dyn Any + Send + 'static> {
        self.try_into_panic().expect("`JoinError::into_panic` needs a task that panicked")
    }

    /// The payload of the panic.
    ///
    /// # Errors
    /// The error itself if the task did not panic.
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send + 'static>, JoinError> {
        match self.failure.panic {
            Some(payload) => Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner)),
            None => Err(self),
        }
    }

    /// Which task it was.
    pub fn id(&self) -> Id {
        self.id
    }

    /// What the panic said, if it said it as panics do.
    fn with_message<R>(&self, read: impl FnOnce(Option<&str>) -> R) -> Option<R> {
        let payload = self.failure.panic.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        let message = payload.downcast_ref::<String>().map(String::as_str);
        Some(read(message.or_else(|| payload.downcast_ref::<&'static str>().copied())))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panic = self.with_message(|message| match message {
            Some(message) => write!(f, "task {} panicked with message {message:?}", self.id),
            None => write!(f, "task {} panicked", self.id),
        });
        panic.unwrap_or_else(|| write!(f, "task {} was cancelled", self.id))
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let panic = self.with_message(|message| match message {
            Some(message) => write!(f, "JoinError::Panic({:?}, {message:?}, ...)", self.id),
            None => write!(f, "JoinError::Panic({:?}, ...)", self.id),
        });
        panic.unwrap_or_else(|| write!(f, "JoinError::Cancelled({:?})", self.id))
    }
}

impl Error for JoinError {}

impl From<JoinError> for io::Error {
    fn from(error: JoinError) -> io::Error {
        io::Error::other(error)
    }
}
