//! How a runtime ends: at once, with a deadline, and when a shard breaks.

mod common;

use std::{
    future::{Future, pending, poll_fn},
    pin::Pin,
    process::{Command, Output},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};

use common::assert_clean;
use runtime::{Builder, Runtime, net::UnixStream, op, shard, spawn, spawn_on, task::yield_now, time::sleep};

#[test]
fn graceful_shutdown_lets_work_end_on_all_shards() {
    let runtime = Builder::new().shards(3).build().unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    for target in 0..3 {
        let done = done.clone();
        drop(runtime.handle().spawn_on(target, move || async move {
            // Work that needs more work, here and elsewhere, to end.
            sleep(Duration::from_millis(5)).await;
            spawn(async { yield_now().await }).await.unwrap();
            spawn_on((target + 1) % 3, || async { op::nop().await.unwrap() }).await.unwrap();
            done.fetch_add(1, SeqCst);
        }));
    }
    let found = runtime.shutdown_graceful(Duration::from_secs(20));
    assert_eq!(done.load(SeqCst), 3);
    assert!(found.is_clean(), "{found:?}");
    assert_eq!(found.metrics.spawned, 9);
}

#[test]
fn graceful_shutdown_cancels_what_does_not_end_in_time_and_counts_it() {
    let runtime = Builder::new().shards(2).build().unwrap();
    let (stream, _silent) = UnixStream::pair().unwrap();
    let stream = Arc::new(stream);
    for target in [0, 1, 1] {
        let stream = stream.clone();
        drop(runtime.handle().spawn_on(target, move || async move { drop(stream.recv(vec![0; 8]).await) }));
    }
    let (start, limit) = (Instant::now(), Duration::from_millis(30));
    let found = runtime.shutdown_graceful(limit);
    assert!(start.elapsed() >= limit);
    assert_eq!((found.tasks_cancelled, found.shards_left), (3, 0), "{found:?}");
    assert_clean(&found.metrics);
    assert_eq!(Arc::strong_count(&stream), 1);
}

#[test]
fn a_runtime_that_drains_takes_no_more_from_outside() {
    let runtime = Builder::new().shards(2).build().unwrap();
    let handle = runtime.handle().clone();
    let (begun, begins) = mpsc::channel();
    let (open, opens) = mpsc::channel();
    let outside = thread::spawn(move || {
        begins.recv().unwrap();
        let late = handle.spawn(async { 7 });
        open.send(()).unwrap();
        Runtime::new().unwrap().block_on(late)
    });
    // Holds the shutdown open until the late task has been sent.
    runtime.spawn(async move {
        while !runtime::Handle::current().is_draining() {
            yield_now().await;
        }
        begun.send(()).unwrap();
        while opens.try_recv().is_err() {
            yield_now().await;
        }
    });
    let found = runtime.shutdown_graceful(Duration::from_secs(20));
    assert_eq!(found.tasks_cancelled, 0, "{found:?}");
    assert!(outside.join().unwrap().unwrap_err().is_cancelled());
}

#[test]
fn a_shard_that_is_stuck_is_left_behind_with_a_word() {
    let runtime = Builder::new().shards(2).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (entered, enters) = mpsc::channel();
    let (ended, ends) = mpsc::channel();
    drop(runtime.handle().spawn_on(1, move || async move {
        entered.send(()).unwrap();
        // Blocks the thread: what no task should do.
        let _ = released.recv();
        ended.send(()).unwrap();
    }));
    enters.recv().unwrap();
    let start = Instant::now();
    runtime.shutdown_timeout(Duration::from_millis(20));
    assert!(start.elapsed() < Duration::from_secs(5));
    release.send(()).unwrap();
    ends.recv().unwrap();
}

#[test]
fn a_future_that_holds_a_task_of_another_shard_is_dropped_with_it() {
    let runtime = Builder::new().shards(2).build().unwrap();
    let alive = Arc::new(());
    let held = alive.clone();
    runtime.block_on(async {
        let there = spawn_on(1, move || async move {
            let _held = held;
            pending::<()>().await;
        });
        drop(spawn_on(1, move || async move { there.await.unwrap_err() }));
    });
    let totals = runtime.shutdown();
    assert_clean(&totals);
    assert_eq!(Arc::strong_count(&alive), 1);
}

/// Wakers may live and die on any thread, and after their runtime.
#[test]
fn wakers_outlive_their_runtime_on_other_threads() {
    let (to_thread, wakers) = mpsc::channel::<Waker>();
    let threads = thread::spawn(move || {
        let kept: Vec<Waker> = wakers.iter().collect();
        for waker in &kept {
            waker.wake_by_ref();
        }
        kept.clone().into_iter().for_each(Waker::wake);
        drop(kept);
    });
    for shards in [1, 2] {
        let runtime = Builder::new().shards(shards).build().unwrap();
        runtime.block_on(async {
            for target in 0..shards {
                let to_thread = to_thread.clone();
                let (sent, sends) = UnixStream::pair().unwrap();
                drop(spawn_on(target, move || {
                    let mut leaves = Some(sends);
                    poll_fn(move |cx| {
                        to_thread.send(cx.waker().clone()).unwrap();
                        drop(leaves.take());
                        Poll::<()>::Pending
                    })
                }));
                assert_eq!(sent.recv(vec![0; 1]).await.0.unwrap(), 0);
            }
        });
        assert_clean(&runtime.shutdown());
    }
    drop(to_thread);
    threads.join().unwrap();
}

/// Runs one of the tests below alone, in a process of its own, where its name is set.
fn in_a_process(name: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env("RUNTIME_TEST_ALONE", name)
        .output()
        .unwrap()
}

fn is_alone(name: &str) -> bool {
    std::env::var("RUNTIME_TEST_ALONE").is_ok_and(|alone| alone == name)
}

#[test]
fn a_panic_outside_a_task_aborts_the_process() {
    const NAME: &str = "a_panic_outside_a_task_aborts_the_process";
    if !is_alone(NAME) {
        let output = in_a_process(NAME);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success());
        assert!(text.contains("thread 'shard-1' has panicked outside a task"), "{text}");
        return;
    }
    struct Bomb;
    impl Wake for Bomb {
        fn wake(self: Arc<Bomb>) {
            panic!("a waker of the user's");
        }
    }
    let runtime = Builder::new().shards(2).build().unwrap();
    runtime.block_on(async {
        let bomb = || async {
            let (a, b) = UnixStream::pair().unwrap();
            let mut read = a.recv(vec![0; 1]);
            let waker = Waker::from(Arc::new(Bomb));
            assert!(Pin::new(&mut read).poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(shard::current(), 1);
            drop(b);
            pending::<()>().await;
        };
        drop(spawn_on(1, bomb));
        pending::<()>().await
    })
}
