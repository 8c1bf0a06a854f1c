//! `JoinSet`, and the numbers of tasks.

mod common;

use std::{
    cell::Cell,
    collections::BTreeSet,
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use common::run;
use runtime::{
    Runtime, op, spawn,
    task::{JoinSet, LocalSet, coop, id, try_id, yield_now},
};

/// Counts its drops.
struct OnDrop(Rc<Cell<usize>>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}

/// Counts its wakes.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

async fn yields(times: usize) -> usize {
    for _ in 0..times {
        yield_now().await;
    }
    times
}

#[test]
fn results_come_in_the_order_in_which_tasks_finish() {
    run(async {
        let mut set = JoinSet::new();
        assert!(set.is_empty() && set.join_next().await.is_none() && set.try_join_next().is_none());
        for times in [5, 1, 3] {
            set.spawn(yields(times));
        }
        assert_eq!((set.len(), format!("{set:?}")), (3, "JoinSet { len: 3 }".into()));
        assert!(set.try_join_next().is_none(), "none has run");
        let mut order = Vec::new();
        while let Some(result) = set.join_next().await {
            order.push(result.unwrap());
        }
        assert_eq!(order, [1, 3, 5]);
        set.spawn(yields(0));
        yield_now().await;
        assert_eq!(set.try_join_next().unwrap().unwrap(), 0);
        assert!(set.is_empty());
    });
}

#[test]
fn one_finished_task_is_one_wake_however_many_others_there_are() {
    run(async {
        let go = Rc::new(Cell::new(usize::MAX));
        let mut set: JoinSet<usize> = (0..1000)
            .map(|n| {
                let go = go.clone();
                poll_fn(move |cx| {
                    cx.waker().wake_by_ref();
                    if go.get() == n { Poll::Ready(n) } else { Poll::Pending }
                })
            })
            .collect();
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(set.poll_join_next(&mut cx).is_pending());
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(wakes.0.load(SeqCst), 0);
        go.set(700);
        for _ in 0..3 {
            yield_now().await;
        }
        assert_eq!(wakes.0.load(SeqCst), 1);
        assert!(matches!(set.poll_join_next(&mut cx), Poll::Ready(Some(Ok(700)))));
        assert!(set.poll_join_next(&mut cx).is_pending());
        assert_eq!(set.len(), 999);
    });
}

#[test]
fn dropping_or_shutting_down_ends_the_tasks_and_detaching_does_not() {
    run(async {
        let dropped = Rc::new(Cell::new(0));
        let never = || {
            let guard = OnDrop(dropped.clone());
            async move {
                let _guard = guard;
                pending::<()>().await
            }
        };
        let mut set: JoinSet<()> = (0..3).map(|_| never()).collect();
        yield_now().await;
        drop(set);
        yield_now().await;
        assert_eq!(dropped.get(), 3, "by the drop");

        set = (0..3).map(|_| never()).collect();
        set.shutdown().await;
        assert_eq!((dropped.get(), set.len()), (6, 0), "by the shutdown, when it is over");

        set.extend((0..3).map(|_| never()));
        set.abort_all();
        assert_eq!(set.len(), 3);
        while let Some(result) = set.join_next().await {
            assert!(result.unwrap_err().is_cancelled());
        }
        assert_eq!(dropped.get(), 9);

        let done = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let guard = OnDrop(done.clone());
            set.spawn(async move {
                yields(2).await;
                drop(guard);
            });
        }
        set.detach_all();
        assert!(set.is_empty() && set.join_next().await.is_none());
        // A place that a detached task has left is taken again.
        let one = set.spawn(async {});
        yields(5).await;
        assert_eq!((done.get(), one.is_finished()), (3, true));
        assert!(set.join_next().await.unwrap().is_ok() && set.join_next().await.is_none());
    });
}

