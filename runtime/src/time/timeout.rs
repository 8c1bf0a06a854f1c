//! A time limit on any future.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use runtime_core::coop;

use super::{Instant, Sleep, error::Elapsed, sleep_until};

/// Gives `future`'s output, or [`Elapsed`] if it has none within `duration`.
///
/// The future is polled first: one that is ready is served whatever the limit, zero and a deadline that has passed
/// included. It is dropped with the returned future; what that does to its effects, its own documentation says. An op or
/// plan that is dropped in flight is cancelled; its own [`timeout`](crate::Io::timeout) gives its buffer back as well.
///
/// A future that is ready in time costs a few tens of nanoseconds more, and no allocation.
///
/// ```
/// # use runtime::time::{Duration, sleep, timeout};
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// assert_eq!(timeout(Duration::from_secs(9), async { 7 }).await, Ok(7));
/// assert!(timeout(Duration::from_millis(1), sleep(Duration::from_secs(9))).await.is_err());
/// # });
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    timeout_at(Instant::after(duration), future)
}

/// Gives `future`'s output, or [`Elapsed`] if it has none at `deadline`. As [`timeout`].
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: future.into_future(), limit: sleep_until(deadline) }
}

pin_project_lite::pin_project! {
    /// A future with a time limit. Made by [`timeout`] and [`timeout_at`].
    #[must_use = "futures do nothing unless awaited"]
    #[derive(Debug)]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        #[pin]
        limit: Sleep,
    }
}

impl<F> Timeout<F> {
    /// The future within.
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future within.
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// The future without its limit.
    pub fn into_inner(self) -> F {
        self.future
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let had_budget = coop::has_budget_remaining();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        // A future that uses up the task's budget at every poll must not put off its own limit for ever.
        let limit = if had_budget && !coop::has_budget_remaining() {
            coop::unlimited(|| this.limit.poll(cx))
        } else {
            this.limit.poll(cx)
        };
        limit.map(|()| Err(Elapsed::new()))
    }
}
