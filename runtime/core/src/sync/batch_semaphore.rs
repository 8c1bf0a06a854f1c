//! Permits that are handed out in the order in which they were asked for: the base of the locks and of bounded channels.
//!
//! One word holds the free permits and two flags. While nobody waits, taking and returning permits is one atomic
//! operation on it. Whoever finds too few takes those there are, raises `WAITING` and queues for the rest: as long as the
//! flag is up the word holds no permit, and every permit that is returned goes through the queue's lock to the one that
//! has waited longest. So nobody overtakes, and one who asks for many is not starved by those who ask for few.

use std::{
    error, fmt,
    pin::Pin,
    sync::PoisonError,
    task::{Context, Poll, Waker, ready},
};

use super::{
    wait_list::{Node, WaitList},
    wake_batch::WakeBatch,
};
use crate::{
    coop,
    primitives::{
        MutexGuard,
        atomic::Ordering::*,
        late::{AtomicUsize, Mutex},
    },
};

/// A semaphore whose callers count the permits that they hold.
pub(crate) struct Semaphore {
    /// Free permits in units of [`PERMIT`], and the flags.
    ///
    /// Permits are taken and returned by anyone while `WAITING` is down. The flags are raised and lowered only by whoever
    /// holds the lock of `queue`, and so is every change while `WAITING` is up.
    state: AtomicUsize,
    queue: Mutex<WaitList<Waiter>>,
}

/// No permit will be handed out any more.
const CLOSED: usize = 1;
/// The queue is not empty, and no permit is free.
const WAITING: usize = 2;
/// One permit.
const PERMIT: usize = 4;

/// What the queue knows of one who waits.
struct Waiter {
    /// Permits that it still needs; zero once it has all and has left the queue.
    missing: usize,
    waker: Option<Waker>,
}

impl Semaphore {
    /// The most permits that a semaphore can hold.
    pub(crate) const MAX_PERMITS: usize = usize::MAX >> 3;

    /// A semaphore with this many free permits.
    ///
    /// # Panics
    /// Over [`Semaphore::MAX_PERMITS`].
    #[track_caller]
    pub(crate) const fn new(permits: usize) -> Semaphore {
        assert!(permits <= Semaphore::MAX_PERMITS, "a semaphore holds at most Semaphore::MAX_PERMITS permits");
        Semaphore { state: AtomicUsize::new(permits * PERMIT), queue: Mutex::new(WaitList::new()) }
    }

    /// As [`Semaphore::new`], by the name that public types use in statics.
    #[track_caller]
    pub(crate) const fn const_new(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    /// A closed semaphore without permits.
    pub(crate) const fn new_closed() -> Semaphore {
        Semaphore { state: AtomicUsize::new(CLOSED), queue: Mutex::new(WaitList::new()) }
    }

    /// Permits that anyone could take now. Zero while anyone waits.
    pub(crate) fn available_permits(&self) -> usize {
        self.state.load(Acquire) / PERMIT
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Acquire) & CLOSED != 0
    }

    /// Takes `permits` at once, or none. The caller must give them back with [`Semaphore::release`].
    pub(crate) fn try_acquire(&self, permits: usize) -> Result<(), TryAcquireError> {
        let needed = in_units(permits);
        let mut state = self.state.load(Relaxed);
        loop {
            if state & CLOSED != 0 {
                return Err(TryAcquireError::Closed);
            }
            if state / PERMIT < permits {
                return Err(TryAcquireError::NoPermits);
            }
            match self.state.compare_exchange_weak(state, state - needed, Acquire, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => state = now,
            }
        }
    }

