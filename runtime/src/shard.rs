//! Shards: threads that each have a ring, an executor and timers of their own, and nothing in common.
//!
//! A task stays on the shard where it was spawned. What shall run elsewhere is sent there as a closure, which makes the
//! future where it stays, so that the future need not be `Send`.
//!
//! Each shard listens by itself where connections are to be spread: sockets bound to one address with SO_REUSEPORT, for
//! which the kernel shares connections out.

use std::{
    future::Future,
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use runtime_core::task::{JoinError, JoinHandle};

use crate::{context::Context, handle::Handle};

/// Which shard this thread is, from 0.
///
/// # Panics
/// Outside a runtime, and in threads that are none of its shards; see [`try_current`].
#[track_caller]
pub fn current() -> usize {
    try_current().expect("shard::current was called on a thread that is no shard; use shard::try_current there")
}

/// Which shard this thread is, from 0; `None` on threads that are none.
pub fn try_current() -> Option<usize> {
    Context::with(|context| context.shard).flatten()
}

/// How many shards the runtime of this thread has.
///
/// # Panics
/// Outside a runtime.
#[track_caller]
pub fn count() -> usize {
    Handle::current().shards()
}

/// Makes a task on a shard: the closure is sent there, and the future that it returns stays there, and need not be `Send`.
///
/// The output comes back by the handle. To the own shard it is a [`spawn`](crate::spawn()); to another one it costs a lock
/// of that shard's mailbox and, if it sleeps, an SQE of this one.
///
/// # Panics
/// Outside a runtime, and for a shard that it does not have.
///
/// ```
/// # runtime::Builder::new().shards(2).build()?.block_on(async {
/// let elsewhere = runtime::spawn_on(1, || async {
///     let local = std::rc::Rc::new(20);
///     runtime::task::yield_now().await;
///     *local + runtime::shard::current()
/// });
/// assert_eq!(elsewhere.await.unwrap(), 21);
/// # });
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn spawn_on<F, Fut>(shard: usize, start: F) -> JoinHandle<Fut::Output>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future + 'static,
    Fut::Output: Send + 'static,
{
    Handle::current().spawn_on(shard, start)
}

/// Makes a task on each shard of this runtime, the own one included. The closure is told which it is.
///
/// The tasks begin at once; what is returned waits for all of them. Dropping it lets them run on.
///
/// # Panics
/// Outside a runtime.
///
/// ```
/// # runtime::Builder::new().shards(2).build()?.block_on(async {
/// let squares = runtime::on_each_shard(|shard| async move { shard * shard }).await;
/// assert_eq!(squares.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [0, 1]);
/// # });
/// # std::io::Result::Ok(())
/// ```
#[track_caller]
pub fn on_each_shard<F, Fut>(start: F) -> OnEachShard<Fut::Output>
where
    F: FnOnce(usize) -> Fut + Clone + Send + 'static,
    Fut: Future + 'static,
    Fut::Output: Send + 'static,
{
    let handle = Handle::current();
    let spawn = |shard| {
        let start = start.clone();
        Some(handle.spawn_on(shard, move || start(shard)))
    };
    let running: Vec<_> = (0..handle.shards()).map(spawn).collect();
    OnEachShard { ended: running.iter().map(|_| None).collect(), running }
}

/// The tasks of [`on_each_shard`]; awaited, it gives what each of them came to, in the order of the shards.
#[must_use = "it waits for the tasks only if awaited; they run on if it is dropped"]
#[derive(Debug)]
pub struct OnEachShard<T> {
    running: Vec<Option<JoinHandle<T>>>,
    ended: Vec<Option<Result<T, JoinError>>>,
}

// Outputs are moved in and out, never pinned.
impl<T> Unpin for OnEachShard<T> {}

impl<T> OnEachShard<T> {
    /// Aborts those that have not ended.
    pub fn abort(&self) {
        self.running.iter().flatten().for_each(JoinHandle::abort);
    }
}

impl<T> Future for OnEachShard<T> {
    type Output = Vec<Result<T, JoinError>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let OnEachShard { running, ended } = &mut *self;
        for (task, ended) in running.iter_mut().zip(ended) {
            if let Some(Poll::Ready(result)) = task.as_mut().map(|task| Pin::new(task).poll(cx)) {
                *ended = Some(result);
                *task = None;
            }
        }
        if self.running.iter().any(Option::is_some) {
            return Poll::Pending;
        }
        let results = self.ended.drain(..).map(|result| result.expect("polled after it gave its results"));
        Poll::Ready(results.collect())
    }
}
