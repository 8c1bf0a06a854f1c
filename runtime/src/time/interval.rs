//! Ticks at a fixed rate.

use std::{
    future::poll_fn,
    task::{Context, Poll, ready},
    time::Duration,
};

use super::{Instant, sleep::Timer};

/// A tick that is given later than this has been missed. Less is a matter of the shard's other work, and is made up for.
const LATE: Duration = Duration::from_millis(5);

/// What an interval does about ticks that were missed: given more than 5 ms late, because nobody awaited them in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissedTickBehavior {
    /// Give them one right after the other.
    #[default]
    Burst,
    /// Start anew: the next tick comes one period after this one was given.
    Delay,
    /// Leave them out: the next tick comes at the next multiple of the period, counted from the one that was missed.
    Skip,
}

/// Ticks every `period`, at once for the first time.
///
/// # Panics
/// If `period` is zero.
#[track_caller]
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
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(!period.is_zero(), "the period of an interval must not be zero");
    Interval { next: Timer::new(start), period, missed: MissedTickBehavior::default() }
}

/// Ticks at a fixed rate. Made by [`interval`] and [`interval_at`].
#[derive(Debug)]
pub struct Interval {
    next: Timer,
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
        ready!(self.next.poll(cx));
        let due = self.next.deadline();
        let next = self.after(due, Instant::now());
        self.next.reset(next);
        Poll::Ready(due)
    }

    /// When the tick after the one at `due` comes, if that was given at `now`.
    fn after(&self, due: Instant, now: Instant) -> Instant {
        let late = now - due;
        match self.missed {
            MissedTickBehavior::Delay if late > LATE => now.plus(self.period),
            MissedTickBehavior::Skip if late > LATE => {
                let into_period = late.as_nanos() % self.period.as_nanos();
                (now - Duration::from_nanos(u64::try_from(into_period).unwrap_or(0))).plus(self.period)
            }
            _ => due.plus(self.period),
        }
    }

    /// Lets the next tick come one period from now.
    pub fn reset(&mut self) {
        self.next.reset(Instant::after(self.period));
    }

    /// Lets the next tick come at once.
    pub fn reset_immediately(&mut self) {
        self.next.reset(Instant::now());
    }

    /// Lets the next tick come `after` from now.
    pub fn reset_after(&mut self, after: Duration) {
        self.next.reset(Instant::after(after));
    }

    /// Lets the next tick come at `deadline`.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.next.reset(deadline);
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
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        assert_eq!(ticks.after(at(0), at(6)), at(16), "late within its period");
    }

    #[test]
    fn a_period_without_end_is_no_overflow() {
        let start = Instant::now();
        let mut ticks = interval_at(start, Duration::MAX);
        for behavior in [MissedTickBehavior::Burst, MissedTickBehavior::Delay, MissedTickBehavior::Skip] {
            ticks.set_missed_tick_behavior(behavior);
            assert!(ticks.after(start, start + Duration::from_secs(9)) > start + Duration::from_secs(86_400 * 365));
        }
        ticks.reset();
    }
}
