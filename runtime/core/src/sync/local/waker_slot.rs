//! The waker of the one task that may wait.

use std::{cell::Cell, fmt, task::Waker};

/// A waker that stays where it is from one wait to the next.
///
/// A task's waker is a counted reference: to clone one and wake it by value takes three atomic steps, to wake the one
/// that is here already takes the wake's own. That is 10 of 40 ns per message between two tasks.
#[derive(Default)]
pub(super) struct WakerSlot {
    /// Out of its place only while it is being woken or compared.
    waker: Cell<Option<Waker>>,
    /// Somebody has returned Pending and was not woken since.
    waiting: Cell<bool>,
}

impl WakerSlot {
    /// Lets the next [`wake`](WakerSlot::wake) wake `waker`. User code may run: look again, after this, whether there is
    /// something to wait for.
    #[inline]
    pub(super) fn register(&self, waker: &Waker) {
        self.waiting.set(true);
        match self.waker.take() {
            Some(old) if old.will_wake(waker) => self.waker.set(Some(old)),
            old => self.change(old, waker),
        }
    }

    #[cold]
    fn change(&self, old: Option<Waker>, waker: &Waker) {
        let new = waker.clone();
        // The clone may have come back here and left a waker: it is older.
        let older = self.waker.replace(Some(new));
        self.waiting.set(true);
        drop((old, older));
    }

    /// Wakes who waits, once.
    #[inline]
    pub(super) fn wake(&self) {
        if self.waiting.replace(false)
            && let Some(waker) = self.waker.take()
        {
            waker.wake_by_ref();
            match self.waker.take() {
                None => self.waker.set(Some(waker)),
                newer => {
                    self.waker.set(newer);
                    drop(waker);
                }
            }
        }
    }

    /// Nobody waits any more: lets go of the waker.
    pub(super) fn clear(&self) {
        self.waiting.set(false);
        drop(self.waker.take());
    }
}

impl fmt::Debug for WakerSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WakerSlot").field("waiting", &self.waiting.get()).finish_non_exhaustive()
    }
}
