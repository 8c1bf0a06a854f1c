//! [`Barrier`].

use std::{cell::Cell, future::poll_fn, marker::PhantomData};

use super::{
    OneThread,
    notify::{Notify, Wait},
};

/// Lets tasks wait for each other: nobody goes on before `n` have arrived. Then the next `n` may meet.
#[derive(Debug)]
pub struct Barrier {
    needed: usize,
    arrived: Cell<usize>,
    /// How often as many have met.
    meetings: Cell<u64>,
    met: Notify,
    one_thread: OneThread,
}

/// What [`Barrier::wait`] gives.
#[derive(Clone, Debug)]
pub struct BarrierWaitResult(bool);

impl Barrier {
    /// A barrier for `n` tasks; 0 means the same as 1: nobody waits.
    pub const fn new(n: usize) -> Barrier {
        let needed = if n == 0 { 1 } else { n };
        Barrier { needed, arrived: Cell::new(0), meetings: Cell::new(0), met: Notify::new(), one_thread: PhantomData }
    }

    /// Waits until as many have arrived as are needed. The last one to arrive leads.
    ///
    /// # Cancel safety
    /// A dropped future has not arrived: the others wait for another one. (With tokio, it counts.)
    pub async fn wait(&self) -> BarrierWaitResult {
        let mut wait = Wait::new(&self.met);
        self.arrived.set(self.arrived.get() + 1);
        if self.arrived.get() == self.needed {
            self.arrived.set(0);
            self.meetings.set(self.meetings.get() + 1);
            self.met.notify_waiters();
            return BarrierWaitResult(true);
        }
        let arrival = Arrival { barrier: self, meeting: self.meetings.get() };
        poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
        drop(arrival);
        BarrierWaitResult(false)
    }
}

/// One that waits, or has met the others and does not know it yet.
struct Arrival<'a> {
    barrier: &'a Barrier,
    meeting: u64,
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        if self.barrier.meetings.get() == self.meeting {
            self.barrier.arrived.set(self.barrier.arrived.get() - 1);
        }
    }
}

impl BarrierWaitResult {
    /// True for one of those who met.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::testing::{Flag, now, poll},
        *,
    };

    #[test]
    fn all_meet_and_one_leads_again_and_again() {
        let barrier = Barrier::new(3);
        for _ in 0..2 {
            let flags: [Flag; 2] = Default::default();
            let mut waits: Vec<_> = flags.iter().map(|_| Box::pin(barrier.wait())).collect();
            for (flag, wait) in flags.iter().zip(&mut waits) {
                assert!(flag.poll(wait.as_mut()).is_pending());
            }
            assert!(now(barrier.wait()).is_leader());
            assert!(flags.iter().all(|flag| flag.take() == 1));
            assert!(waits.into_iter().all(|wait| !now(wait).is_leader()));
        }
        assert!(now(Barrier::new(0).wait()).is_leader() && now(Barrier::new(1).wait()).is_leader());
    }

    #[test]
    fn who_gives_up_has_not_arrived() {
        let barrier = Barrier::new(2);
        let mut gives_up = Box::pin(barrier.wait());
        assert!(poll(gives_up.as_mut()).is_pending());
        drop(gives_up);
        let mut first = Box::pin(barrier.wait());
        assert!(poll(first.as_mut()).is_pending());
        assert!(now(barrier.wait()).is_leader());
        // They have met, so this one's drop takes nothing from the next meeting.
        drop(first);
        assert!(poll(std::pin::pin!(barrier.wait())).is_pending());
        assert_eq!(barrier.arrived.get(), 0);
    }
}
