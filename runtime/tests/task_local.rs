//! `task_local!`: values that belong to a task.

mod common;

use std::{
    cell::{Cell, RefCell},
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    rc::Rc,
    task::Poll,
};

use common::run;
use runtime::{
    spawn,
    task::{futures::TaskLocalFuture, yield_now},
    task_local,
};

task_local! {
    /// Documented, and public.
    pub static NUMBER: u32;
    static LOG: Rc<RefCell<Vec<u32>>>;
    static TEXT: String
}

#[test]
fn each_task_has_its_own_value_across_awaits() {
    run(async {
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                spawn(NUMBER.scope(n, async move {
                    for _ in 0..3 {
                        yield_now().await;
                        assert_eq!(NUMBER.get(), n);
                    }
                    // A spawned task does not inherit it.
                    spawn(async { NUMBER.try_get().is_err() }).await.unwrap()
                }))
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert!(NUMBER.try_with(|_| ()).is_err(), "not set outside");
    });
}

#[test]
fn scopes_nest_and_end_with_a_panic() {
    run(async {
        NUMBER
            .scope(1, async {
                let inner = NUMBER.scope(2, async {
                    yield_now().await;
                    NUMBER.sync_scope(3, || NUMBER.get()) * 10 + NUMBER.get()
                });
                assert_eq!(inner.await, 32);
                let panic = catch_unwind(|| NUMBER.sync_scope(4, || std::panic::resume_unwind(Box::new(()))));
                assert!(panic.is_err());
                assert_eq!(NUMBER.with(|n| *n), 1);
            })
            .await;
    });
}

#[test]
fn values_are_read_only_while_they_are_borrowed() {
    let nested = NUMBER.sync_scope(1, || {
        NUMBER.with(|_| catch_unwind(AssertUnwindSafe(|| NUMBER.sync_scope(2, || ()))).is_err() && NUMBER.get() == 1)
    });
    assert!(nested);
    assert!(catch_unwind(|| NUMBER.with(|_| ())).is_err());
    let error = TEXT.try_get().unwrap_err();
    assert_eq!((format!("{error:?}"), error), ("AccessError".into(), error));
    assert_eq!(format!("{TEXT:?}"), "LocalKey { .. }");
}

#[test]
fn the_value_is_there_when_the_future_is_dropped() {
    struct Logs;
    impl Drop for Logs {
        fn drop(&mut self) {
            LOG.with(|log| log.borrow_mut().push(NUMBER.get()));
        }
    }
    let log = Rc::new(RefCell::new(Vec::new()));
    let scoped = |n| LOG.scope(log.clone(), NUMBER.scope(n, async { drop((Logs, pending::<()>().await)) }));
    drop(scoped(1));
    assert_eq!(*log.borrow(), [0u32; 0], "never polled: nothing in it was made");
    let aborted = scoped(2);
    run(async {
        let task = spawn(aborted);
        yield_now().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    run(LOG.scope(log.clone(), NUMBER.scope(3, async { drop(Logs) })));
    assert_eq!(*log.borrow(), [2, 3]);
}

#[test]
fn take_value_gives_it_back() {
    run(async {
        let polls = Cell::new(0);
        let future = TEXT.scope("text".into(), async {
            polls.set(polls.get() + 1);
            TEXT.with(String::len)
        });
        assert_eq!(format!("{future:?}"), "TaskLocalFuture { value: \"text\" }");
        let mut future: std::pin::Pin<&mut TaskLocalFuture<String, _>> = pin!(future);
        assert_eq!(future.as_mut().await, 4);
        assert_eq!(future.as_mut().take_value().as_deref(), Some("text"));
        assert_eq!(future.as_mut().take_value(), None);
        assert_eq!(format!("{future:?}"), "TaskLocalFuture { value: <missing> }");
        let mut again = pin!(TEXT.scope("x".into(), async { TEXT.try_get().is_err() }));
        assert_eq!(again.as_mut().take_value().as_deref(), Some("x"));
        assert!(again.await, "the rest goes on without the value");
        assert_eq!(polls.get(), 1);
    });
}

#[test]
fn a_second_completion_is_refused() {
    run(async {
        let mut future = pin!(NUMBER.scope(1, async {}));
        future.as_mut().await;
        let polled = std::future::poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx).is_ready()));
            Poll::Ready(polled.is_err())
        });
        assert!(polled.await);
        assert!(NUMBER.try_get().is_err(), "what was there before is there again");
    });
}
