//! compio. It has no channels and names none: those of other crates that are fastest on it.

use std::time::Duration;

use compio::runtime::{JoinHandle, Runtime};
pub use compio::{runtime::spawn, time::sleep_until};

pub use super::lacking::*;

super::programs!();

pub fn run<F: Future>(future: F) -> F::Output {
    Runtime::new().expect("a runtime").block_on(future)
}

pub async fn joined<T>(task: JoinHandle<T>) -> T {
    task.await.expect("no panic")
}

pub async fn timeout(limit: Duration, future: impl Future<Output = ()>) {
    compio::time::timeout(limit, future).await.expect("in time");
}

pub async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    compio::runtime::spawn_blocking(work).await.expect("no panic")
}
