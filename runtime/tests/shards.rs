//! Several shards: where tasks run, how they wake each other, how they end.

mod common;

use std::{
    cell::Cell,
    future::poll_fn,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use common::assert_clean;
use runtime::{Builder, net::UnixStream, op, shard, spawn_on};

/// A number that two tasks count up in turn, each from its own shard.
#[derive(Default)]
struct Rally {
    hits: AtomicU64,
    wakers: [Mutex<Option<Waker>>; 2],
}

impl Rally {
    /// Hits whenever the number is even, or odd, until it is large enough.
    async fn play(self: Arc<Rally>, side: usize, hits: u64) {
        let mut next = side as u64;
        while next < hits {
            poll_fn(|cx| {
                if self.hits.load(SeqCst) == next {
                    return Poll::Ready(());
                }
                *self.wakers[side].lock().unwrap() = Some(cx.waker().clone());
                // The other one may have hit before it could see the waker.
                if self.hits.load(SeqCst) == next { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            self.hits.store(next + 1, SeqCst);
            let waker = self.wakers[1 - side].lock().unwrap().take();
            if let Some(waker) = waker {
                waker.wake();
            }
            next += 2;
        }
    }
}

fn rally(round_trips: u64) -> Duration {
    let runtime = Builder::new().shards(2).build().unwrap();
    let rally = Arc::new(Rally::default());
    let start = std::time::Instant::now();
    runtime.block_on(async {
        let other = spawn_on(1, {
            let rally = rally.clone();
            move || rally.play(1, 2 * round_trips)
        });
        rally.clone().play(0, 2 * round_trips).await;
        other.await.unwrap();
    });
    let took = start.elapsed();
    assert_eq!(rally.hits.load(SeqCst), 2 * round_trips);
    assert_clean(&runtime.shutdown());
    took
}

#[test]
fn a_million_round_trips_between_shards_lose_no_wake() {
    let trips = std::env::var("RUNTIME_ROUND_TRIPS").map_or(1_000_000, |trips| trips.parse().expect("a number"));
    let took = rally(trips);
    println!("{trips} round trips: {:.0} ns each", took.as_nanos() as f64 / trips as f64);
}

#[test]
fn tasks_run_on_the_shard_they_were_sent_to() {
    let runtime = Builder::new().shards(3).build().unwrap();
    runtime.block_on(async {
        assert_eq!((shard::current(), shard::count()), (0, 3));
        for target in 0..3 {
            let (at, thread) = spawn_on(target, || async {
                // Not Send, and alive over an await.
                let here = Rc::new(Cell::new(shard::current()));
                op::nop().await.unwrap();
                runtime::task::yield_now().await;
                let inner = runtime::spawn(async { shard::current() }).await.unwrap();
                assert_eq!(inner, here.get());
                (here.get(), thread::current().id())
            })
            .await
            .unwrap();
            assert_eq!((at, thread == thread::current().id()), (target, target == 0));
        }
        let all = runtime::on_each_shard(|shard| async move {
            op::nop().await.unwrap();
            (shard, shard::current())
        });
        assert_eq!(all.await.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [(0, 0), (1, 1), (2, 2)]);
    });
    assert_eq!(shard::try_current(), None);
    assert_clean(&runtime.shutdown());
}

#[test]
fn a_panic_elsewhere_comes_back_as_an_error_and_an_abort_gets_there() {
    let runtime = Builder::new().shards(2).build().unwrap();
    runtime.block_on(async {
        let error = spawn_on(1, || async { std::panic::resume_unwind(Box::new("boom")) }).await.map(drop).unwrap_err();
        assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "boom");
        // In the closure itself, before there is a future.
        let start = || -> std::future::Pending<()> { std::panic::resume_unwind(Box::new("early")) };
        assert!(spawn_on(1, start).await.unwrap_err().is_panic());

        struct Dropped(Arc<AtomicUsize>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.store(1 + shard::current(), SeqCst);
            }
        }
        let dropped_on = Arc::new(AtomicUsize::new(0));
        let ((begun, begins), guard) = (UnixStream::pair().unwrap(), Dropped(dropped_on.clone()));
        let pending = spawn_on(1, move || async move {
            let _guard = guard;
            drop(begins);
            std::future::pending::<()>().await
        });
        assert_eq!(begun.recv(vec![0; 1]).await.0.unwrap(), 0, "the task has begun");
        pending.abort();
        assert!(pending.await.unwrap_err().is_cancelled());
        assert_eq!(dropped_on.load(SeqCst), 2, "dropped on its own shard");
    });
    assert_clean(&runtime.shutdown());
}

#[test]
fn what_is_sent_to_a_runtime_that_ends_is_cancelled_and_dropped() {
    let runtime = Builder::new().shards(2).build().unwrap();
    let handle = runtime.handle().clone();
    let alive = Arc::new(());
    // Shard 0 is not running: what is sent there stays in its mailbox until the end.
    let (kept, held) = (alive.clone(), handle.clone());
    let waits = handle.spawn_on(0, move || async move { drop((kept, held)) });
    assert_clean(&runtime.shutdown());
    let kept = alive.clone();
    let late = handle.spawn_on(1, move || async move { drop(kept) });
    assert_eq!(Arc::strong_count(&alive), 1);
    let other = Builder::new().build().unwrap();
    other.block_on(async {
        assert!(waits.await.unwrap_err().is_cancelled());
        assert!(late.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn threads_without_a_shard_spawn_by_the_handle_and_block_on_a_ring_of_their_own() {
    let runtime = Builder::new().shards(2).build().unwrap();
    let handle = runtime.handle().clone();
    let threads: Vec<_> = (0..4u64)
        .map(|number| {
            let handle = handle.clone();
            thread::spawn(move || {
                let _entered = handle.enter();
                assert_eq!(runtime::Handle::current().shards(), 2);
                let on_shard = handle.spawn_on(1, move || async move {
                    op::nop().await.unwrap();
                    number * 10
                });
                handle.block_on(async move {
                    assert_eq!(shard::try_current(), None);
                    op::nop().await.unwrap();
                    runtime::time::sleep(Duration::from_millis(1)).await;
                    let inner = runtime::spawn(async { 1 }).await.unwrap();
                    on_shard.await.unwrap() + inner
                })
            })
        })
        .collect();
    let sum: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, 64);
    assert_clean(&runtime.shutdown());
}

#[test]
fn ops_may_be_dropped_on_another_shard_than_theirs() {
    let runtime = Builder::new().shards(2).build().unwrap();
    runtime.block_on(async {
        let (stream, _silent) = UnixStream::pair().unwrap();
        for _ in 0..100 {
            let mut read = stream.recv(vec![0; 8]);
            common::poll_once(std::pin::Pin::new(&mut read)).await;
            spawn_on(1, move || async move { drop(read) }).await.unwrap();
        }
        while runtime::metrics().in_flight > 0 {
            op::nop().await.unwrap();
            runtime::task::yield_now().await;
        }
    });
    assert_clean(&runtime.shutdown());
}

#[test]
fn shards_are_pinned_to_cpus_of_their_own_and_the_builder_is_given_its_own_back() {
    let allowed = || runtime_core::cpu::CpuSet::of_this_thread().unwrap().iter().collect::<Vec<_>>();
    let before = allowed();
    let runtime = Builder::new().shards(before.len() + 1).pin(true).build().unwrap();
    let cpus = runtime.block_on(async { runtime::on_each_shard(move |_| async move { allowed() }).await });
    for (shard, cpus) in cpus.into_iter().enumerate() {
        assert_eq!(cpus.unwrap(), [before[shard % before.len()]], "shard {shard}");
    }
    assert_clean(&runtime.shutdown());
    assert_eq!(allowed(), before);
}

#[test]
fn bad_numbers_of_shards_are_refused() {
    let error = Builder::new().shards(0).build().unwrap_err();
    assert!(error.to_string().contains("0 shards"), "{error}");
    let runtime = Builder::new().build().unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.handle().spawn_on(1, || async {})));
    let message = *caught.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("no shard 1: this runtime has 1"), "{message}");
    assert_clean(&runtime.shutdown());
}
