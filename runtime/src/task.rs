//! Tasks: [`spawn`], and what becomes of them.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

pub use runtime_core::task::{AbortHandle, JoinError, JoinHandle};

/// Spawns a task on this thread's shard, where it stays: it need not be `Send`.
///
/// Dropping the handle detaches the task. A panic in it ends it alone, and is the handle's [`JoinError`].
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let shared = std::rc::Rc::new(1);
/// let task = runtime::spawn(async move { *shared + 1 });
/// assert_eq!(task.await.unwrap(), 2);
/// # });
/// ```
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    runtime_core::shard::with_current(|shard| shard.spawn(future))
        .expect("spawn was called outside a runtime; use #[runtime::main] or Runtime::block_on")
}

/// Lets the other ready tasks run first.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// runtime::task::yield_now().await;
/// # });
/// ```
pub async fn yield_now() {
    YieldNow { yielded: false }.await
}

struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
