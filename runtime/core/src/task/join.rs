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
    Id,
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
        let mut output = Poll::Pending;
        // SAFETY: this is the one JoinHandle, it has seen COMPLETE, and T is the task's by `from_reference`.
        // The memory is the task's, and stays because of self.task. Test: join_from_other_threads.
        unsafe { self.task.take_output((&raw mut output).cast()) };
        output
    }

    /// One caller at a time: the fields are the handle's alone.
    fn register(&mut self, waker: &Waker) -> bool {
        let header = self.task.header();
        let join_waker = &header.join_waker;
        let found = header.state.joining();
        if found == Joining::Complete {
            return false;
        }
        if found == Joining::Registered {
            // SAFETY: JOIN_WAKER is set, so these bytes are a waker and nobody writes to them. If the owner completes
            // the task now and moves the waker out, it leaves the bytes, and `will_wake` looks at no more than them.
            // The memory is the task's, and stays because of self.task. Test: join_from_other_threads.
            if join_waker.with(|current| unsafe { (*current).assume_init_ref() }.will_wake(waker)) {
                return true;
            }
        }
        // User code (the clone, and the drop of the old one) runs before the first or after the last step.
        let new = waker.clone();
        let mut old = None;
        if found == Joining::Registered {
            if header.state.retract_join_waker() == JoinWaker::Complete {
                return false;
            }
            // SAFETY: JOIN_WAKER was set and now is not, before COMPLETE: the waker is ours alone to move out.
            // The memory stays because of self.task. Test: join_polled_with_changing_wakers.
            old = Some(join_waker.with(|current| unsafe { (*current).assume_init_read() }));
        }
        // SAFETY: JOIN_WAKER is not set, so nobody else touches the join waker, and nothing in it needs a drop.
        // The memory stays because of self.task. Test: join_polled_with_changing_wakers.
        join_waker.with_mut(|empty| unsafe { (*empty).write(new) });
        let registered = header.state.publish_join_waker() == JoinWaker::Changed;
        if !registered {
            // SAFETY: the task completed without JOIN_WAKER, so that the owner does not touch the join waker, which
            // we wrote above. The memory stays because of self.task. Test: join_from_other_threads.
            drop(join_waker.with(|current| unsafe { (*current).assume_init_read() }));
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
        let header = self.task.header();
        let order = header.state.detach();
        if order == Detach::Nothing {
            return;
        }
        // SAFETY: `task` is not touched again, and its reference is still ours. It is released at the end of this
        // function, also when user code below panics. Test: panic_in_drop_of_output.
        let task = unsafe { ManuallyDrop::take(&mut self.task) };
        match order {
            Detach::Nothing => {}
            Detach::DropWaker => {
                // SAFETY: JOIN_WAKER was set and now is not, before COMPLETE: the waker is ours alone to move out. The
                // memory stays because of `task`. Test: output_is_dropped_once_wherever_the_handle_is_dropped.
                drop(task.header().join_waker.with(|current| unsafe { (*current).assume_init_read() }));
            }
            // SAFETY: this is the one JoinHandle, and it has seen COMPLETE. The memory stays because of `task`.
            // Test: output_is_dropped_once_wherever_the_handle_is_dropped.
            Detach::DropOutput => unsafe { task.drop_output() },
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
