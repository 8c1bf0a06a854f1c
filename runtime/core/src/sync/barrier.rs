//! Nobody goes on before all are there.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use super::notify::Notify;

/// A place where a number of tasks wait for each other. It can be used any number of times.
///
/// ```
/// # use runtime_core as runtime;
/// use std::{future::Future, pin::pin, task::{Context, Poll, Waker}};
/// use runtime::sync::Barrier;
///
/// let barrier = Barrier::new(2);
/// let mut cx = Context::from_waker(Waker::noop());
/// let (mut first, mut second) = (pin!(barrier.wait()), pin!(barrier.wait()));
/// assert!(first.as_mut().poll(&mut cx).is_pending());
/// let Poll::Ready(last) = second.poll(&mut cx) else { panic!("both are there") };
/// assert!(last.is_leader() && first.poll(&mut cx).is_ready());
/// ```
pub struct Barrier {
    /// How many have arrived in this round. Never held while anyone is woken.
    arrived: Mutex<usize>,
    all: usize,
    gone: Notify,
}

impl Barrier {
    /// For `n` tasks. With 0 or 1 nobody waits.
    pub fn new(n: usize) -> Barrier {
        Barrier { arrived: Mutex::new(0), all: n.max(1), gone: Notify::new() }
    }

    /// Waits until all have called this. For one of them, the last, [`BarrierWaitResult::is_leader`] is true.
    ///
    /// No allocation.
    ///
    /// # Cancel safety
    /// Not cancel safe: a call that was polled has arrived, and is counted even if it is dropped.
    pub async fn wait(&self) -> BarrierWaitResult {
        let gone = {
            let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
            *arrived += 1;
            if *arrived == self.all {
                *arrived = 0;
                None
            } else {
                // Made under the lock, so that it hears the last of this round.
                Some(self.gone.notified())
            }
        };
        match gone {
            Some(gone) => {
                gone.await;
                BarrierWaitResult(false)
            }
            None => {
                self.gone.notify_waiters();
                BarrierWaitResult(true)
            }
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").field("all", &self.all).finish_non_exhaustive()
    }
}

/// What [`Barrier::wait`] gives.
#[derive(Clone, Debug)]
pub struct BarrierWaitResult(bool);

impl BarrierWaitResult {
    /// True for one of those who waited for each other.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        thread,
    };

    use super::*;
    use crate::sync::testing::{block_on, poll};

    #[test]
    fn nobody_waits_where_one_is_all() {
        for all in [0, 1] {
            let barrier = Barrier::new(all);
            assert!(block_on(barrier.wait()).is_leader() && block_on(barrier.wait()).is_leader());
        }
    }

    #[test]
    fn one_who_gave_up_is_counted() {
        let barrier = Barrier::new(2);
        assert!(poll(pin!(barrier.wait())).is_pending());
        assert!(block_on(barrier.wait()).is_leader());
        drop(barrier.wait());
        assert!(poll(pin!(barrier.wait())).is_pending(), "the next round");
    }

    /// Three threads go through 10 000 rounds: none is ever ahead, and each round has one leader.
    #[test]
    fn barrier_storm() {
        let (barrier, arrivals, leaders) = (Barrier::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for round in 1..=10_000 {
                        arrivals.fetch_add(1, SeqCst);
                        if block_on(barrier.wait()).is_leader() {
                            leaders.fetch_add(1, SeqCst);
                        }
                        let seen = arrivals.load(SeqCst);
                        assert!((3 * round..3 * round + 3).contains(&seen), "round {round}, {seen} arrivals");
                    }
                });
            }
        });
        assert_eq!(leaders.load(SeqCst), 10_000);
    }
}
