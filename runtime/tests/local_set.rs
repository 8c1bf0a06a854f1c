//! `LocalSet`: tasks that run while somebody waits for them.

mod common;

use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    sync::mpsc,
    task::{Poll, Waker},
    thread,
};

use common::{poll_once, run};
use runtime::{
    Runtime, op, spawn,
    task::{LocalSet, coop, id, spawn_local, yield_now},
};

#[test]
fn tasks_run_only_while_the_set_is_waited_for() {
    run(async {
        let (set, ran) = (LocalSet::new(), Rc::new(Cell::new(0)));
        let task = {
            let ran = ran.clone();
            set.spawn_local(async move {
                loop {
                    ran.set(ran.get() + 1);
                    yield_now().await;
                }
            })
        };
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(ran.get(), 0);
        set.run_until(async { op::nop().await.unwrap() }).await;
        let while_run = ran.get();
        assert!(while_run > 0);
        for _ in 0..5 {
            yield_now().await;
        }
        assert_eq!(ran.get(), while_run);
        drop(set);
        assert!(task.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn awaited_it_is_done_when_all_its_tasks_are() {
    run(async {
        let (set, log) = (LocalSet::new(), Rc::new(RefCell::new(Vec::new())));
        let outer = set.spawn_local({
            let log = log.clone();
            async move {
                op::nop().await.unwrap();
                let inner = spawn_local({
                    let log = log.clone();
                    async move {
                        yield_now().await;
                        log.borrow_mut().push("inner");
                    }
                });
                log.borrow_mut().push("outer");
                drop(inner);
                id()
            }
        });
        set.await;
        assert_eq!(*log.borrow(), ["outer", "inner"]);
        let expected = outer.id();
        assert_eq!(outer.await.unwrap(), expected);
        LocalSet::default().await;
    });
}

#[test]
fn spawn_is_not_spawn_local_and_outside_a_set_they_are_the_same() {
    run(async {
        let (set, ran) = (LocalSet::new(), Rc::new(Cell::new(0)));
        let add = |n| {
            let ran = ran.clone();
            async move { ran.set(ran.get() + n) }
        };
        {
            let _entered = set.enter();
            drop(spawn_local(add(1)));
            drop(spawn(add(10)));
        }
        drop(spawn_local(add(100)));
        yield_now().await;
        assert_eq!(ran.get(), 110, "the shard's tasks");
        set.await;
        assert_eq!(ran.get(), 111);
    });
}

#[test]
fn dropping_the_set_drops_its_tasks_and_what_they_spawn_then() {
    struct SpawnsOnDrop(Rc<Cell<Option<runtime::task::JoinHandle<()>>>>, Rc<Cell<bool>>);
    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            let ran = self.1.clone();
            self.0.set(Some(spawn_local(async move { ran.set(true) })));
        }
    }
    run(async {
        let (spawned, ran) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(false)));
        let set = LocalSet::new();
        let guard = SpawnsOnDrop(spawned.clone(), ran.clone());
        let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
        let task = set.spawn_local({
            let kept = kept.clone();
            async move {
                let _guard = guard;
                poll_fn(|cx| {
                    *kept.borrow_mut() = Some(cx.waker().clone());
                    Poll::<()>::Pending
                })
                .await
            }
        });
        let never_run = set.spawn_local(pending::<()>());
        {
            let mut running = pin!(set.run_until(pending::<()>()));
            poll_once(running.as_mut()).await;
        }
        drop(set);
        assert!(task.await.unwrap_err().is_cancelled() && never_run.await.unwrap_err().is_cancelled());
        assert!(spawned.take().unwrap().await.unwrap_err().is_cancelled());
        assert!(!ran.get());
        let waker = kept.take().unwrap();
        thread::spawn(move || waker.wake()).join().unwrap();
    });
}

#[test]
fn other_threads_wake_its_tasks() {
    run(async {
        let (to_thread, wakers) = mpsc::channel::<Waker>();
        let (to_task, woken) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            for waker in wakers {
                to_task.send(()).unwrap();
                waker.wake();
            }
        });
        let set = LocalSet::new();
        set.run_until(async {
            spawn_local(async move {
                for _ in 0..1000 {
                    let mut sent = false;
                    poll_fn(|cx| {
                        if !std::mem::replace(&mut sent, true) {
                            to_thread.send(cx.waker().clone()).unwrap();
                        }
                        woken.try_recv().map_or(Poll::Pending, Poll::Ready)
                    })
                    .await;
                }
            })
            .await
            .unwrap();
        })
        .await;
        thread.join().unwrap();
    });
}

#[test]
fn several_may_wait_for_one_set() {
    run(async {
        let set = LocalSet::new();
        let (mut first, mut second) = (
            pin!(set.run_until(pending::<()>())),
            pin!(async {
                let task = set.spawn_local(async {
                    op::nop().await.unwrap();
                    5
                });
                set.run_until(task).await.unwrap()
            }),
        );
        // The one that waits last goes away: the other one, whose task is told, must still drive the set.
        let five = poll_fn(|cx| {
            assert!(first.as_mut().poll(cx).is_pending());
            second.as_mut().poll(cx)
        });
        assert_eq!(five.await, 5);
    });
    run(async {
        let set = Rc::new(LocalSet::new());
        let shared = set.clone();
        let waits = spawn(async move { shared.run_until(pending::<()>()).await });
        let task = set.spawn_local(yield_now());
        yield_now().await;
        {
            let mut passing = pin!(set.run_until(pending::<()>()));
            poll_once(passing.as_mut()).await;
        }
        let later = set.spawn_local(async {});
        later.await.unwrap();
        task.await.unwrap();
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
    });
}

#[test]
fn a_busy_set_starves_nobody() {
    run(async {
        let (set, stop) = (LocalSet::new(), Rc::new(Cell::new(false)));
        for _ in 0..3 {
            let stop = stop.clone();
            drop(set.spawn_local(async move {
                while !stop.get() {
                    yield_now().await;
                }
            }));
        }
        let other = spawn({
            let stop = stop.clone();
            async move {
                op::nop().await.unwrap();
                stop.set(true);
            }
        });
        set.await;
        other.await.unwrap();
    });
}

#[test]
fn each_task_has_a_budget_of_its_own() {
    run(async {
        let task = spawn(async {
            while coop::has_budget_remaining() {
                runtime::task::consume_budget().await;
            }
            let set = LocalSet::new();
            let fresh = set.spawn_local(async { coop::has_budget_remaining() });
            let mut running = pin!(set);
            poll_fn(|cx| running.as_mut().poll(cx)).await;
            (fresh.is_finished(), coop::has_budget_remaining())
        });
        assert_eq!(task.await.unwrap(), (true, false), "the one that waits has none left");
    });
}

#[test]
fn block_on_runs_a_set_that_was_filled_before() {
    let (set, ran) = (LocalSet::new(), Rc::new(Cell::new(false)));
    let task = set.spawn_local({
        let ran = ran.clone();
        async move { ran.set(true) }
    });
    let runtime = Runtime::new().unwrap();
    set.block_on(&runtime, async { task.await.unwrap() });
    assert!(ran.get());
}
