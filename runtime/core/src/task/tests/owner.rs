//! What the owner's thread does to a task: runs, shutdowns, and meeting itself.

use std::sync::atomic::AtomicPtr;

use super::*;

#[test]
fn sizes_and_marker_traits_are_as_documented() {
    const fn is_send_and_sync<T: Send + Sync + Unpin>() {}
    is_send_and_sync::<JoinHandle<Cell<u8>>>();
    is_send_and_sync::<AbortHandle>();
    is_send_and_sync::<Runnable>();
    is_send_and_sync::<JoinError>();
    is_send_and_sync::<Id>();
    assert_eq!(size_of::<JoinHandle<[u8; 100]>>(), size_of::<usize>());
    assert_eq!(size_of::<Result<u64, JoinError>>(), 16);
    assert_eq!(size_of::<join::Failure>(), size_of::<usize>());
    #[cfg(target_pointer_width = "64")]
    assert_eq!(size_of::<Header>(), 64);
}

#[test]
fn shutdown_while_pending() {
    let (executor, drops, woken) = (Executor::new(), Count::default(), Count::default());
    let (guard, slot, go) = (drops.on_drop(), Rc::default(), Rc::default());
    let wait = leave_waker(&slot, &go);
    let mut handle = executor.spawn(async move {
        let _guard = guard;
        wait.await;
    });
    executor.run_all();
    assert!(Pin::new(&mut handle).poll(&mut Context::from_waker(&woken.waker())).is_pending());
    let task = executor.take(0);
    task.shutdown();
    assert_eq!((drops.get(), woken.get(), task.is_complete()), (1, 1, true));
    task.shutdown();
    slot.take().unwrap().wake();
    assert_eq!(executor.shard.schedules.get(), 0, "a wake after shutdown does nothing");
    assert!(joined(handle).unwrap_err().is_cancelled());
    drop(task);
    executor.assert_all_freed();
}

#[test]
fn shutdown_while_queued() {
    let (executor, polls) = (Executor::new(), Count::default());
    let polled = polls.clone();
    let handle = executor.spawn(async move { polled.add() });
    executor.tasks.borrow()[0].as_ref().unwrap().shutdown();
    assert_eq!(executor.turn(), 1, "the Runnable is still there, and harmless");
    assert_eq!(polls.get(), 0);
    assert!(joined(handle).unwrap_err().is_cancelled());
    executor.assert_all_freed();
}

#[test]
fn shutdown_inside_poll() {
    let (executor, drops) = (Executor::new(), Count::default());
    let drops_inside = Count::default();
    let (guard, inner, seen, dropped) = (drops.on_drop(), executor.clone(), drops.clone(), drops_inside.0.clone());
    let handle = executor.spawn(async move {
        inner.tasks.borrow()[0].as_ref().unwrap().shutdown();
        let _still_here = guard;
        dropped.store(seen.get(), SeqCst);
        pending::<()>().await;
    });
    assert_eq!(executor.turn(), 1);
    assert_eq!((drops_inside.get(), drops.get()), (0, 1));
    assert!(joined(handle).unwrap_err().is_cancelled());
    assert!(executor.tasks.borrow()[0].is_none());
    executor.assert_all_freed();
}

#[test]
fn task_ref_dropped_inside_poll() {
    for ready in [false, true] {
        let (executor, drops) = (Executor::new(), Count::default());
        let (guard, inner) = (drops.on_drop(), executor.clone());
        let handle = executor.spawn(async move {
            let _guard = guard;
            drop(inner.take(0));
            if !ready {
                pending::<()>().await;
            }
        });
        assert_eq!(executor.turn(), 1);
        assert_eq!(drops.get(), 1);
        assert_eq!(joined(handle).is_ok(), ready);
        executor.assert_all_freed();
    }
}

#[test]
fn task_ref_dropped_while_pending() {
    let (executor, drops) = (Executor::new(), Count::default());
    let guard = drops.on_drop();
    drop(executor.spawn(async move {
        let _guard = guard;
        pending::<()>().await;
    }));
    executor.run_all();
    drop(executor.take(0));
    assert_eq!(drops.get(), 1);
    executor.assert_all_freed();
}

/// The drop of a future runs the executor, which has the same task in its queue, and shuts it down once more.
#[test]
fn executor_run_from_inside_a_shutdown() {
    struct RunOnDrop(Rc<Executor>);
    impl Drop for RunOnDrop {
        fn drop(&mut self) {
            assert_eq!(self.0.turn(), 1);
            self.0.tasks.borrow()[0].as_ref().unwrap().shutdown();
        }
    }
    let executor = Executor::new();
    let (slot, go) = (Rc::default(), Rc::default());
    let (wait, inner) = (leave_waker(&slot, &go), RunOnDrop(executor.clone()));
    let handle = executor.spawn(async move {
        let _inner = inner;
        wait.await;
    });
    executor.run_all();
    slot.take().unwrap().wake();
    executor.tasks.borrow()[0].as_ref().unwrap().shutdown();
    assert!(joined(handle).unwrap_err().is_cancelled());
    executor.assert_all_freed();
}

/// The future's drop inside a run drops the executor's entry.
#[test]
fn task_ref_dropped_inside_the_drop_of_the_future() {
    struct TakeOnDrop(Rc<Executor>);
    impl Drop for TakeOnDrop {
        fn drop(&mut self) {
            drop(self.0.take(0));
        }
    }
    let executor = Executor::new();
    let inner = TakeOnDrop(executor.clone());
    let handle = executor.spawn(async move {
        let _inner = inner;
        pending::<()>().await;
    });
    executor.run_all();
    handle.abort();
    executor.run_all();
    assert!(joined(handle).unwrap_err().is_cancelled());
    executor.assert_all_freed();
}

#[test]
fn unrun_runnable_only_releases_its_reference() {
    let (executor, drops) = (Executor::new(), Count::default());
    let guard = drops.on_drop();
    let handle = executor.spawn(async move { drop(guard) });
    drop(executor.shard.inbox.drain());
    assert_eq!(drops.get(), 0);
    drop(executor.take(0));
    assert_eq!(drops.get(), 1);
    assert!(joined(handle).unwrap_err().is_cancelled());
    executor.assert_all_freed();
}

#[test]
fn run_on_another_thread_panics() {
    let executor = Executor::new();
    let handle = executor.spawn(async {});
    let run_elsewhere = || {
        let runnable = executor.shard.inbox.drain().next().unwrap();
        thread::spawn(move || {
            let _ran = runnable.run(|_| unreachable!());
        })
    };
    assert!(run_elsewhere().join().is_err());
    drop(handle);
    let handle = executor.spawn(async {});
    drop(executor.take(1));
    run_elsewhere().join().expect("a complete task is merely released, wherever that is");
    assert!(joined(handle).unwrap_err().is_cancelled());
    executor.assert_all_freed();
}

#[test]
fn run_with_the_entry_of_another_task_panics() {
    let executor = Executor::new();
    let handles = [executor.spawn(async {}), executor.spawn(async {})];
    let runnable = executor.shard.inbox.drain().next().unwrap();
    assert_eq!(runnable.index(), 0);
    assert!(catch_unwind(AssertUnwindSafe(|| runnable.run(|_| executor.take(1)))).is_err());
    drop(handles);
    // The task whose entry was not given stays: its output may not be freed by whoever comes along. Leaked, but found by
    // the leak checker.
    static LEAKED: AtomicPtr<Executor> = AtomicPtr::new(std::ptr::null_mut());
    std::hint::black_box(&LEAKED).store(Rc::into_raw(executor).cast_mut(), SeqCst);
}
