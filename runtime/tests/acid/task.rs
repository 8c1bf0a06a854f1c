//! Tasks: spawning, waiting, aborting, panics, identities.

use std::{
    cell::Cell,
    future::pending,
    panic,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::{self, JoinHandle},
};

/// Counts how many of its kind have been dropped.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_task_gives_its_value() {
    let task: JoinHandle<u32> = tokio::spawn(async { 40 + 2 });
    assert_eq!(task.await.unwrap(), 42);
}

#[tokio::test]
async fn a_spawned_task_first_runs_when_its_spawner_waits() {
    let begun = Arc::new(AtomicUsize::new(0));
    let task = tokio::spawn({
        let begun = begun.clone();
        async move { begun.fetch_add(1, Ordering::SeqCst) }
    });
    assert_eq!(begun.load(Ordering::SeqCst), 0);
    task::yield_now().await;
    assert_eq!(begun.load(Ordering::SeqCst), 1);
    assert!(task.is_finished());
    assert_eq!(task.await.unwrap(), 0);
}

#[tokio::test]
async fn tasks_begin_in_the_order_of_their_spawning() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for number in 0..10 {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(number).unwrap() });
    }
    drop(sender);
    let mut order = Vec::new();
    while let Some(number) = receiver.recv().await {
        order.push(number);
    }
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_dropped_handle_detaches_its_task() {
    let (sender, receiver) = oneshot::channel();
    drop(tokio::spawn(async move {
        task::yield_now().await;
        sender.send("still here").unwrap();
    }));
    assert_eq!(receiver.await, Ok("still here"));
}

#[tokio::test]
async fn a_panic_ends_its_task_alone() {
    let task = tokio::spawn(async {
        if let number @ 1.. = std::process::id() {
            panic!("number {number}");
        }
    });
    let id = task.id();
    let error = task.await.unwrap_err();
    assert!(error.is_panic() && !error.is_cancelled());
    assert_eq!(error.id(), id);
    let message = format!("number {}", std::process::id());
    assert_eq!(error.to_string(), format!("task {id} panicked with message \"{message}\""));
    assert_eq!(format!("{error:?}"), format!("JoinError::Panic(Id({id}), \"{message}\", ...)"));
    assert_eq!(*error.into_panic().downcast_ref::<String>().unwrap(), message);
}

#[tokio::test]
async fn a_panic_can_be_taken_out_of_its_error_and_raised_again() {
    let error = tokio::spawn(async { panic::panic_any(17_u8) }).await.unwrap_err();
    let payload = match error.try_into_panic() {
        Ok(payload) => payload,
        Err(error) => unreachable!("{error}"),
    };
    assert_eq!(*payload.downcast::<u8>().unwrap(), 17);

    let outer = tokio::spawn(async {
        let inner: Result<(), _> = tokio::spawn(async { panic!("inner") }).await;
        if let Err(error) = inner {
            panic::resume_unwind(error.into_panic());
        }
    });
    assert_eq!(*outer.await.unwrap_err().into_panic().downcast_ref::<&str>().unwrap(), "inner");
}

