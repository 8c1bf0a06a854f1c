//! The waker of the one task that waits at the far end of a channel.

use std::{fmt, mem::MaybeUninit, task::Waker};

use crate::primitives::{
    UnsafeCell,
    atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst},
    sequential::AtomicU8,
};

/// Nobody waits. The cell is uninitialised, and the waiting end's to write.
const EMPTY: u8 = 0;
/// The cell holds a waker. Set by the waiting end; excludes writes. Whoever ends this state by a step of its own may
/// move the waker out: a waking thread to [`TAKING`], the waiting end to [`WRITING`].
const ARMED: u8 = 1;
/// The waiting end writes the cell.
const WRITING: u8 = 2;
/// As [`WRITING`], and somebody has rung meanwhile: the waiting end wakes itself.
const MISSED: u8 = 3;
/// A thread moves the waker out and will wake it. Excludes writes. Ended by that thread.
const TAKING: u8 = 4;

/// One waker, set by one thread at a time and taken by any.
///
/// No wake-up is lost if both sides keep the order: the waiting end sets its waker and *then* looks for what it waits for;
/// the others provide it and *then* call [`wake`](WakerCell::wake). Every step on `state` is `SeqCst`, and where the
/// two accesses to what is waited for are `SeqCst` too, one of the sides sees the other.
pub(super) struct WakerCell {
    state: AtomicU8,
    waker: UnsafeCell<MaybeUninit<Waker>>,
}

// SAFETY: `waker` is touched by one thread at a time, as the states say; wakers may cross threads.
// Test: every_item_meets_a_wake_up.
unsafe impl Sync for WakerCell {}

impl WakerCell {
    pub(super) fn new() -> WakerCell {
        WakerCell { state: AtomicU8::new(EMPTY), waker: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// Lets [`wake`](WakerCell::wake) wake this waker, once, and forgets any that was set before.
    ///
    /// # Safety
    /// No two threads may be in here at a time: it takes the one receiving end.
    pub(super) unsafe fn set(&self, waker: &Waker) {
        if self.state.load(SeqCst) == ARMED && self.holds(waker) {
            return;
        }
        // User code, so it comes before the cell is claimed.
        let waker = waker.clone();
        let old = loop {
            match self.state.compare_exchange(EMPTY, WRITING, SeqCst, Relaxed) {
                Ok(_) => break None,
                Err(TAKING) => {
                    // What was set before is being woken, by one who came before us: look again soon.
                    waker.wake();
                    return;
                }
                Err(_armed) => {
                    if self.state.compare_exchange(ARMED, WRITING, SeqCst, Relaxed).is_ok() {
                        // SAFETY: the cell was initialised when it was ARMED, and WRITING makes it this thread's alone.
                        // Test: a_replaced_waker_is_dropped_unwoken.
                        break Some(self.waker.with(|held| unsafe { (*held).assume_init_read() }));
                    }
                }
            }
        };
        // SAFETY: as above; what was in the cell has been moved out. Test: every_item_meets_a_wake_up.
        self.waker.with_mut(|empty| unsafe { (*empty).write(waker) });
        let missed = self.state.compare_exchange(WRITING, ARMED, SeqCst, Acquire).is_err();
        if missed {
            // SAFETY: written above; MISSED keeps everybody else out. Test: every_item_meets_a_wake_up.
            let waker = self.waker.with(|held| unsafe { (*held).assume_init_read() });
            self.state.store(EMPTY, SeqCst);
            waker.wake();
        }
        drop(old);
    }

    /// True if it is this waker that was set. Only the waiting end may ask, and only after it saw ARMED.
    fn holds(&self, waker: &Waker) -> bool {
        // SAFETY: only the waiting end, which is here, writes the cell, and it has done so. A thread that is TAKING reads
        // the cell as we do; of a waker that has been moved out the comparison reads two words and follows neither.
        // Test: every_item_meets_a_wake_up.
        self.waker.with(|held| unsafe { (*held).assume_init_ref() }.will_wake(waker))
    }

    /// Wakes the waker that was set, if there is one. Costs one load if nobody waits.
    pub(super) fn wake(&self) {
        let mut state = self.state.load(SeqCst);
        loop {
            let next = match state {
                ARMED => TAKING,
                WRITING => MISSED,
                // TAKING: another thread wakes it, and the one woken will see what our caller provided.
                _ => return,
            };
            match self.state.compare_exchange(state, next, SeqCst, SeqCst) {
                Ok(ARMED) => break,
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
        // SAFETY: ARMED says it is initialised, and TAKING makes it this thread's alone. Test: every_item_meets_a_wake_up.
        let waker = self.waker.with(|held| unsafe { (*held).assume_init_read() });
        self.state.store(EMPTY, Release);
        waker.wake();
    }

    /// Forgets the waker that was set, if there is one: the waiting end goes away.
    pub(super) fn clear(&self) {
        if self.state.compare_exchange(ARMED, TAKING, AcqRel, Relaxed).is_ok() {
            // SAFETY: as in `wake`. Test: a_replaced_waker_is_dropped_unwoken.
            let waker = self.waker.with(|held| unsafe { (*held).assume_init_read() });
            self.state.store(EMPTY, Release);
            drop(waker);
        }
    }
}

impl Drop for WakerCell {
    fn drop(&mut self) {
        self.clear();
    }
}

impl fmt::Debug for WakerCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.state.load(Relaxed) == EMPTY { "WakerCell(empty)" } else { "WakerCell(set)" })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, AtomicUsize},
        },
        task::Wake,
        thread,
    };

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, SeqCst);
        }
    }

    #[test]
    fn a_replaced_waker_is_dropped_unwoken() {
        let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
        let cell = WakerCell::new();
        for count in [&first, &second, &second] {
            // SAFETY: this is the only thread.
            unsafe { cell.set(&Waker::from(Arc::clone(count))) };
        }
        assert_eq!(Arc::strong_count(&first), 1);
        cell.wake();
        cell.wake();
        assert_eq!((first.0.load(SeqCst), second.0.load(SeqCst)), (0, 1));
        // SAFETY: this is the only thread.
        unsafe { cell.set(&Waker::from(Arc::clone(&second))) };
        drop(cell);
        assert_eq!((second.0.load(SeqCst), Arc::strong_count(&second)), (1, 1));
    }

    /// Two threads provide items; the waiting one parks whenever it sees none. A lost wake-up would hang the test.
    #[test]
    fn every_item_meets_a_wake_up() {
        struct Unpark(thread::Thread, AtomicBool);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.1.store(true, SeqCst);
                self.0.unpark();
            }
        }
        const ITEMS: usize = if cfg!(miri) { 100 } else { 100_000 };
        let (cell, items) = (WakerCell::new(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..ITEMS {
                        items.fetch_add(1, SeqCst);
                        cell.wake();
                    }
                });
            }
            let mut seen = 0;
            while seen < 2 * ITEMS {
                // A new waker every time, so that replacing is tried as well.
                let unpark = Arc::new(Unpark(thread::current(), AtomicBool::new(false)));
                // SAFETY: only this thread sets wakers.
                unsafe { cell.set(&Waker::from(Arc::clone(&unpark))) };
                let now = items.load(SeqCst);
                if now == seen {
                    while !unpark.1.load(SeqCst) {
                        thread::park();
                    }
                }
                seen = now;
            }
        });
    }
}
