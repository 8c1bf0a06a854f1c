//! Cooperation: a task whose channels, locks and streams are always ready gives way after a while all the same.
//!
//! Each poll of a task starts with a budget of 128 units. A call that could be ready again and again without the kernel
//! (a receive from a channel, a lock, the join of a task) takes one unit when it is ready. When none is left it is
//! pending, after it has woken its task, which so runs again behind the others that are ready. Outside tasks there is no
//! limit. The number is not guaranteed.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
pub use runtime_core::coop::has_budget_remaining;
use runtime_core::coop::{self, Progress};

/// Takes a unit of the budget; if none is left, lets the other ready tasks run first. For loops that compute.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let mut sum = 0;
/// for n in 0..1000 {
///     sum += n;
///     runtime::task::consume_budget().await;
/// }
/// # assert_eq!(sum, 499500);
/// # });
/// ```
pub async fn consume_budget() {
    poll_fn(|cx| {
        ready!(coop::poll_proceed(cx)).made();
        Poll::Ready(())
    })
    .await
}

/// Takes a unit of the budget. Pending if none is left: the task has been woken, and the caller returns pending too.
///
/// The unit goes back when the value is dropped, unless the caller says
/// [`made_progress`](RestoreOnPending::made_progress).
pub fn poll_proceed(cx: &mut Context<'_>) -> Poll<RestoreOnPending> {
    coop::poll_proceed(cx).map(RestoreOnPending)
}

/// A unit of the budget; it goes back when this is dropped, unless progress was made.
#[derive(Debug)]
#[must_use]
pub struct RestoreOnPending(Progress);

impl RestoreOnPending {
    /// The unit is spent.
    pub fn made_progress(&self) {
        self.0.made();
    }
}

/// Makes a future take a unit of its task's budget when it is ready, and wait where none is left.
pub fn cooperative<F: Future>(fut: F) -> Coop<F> {
    Coop { fut }
}

pin_project! {
    /// A future that takes part in cooperation. Made by [`cooperative`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Coop<F> {
        #[pin]
        fut: F,
    }
}

impl<F: Future> Future for Coop<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let progress = ready!(coop::poll_proceed(cx));
        let polled = self.project().fut.poll(cx);
        if polled.is_ready() {
            progress.made();
        }
        polled
    }
}

/// Frees a future from the budget of its task. It may then keep other tasks, and the ring, from their turn for as long as
/// it is ready.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::task::{consume_budget, unconstrained};
///
/// unconstrained(async {
///     for _ in 0..1000 {
///         consume_budget().await; // does not suspend here
///     }
/// })
/// .await;
/// # });
/// ```
pub fn unconstrained<F>(inner: F) -> Unconstrained<F> {
    Unconstrained { inner }
}

pin_project! {
    /// A future without a budget. Made by [`unconstrained`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless awaited"]
    pub struct Unconstrained<F> {
        #[pin]
        inner: F,
    }
}

impl<F: Future> Future for Unconstrained<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let inner = self.project().inner;
        coop::unlimited(|| inner.poll(cx))
    }
}
