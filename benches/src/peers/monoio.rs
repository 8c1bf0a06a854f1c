//! monoio, with the channels that its documentation names.

use std::time::{Duration, Instant};

pub use monoio::spawn;
use monoio::{IoUringDriver, RuntimeBuilder, blocking::DefaultThreadPool, task::JoinHandle};

pub use super::lacking::*;

super::programs!();

pub fn run<F: Future>(future: F) -> F::Output {
    let pool = Box::new(DefaultThreadPool::new(1));
    let builder = RuntimeBuilder::<IoUringDriver>::new().enable_timer().attach_thread_pool(pool);
    builder.build().expect("a runtime").block_on(future)
}

pub async fn joined<T>(task: JoinHandle<T>) -> T {
    task.await
}

pub fn sleep_until(deadline: Instant) -> impl Future<Output = ()> {
    monoio::time::sleep_until(monoio::time::Instant::from_std(deadline))
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    monoio::time::timeout(limit, future).await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    monoio::spawn_blocking(work).await.expect("no panic")
}
