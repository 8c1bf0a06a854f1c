//! What the tests of this room share.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// One poll, by a task that nobody wakes.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Runs a future on this thread, which parks in between.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    super::blocking::block_on(future, "the test", "its future")
}
