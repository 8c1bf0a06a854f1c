//! Waiting for a point in time.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use runtime_core::alarm::Alarm;

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
/// Not earlier than the deadline; how much later depends on the shard's other work. No SQE, no allocation of its own.
///
/// # Cancel safety
/// Dropping it forgets the timer.
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep { deadline, alarm: None }
}

/// Waits for a point in time. Made by [`sleep`] and [`sleep_until`]; panics when polled outside a runtime.
#[must_use = "a sleep does nothing unless awaited"]
#[derive(Debug)]
pub struct Sleep {
    deadline: Instant,
    alarm: Option<Alarm>,
}

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// True once the deadline has passed.
    pub fn is_elapsed(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Sets another deadline, without a new future.
    pub fn reset(mut self: Pin<&mut Self>, deadline: Instant) {
        self.deadline = deadline;
        self.alarm = None;
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_elapsed() {
            self.alarm = None;
            return Poll::Ready(());
        }
        if !self.alarm.as_ref().is_some_and(|alarm| alarm.update(cx)) {
            let alarm = Alarm::set(self.deadline.into_std(), cx.waker());
            self.alarm = Some(alarm.expect("a sleep was polled outside a runtime; use #[runtime::main]"));
        }
        Poll::Pending
    }
}
