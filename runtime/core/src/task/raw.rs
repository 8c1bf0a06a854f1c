//! The memory of a task, and all that depends on the types of its future and its scheduler.
//!
//! Who may touch what, and when, is in the essay of [`task`](crate::task).

use std::{
    any::Any,
    future::Future,
    mem::{ManuallyDrop, needs_drop},
    panic::AssertUnwindSafe,
    pin::Pin,
    ptr::{self, NonNull},
    sync::atomic::AtomicU32,
    task::{Context, Poll},
};

use super::{
    Id, Runnable, Schedule, Way,
    join::Failure,
    join_waker::JoinWakerSlot,
    reference::Reference,
    state::{Content, State},
    waker,
};
use crate::primitives::{
    Alive, UnsafeCell,
    atomic::{AtomicPtr, Ordering::Relaxed},
    catch_unwind, free, thread_local,
};

/// The part of a task that is the same for all futures: 64 bytes.
pub(crate) struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static Vtable,
    pub(super) id: Id,
    /// The next task in the inbox. Belongs to whoever has set POSTED, until it is cleared.
    pub(crate) next: AtomicPtr<Header>,
    /// A note of the executor's, or [`NOWHERE`]; atomic only so that a stray reader on another thread is harmless.
    index: AtomicU32,
    /// The thread that called `spawn`, and the only one that touches what the state says is at home, the future, and the
    /// stage until COMPLETE. [`NOBODY`] while the task is in a parcel, so that all threads are away then. Only a thread itself
    /// puts its number there or, when it has done so, takes it away: it cannot find its own by mistake, however late it looks.
    owner: AtomicU32,
    /// Full while JOIN_WAKER is set, or `home_join_waker` without AWAY.
    pub(super) join_waker: JoinWakerSlot,
    pub(super) alive: Alive,
}

#[cfg(all(target_pointer_width = "64", not(all(test, loom))))]
const _: () = assert!(size_of::<Header>() == 64);

/// What depends on the types of future and scheduler. The contracts are at the functions of [`Task`].
pub(super) struct Vtable {
    pub(super) poll: unsafe fn(NonNull<Header>) -> Polled,
    pub(super) cancel: unsafe fn(NonNull<Header>),
    pub(super) schedule: unsafe fn(NonNull<Header>, Way),
    pub(super) output: unsafe fn(NonNull<Header>) -> *mut (),
    pub(super) drop_output: unsafe fn(NonNull<Header>),
    pub(super) free: unsafe fn(NonNull<Header>),
}

/// No thread has this number.
const NOBODY: u32 = u32::MAX;
/// No index.
const NOWHERE: u32 = u32::MAX;

impl Header {
    /// True on the owner's thread.
    #[inline]
    pub(super) fn is_at_home(&self) -> bool {
        self.owner.load(Relaxed) == current_thread()
    }

    /// Makes the calling thread the owner. The caller has all references that could be used meanwhile, or the others find
    /// NOBODY.
    pub(super) fn settle_here(&self) {
        self.owner.store(current_thread(), Relaxed);
    }

    /// Leaves the task without an owner, as [`settle_here`](Header::settle_here).
    pub(super) fn settle_nowhere(&self) {
        self.owner.store(NOBODY, Relaxed);
    }

    #[inline]
    pub(super) fn index(&self) -> usize {
        match self.index.load(Relaxed) {
            NOWHERE => usize::MAX,
            index => index as usize,
        }
    }

    #[inline]
    pub(super) fn set_index(&self, index: usize) {
        let index = u32::try_from(index).ok().filter(|index| *index != NOWHERE);
        self.index.store(index.expect("fewer than 2^32 - 1 live tasks"), Relaxed);
    }
}

/// A number for the calling thread that no other thread has or had. Thread ids of the system and addresses of thread
/// locals are used again, and then a leaked `Runnable` could be run by a stranger.
#[inline]
pub(crate) fn current_thread() -> u32 {
    use std::cell::Cell;
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    #[cold]
    fn assign() -> u32 {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let next = |last: u32| Some(last + 1).filter(|next| *next != NOBODY);
        LAST.fetch_update(Relaxed, Relaxed, next).expect("fewer than 2^32 - 1 threads have to do with tasks") + 1
    }
    NUMBER.with(|number| match number.get() {
        0 => {
            number.set(assign());
            number.get()
        }
        known => known,
    })
}

/// Future, output, or nothing: [`State::content`] says which.
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, Failure>>,
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
    stage: UnsafeCell<Stage<F>>,
}

/// A new task with the three references of its `Runnable`, `TaskRef` and `JoinHandle`.
pub(super) fn allocate<F, S>(future: F, scheduler: S) -> [Reference; 3]
where
    F: Future + 'static,
    F::Output: 'static,
    S: Schedule,
{
    let memory = Box::<Task<F, S>>::new_uninit();
    let header = Header {
        state: State::new(),
        vtable: Task::<F, S>::VTABLE,
        id: Id::next(),
        next: AtomicPtr::new(ptr::null_mut()),
        index: AtomicU32::new(NOWHERE),
        owner: AtomicU32::new(current_thread()),
        join_waker: JoinWakerSlot::new(),
        alive: Alive::new(),
    };
    // Written where it stays: built elsewhere it would be copied, which costs more than the writing.
    let stage = UnsafeCell::new(Stage { future: ManuallyDrop::new(future) });
    let task = Box::write(memory, Task { header, scheduler, stage });
    let header = NonNull::from(Box::leak(task)).cast::<Header>();
    // SAFETY: the state counts three references at home, and these are they. Test: clone_and_drop_storm.
    [(); 3].map(|()| unsafe { Reference::from_raw(header) })
}