#[test]
fn results_of_failed_tasks_bear_their_ids() {
    run(async {
        let mut set = JoinSet::new();
        let fine = set.spawn(async { 7 });
        let failed = set.spawn(async { std::panic::resume_unwind(Box::new("boom")) });
        let aborted = set.spawn(pending());
        aborted.abort();
        let mut seen = BTreeSet::new();
        while let Some(result) = set.join_next_with_id().await {
            seen.insert(match result {
                Ok((id, value)) => {
                    assert_eq!((id, value), (fine.id(), 7));
                    id
                }
                Err(error) if error.is_panic() => {
                    assert_eq!(error.id(), failed.id());
                    let text = format!("task {} panicked with message \"boom\"", failed.id());
                    assert_eq!(error.to_string(), text);
                    error.id()
                }
                Err(error) => {
                    assert_eq!(error.id(), aborted.id());
                    assert_eq!(error.to_string(), format!("task {} was cancelled", aborted.id()));
                    error.id()
                }
            });
        }
        assert_eq!(seen, BTreeSet::from([fine.id(), failed.id(), aborted.id()]));
        set.spawn(async { 1 });
        yield_now().await;
        assert_eq!(set.try_join_next_with_id().unwrap().unwrap().1, 1);
    });
}

#[test]
fn join_all_gives_every_output_or_the_panic() {
    run(async {
        let set: JoinSet<_> = [2, 0, 1].into_iter().map(yields).collect();
        assert_eq!(set.join_all().await, [0, 1, 2]);
        let dropped = Rc::new(Cell::new(0));
        let guard = OnDrop(dropped.clone());
        let failing = spawn(async move {
            let mut set = JoinSet::new();
            set.spawn(async move {
                let _guard = guard;
                pending().await
            });
            set.spawn(async { std::panic::resume_unwind(Box::new("boom")) });
            set.join_all().await
        });
        let payload = failing.await.unwrap_err().into_panic();
        assert_eq!(*payload.downcast::<&str>().unwrap(), "boom");
        yield_now().await;
        assert_eq!(dropped.get(), 1, "the others are aborted");
        let mut set = JoinSet::new();
        set.spawn(pending::<()>()).abort();
        let cancelled = spawn(set.join_all()).await.unwrap_err();
        assert!(cancelled.is_panic());
    });
}

#[test]
fn join_next_may_be_dropped_and_polled_by_another() {
    run(async {
        let mut set = JoinSet::new();
        set.spawn(yields(3));
        {
            let mut first = pin!(set.join_next());
            common::poll_once(first.as_mut()).await;
        }
        let set = spawn(async move {
            assert_eq!(set.join_next().await.unwrap().unwrap(), 3);
            set
        });
        assert!(set.await.unwrap().is_empty());
    });
}

#[test]
fn a_set_may_be_moved_to_another_thread_and_spawns_there_by_a_handle() {
    fn is_send_and_sync<T: Send + Sync>(value: T) -> T {
        value
    }
    let runtime = Runtime::new().unwrap();
    let handle = runtime.handle().clone();
    let (count, total) = runtime.block_on(async {
        let mut set = is_send_and_sync(JoinSet::new());
        set.spawn(async {
            op::nop().await.unwrap();
            1
        });
        let thread = thread::spawn(move || {
            for _ in 0..99 {
                set.spawn_on(async { yields(2).await / 2 }, &handle);
            }
            let joining = async move {
                let (mut count, mut total) = (0, 0);
                while let Some(result) = set.join_next().await {
                    (count, total) = (count + 1, total + result.unwrap());
                }
                (count, total)
            };
            handle.block_on(joining)
        });
        while !thread.is_finished() {
            yield_now().await;
        }
        thread.join().unwrap()
    });
    assert_eq!((count, total), (100, 100));
}

