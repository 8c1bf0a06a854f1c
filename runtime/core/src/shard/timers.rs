//! A shard's clock and timers.

use std::{
    task::Waker,
    time::{Duration, Instant},
};

use super::Shard;
use crate::{
    clock::{Clock, Hold},
    timer::{Due, TimerId},
};

impl Shard {
    /// What the shard's timers go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How much later than due a crowd of timers may fire, so that they share one wake. Default 500 µs.
    pub fn set_timer_slack(&self, slack: Duration) {
        self.driver.borrow_mut().timer_slack = slack;
    }

    /// Keeps the clock from moving by itself until the value is dropped, on any thread: for work that is done elsewhere
    /// while the shard waits.
    pub fn hold_clock(&self) -> Hold {
        self.clock.hold(self.peer())
    }

    /// Wakes `waker` at `deadline`.
    pub(crate) fn set_timer(&self, deadline: Instant, waker: &Waker) -> TimerId {
        let waker = waker.clone();
        self.driver.borrow_mut().timers.set(deadline, Due::Wake(waker))
    }

    /// Gives a timer another deadline. False if the timer has fired.
    pub(crate) fn reset_timer(&self, id: TimerId, deadline: Instant) -> bool {
        self.driver.borrow_mut().timers.reset(id, deadline)
    }

    /// Replaces a timer's waker. False if the timer has fired.
    pub(crate) fn update_timer(&self, id: TimerId, waker: &Waker) -> bool {
        let same = match self.driver.borrow_mut().timers.waker(id) {
            None => return false,
            Some(old) => old.will_wake(waker),
        };
        if !same {
            let mut waker = waker.clone();
            if let Some(old) = self.driver.borrow_mut().timers.waker(id) {
                std::mem::swap(old, &mut waker);
            }
        }
        true
    }

    /// Forgets a timer; returns its waker, which must not be dropped under a borrow.
    pub(crate) fn clear_timer(&self, id: TimerId) -> Option<Due> {
        self.driver.borrow_mut().timers.clear(id)
    }
}
