//! Work that blocks, beside the shards.

mod common;

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use common::{assert_clean, run};
use runtime::{Builder, Handle, shard, spawn, task::spawn_blocking};

#[test]
fn the_shard_goes_on_while_work_blocks() {
    run(async {
        let (release, released) = mpsc::channel();
        let blocked = spawn_blocking(move || {
            assert_eq!(shard::try_current(), None);
            released.recv().unwrap();
            thread::current().id()
        });
        // Would never come to pass if the shard waited.
        spawn(async move { release.send(()).unwrap() }).await.unwrap();
        assert_ne!(blocked.await.unwrap(), thread::current().id());
    });
}

#[test]
fn blocking_threads_are_in_the_runtime() {
    let runtime = Builder::new().shards(2).build().unwrap();
    runtime.block_on(async {
        let nested = spawn_blocking(|| {
            let on_shard = Handle::current().spawn_on(1, || async { shard::current() });
            let ran = Handle::current().block_on(async { on_shard.await.unwrap() });
            (ran, spawn_blocking(|| 5))
        });
        let (ran, inner) = nested.await.unwrap();
        assert_eq!((ran, inner.await.unwrap()), (1, 5));
        let panics = spawn_blocking(|| -> i32 { std::panic::resume_unwind(Box::new(1)) });
        assert!(panics.await.unwrap_err().is_panic());
    });
    assert_clean(&runtime.shutdown());
}

#[test]
fn shutdown_waits_for_what_has_begun_and_says_what_it_left() {
    let runtime = Builder::new().shutdown_timeout(Duration::from_millis(10)).build().unwrap();
    let (begun, begins) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let job = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        released.recv().unwrap();
    });
    begins.recv().unwrap();
    let start = Instant::now();
    let found = runtime.shutdown_graceful(Duration::from_millis(10));
    assert!(start.elapsed() >= Duration::from_millis(10));
    assert_eq!(found.blocking_left, 1);
    release.send(()).unwrap();
    run(async { job.await.unwrap() });

    let runtime = Builder::new().build().unwrap();
    let (begun, begins) = mpsc::channel();
    let job = runtime.spawn_blocking(move || {
        begun.send(()).unwrap();
        (0..1000u64).sum::<u64>()
    });
    begins.recv().unwrap();
    let found = runtime.shutdown_graceful(Duration::from_secs(20));
    assert!(found.is_clean(), "{found:?}");
    assert_eq!(run(job).unwrap(), 499_500);
}

#[test]
#[should_panic = "spawn_blocking was called outside a runtime"]
fn outside_a_runtime_it_says_so() {
    drop(spawn_blocking(|| ()));
}