#[test]
fn joining_a_thousand_ready_tasks_gives_way() {
    run(async {
        let mut set: JoinSet<()> = (0..1000).map(|_| async {}).collect();
        yield_now().await;
        let polls = Rc::new(Cell::new(0));
        let turns = spawn({
            let polls = polls.clone();
            async move {
                loop {
                    polls.set(polls.get() + 1);
                    yield_now().await;
                }
            }
        });
        let joined = spawn(async move {
            let mut joined = 0;
            while set.join_next().await.is_some() {
                joined += 1;
            }
            joined
        });
        assert_eq!(joined.await.unwrap(), 1000);
        assert!(polls.get() >= 1000 / 128, "{} turns of another task", polls.get());
        turns.abort();
    });
}

#[test]
fn local_tasks_join_too() {
    run(async {
        let (local, mut set) = (LocalSet::new(), JoinSet::new());
        set.spawn_local_on(yields(1), &local);
        local
            .run_until(async {
                set.spawn_local(yields(2));
                assert_eq!(set.join_next().await.unwrap().unwrap(), 1);
                assert_eq!(set.join_next().await.unwrap().unwrap(), 2);
            })
            .await;
    });
}

#[test]
fn a_task_knows_its_id_and_the_main_future_has_none() {
    run(async {
        assert_eq!(try_id(), None);
        assert!(std::panic::catch_unwind(id).is_err());
        struct IdOnDrop(Rc<Cell<Option<runtime::task::Id>>>);
        impl Drop for IdOnDrop {
            fn drop(&mut self) {
                self.0.set(try_id());
            }
        }
        let at_drop = Rc::new(Cell::new(None));
        let guard = IdOnDrop(at_drop.clone());
        let task = spawn(async move {
            let _guard = guard;
            let before = id();
            yield_now().await;
            assert_eq!(id(), before);
            pending::<()>().await
        });
        let other = spawn(async { id() });
        assert_eq!(task.id(), task.abort_handle().id());
        assert_ne!(task.id(), other.id());
        let expected = other.id();
        assert_eq!(other.await.unwrap(), expected);
        yields(2).await;
        let expected = task.id();
        task.abort();
        assert_eq!(task.await.unwrap_err().id(), expected);
        assert_eq!(at_drop.get(), Some(expected), "also when its future is dropped");
        assert_eq!(try_id(), None);
    });
}

#[test]
fn budgets() {
    run(async {
        let units = || async {
            let mut units = 0;
            while coop::has_budget_remaining() {
                runtime::task::consume_budget().await;
                units += 1;
            }
            units
        };
        let full = spawn(units()).await.unwrap();
        assert!((1..1000).contains(&full));
        spawn(async move {
            runtime::task::unconstrained(async {
                for _ in 0..10 * full {
                    runtime::task::consume_budget().await;
                }
            })
            .await;
            assert_eq!(units().await, full, "nothing was taken");
            // Now none is left: a cooperative future waits for the next turn.
            let mut cooperative = pin!(coop::cooperative(async { 1 }));
            common::poll_once(cooperative.as_mut()).await;
            poll_fn(|cx| {
                assert!(coop::poll_proceed(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            yield_now().await;
            assert_eq!(cooperative.await, 1);
            poll_fn(|cx| coop::poll_proceed(cx).map(|progress| progress.made_progress())).await;
            assert_eq!(units().await, full - 2);
        })
        .await
        .unwrap();
    });
}

#[test]
fn blocking_work_is_joined_like_tasks() {
    let runtime = runtime::Builder::new().shards(2).build().unwrap();
    let handle = runtime.handle();
    runtime.block_on(async {
        let mut set = runtime::task::JoinSet::new();
        set.spawn_blocking(|| 1);
        set.spawn_blocking_on(|| 2, handle);
        set.spawn_on(async { 4 }, handle);
        let mut sum = 0;
        while let Some(joined) = set.join_next().await {
            sum += joined.unwrap();
        }
        assert_eq!(sum, 7);
    });
    common::assert_clean(&runtime.shutdown());
}
