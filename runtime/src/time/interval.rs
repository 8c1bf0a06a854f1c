//! Ticks at a fixed rate.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use super::{Instant, Sleep, sleep_until};

/// What an interval does about ticks that were missed because nobody awaited them in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Give them one right after the other.
    #[default]
    Burst,
    /// Start anew: the next tick comes one period after this one.
    Delay,
    /// Leave them out: the next tick comes at the next multiple of the period.
    Skip,
}

/// Ticks every `period`, at once for the first time.
///
/// # Panics
/// If `period` is zero.
pub fn interval(period: Duration) -> Interval {
    interval_at(Instant::now(), period)
}

/// Ticks every `period`, at `start` for the first time.
///
/// # Panics
/// If `period` is zero.
///
/// ```
/// # use runtime::time::{Duration, Instant, interval_at};
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let start = Instant::now();
/// let mut ticks = interval_at(start, Duration::from_millis(1));
/// assert_eq!(ticks.tick().await, start);
/// assert_eq!(ticks.tick().await, start + Duration::from_millis(1));
/// # });
/// ```
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "the period of an interval must not be zero");
    Interval { next: sleep_until(start), period, missed: MissedTickBehavior::default() }
}

/// Ticks at a fixed rate. Made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    next: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Waits for the next tick and gives the time it was due.
    ///
    /// # Cancel safety
    /// A tick is taken only when this gives it.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| self.poll_tick(cx)).await
    }

    /// As [`tick`](Interval::tick), by hand.
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        if Pin::new(&mut self.next).poll(cx).is_pending() {
            return Poll::Pending;
        }
        let due = self.next.deadline();
        let next = self.after(due, Instant::now());
        Pin::new(&mut self.next).reset(next);
        Poll::Ready(due)
    }

    /// When the tick after the one at `due` comes, if that was given at `now`.
    fn after(&self, due: Instant, now: Instant) -> Instant {
        let next = due + self.period;
        if now <= next {
            return next;
        }
        match self.missed {
            MissedTickBehavior::Burst => next,
            MissedTickBehavior::Delay => now + self.period,
            MissedTickBehavior::Skip => {
                let into_period = (now - due).as_nanos() % self.period.as_nanos();
                now + self.period - Duration::from_nanos(u64::try_from(into_period).unwrap_or(0))
            }
        }
    }

    /// Lets the next tick come one period from now.
    pub fn reset(&mut self) {
        let next = Instant::now() + self.period;
        Pin::new(&mut self.next).reset(next);
    }

    /// The period.
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What is done about missed ticks.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Chooses what is done about missed ticks.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missed_ticks_are_given_delayed_or_left_out() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut ticks = interval_at(start, Duration::from_millis(10));
        for (behavior, expected) in
            [(MissedTickBehavior::Burst, 10), (MissedTickBehavior::Delay, 35), (MissedTickBehavior::Skip, 30)]
        {
            ticks.set_missed_tick_behavior(behavior);
            assert_eq!(ticks.after(at(0), at(25)), at(expected), "{behavior:?}");
            assert_eq!(ticks.after(at(0), at(5)), at(10), "{behavior:?} in time");
        }
    }
}