    /// Takes `permits`, waiting for them in the order of the first polls. The caller must give them back with
    /// [`Semaphore::release`] once the future has said `Ok`; dropped before that, the future gives back what it got.
    pub(crate) fn acquire(&self, permits: usize) -> Acquire<'_> {
        in_units(permits);
        Acquire { semaphore: self, permits, step: Step::New, node: Node::new(Waiter { missing: permits, waker: None }) }
    }

    /// Gives permits back, or adds new ones: to those that wait first.
    ///
    /// # Panics
    /// If there were more than [`Semaphore::MAX_PERMITS`] then.
    #[track_caller]
    pub(crate) fn release(&self, permits: usize) {
        if permits == 0 {
            return;
        }
        let units = in_units(permits);
        let mut state = self.state.load(Relaxed);
        while state & WAITING == 0 {
            let more = with_more(state, units);
            match self.state.compare_exchange_weak(state, more, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.hand_out(permits);
    }

    /// Takes up to `most` free permits away for good and says how many that were.
    pub(crate) fn forget_permits(&self, most: usize) -> usize {
        let mut state = self.state.load(Relaxed);
        loop {
            let gone = (state / PERMIT).min(most);
            if gone == 0 {
                return 0;
            }
            match self.state.compare_exchange_weak(state, state - gone * PERMIT, AcqRel, Relaxed) {
                Ok(_) => return gone,
                Err(now) => state = now,
            }
        }
    }

    /// No permit is handed out any more. Those that wait fail, and give back the permits that they had got so far.
    pub(crate) fn close(&self) {
        let mut batch = WakeBatch::new();
        let mut queue = self.lock();
        self.state.fetch_or(CLOSED, Release);
        loop {
            while !batch.is_full() {
                let Some(waker) = queue.pop_front(|waiter| waiter.waker.take()) else { break };
                batch.push(waker);
            }
            let done = queue.is_empty();
            if done {
                self.state.fetch_and(!WAITING, Release);
            }
            drop(queue);
            batch.wake();
            if done {
                return;
            }
            queue = self.lock();
        }
    }

    /// The slow side of [`Semaphore::release`]: permits for those that wait, the rest for the word.
    #[cold]
    #[track_caller]
    fn hand_out(&self, mut permits: usize) {
        let mut batch = WakeBatch::new();
        while permits > 0 {
            let mut queue = self.lock();
            while permits > 0 && !batch.is_full() {
                let Some(waiter) = queue.front_mut() else { break };
                let given = waiter.missing.min(permits);
                waiter.missing -= given;
                permits -= given;
                if waiter.missing == 0 {
                    batch.push(queue.pop_front(|waiter| waiter.waker.take()).flatten());
                }
            }
            let mut too_many = false;
            if queue.is_empty() {
                // The lock keeps `WAITING` down from here on; permits still come and go.
                let add = |state: usize| checked_more(state & !WAITING, in_units(permits));
                too_many = self.state.fetch_update(AcqRel, Relaxed, add).is_err();
                if too_many {
                    self.state.fetch_and(!WAITING, Release);
                }
                permits = 0;
            }
            drop(queue);
            batch.wake();
            assert!(!too_many, "{TOO_MANY}");
        }
    }

    /// Takes up to `permits` for one who holds the lock, and raises `WAITING` if these are too few: it queues then.
    fn take_what_is_free(&self, permits: usize) -> Result<usize, AcquireError> {
        let mut state = self.state.load(Relaxed);
        loop {
            if state & CLOSED != 0 {
                return Err(AcquireError(()));
            }
            let taken = (state / PERMIT).min(permits);
            let flag = if taken < permits { WAITING } else { 0 };
            match self.state.compare_exchange_weak(state, (state - taken * PERMIT) | flag, Acquire, Relaxed) {
                Ok(_) => return Ok(taken),
                Err(now) => state = now,
            }
        }
    }

    /// The queue. No user code runs under its lock, so it cannot be poisoned by a panic.
    fn lock(&self) -> MutexGuard<'_, WaitList<Waiter>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const TOO_MANY: &str = "a semaphore holds at most Semaphore::MAX_PERMITS permits; more were added";

/// The sum, if a semaphore can hold it.
fn checked_more(state: usize, units: usize) -> Option<usize> {
    state.checked_add(units).filter(|sum| sum / PERMIT <= Semaphore::MAX_PERMITS)
}

#[track_caller]
fn with_more(state: usize, units: usize) -> usize {
    checked_more(state, units).expect(TOO_MANY)
}

#[track_caller]
fn in_units(permits: usize) -> usize {
    assert!(permits <= Semaphore::MAX_PERMITS, "a semaphore holds at most Semaphore::MAX_PERMITS permits");
    permits * PERMIT
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("permits", &self.available_permits()).finish()
    }
}

/// Permits to come. Cancel safe: dropped, it gives back what it got and loses its place.
#[must_use = "futures do nothing unless awaited"]
pub(crate) struct Acquire<'a> {
    semaphore: &'a Semaphore,
    permits: usize,
    step: Step,
    node: Node<Waiter>,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    New,
    /// The node is in the queue, or was: then it has all its permits, or the semaphore is closed.
    Queued,
    /// The caller has the permits, or the error.
    Done,
}

