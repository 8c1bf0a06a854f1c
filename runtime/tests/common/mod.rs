//! What the tests share.
#![allow(dead_code)] // each test crate uses a part

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

use runtime::{Builder, Lowering, Metrics, fs::File};

/// Runs a future on a runtime of its own and checks that shutdown finds nothing left.
pub fn run<F: Future>(future: F) -> F::Output {
    run_on(&mut Builder::new(), future)
}

/// As [`run`], with a builder.
pub fn run_on<F: Future>(builder: &mut Builder, future: F) -> F::Output {
    let runtime = builder.build().expect("a runtime");
    let output = runtime.block_on(future);
    assert_clean(&runtime.shutdown());
    output
}

/// All counters of what is in use are zero (I12).
pub fn assert_clean(metrics: &Metrics) {
    let left = (metrics.in_flight, metrics.activations, metrics.slots, metrics.tasks, metrics.leaked);
    assert_eq!(left, (0, 0, 0, 0, 0), "in flight, activations, slots, tasks, leaked");
}

/// A file of these bytes, open for reading and writing.
pub async fn file(dir: &tempfile::TempDir, bytes: &[u8]) -> File {
    let path = dir.path().join("f");
    std::fs::write(&path, bytes).unwrap();
    File::options().read(true).write(true).open(path).await.unwrap()
}

/// How many descriptors the process has open.
pub fn open_fds() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc/self/fd").count()
}

/// Polls a future once; it must not be done.
pub async fn poll_once<F: Future>(mut future: Pin<&mut F>) {
    poll_fn(|cx| {
        assert!(future.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await
}

/// Every way to bring a plan to the kernel.
pub const LOWERINGS: [Lowering; 4] = [Lowering::Auto, Lowering::Chain, Lowering::Staged, Lowering::Gate];