#[tokio::test]
async fn an_aborted_task_is_cancelled_and_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let guard = Dropped(dropped.clone());
    let task = tokio::spawn(async move {
        let _guard = guard;
        pending::<()>().await
    });
    task::yield_now().await;
    assert!(!task.is_finished());
    let id = task.id();
    task.abort();
    let error = task.await.unwrap_err();
    assert!(error.is_cancelled() && !error.is_panic());
    assert_eq!(error.to_string(), format!("task {id} was cancelled"));
    assert_eq!(format!("{error:?}"), format!("JoinError::Cancelled(Id({id}))"));
    assert!(error.try_into_panic().is_err());
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn abort_before_the_first_poll_means_that_nothing_runs() {
    let task = tokio::spawn(async { unreachable!("it was aborted") });
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn abort_after_the_end_changes_nothing() {
    let task = tokio::spawn(async { "done" });
    while !task.is_finished() {
        task::yield_now().await;
    }
    task.abort();
    assert_eq!(task.await.unwrap(), "done");
}

#[tokio::test]
async fn abort_handles_outlive_and_outnumber_the_handle() {
    let task = tokio::spawn(pending::<()>());
    let (first, second) = (task.abort_handle(), task.abort_handle().clone());
    assert_eq!(first.id(), task.id());
    drop(task);
    assert!(!first.is_finished());
    second.abort();
    while !first.is_finished() {
        task::yield_now().await;
    }
    first.abort();
}

#[tokio::test]
async fn a_task_may_be_aborted_by_itself_and_ends_at_its_next_await() {
    let (sender, receiver) = oneshot::channel::<task::AbortHandle>();
    let task = tokio::spawn(async move {
        receiver.await.unwrap().abort();
        task::yield_now().await;
        unreachable!("the task goes on although it was aborted");
    });
    sender.send(task.abort_handle()).unwrap();
    assert!(task.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn a_handle_may_be_polled_again_and_again_while_its_task_runs() {
    let (sender, receiver) = oneshot::channel();
    let mut task = tokio::spawn(receiver);
    for _ in 0..3 {
        let late = tokio::time::timeout(Duration::from_millis(1), &mut task).await;
        assert!(late.is_err());
    }
    sender.send('x').unwrap();
    assert_eq!(task.await.unwrap(), Ok('x'));
}

#[tokio::test]
async fn identities_are_the_tasks_own() {
    assert_eq!(tokio::spawn(async { 1 }).await.unwrap(), 1);
    let (first, second) = (tokio::spawn(async { task::id() }), tokio::spawn(async { task::id() }));
    let ids = (first.id(), second.id());
    assert_ne!(ids.0, ids.1);
    assert_eq!((first.await.unwrap(), second.await.unwrap()), ids);
    let blocking = task::spawn_blocking(|| task::id());
    let id = blocking.id();
    assert_eq!(blocking.await.unwrap(), id);
    let set: std::collections::HashSet<task::Id> = [ids.0, ids.1, id].into_iter().collect();
    assert_eq!(set.len(), 3);
}

#[test]
fn outside_a_runtime_there_is_no_task_and_no_spawning() {
    assert!(task::try_id().is_none());
    assert!(panic::catch_unwind(task::id).is_err());
    assert!(panic::catch_unwind(|| drop(tokio::spawn(async {}))).is_err());
    assert!(panic::catch_unwind(|| drop(task::spawn_blocking(|| ()))).is_err());
}

#[tokio::test]
async fn blocking_work_is_done_while_tasks_go_on() {
    let (to_work, from_task) = std::sync::mpsc::channel();
    let (to_task, mut from_work) = mpsc::channel(1);
    let work = task::spawn_blocking(move || {
        let mut sum = 0;
        while let Ok(number) = from_task.recv() {
            sum += number;
            to_task.blocking_send(sum).unwrap();
        }
        sum
    });
    for number in 1..=4 {
        to_work.send(number).unwrap();
        assert_eq!(from_work.recv().await, Some(number * (number + 1) / 2));
    }
    drop(to_work);
    assert_eq!(work.await.unwrap(), 10);
}

#[tokio::test]
async fn blocking_work_panics_as_a_task_does() {
    let error = task::spawn_blocking(|| panic!("in a thread")).await.unwrap_err();
    assert!(error.is_panic());
    assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "in a thread");
}

#[tokio::test]
async fn blocking_work_that_has_begun_cannot_be_aborted() {
    let (begun, wait) = (oneshot::channel(), std::sync::mpsc::channel());
    let work = task::spawn_blocking(move || {
        begun.0.send(()).unwrap();
        wait.1.recv().unwrap();
        "done"
    });
    begun.1.await.unwrap();
    work.abort();
    wait.0.send(()).unwrap();
    assert_eq!(work.await.unwrap(), "done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn block_in_place_gives_the_value_of_its_work() {
    let text = String::from("borrowed");
    assert_eq!(task::block_in_place(|| text.len()), 8);
    let inside = task::block_in_place(|| tokio::runtime::Handle::current().block_on(async { 9 }));
    assert_eq!(inside, 9);
    let (sender, receiver) = oneshot::channel();
    let other = tokio::spawn(async move {
        task::yield_now().await;
        sender.send("from another task").unwrap();
    });
    let handle = tokio::runtime::Handle::current();
    assert_eq!(task::block_in_place(|| handle.block_on(receiver)).unwrap(), "from another task");
    other.await.unwrap();
}

#[tokio::test]
async fn yielding_lets_others_run() {
    let turns = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let turns = turns.clone();
        async move {
            for _ in 0..5 {
                turns.fetch_add(1, Ordering::SeqCst);
                task::yield_now().await;
            }
        }
    });
    while turns.load(Ordering::SeqCst) < 5 {
        task::yield_now().await;
    }
    other.await.unwrap();
}

#[tokio::test]
async fn the_budget_of_a_poll_makes_endless_receivers_yield() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for number in 0..10_000 {
        sender.send(number).unwrap();
    }
    let others = Arc::new(AtomicUsize::new(0));
    let other = tokio::spawn({
        let others = others.clone();
        async move { others.store(1, Ordering::SeqCst) }
    });
    let mut received = 0;
    while others.load(Ordering::SeqCst) == 0 {
        receiver.recv().await.unwrap();
        received += 1;
    }
    assert!(received < 10_000, "the other task ran only after all of the values");
    other.await.unwrap();

    let before = Cell::new(true);
    let all = async {
        while before.get() {
            match receiver.try_recv() {
                Ok(_) => task::coop::consume_budget().await,
                Err(_) => before.set(false),
            }
        }
    };
    task::unconstrained(all).await;
    assert!(task::coop::has_budget_remaining());
}
