//! The memory of a task, and everything that is done to it through a pointer.
//!
//! All `unsafe` that concerns future and output is here. Who may touch what, and when, is in the essay of
//! [`task`](crate::task).

use std::{
    any::Any,
    cell::{Cell, UnsafeCell},
    future::Future,
    mem::{ManuallyDrop, MaybeUninit},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    ptr::{self, NonNull},
    sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use super::{
    JoinError, Ran, Runnable, Schedule, TaskRef,
    state::{Begin, Finish, Notify, Release, Rest, State},
    waker,
};

/// The part of a task that is the same for all futures: 56 bytes.
pub(crate) struct Header {
    pub(super) state: State,
    vtable: &'static Vtable,
    /// The next task in the inbox. Belongs to whoever holds the `Runnable`.
    pub(crate) next: AtomicPtr<Header>,
    /// A note of the executor's; atomic only so that a stray reader on another thread is harmless.
    pub(super) index: AtomicUsize,
    /// The thread that called `spawn`, and the only one that touches `hold`, the future, and the stage until COMPLETE.
    owner: u32,
    hold: Cell<Hold>,
    /// Initialised while JOIN_WAKER is set.
    pub(super) join_waker: UnsafeCell<MaybeUninit<Waker>>,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Header>() == 56);

/// What the owner's thread does with the task right now. It guards against user code that comes back: a future, an
/// output or their drops may run the executor, shut it down, or drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// Nothing.
    Free,
    /// A run or a shutdown is inside user code. Excludes another one.
    Busy,
    /// The same, and `shutdown` was called in there: the run drops the future when it has it back.
    Doomed,
    /// The same, and the `TaskRef` was dropped in there: besides, its reference is now the run's to release.
    Orphaned,
}

