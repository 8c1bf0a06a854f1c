//! The memory of a task, and all that depends on the types of its future and its scheduler.
//!
//! Who may touch what, and when, is in the essay of [`task`](crate::task).

use std::{
    any::Any,
    future::Future,
    mem::{ManuallyDrop, MaybeUninit},
    panic::AssertUnwindSafe,
    pin::Pin,
    ptr::{self, NonNull},
    task::{Context, Poll, Waker},
};

use super::{Id, JoinError, Runnable, Schedule, join::Failure, reference::Reference, state::State, waker};
use crate::primitives::{
    Alive, Cell, UnsafeCell,
    atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::Relaxed},
    catch_unwind, free, thread_local,
};

/// The part of a task that is the same for all futures: 64 bytes.
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static Vtable,
    pub(super) id: Id,
    /// The next task in the inbox. Belongs to whoever holds the `Runnable`.
    pub(crate) next: AtomicPtr<Header>,
    /// A note of the executor's; atomic only so that a stray reader on another thread is harmless.
    pub(super) index: AtomicUsize,
    /// The thread that called `spawn`, and the only one that touches `hold`, the future, and the stage until COMPLETE.
    /// Changes once at most, when a parcel arrives, before anybody else can have a reference that asks for it.
    pub(super) owner: AtomicU32,
    pub(super) hold: Cell<Hold>,
    /// Initialised while JOIN_WAKER is set.
    pub(super) join_waker: UnsafeCell<MaybeUninit<Waker>>,
    pub(super) alive: Alive,
}

#[cfg(all(target_pointer_width = "64", not(all(test, loom))))]
const _: () = assert!(size_of::<Header>() == 64);

/// What the owner's thread does with the task right now. It guards against user code that comes back: a future, an
/// output or their drops may run the executor, shut it down, or drop it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
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
pub(super) struct Vtable {
    pub(super) poll: unsafe fn(NonNull<Header>) -> Polled,
    pub(super) cancel: unsafe fn(NonNull<Header>),
    pub(super) schedule: unsafe fn(NonNull<Header>),
    pub(super) take_output: unsafe fn(NonNull<Header>, *mut ()),
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// A number for the calling thread that no other thread has or had. Thread ids of the system and addresses of thread
/// locals are used again, and then a leaked `Runnable` could be run by a stranger.
#[inline]
pub(super) fn current_thread() -> u32 {
    thread_local!(static NUMBER: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    #[cold]
    fn assign() -> u32 {
        static LAST: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
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
    Output(Result<F::Output, Failure>),
    Consumed,
}

/// What came of a poll.
pub(super) enum Polled {
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
    /// Never dropped as such: it is empty when the memory is freed.
    stage: UnsafeCell<ManuallyDrop<Stage<F>>>,
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
        id: Id::next(),
        next: AtomicPtr::new(ptr::null_mut()),
        index: AtomicUsize::new(usize::MAX),
        owner: AtomicU32::new(current_thread()),
        hold: Cell::new(Hold::Free),
        join_waker: UnsafeCell::new(MaybeUninit::uninit()),
        alive: Alive::new(),
    };
    let task = Box::new(Task { header, scheduler, stage: UnsafeCell::new(ManuallyDrop::new(Stage::Future(future))) });
    let header = NonNull::from(Box::leak(task)).cast::<Header>();
    // SAFETY: the state counts three references, and these are they. Test: clone_and_drop_storm.
    [(); 3].map(|()| unsafe { Reference::from_raw(header) })
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

    /// Has `access` use the stage, and nobody else meanwhile.
    ///
    /// # Safety
    /// A reference is held.
    unsafe fn with_stage<R>(header: NonNull<Header>, access: impl FnOnce(*mut Stage<F>) -> R) -> R {
        // SAFETY: the task owns the memory; the caller's reference keeps it. Test: self_wake_during_poll.
        unsafe {
            header.as_ref().alive.touch();
            (*header.cast::<Self>().as_ptr()).stage.with_mut(|stage| access(stage.cast()))
        }
    }

    /// Polls once. On Ready, and that is also a panic, the future is gone and the output stored.
    ///
    /// # Safety
    /// The stage is the caller's and holds the future; a reference is held.
    unsafe fn poll(header: NonNull<Header>) -> Polled {
        // SAFETY: the task owns the memory; the caller's reference keeps it. Test: self_wake_during_poll.
        unsafe { Self::with_stage(header, |stage| Self::poll_in(header, stage)) }
    }

    /// # Safety
    /// As for [`poll`](Self::poll); it is this task's stage.
    unsafe fn poll_in(header: NonNull<Header>, stage: *mut Stage<F>) -> Polled {
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
            Err(payload) => Err(Failure::panic(payload)),
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
            Self::with_stage(header, |stage| {
                let failure = match Self::drop_future(stage) {
                    Ok(()) => Failure::cancelled(),
                    Err(payload) => Failure::panic(payload),
                };
                ptr::write(stage, Stage::Output(Err(failure)));
            });
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
            match Self::with_stage(header, |stage| ptr::replace(stage, Stage::Consumed)) {
                Stage::Output(result) => {
                    let result = result.map_err(|failure| failure.of(header.as_ref().id));
                    *output.cast::<Poll<Result<F::Output, JoinError>>>() = Poll::Ready(result);
                }
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
        let output = unsafe { Self::with_stage(header, |stage| ptr::replace(stage, Stage::Consumed)) };
        drop(output);
    }

    /// # Safety
    /// The last reference is gone.
    unsafe fn free(header: NonNull<Header>) {
        let task = header.cast::<Self>().as_ptr();
        // This may be any thread, and future and output may belong to the owner's: both must have been dropped. If not,
        // the memory is leaked, since dropping them here would be worse.
        // SAFETY: the task is nobody else's now. Test: clone_and_drop_storm.
        let empty = unsafe { (*task).stage.with_mut(|stage| matches!(**stage, Stage::Consumed)) };
        assert!(empty, "a task was freed with its future or output");
        // SAFETY: made by `Box::new` in `allocate` as this type, and nobody else's now. Test: clone_and_drop_storm.
        unsafe {
            header.as_ref().alive.end();
            free(task);
        }
    }
}

/// Drops the payload of a panic that is not passed on. (The panic hook has reported it.) A drop may panic again; that
/// second payload is leaked, since there is no end to it otherwise.
#[cold]
pub(super) fn forget_panic(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Header { state, id, index, owner, .. } = self;
        write!(f, "id: {id}, {state:?}, index: {}, owner: {}", index.load(Relaxed), owner.load(Relaxed))
    }
}
