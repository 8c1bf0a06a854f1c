//! Something has happened: word of it for one task, or for all.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::*},
    },
    task::Waker,
};

use super::{wait_list::WaitList, wake_batch::WakeBatch};

pub use notified::{Notified, OwnedNotified};

mod notified;
#[cfg(test)]
mod tests;

/// Wakes tasks that wait for an event.
///
/// [`Notify::notify_one`] wakes the task that has waited longest, or leaves one permit for the next that comes: several
/// calls leave no more than one. [`Notify::notify_waiters`] wakes all whose [`Notify::notified`] was called before, polled
/// or not, and leaves nothing.
///
/// All that came before a notification is visible to the one that received it. It works on any thread, with or without a
/// runtime.
///
/// Cost: one atomic operation where nobody waits, or where a permit is there. One who waits allocates nothing.
///
/// ```
/// # use runtime_core as runtime;
/// use std::{future::Future, pin::pin, task::{Context, Waker}};
/// use runtime::sync::Notify;
///
/// let notify = Notify::new();
/// let mut cx = Context::from_waker(Waker::noop());
/// let mut notified = pin!(notify.notified());
/// assert!(notified.as_mut().poll(&mut cx).is_pending());
/// notify.notify_one();
/// assert!(notified.poll(&mut cx).is_ready());
/// ```
pub struct Notify {
    /// One of [`EMPTY`], [`WAITING`] and [`PERMIT`] in the low bits; above, how often all were notified.
    ///
    /// `EMPTY` and `PERMIT` follow each other without a lock. `WAITING` is entered and left only by whoever holds the lock
    /// of `queues`, and so is every change while it holds. Each side makes a read-modify-write, also where it changes
    /// nothing: so one of any two sees what the other did before.
    state: AtomicUsize,
    queues: Mutex<Queues>,
}

/// Nobody waits, and nothing is kept.
const EMPTY: usize = 0;
/// Somebody waits.
const WAITING: usize = 1;
/// Nobody waits, and the next who comes has been notified already.
const PERMIT: usize = 2;
/// The bits of these.
const STATE: usize = 3;
/// One notification of all. The count may wrap: only equality with a recent one is asked for.
const ROUND: usize = 4;

struct Queues {
    /// Those who wait, of the present round. Empty exactly if the state is not `WAITING`.
    waiting: WaitList<Waiter>,
    /// Those of former rounds who are still to be woken.
    leaving: WaitList<Waiter>,
}

struct Waiter {
    waker: Option<Waker>,
    /// Set as the node leaves its list.
    word: Option<Word>,
}

/// Who has been notified.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Word {
    /// The one who had waited longest. Passed on to the next of this kind if it is dropped unheard.
    First,
    /// The one who came last. Passed on to the next of this kind if it is dropped unheard.
    Last,
    All,
}

impl Notify {
    /// Without a permit.
    pub fn new() -> Notify {
        Notify::const_new()
    }

    /// As [`Notify::new`], for statics.
    pub const fn const_new() -> Notify {
        Notify {
            state: AtomicUsize::new(EMPTY),
            queues: Mutex::new(Queues { waiting: WaitList::new(), leaving: WaitList::new() }),
        }
    }

    /// A future that is ready once this task has been notified.
    ///
    /// It hears [`Notify::notify_waiters`] from this call on, and queues for [`Notify::notify_one`] at its first poll, or
    /// at [`Notified::enable`].
    ///
    /// # Cancel safety
    /// Dropped, it loses its place. A notification for one that it had received is passed on to the next.
    pub fn notified(&self) -> Notified<'_> {
        Notified::new(self, self.round())
    }

    /// As [`Notify::notified`], with a future that holds the `Arc` instead of a borrow.
    ///
    /// # Cancel safety
    /// As for [`Notify::notified`].
    pub fn notified_owned(self: Arc<Self>) -> OwnedNotified {
        let round = self.round();
        OwnedNotified::new(self, round)
    }

    /// Notifies the one who has waited longest; where nobody waits, the next who comes.
    pub fn notify_one(&self) {
        self.notify(Word::First);
    }

    /// Notifies the one who came last; where nobody waits, the next who comes.
    pub fn notify_last(&self) {
        self.notify(Word::Last);
    }

    /// Notifies all whose [`Notify::notified`] was called before this. A permit that is kept stays.
    pub fn notify_waiters(&self) {
        let mut state = self.state.load(Relaxed);
        while state & STATE != WAITING {
            match self.state.compare_exchange_weak(state, state.wrapping_add(ROUND), AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        self.wake_all();
    }

    fn round(&self) -> usize {
        round_of(self.state.load(Acquire))
    }

    fn notify(&self, word: Word) {
        let mut state = self.state.load(Relaxed);
        while state & STATE != WAITING {
            match self.state.compare_exchange_weak(state, round_of(state) | PERMIT, AcqRel, Relaxed) {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        let mut queues = self.lock();
        let leave = |waiter: &mut Waiter| {
            waiter.word = Some(word);
            waiter.waker.take()
        };
        let waker = match word {
            Word::Last => queues.waiting.pop_back(leave),
            _ => queues.waiting.pop_front(leave),
        };
        if waker.is_some() {
            self.lower_if_empty(&queues);
        } else {
            // Those who waited have gone. Nobody can come while the lock is held.
            let keep = |state| Some(round_of(state) | PERMIT);
            let _previous = self.state.fetch_update(AcqRel, Relaxed, keep);
        }
        drop(queues);
        if let Some(waker) = waker.flatten() {
            waker.wake();
        }
    }

    #[cold]
    fn wake_all(&self) {
        let mut batch = WakeBatch::new();
        let mut queues = self.lock();
        let lists = &mut *queues;
        lists.leaving.append(&mut lists.waiting);
        let next = |state: usize| {
            let kept = if state & STATE == WAITING { EMPTY } else { state & STATE };
            Some(round_of(state).wrapping_add(ROUND) | kept)
        };
        let _previous = self.state.fetch_update(AcqRel, Relaxed, next);
        loop {
            while !batch.is_full() {
                let leave = |waiter: &mut Waiter| {
                    waiter.word = Some(Word::All);
                    waiter.waker.take()
                };
                let Some(waker) = queues.leaving.pop_front(leave) else { break };
                batch.push(waker);
            }
            let done = queues.leaving.is_empty();
            drop(queues);
            batch.wake();
            if done {
                return;
            }
            queues = self.lock();
        }
    }

    /// Leaves `WAITING` once nobody waits, for one who holds the lock.
    fn lower_if_empty(&self, queues: &Queues) {
        if queues.waiting.is_empty() {
            // Under the lock the state is what it was, and `WAITING` is the only low bit.
            let _previous = self.state.fetch_and(!STATE, AcqRel);
        }
    }

    /// The queues. No user code runs under their lock, so it cannot be poisoned by a panic.
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn round_of(state: usize) -> usize {
    state & !STATE
}

impl Default for Notify {
    fn default() -> Notify {
        Notify::new()
    }
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Relaxed) & STATE {
            EMPTY => "empty",
            WAITING => "waiting",
            _ => "permit",
        };
        f.debug_struct("Notify").field("state", &format_args!("{state}")).finish_non_exhaustive()
    }
}