/// What depends on the types of future and scheduler. The contracts are at the functions of [`Task`].
struct Vtable {
    poll: unsafe fn(NonNull<Header>) -> Polled,
    cancel: unsafe fn(NonNull<Header>),
    schedule: unsafe fn(NonNull<Header>),
    take_output: unsafe fn(NonNull<Header>, *mut ()),
    drop_output: unsafe fn(NonNull<Header>),
    free: unsafe fn(NonNull<Header>),
}

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
        unsafe { self.0.as_ref() }
    }

    pub(super) fn wake(&self) {
        self.notify(self.header().state.wake());
    }

    pub(super) fn abort(&self) {
        self.notify(self.header().state.abort());
    }

    fn notify(&self, order: Notify) {
        match order {
            Notify::Nothing => {}
            // SAFETY: the order gives the reference that `schedule` takes. The memory is the task's, and stays during
            // the call because of self, even if the scheduler drops what it is given. Test: scheduler_drops_at_once.
            Notify::Schedule => unsafe { (self.header().vtable.schedule)(self.0) },
        }
    }

    /// # Safety
    /// Self is the reference of the one `Runnable`.
    #[inline]
    pub(super) unsafe fn run(self, unlist: impl FnOnce(usize) -> TaskRef) -> Ran {
        let header = self.header();
        if !self.is_owner() {
            assert!(header.state.is_complete(), "a task must be run by the thread that spawned it");
            return Ran::Pending;
        }
        if header.hold.get() != Hold::Free {
            // The executor came back from inside a shutdown of this very task, which is as good as complete.
            return Ran::Pending;
        }
        header.hold.set(Hold::Busy);
        // SAFETY (all three): owner's thread, not COMPLETE, and `hold` was Free: the stage is ours. The memory is the
        // task's, and stays because of self. Tests: shutdown_inside_poll, abort_while_pending_from_another_thread.
        let polled = match header.state.begin() {
            // SAFETY: see above.
            Begin::Poll => unsafe { (header.vtable.poll)(self.0) },
            Begin::Cancel => Polled::Doomed,
            Begin::Nothing => {
                header.hold.set(Hold::Free);
                return Ran::Pending;
            }
        };
        match polled {
            Polled::Pending if header.hold.get() == Hold::Busy => {
                header.hold.set(Hold::Free);
                return match header.state.rest() {
                    Rest::Again => Ran::Again(Runnable::from_reference(self)),
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
        let entry = if header.hold.get() == Hold::Orphaned {
            // SAFETY: Orphaned means that the TaskRef left us its reference, which keeps the memory. Test:
            // task_ref_dropped_inside_poll.
            unsafe { Reference::from_raw(self.0) }
        } else {
            let entry = unlist(header.index.load(Relaxed));
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
        let order = runnable.header().state.complete(2);
        if order == Finish::Keep {
            let _released_by_complete = (runnable.into_raw(), entry.into_raw());
            return;
        }
        // SAFETY: the order is passed on, and the references keep the memory. Test: join_from_other_threads.
        let join_waker = unsafe { runnable.settle(order) };
        let header = runnable.into_raw();
        let _counted_below = entry.into_raw();
        // SAFETY: these two references, which are not used again. Test: clone_and_drop_storm.
        unsafe { Reference::release(header, 2) };
        wake_join_waker(join_waker);
    }

    /// # Safety
    /// The caller owns `count` references of the task, and gives them away.
    #[inline]
    unsafe fn release(header: NonNull<Header>, count: usize) {
        // SAFETY: the task owns the memory, and before the release the caller's references keep it. After Free there
        // are no others: the memory is nobody's but ours, and nothing can come after the free. Tests:
        // clone_and_drop_storm, waker_outlives_executor_and_thread (under AddressSanitizer).
        unsafe {
            match header.as_ref().state.release(count) {
                Release::Nothing => {}
                Release::Free => (header.as_ref().vtable.free)(header),
            }
        }
    }

    /// Does what [`State::complete`] said, except for waking the join waker: that is user code, and for the caller to
    /// call when nothing of the task is held.
    ///
    /// # Safety
    /// The order is that of the one call of `complete`.
    unsafe fn settle(&self, order: Finish) -> Option<Waker> {
        let header = self.header();
        match order {
            Finish::Keep => None,
            // SAFETY: JOIN_WAKER at COMPLETE makes the join waker ours. It is moved out by this one read, and nobody
            // drops what stays behind. The memory stays because of self. Test: join_from_other_threads.
            Finish::Wake => Some(unsafe { (*header.join_waker.get()).assume_init_read() }),
            Finish::Discard => {
                // SAFETY: without JOIN_INTEREST at COMPLETE the stage stays ours. The memory stays because of self.
                // Test: output_is_dropped_once_wherever_the_handle_is_dropped.
                caught(|| unsafe { (header.vtable.drop_output)(self.0) });
                None
            }
        }
    }

    /// # Safety
    /// Self is the reference of the `TaskRef`, hence this is the owner's thread.
    pub(super) unsafe fn shutdown(&self) {
        debug_assert!(self.is_owner());
        let header = self.header();
        match header.hold.get() {
            Hold::Free if !header.state.is_complete() => {}
            Hold::Busy => return header.hold.set(Hold::Doomed),
            Hold::Free | Hold::Doomed | Hold::Orphaned => return,
        }
        header.hold.set(Hold::Busy);
        // SAFETY: owner's thread, not COMPLETE, and `hold` was Free: the stage is ours. The memory is the task's, and
        // stays because of self. Test: shutdown_while_pending.
        unsafe { (header.vtable.cancel)(self.0) };
        header.hold.set(Hold::Free);
        // SAFETY: the order is passed on. Test: shutdown_while_pending.
        wake_join_waker(unsafe { self.settle(header.state.complete(0)) });
    }

    /// Drops the `TaskRef`.
    ///
    /// # Safety
    /// As for [`shutdown`](Reference::shutdown).
    pub(super) unsafe fn abandon(self) {
        if self.header().hold.get() == Hold::Free {
            // SAFETY: the caller's promise. The memory stays until self is dropped, after this.
            // Test: task_ref_dropped_while_pending.
            unsafe { self.shutdown() };
        } else {
            self.header().hold.set(Hold::Orphaned);
            let _left_to_the_run = self.into_raw();
        }
    }

    /// # Safety
    /// `output` points to a `Poll<Result<T, JoinError>>` with the T of this task, and the caller is its `JoinHandle`,
    /// which has seen COMPLETE.
    #[inline]
    pub(super) unsafe fn take_output(&self, output: *mut ()) {
        debug_assert!(self.header().state.is_complete());
        // SAFETY: since COMPLETE the stage is the handle's. The memory is the task's and stays because of self.
        // Test: join_from_other_threads.
        unsafe { (self.header().vtable.take_output)(self.0, output) }
    }

    /// # Safety
    /// The caller is the `JoinHandle` and has seen COMPLETE.
    pub(super) unsafe fn drop_output(&self) {
        debug_assert!(self.header().state.is_complete());
        // SAFETY: as in `take_output`. Test: output_is_dropped_once_wherever_the_handle_is_dropped.
        unsafe { (self.header().vtable.drop_output)(self.0) }
    }

    #[inline]
    fn is_owner(&self) -> bool {
        self.header().owner == current_thread()
    }
}

impl Clone for Reference {
    fn clone(&self) -> Reference {
        self.header().state.retain();
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

/// A number for the calling thread that no other thread has or had. Thread ids of the system and addresses of thread
/// locals are used again, and then a leaked `Runnable` could be run by a stranger.
#[inline]
fn current_thread() -> u32 {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    #[cold]
    fn assign() -> u32 {
        static LAST: AtomicU32 = AtomicU32::new(0);
        LAST.fetch_update(Relaxed, Relaxed, |last| last.checked_add(1)).expect("fewer than 2^32 threads spawn tasks")
            + 1
    }
    NUMBER.with(|number| match number.get() {
        0 => {
            number.set(assign());
            number.get()
        }
        known => known,
    })
}

enum Stage<F: Future> {
    Future(F),
    Output(Result<F::Output, JoinError>),
    Consumed,
}

/// What came of a poll.
enum Polled {
    /// The future stays.
    Pending,
    /// The output is stored, the future gone.
    Ready,
    /// There was no poll: the future is to go.
    Doomed,
}

/// The one allocation. The header comes first, so that a pointer to one is a pointer to the other. Not aligned to
/// cache lines: a task is touched by its own thread nearly always, and an aligned allocation is slower.
#[repr(C)]
struct Task<F: Future, S> {
    header: Header,
    scheduler: S,
    stage: UnsafeCell<Stage<F>>,
}

/// A new task with the three references of its `Runnable`, `TaskRef` and `JoinHandle`.
pub(super) fn allocate<F, S>(future: F, scheduler: S) -> [Reference; 3]
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let header = Header {
        state: State::new(),
        vtable: Task::<F, S>::VTABLE,
        next: AtomicPtr::new(ptr::null_mut()),
        index: AtomicUsize::new(usize::MAX),
        owner: current_thread(),
        hold: Cell::new(Hold::Free),
        join_waker: UnsafeCell::new(MaybeUninit::uninit()),
    };
    let task = Box::new(Task { header, scheduler, stage: UnsafeCell::new(Stage::Future(future)) });
    let header = NonNull::from(Box::leak(task)).cast::<Header>();
    [Reference(header), Reference(header), Reference(header)]
}

impl<F: Future + 'static, S: Schedule> Task<F, S> {
    const VTABLE: &'static Vtable = &Vtable {
        poll: Self::poll,
        cancel: Self::cancel,
        schedule: Self::schedule,
        take_output: Self::take_output,
        drop_output: Self::drop_output,
        free: Self::free,
    };

    /// # Safety
    /// A reference is held.
    unsafe fn stage(header: NonNull<Header>) -> *mut Stage<F> {
        // SAFETY: the task owns the memory; the caller's reference keeps it. Test: self_wake_during_poll.
        UnsafeCell::raw_get(unsafe { &raw const (*header.cast::<Self>().as_ptr()).stage })
    }

    /// Polls once. On Ready, and that is also a panic, the future is gone and the output stored.
    ///
    /// # Safety
    /// The stage is the caller's and holds the future; a reference is held.
    unsafe fn poll(header: NonNull<Header>) -> Polled {
        // SAFETY: the task owns the memory; the caller's reference keeps it. Test: self_wake_during_poll.
        let stage = unsafe { Self::stage(header) };
        // Lent from the caller's reference: no count up and down for each poll.
        // SAFETY: it is not dropped here, and nobody can keep a `&Waker` beyond the poll. Test: self_wake_during_poll.
        let waker = ManuallyDrop::new(unsafe { waker::from_raw(header) });
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the stage is ours by the caller's promise, and the future does not move from here until
            // `drop_future`. Test: self_wake_during_poll.
            match unsafe { &mut *stage } {
                // SAFETY: as above; the heap memory is the pin.
                Stage::Future(future) => unsafe { Pin::new_unchecked(future) }.poll(&mut context),
                Stage::Output(_) | Stage::Consumed => unreachable!("a task without COMPLETE has its future"),
            }
        }));
        let output = match polled {
            Ok(Poll::Pending) => return Polled::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(JoinError::panic(payload)),
        };
        // An output, or the first panic, says more than a panic in this drop.
        // SAFETY: the caller's promise; the dropped future is overwritten. Test: panic_in_drop_after_ready.
        unsafe {
            if let Err(payload) = Self::drop_future(stage) {
                forget_panic(payload);
            }
            ptr::write(stage, Stage::Output(output));
        }
        Polled::Ready
    }

    /// Drops the future because nobody wants it any more, and stores how that went.
    ///
    /// # Safety
    /// The stage is the caller's and holds the future; a reference is held.
    unsafe fn cancel(header: NonNull<Header>) {
        // SAFETY: the task owns the memory; the caller's reference keeps it. The dropped future is overwritten.
        // Tests: abort_while_pending_from_another_thread, panic_in_drop_on_abort_or_shutdown.
        unsafe {
            let stage = Self::stage(header);
            let error = match Self::drop_future(stage) {
                Ok(()) => JoinError::cancelled(),
                Err(payload) => JoinError::panic(payload),
            };
            ptr::write(stage, Stage::Output(Err(error)));
        }
    }

    /// # Safety
    /// The stage is the caller's and holds the future. The caller overwrites it next, without dropping it.
    unsafe fn drop_future(stage: *mut Stage<F>) -> std::thread::Result<()> {
        // SAFETY: the stage is ours, and its memory the task's. The future is dropped where it was polled, and not
        // again by the caller's promise, also if this drop panics. Test: panic_in_drop_on_abort_or_shutdown.
        catch_unwind(AssertUnwindSafe(|| match unsafe { &mut *stage } {
            // SAFETY: as above.
            Stage::Future(future) => unsafe { ptr::drop_in_place(future) },
            Stage::Output(_) | Stage::Consumed => unreachable!("a task without COMPLETE has its future"),
        }))
    }

    /// # Safety
    /// Any thread. The caller gives away one reference, which is the one Runnable, and holds another one.
    unsafe fn schedule(header: NonNull<Header>) {
        // SAFETY: the task owns the memory, and the scheduler in it is dropped only with it. The caller's other
        // reference keeps it. No reference to the whole task is made: the owner may be in the stage. Test:
        // scheduler_drops_at_once.
        let (scheduler, task) = unsafe { (&(*header.cast::<Self>().as_ptr()).scheduler, Reference::from_raw(header)) };
        scheduler.schedule(Runnable::from_reference(task));
    }

    /// # Safety
    /// As for [`Reference::take_output`].
    unsafe fn take_output(header: NonNull<Header>, output: *mut ()) {
        // SAFETY: the caller's promise: a held reference, the stage, and the type of `output`.
        // Test: join_from_other_threads.
        unsafe {
            let stage = Self::stage(header);
            match ptr::replace(stage, Stage::Consumed) {
                Stage::Output(result) => *output.cast::<Poll<Result<F::Output, JoinError>>>() = Poll::Ready(result),
                Stage::Future(_) | Stage::Consumed => panic!("a JoinHandle was polled after it had given its result"),
            }
        }
    }

    /// Drops the output if it is still there.
    ///
    /// # Safety
    /// After COMPLETE, by the one whose the stage is then; a reference is held.
    unsafe fn drop_output(header: NonNull<Header>) {
        // SAFETY: the caller's promise. Consumed is in place before the drop, so that a panic in it does not lead to a
        // second one. Test: panic_in_drop_of_output.
        let output = unsafe { ptr::replace(Self::stage(header), Stage::Consumed) };
        drop(output);
    }

    /// # Safety
    /// The last reference is gone.
    unsafe fn free(header: NonNull<Header>) {
        let task = header.cast::<Self>().as_ptr();
        // This may be any thread, and future and output may belong to the owner's: both must have been dropped. If not,
        // the memory is leaked, since dropping them here would be worse.
        // SAFETY: the task is nobody else's now. Test: clone_and_drop_storm.
        let stage = unsafe { (*task).stage.get_mut() };
        assert!(matches!(stage, Stage::Consumed), "a task was freed with its future or output");
        // SAFETY: made by `Box::new` in `allocate` as this type, and nobody else's now. Test: clone_and_drop_storm.
        drop(unsafe { Box::from_raw(task) });
    }
}

/// Runs user code whose panic concerns nobody here.
fn caught(user_code: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(user_code)) {
        forget_panic(payload);
    }
}

/// Drops the payload of a panic that is not passed on. (The panic hook has reported it.) A drop may panic again; that
/// second payload is leaked, since there is no end to it otherwise.
#[cold]
fn forget_panic(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

#[inline]
fn wake_join_waker(join_waker: Option<Waker>) {
    if let Some(waker) = join_waker {
        caught(|| waker.wake());
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Header { state, index, owner, .. } = self;
        write!(f, "{state:?}, index: {}, owner: {owner}", index.load(Relaxed))
    }
}
