//! JoinSet, LocalSet, `spawn_local`, `task_local!`.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    future::pending,
    rc::Rc,
    time::Duration,
};

use tokio::{
    sync::{Notify, oneshot},
    task::{self, JoinSet, LocalSet, spawn_local, yield_now},
    time::sleep,
};

// ------------------------------------------------------------------------------------------------------------ JoinSet

#[tokio::test]
async fn a_set_gives_each_task_once_in_the_order_of_ending() {
    let mut set = JoinSet::new();
    for delay in [30, 10, 20] {
        set.spawn(async move {
            sleep(Duration::from_millis(delay)).await;
            delay
        });
    }
    assert_eq!((set.len(), set.is_empty()), (3, false));
    let mut all = HashSet::new();
    while let Some(result) = set.join_next().await {
        assert!(all.insert(result.unwrap()));
    }
    assert_eq!(all, HashSet::from([10, 20, 30]));
    assert!(set.is_empty() && set.join_next().await.is_none());
}

#[tokio::test]
async fn a_set_aborts_what_is_left_when_it_is_dropped() {
    let (sender, receiver) = oneshot::channel::<()>();
    let mut set = JoinSet::new();
    set.spawn(async move {
        let _sender = sender;
        pending::<()>().await
    });
    yield_now().await;
    drop(set);
    assert!(receiver.await.is_err());
}

#[tokio::test]
async fn a_set_can_abort_and_shut_down() {
    let mut set: JoinSet<()> = (0..3).map(|_| pending()).collect();
    set.abort_all();
    let mut cancelled = 0;
    while let Some(result) = set.join_next().await {
        cancelled += usize::from(result.unwrap_err().is_cancelled());
    }
    assert_eq!(cancelled, 3);
    let handle = set.spawn(pending());
    handle.abort();
    assert!(set.join_next().await.unwrap().unwrap_err().is_cancelled());
    set.spawn(pending());
    set.shutdown().await;
    assert!(set.is_empty());
}

#[tokio::test]
async fn a_set_knows_its_tasks_numbers() {
    let mut set = JoinSet::new();
    let good = set.spawn(async { 5 }).id();
    let (id, value) = set.join_next_with_id().await.unwrap().unwrap();
    assert_eq!((id, value), (good, 5));
    let bad = set.spawn(async { panic!("bad") }).id();
    let error = set.join_next_with_id().await.unwrap().unwrap_err();
    assert!(error.is_panic());
    assert_eq!(error.id(), bad);
}

#[tokio::test]
async fn a_set_can_be_looked_at_without_waiting() {
    let mut set = JoinSet::new();
    assert!(set.try_join_next().is_none());
    set.spawn(async { 1 });
    assert!(set.try_join_next().is_none());
    while set.len() == 1 {
        yield_now().await;
        if let Some((_, value)) = set.try_join_next_with_id().map(Result::unwrap) {
            assert_eq!(value, 1);
        }
    }
    set.spawn(pending());
    set.detach_all();
    assert!(set.is_empty());
}

#[tokio::test]
async fn join_all_is_in_the_order_of_spawning() {
    let mut set = JoinSet::new();
    for number in 0..10u64 {
        set.spawn(async move {
            for _ in number..10 {
                yield_now().await;
            }
            number
        });
    }
    let mut all = set.join_all().await;
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_set_takes_blocking_work_and_handles() {
    let mut set = JoinSet::new();
    set.spawn_blocking(|| 1);
    set.spawn_on(async { 2 }, &tokio::runtime::Handle::current());
    set.spawn_blocking_on(|| 3, &tokio::runtime::Handle::current());
    let mut sum = 0;
    while let Some(result) = set.join_next().await {
        sum += result.unwrap();
    }
    assert_eq!(sum, 6);
}

// ----------------------------------------------------------------------------------------------------------- LocalSet

#[tokio::test]
async fn a_local_set_runs_tasks_that_stay() {
    let local = LocalSet::new();
    let shared = Rc::new(Cell::new(1));
    let value = local
        .run_until({
            let shared = shared.clone();
            async move {
                let task = spawn_local({
                    let shared = shared.clone();
                    async move {
                        yield_now().await;
                        shared.set(shared.get() + 1);
                        shared.get()
                    }
                });
                task.await.unwrap()
            }
        })
        .await;
    assert_eq!((value, shared.get()), (2, 2));
}

#[test]
fn a_local_set_blocks_on_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    let words = Rc::new(RefCell::new(Vec::new()));
    let task = local.spawn_local({
        let words = words.clone();
        async move { words.borrow_mut().push("first") }
    });
    local.block_on(&runtime, async {
        task.await.unwrap();
        words.borrow_mut().push("second");
    });
    assert_eq!(*words.borrow(), ["first", "second"]);
}

