//! Waiting for a point in time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use runtime_core::{
    alarm::{Alarm, Stage},
    coop,
};

use super::Instant;

/// Waits for `duration`, at least. See [`sleep_until`].
///
/// ```
/// # use runtime::time::{Duration, Instant, sleep};
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(1)).await;
/// assert!(start.elapsed() >= Duration::from_millis(1));
/// # });
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    sleep_until(Instant::after(duration))
}

/// Waits until `deadline`, or not at all if it has passed.
///
/// Not earlier than the deadline; how much later depends on the shard's other work, and in a crowd of timers on
/// [`timer_slack`](crate::Builder::timer_slack). No SQE, no allocation of its own.
///
/// # Cancel safety
/// Dropping it forgets the timer.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { timer: Timer::new(deadline) }
}

pin_project_lite::pin_project! {
    /// Waits for a point in time. Made by [`sleep`] and [`sleep_until`]; panics when polled outside a runtime.
    ///
    /// To use it again and again, pin it and [`reset`](Sleep::reset) it:
    ///
    /// ```
    /// use runtime::time::{Duration, Instant, sleep};
    /// # runtime::Builder::new().build().unwrap().block_on(async {
    /// let mut idle = std::pin::pin!(sleep(Duration::from_secs(60)));
    /// idle.as_mut().reset(Instant::now() + Duration::from_millis(1));
    /// idle.as_mut().await;
    /// assert!(idle.is_elapsed());
    /// # });
    /// ```
    #[must_use = "a sleep does nothing unless awaited"]
    #[project(!Unpin)]
    #[derive(Debug)]
    pub struct Sleep {
        timer: Timer,
    }
}

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.timer.deadline
    }

    /// True once the deadline has passed.
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.timer.deadline
    }

    /// Sets another deadline, without a new future. A task that waits for this is woken at the new one, also if it does
    /// not poll it again.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        self.project().timer.reset(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.project().timer.poll(cx)
    }
}

/// A deadline, and the alarm that is set for it while somebody waits.
#[derive(Debug)]
pub(super) struct Timer {
    deadline: Instant,
    alarm: Option<Alarm>,
}

impl Timer {
    pub(super) fn new(deadline: Instant) -> Timer {
        Timer { deadline, alarm: None }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if self.alarm.as_ref().is_some_and(|alarm| !alarm.reset(deadline.into_std())) {
            self.alarm = None;
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(coop::poll_proceed(cx));
        let stage = self.alarm.as_ref().map(|alarm| alarm.update(cx));
        if stage == Some(Stage::Set) {
            return Poll::Pending;
        }
        self.alarm = None;
        if stage == Some(Stage::GoneOff) || Instant::now() >= self.deadline {
            progress.made();
            return Poll::Ready(());
        }
        let alarm = Alarm::set(self.deadline.into_std(), cx.waker());
        self.alarm = Some(alarm.expect("a sleep was polled outside a runtime; use #[runtime::main]"));
        Poll::Pending
    }
}
