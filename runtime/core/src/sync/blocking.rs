//! Waiting on a thread that runs no tasks.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use crate::{coop, shard};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future of this room on this thread, which parks in between.
///
/// # Panics
/// On a shard's thread, with a sentence that names the `remedy`: all its tasks would stand still, perhaps the very one
/// that is waited for.
#[track_caller]
pub(super) fn block_on<F: Future>(future: F, call: &str, remedy: &str) -> F::Output {
    assert!(
        shard::with_current(|_| ()).is_none(),
        "`{call}` would block a thread that runs tasks; await `{remedy}` there, or call it on a thread of its own \
         (`spawn_blocking`)"
    );
    let mut future = pin!(future);
    coop::unlimited(|| {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut cx = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            thread::park();
        }
    })
}