impl Acquire<'_> {
    fn poll_permits(mut self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<Result<(), AcquireError>> {
        match self.step {
            Step::New => match self.semaphore.try_acquire(self.permits) {
                Err(TryAcquireError::NoPermits) => self.enqueue(cx),
                taken => {
                    self.advance(Step::Done);
                    Poll::Ready(taken.map_err(|_closed| AcquireError(())))
                }
            },
            Step::Queued => {
                if self.node.is_linked() && self.as_mut().renew_waker(cx) {
                    return Poll::Pending;
                }
                Poll::Ready(self.settle())
            }
            Step::Done => panic!("a permit was polled after it had been handed over"),
        }
    }

    /// Takes what is free and queues for the rest.
    #[cold]
    fn enqueue(mut self: Pin<&mut Self>, cx: &Context<'_>) -> Poll<Result<(), AcquireError>> {
        let (semaphore, permits) = (self.semaphore, self.permits);
        // Cloned before the lock is taken: it is user code.
        self.as_mut().node().value_mut().waker = Some(cx.waker().clone());
        let mut queue = semaphore.lock();
        match semaphore.take_what_is_free(permits) {
            Ok(taken) if taken < permits => {
                self.as_mut().node().value_mut().missing = permits - taken;
                // SAFETY: `Step::New` says that the node is in no list. The memory is this future, which is pinned; its
                // destructor takes the node out (`leave`). Test: `a_dropped_future_gives_back_what_it_got`.
                unsafe { queue.push_back(self.as_mut().node()) };
                drop(queue);
                self.advance(Step::Queued);
                Poll::Pending
            }
            done => {
                drop(queue);
                self.advance(Step::Done);
                Poll::Ready(done.map(|_all| ()))
            }
        }
    }

    /// Sees to it that the task that polled last is woken. False if the queue has let go of the node.
    fn renew_waker(self: Pin<&mut Self>, cx: &Context<'_>) -> bool {
        let mut fresh = None;
        loop {
            let mut queue = self.semaphore.lock();
            if !self.node.is_linked() {
                return false;
            }
            // SAFETY: the node is linked, and this future puts it into this semaphore's queue only. Its memory is the
            // future, borrowed here. Test: `the_task_that_polled_last_is_woken`.
            let waker = unsafe { &mut queue.value_mut(&self.node).waker };
            if waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                return true;
            }
            if fresh.is_some() {
                std::mem::swap(waker, &mut fresh);
                // First the lock, then the old waker: to drop it is user code.
                drop(queue);
                return true;
            }
            drop(queue);
            fresh = Some(cx.waker().clone());
        }
    }

    /// What became of a wait that the queue has ended.
    fn settle(mut self: Pin<&mut Self>) -> Result<(), AcquireError> {
        // The queue lets go of a node that misses permits only when the semaphore is closed.
        if self.as_mut().node().value_mut().missing == 0 && !self.semaphore.is_closed() {
            self.advance(Step::Done);
            return Ok(());
        }
        self.leave();
        Err(AcquireError(()))
    }

    /// Out of the queue, with every permit given back that had come so far.
    fn leave(mut self: Pin<&mut Self>) {
        let semaphore = self.semaphore;
        self.advance(Step::Done);
        if self.node.is_linked() {
            let mut queue = semaphore.lock();
            // Permits may have come before the lock did.
            if self.node.is_linked() {
                // SAFETY: the node is linked, and this future puts it into this semaphore's queue only. Its memory is
                // the future, borrowed here. Test: `a_dropped_future_gives_back_what_it_got`.
                unsafe { queue.remove(self.as_mut().node()) };
                if queue.is_empty() {
                    semaphore.state.fetch_and(!WAITING, Release);
                }
            }
        }
        let missing = self.as_mut().node().value_mut().missing;
        semaphore.release(self.permits - missing);
    }

    fn advance(self: &mut Pin<&mut Self>, step: Step) {
        // SAFETY: the step is not pinned by anyone; the node, which is, stays in its place. The memory is the caller's
        // for as long as it lends it. Test: every one of this file.
        unsafe { self.as_mut().get_unchecked_mut().step = step };
    }

    fn node(self: Pin<&mut Self>) -> Pin<&mut Node<Waiter>> {
        // SAFETY: the node is pinned with its future: nothing moves it out, and it is dropped in place. The memory is the
        // caller's for as long as it lends it. Test: every one of this file.
        unsafe { self.map_unchecked_mut(|this| &mut this.node) }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), AcquireError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(cx));
        let result = ready!(self.poll_permits(cx));
        progress.made();
        Poll::Ready(result)
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if self.step == Step::Queued {
            // SAFETY: a queued future has been polled, so it is pinned, and it is not moved while it is dropped.
            // Test: `a_dropped_future_gives_back_what_it_got`.
            unsafe { Pin::new_unchecked(self) }.leave();
        }
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// The semaphore was closed, before or while the permits were waited for.
#[derive(Debug)]
pub struct AcquireError(pub(super) ());

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("semaphore closed")
    }
}

impl error::Error for AcquireError {}

/// Why permits could not be had without waiting.
#[derive(Debug, PartialEq, Eq)]
pub enum TryAcquireError {
    /// The semaphore is closed: there will never be any.
    Closed,
    /// There are too few just now.
    NoPermits,
}

impl fmt::Display for TryAcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryAcquireError::Closed => "semaphore closed",
            TryAcquireError::NoPermits => "no permits available",
        })
    }
}

impl error::Error for TryAcquireError {}

#[cfg(test)]
mod tests;