#[tokio::test]
async fn a_local_set_is_a_future_that_ends_with_its_last_task() {
    let (local, count) = (LocalSet::new(), Rc::new(Cell::new(0)));
    for _ in 0..3 {
        let count = count.clone();
        local.spawn_local(async move {
            task::spawn_local(async move {
                yield_now().await;
                count.set(count.get() + 1);
            });
        });
    }
    local.await;
    assert_eq!(count.get(), 3);
}

#[tokio::test]
async fn a_local_set_drops_its_tasks_with_itself() {
    let (notify, local) = (Rc::new(Notify::new()), LocalSet::new());
    let weak = Rc::downgrade(&notify);
    local.spawn_local(async move { notify.notified().await });
    local.run_until(yield_now()).await;
    assert!(weak.upgrade().is_some());
    drop(local);
    assert!(weak.upgrade().is_none());
}

#[tokio::test]
async fn a_join_set_takes_local_tasks() {
    let (local, shared) = (LocalSet::new(), Rc::new(4));
    let mut set = JoinSet::new();
    set.spawn_local_on(
        {
            let shared = shared.clone();
            async move { *shared }
        },
        &local,
    );
    let sum = local
        .run_until(async move {
            set.spawn_local(async move { *shared + 1 });
            let mut sum = 0;
            while let Some(result) = set.join_next().await {
                sum += result.unwrap();
            }
            sum
        })
        .await;
    assert_eq!(sum, 9);
}

#[tokio::test]
async fn an_entered_local_set_takes_what_is_spawned() {
    let local = LocalSet::new();
    assert_ne!(local.id(), LocalSet::new().id());
    let task = {
        let _entered = local.enter();
        spawn_local(async { 8 })
    };
    assert_eq!(local.run_until(task).await.unwrap(), 8);
}

// -------------------------------------------------------------------------------------------------------- task_local!

tokio::task_local! {
    static REQUEST: u32;
    /// A second one, with a visibility.
    pub(crate) static USER: RefCell<String>;
}

#[tokio::test]
async fn a_task_local_is_there_within_its_scope() {
    assert!(REQUEST.try_with(|_| ()).is_err());
    let seen = REQUEST
        .scope(1, async {
            let outer = REQUEST.get();
            let inner = REQUEST.scope(2, async { REQUEST.with(|number| *number) }).await;
            yield_now().await;
            (outer, inner, REQUEST.get())
        })
        .await;
    assert_eq!(seen, (1, 2, 1));
    assert_eq!(REQUEST.sync_scope(3, || REQUEST.get()), 3);
    assert!(REQUEST.try_with(|_| ()).is_err());
}

#[tokio::test]
async fn task_locals_are_the_tasks_own() {
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            tokio::spawn(REQUEST.scope(number, async {
                let before = REQUEST.get();
                yield_now().await;
                (before, REQUEST.get(), tokio::spawn(async { REQUEST.try_with(|_| ()).is_err() }).await.unwrap())
            }))
        })
        .collect();
    for (number, task) in (0..).zip(tasks) {
        assert_eq!(task.await.unwrap(), (number, number, true));
    }
}

#[tokio::test]
async fn a_task_locals_value_can_be_taken_back() {
    let name = RefCell::new(String::from("a"));
    let mut future = Box::pin(USER.scope(name, async { USER.with(|name| name.borrow_mut().push('b')) }));
    future.as_mut().await;
    assert_eq!(future.as_mut().take_value().unwrap().into_inner(), "ab");
    assert!(future.as_mut().take_value().is_none());
}

#[tokio::test]
#[should_panic]
async fn a_task_local_outside_its_scope_panics() {
    REQUEST.get();
}