impl<F: Future + 'static, S: Schedule> Task<F, S> {
    const VTABLE: &'static Vtable = &Vtable {
        poll: Self::poll,
        cancel: Self::cancel,
        schedule: Self::schedule,
        output: Self::output,
        drop_output: Self::drop_output,
        free: Self::free,
    };

    /// Has `access` use the stage, and nobody else meanwhile.
    ///
    /// # Safety
    /// A reference is held.
    #[inline(always)]
    unsafe fn with_stage<R>(header: NonNull<Header>, access: impl FnOnce(*mut Stage<F>) -> R) -> R {
        // SAFETY: the task owns the memory; the caller's reference keeps it. Test: self_wake_during_poll.
        unsafe {
            header.as_ref().alive.touch();
            (*header.cast::<Self>().as_ptr()).stage.with_mut(access)
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
    #[inline(always)]
    unsafe fn poll_in(header: NonNull<Header>, stage: *mut Stage<F>) -> Polled {
        // Lent from the caller's reference: no count up and down for each poll.
        // SAFETY: it is not dropped here, and nobody can keep a `&Waker` beyond the poll. Test: self_wake_during_poll.
        let waker = ManuallyDrop::new(unsafe { waker::from_raw(header) });
        let mut context = Context::from_waker(&waker);
        let polled = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the stage is ours and holds the future by the caller's promise; it does not move from here until
            // `drop_future`, and the heap memory is the pin. Test: self_wake_during_poll.
            unsafe { Pin::new_unchecked(&mut *(*stage).future) }.poll(&mut context)
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
            Self::store(header, stage, output);
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
                Self::store(header, stage, Err(failure));
            });
        }
    }

    /// # Safety
    /// It is the task's stage, and the caller's, and what was in it has been dropped; a reference is held.
    #[inline]
    unsafe fn store(header: NonNull<Header>, stage: *mut Stage<F>, output: Result<F::Output, Failure>) {
        // SAFETY: the task owns the memory; the caller's reference keeps it. Test: panic_in_drop_after_ready.
        unsafe {
            (*stage).output = ManuallyDrop::new(output);
            header.as_ref().state.content.set(Content::Output);
        }
    }

    /// # Safety
    /// The stage is the caller's and holds the future. The caller overwrites it next, without dropping it.
    unsafe fn drop_future(stage: *mut Stage<F>) -> std::thread::Result<()> {
        // SAFETY: the stage is ours, and its memory the task's. The future is dropped where it was polled, and not
        // again by the caller's promise, also if this drop panics. Test: panic_in_drop_on_abort_or_shutdown.
        let drop_it = || unsafe { ManuallyDrop::drop(&mut (*stage).future) };
        match needs_drop::<F>() {
            true => catch_unwind(AssertUnwindSafe(drop_it)),
            false => Ok(()),
        }
    }

    /// # Safety
    /// The caller gives away one reference, which is the one `Runnable` of this way, and holds another one.
    unsafe fn schedule(header: NonNull<Header>, way: Way) {
        // SAFETY: the task owns the memory, and the scheduler in it is dropped only with it. The caller's other
        // reference keeps it. No reference to the whole task is made: the owner may be in the stage. Test:
        // scheduler_drops_at_once.
        let (scheduler, task) = unsafe { (&(*header.cast::<Self>().as_ptr()).scheduler, Reference::from_raw(header)) };
        scheduler.schedule(Runnable::from_reference(task, way));
    }

    /// Where the output is, or will be: a `Result<F::Output, Failure>`.
    ///
    /// # Safety
    /// A reference is held.
    unsafe fn output(header: NonNull<Header>) -> *mut () {
        // SAFETY: the caller's promise. Both fields of a union start where it does, and this asks for nothing but an address.
        // Test: join_from_other_threads.
        unsafe { Self::with_stage(header, |stage| (&raw mut (*stage).output).cast()) }
    }

    /// Drops the output if it is still there.
    ///
    /// # Safety
    /// After COMPLETE, by the one whose the stage is then; a reference is held.
    unsafe fn drop_output(header: NonNull<Header>) {
        // SAFETY: the caller's promise. It counts as gone before the drop, so that a panic in it does not lead to a
        // second one. Test: panic_in_drop_of_output.
        unsafe {
            if header.as_ref().state.content.replace(Content::Nothing) == Content::Output {
                Self::with_stage(header, |stage| ManuallyDrop::drop(&mut (*stage).output));
            }
        }
    }

    /// # Safety
    /// The last reference is gone.
    unsafe fn free(header: NonNull<Header>) {
        let task = header.cast::<Self>().as_ptr();
        // This may be any thread, and future and output may belong to the owner's: both must have been dropped. If not,
        // the memory is leaked, since dropping them here would be worse.
        // SAFETY: the task is nobody else's now. Test: clone_and_drop_storm.
        let content = unsafe { header.as_ref() }.state.content.get();
        assert_eq!(content, Content::Nothing, "a task was freed with its future or output");
        // SAFETY: made by `Box::write` in `allocate` as this type, and nobody else's now. Test: clone_and_drop_storm.
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
        // As a signed number NOWHERE and NOBODY are -1.
        let [index, owner] = [&self.index, &self.owner].map(|number| number.load(Relaxed).cast_signed());
        write!(f, "id: {}, index: {index}, owner: {owner}, ", self.id)?;
        self.state.describe(self.is_at_home(), f)
    }
}
