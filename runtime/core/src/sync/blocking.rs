//! Waiting on a thread that runs no shard.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use crate::shard::with_current;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end; the thread parks in between. One allocation.
///
/// # Panics
/// On the thread of a shard, with a sentence that names `call` and the one to use `instead`.
#[track_caller]
pub(crate) fn block_on<F: Future>(call: &str, instead: &str, future: F) -> F::Output {
    assert!(
        with_current(|_| ()).is_none(),
        "{call} was called inside a runtime, where it would stop every task of the shard: use {instead}, or call it on \
         a thread of its own"
    );
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
