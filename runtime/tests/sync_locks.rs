//! Locks between tasks of a runtime, of two runtimes, and threads.

mod common;

use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    sync::Arc,
    thread,
};

use common::run;
use runtime::{
    Builder, spawn,
    sync::{Barrier, Mutex, Notify, OnceCell, RwLock, Semaphore, SetOnce},
    task::yield_now,
};

#[test]
fn a_lock_is_held_across_awaits_and_handed_on_in_order() {
    run(async {
        let (lock, order) = (Arc::new(Mutex::new(0)), Rc::new(RefCell::new(Vec::new())));
        let tasks: Vec<_> = (0..10)
            .map(|name| {
                let (lock, order) = (lock.clone(), order.clone());
                spawn(async move {
                    let mut value = lock.lock().await;
                    let before = *value;
                    yield_now().await;
                    *value = before + 1;
                    order.borrow_mut().push(name);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*lock.lock().await, 10);
        assert_eq!(*order.borrow(), (0..10).collect::<Vec<_>>());
    });
}

#[test]
fn an_aborted_waiter_or_holder_lets_the_next_one_in() {
    run(async {
        let lock = Arc::new(RwLock::new(()));
        let reading = lock.read().await;
        let writer = spawn({
            let lock = lock.clone();
            async move { drop(lock.write().await) }
        });
        yield_now().await;
        assert!(lock.try_read().is_err(), "the writer waits");
        writer.abort();
        assert!(writer.await.unwrap_err().is_cancelled());
        drop(lock.try_read().unwrap());
        drop(reading);

        let holder = spawn({
            let lock = lock.clone();
            async move {
                let _held = lock.write().await;
                std::future::pending::<()>().await
            }
        });
        yield_now().await;
        let mut waiting = std::pin::pin!(lock.read());
        common::poll_once(waiting.as_mut()).await;
        holder.abort();
        drop(waiting.await);
    });
}

#[test]
fn two_shards_and_a_thread_share_every_lock() {
    const ROUNDS: usize = 1_000;
    let (lock, table) = (Mutex::new(0), RwLock::new(0));
    let (places, barrier) = (Semaphore::new(1), Barrier::new(3));
    let (cell, set) = (OnceCell::new(), SetOnce::new());
    let inside = Mutex::new(());
    let work = async || {
        let leader = barrier.wait().await.is_leader();
        assert_eq!(*cell.get_or_init(async || 7).await, 7);
        if leader {
            set.set(3).unwrap();
        }
        assert_eq!(*set.wait().await, 3);
        for _ in 0..ROUNDS {
            *lock.lock().await += 1;
            *table.write().await += 1;
            assert!(*table.read().await > 0);
            let _place = places.acquire().await.unwrap();
            drop(inside.try_lock().expect("one at a time"));
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| run(work()));
        }
        barrier_of_a_thread(&barrier, &set);
        for _ in 0..ROUNDS {
            *lock.blocking_lock() += 1;
            *table.blocking_write() += 1;
            assert!(*table.blocking_read() > 0);
            let _place = places.blocking_acquire().unwrap();
            drop(inside.try_lock().expect("one at a time"));
        }
    });
    assert_eq!((lock.into_inner(), table.into_inner()), (3 * ROUNDS, 3 * ROUNDS));
    assert_eq!(places.available_permits(), 1);
}

/// The third of the barrier: on a runtime of its own, which is gone before the thread blocks.
fn barrier_of_a_thread(barrier: &Barrier, set: &SetOnce<i32>) {
    run(async {
        if barrier.wait().await.is_leader() {
            set.set(3).unwrap();
        }
        set.wait().await;
    });
}

#[test]
fn a_notification_from_another_shard_wakes_the_task() {
    let (ping, pong) = (Notify::new(), Notify::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            run(async {
                for _ in 0..1_000 {
                    ping.notified().await;
                    pong.notify_one();
                }
            })
        });
        run(async {
            for _ in 0..1_000 {
                ping.notify_one();
                pong.notified().await;
            }
        });
    });
}

/// Blocking would stop the shard: each such call is refused with the name of the one to use.
#[test]
fn blocking_calls_are_refused_inside_a_runtime() {
    run(async {
        let (lock, table, places) = (Arc::new(Mutex::new(1)), RwLock::new(1), Arc::new(Semaphore::new(1)));
        let refused = |f: &dyn Fn()| {
            let panic = catch_unwind(AssertUnwindSafe(f)).expect_err("must be refused, even if it would not wait");
            *panic.downcast::<String>().unwrap()
        };
        for (said, remedy) in [
            (refused(&|| drop(lock.blocking_lock())), "lock()"),
            (refused(&|| drop(lock.clone().blocking_lock_owned())), "lock_owned()"),
            (refused(&|| drop(table.blocking_read())), "read()"),
            (refused(&|| drop(table.blocking_write())), "write()"),
            (refused(&|| drop(places.blocking_acquire())), "acquire()"),
            (refused(&|| drop(places.blocking_acquire_many(1))), "acquire_many(n)"),
            (refused(&|| drop(places.clone().blocking_acquire_owned())), "acquire_owned()"),
            (refused(&|| drop(places.clone().blocking_acquire_many_owned(1))), "acquire_many_owned(n)"),
        ] {
            assert!(said.contains("would block") && said.contains(&format!("await `{remedy}`")), "{said}");
        }
        assert!(lock.try_lock().is_ok() && table.try_write().is_ok() && places.available_permits() == 1);
    });
}

/// A task whose lock is always free gives way to others all the same.
#[test]
fn a_task_that_never_waits_gives_way() {
    let runtime = Builder::new().build().unwrap();
    runtime.block_on(async {
        let (lock, stop) = (Mutex::new(()), Rc::new(Cell::new(false)));
        let other = spawn({
            let stop = stop.clone();
            async move { stop.set(true) }
        });
        let busy = spawn(async move {
            while !stop.get() {
                drop(lock.lock().await);
            }
        });
        busy.await.unwrap();
        other.await.unwrap();
    });
    common::assert_clean(&runtime.shutdown());
}
