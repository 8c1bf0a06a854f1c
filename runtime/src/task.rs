//! Tasks: [`spawn`], and what becomes of them.
//!
//! A task stays on the shard that spawned it. So its future need not be `Send`, and [`spawn_local`] outside a
//! [`LocalSet`] is [`spawn`].

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

pub mod coop;
pub mod join_set;
mod local_set;
mod task_local;

use runtime_core::trace::Place;

pub use coop::{Unconstrained, consume_budget, unconstrained};
pub use join_set::JoinSet;
pub use local_set::{LocalEnterGuard, LocalSet, spawn_local};
pub use runtime_core::task::{AbortHandle, Id, JoinError, JoinHandle, id, try_id};
pub use task_local::{AccessError, LocalKey};

/// Futures that functions of this module return.
pub mod futures {
    pub use super::task_local::TaskLocalFuture;
}

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
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + 'static,
    F::Output: 'static,
{
    let place = Place::of_caller();
    runtime_core::shard::with_current(|shard| shard.spawn_at(future, place))
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

/// Runs work that blocks on a thread of its own, out of a bounded pool
/// ([`Builder::max_blocking_threads`](crate::Builder::max_blocking_threads)): system calls without an op, locks, computing.
///
/// It cannot be aborted once it has begun. A panic in it is the handle's [`JoinError`]. Shutdown drops what has not
/// begun, and waits for the rest, or says what it left.
///
/// One allocation, one lock, and a wake each way.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// let sum = runtime::task::spawn_blocking(|| (1..=10).sum::<i32>()).await;
/// assert_eq!(sum.unwrap(), 55);
/// # });
/// ```
#[track_caller]
pub fn spawn_blocking<F, T>(work: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    runtime_core::blocking::spawn(work)
}

/// Calls `work`, which blocks, here and now: the shard's other tasks and I/O wait for it, since they cannot move to
/// another thread. There for programs that are moved over; [`spawn_blocking`] is better in all others.
///
/// What blocks is allowed in it: `blocking_recv` and the like, which no task of this shard can end meanwhile, and
/// [`Handle::block_on`](crate::Handle::block_on), which runs the shard's other tasks while it waits. They run on top of
/// this one: if one of them blocks in place as well, this one goes on only after it.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::{Handle, task::block_in_place};
///
/// let task = runtime::spawn(async { 7 });
/// assert_eq!(block_in_place(|| Handle::current().block_on(task)).unwrap(), 7);
/// # });
/// ```
pub fn block_in_place<F, T>(work: F) -> T
where
    F: FnOnce() -> T,
{
    runtime_core::shard::not_running(work)
}
