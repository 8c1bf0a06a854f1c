//! What the expansions of the macros name. Not for users: it may change with any version.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    task::Context,
};
pub use std::{
    future::{Future, IntoFuture, poll_fn},
    pin::pin,
    task::Poll,
};

pub use runtime_macros::{__select, __try_join};

/// The output of a `select!` branch whose pattern has not been tried.
#[derive(Debug)]
pub struct Output<T>(pub T);

/// Pending, and the task is woken, if its budget is used up: then no branch would get far.
pub fn poll_budget(cx: &Context<'_>) -> Poll<()> {
    runtime_core::coop::poll_proceed(cx).map(drop)
}

/// The branch that is polled `step` places behind `start`.
#[inline]
pub fn turn(start: usize, step: usize, count: usize) -> usize {
    (start + step) % count
}

/// A number below `end`, each about as often. Good enough to be fair, and no better.
pub fn random_below(end: usize) -> usize {
    thread_local!(static STATE: Cell<u64> = const { Cell::new(0) });
    let mut state = STATE.get();
    if state == 0 {
        // Xorshift does not leave zero. The seed differs by thread and by process.
        state = RandomState::new().hash_one(()) | 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    STATE.set(state);
    // The upper half, scaled: its bits are the better ones, and there is no division.
    (((state >> 32) * end as u64) >> 32) as usize
}

/// What a `select!` without `else` comes to when no branch is left.
#[cold]
#[track_caller]
pub fn all_disabled() -> ! {
    panic!("every branch of `select!` is disabled, and it has no `else`")
}

/// The pattern was tried on a reference to the very value.
#[cold]
#[track_caller]
pub fn pattern_refused() -> ! {
    unreachable!("an output of `select!` matched its pattern only by reference")
}

pin_project_lite::pin_project! {
    /// A future of `try_join!`, or its value.
    #[project = TryPartState]
    #[derive(Debug)]
    pub enum TryPart<F, T> {
        /// Not done.
        Running { #[pin] future: F },
        /// Done; nothing once the value was taken.
        Done { value: Option<T> },
    }
}

impl<F, T, E> TryPart<F, T>
where
    F: Future<Output = Result<T, E>>,
{
    /// Nothing has happened.
    pub fn new(future: F) -> TryPart<F, T> {
        TryPart::Running { future }
    }

    /// Ready with `Ok` once the value is there, again and again.
    pub fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), E>> {
        if let TryPartState::Running { future } = self.as_mut().project() {
            match future.poll(cx) {
                Poll::Ready(Ok(value)) => self.set(TryPart::Done { value: Some(value) }),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The value, once.
    pub fn take(self: Pin<&mut Self>) -> T {
        match self.project() {
            TryPartState::Done { value } => value.take().expect("taken once, when all are done"),
            TryPartState::Running { .. } => unreachable!("taken when all are done"),
        }
    }
}
