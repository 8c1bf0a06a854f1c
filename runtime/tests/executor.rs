//! Tasks, wakes and time on one shard.

mod common;

use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn},
    pin::pin,
    rc::Rc,
    sync::{Arc, mpsc},
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use common::{assert_clean, poll_once, run};
use runtime::{
    Builder, IntoResult, Runtime, join,
    net::UnixStream,
    op, spawn,
    task::yield_now,
    time::{Instant, interval, sleep, sleep_until, timeout},
};

#[test]
fn tasks_need_not_be_send_and_give_their_output() {
    run(async {
        let shared = Rc::new(Cell::new(1));
        let task = spawn({
            let shared = shared.clone();
            async move {
                op::nop().await.unwrap();
                shared.set(2);
                "done"
            }
        });
        assert_eq!(task.await.unwrap(), "done");
        assert_eq!(shared.get(), 2);
    });
}

#[test]
fn a_panic_ends_its_task_alone() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let other = spawn(async move { a.recv_exact(vec![0; 1]).await.into_result().unwrap() });
        let failed = spawn(async { std::panic::resume_unwind(Box::new("boom")) });
        let error = failed.await.unwrap_err();
        assert!(error.is_panic());
        assert_eq!(*error.into_panic().downcast::<&str>().unwrap(), "boom");
        b.send_all("x").await.into_result().unwrap();
        assert_eq!(other.await.unwrap(), b"x");
    });
}

#[test]
fn abort_and_detach() {
    run(async {
        struct Dropped(Rc<Cell<bool>>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let dropped = Rc::new(Cell::new(false));
        let guard = Dropped(dropped.clone());
        let task = spawn(async move {
            let _guard = guard;
            pending::<()>().await;
        });
        yield_now().await;
        assert!(!dropped.get());
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert!(dropped.get());

        let done = Rc::new(Cell::new(false));
        drop(spawn({
            let done = done.clone();
            async move { done.set(true) }
        }));
        yield_now().await;
        assert!(done.get(), "a detached task goes on");
    });
}

#[test]
#[allow(clippy::async_yields_async, reason = "the handle is awaited by another runtime")]
fn tasks_outlive_one_block_on_and_end_with_the_runtime() {
    let runtime = Runtime::new().unwrap();
    let log = Rc::new(RefCell::new(Vec::new()));
    let task = runtime.block_on(async {
        let log = log.clone();
        spawn(async move {
            for i in 0..3 {
                log.borrow_mut().push(i);
                yield_now().await;
            }
            pending::<()>().await;
        })
    });
    runtime.block_on(async {
        for _ in 0..9 {
            yield_now().await;
        }
    });
    assert_eq!(*log.borrow(), [0, 1, 2]);
    assert_clean(&runtime.shutdown());
    assert_eq!(Rc::strong_count(&log), 1, "the future is gone");
    let second = Runtime::new().unwrap();
    assert!(second.block_on(task).unwrap_err().is_cancelled());
}

#[test]
fn other_threads_wake_a_shard_that_sleeps_for_several_cqes() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        // Two receives in flight: the shard sleeps until both are there, or the bell rings.
        let (to_shard, from_thread) = mpsc::channel();
        let (to_thread, wakers) = mpsc::channel::<Waker>();
        let thread = thread::spawn(move || {
            for waker in wakers {
                to_shard.send(()).unwrap();
                waker.wake();
            }
        });
        let mut plan = pin!(join!(a.recv_exact(vec![0; 4]), a.recv_exact(vec![0; 4])).then(|_| op::nop()));
        poll_once(plan.as_mut()).await;
        for _ in 0..1000 {
            let mut sent = false;
            poll_fn(|cx| {
                if !std::mem::replace(&mut sent, true) {
                    to_thread.send(cx.waker().clone()).unwrap();
                }
                match from_thread.try_recv() {
                    Ok(()) => Poll::Ready(()),
                    Err(_) => Poll::Pending,
                }
            })
            .await;
        }
        drop(to_thread);
        thread.join().unwrap();
        b.send_all("abcdefgh").await.into_result().unwrap();
        plan.await.into_result().unwrap();
    });
}

#[test]
fn wakers_are_sound_after_their_runtime() {
    let kept: Rc<RefCell<Option<Waker>>> = Rc::default();
    let runtime = Runtime::new().unwrap();
    let main = runtime.block_on(async {
        let kept = kept.clone();
        drop(spawn(poll_fn(move |cx| {
            *kept.borrow_mut() = Some(cx.waker().clone());
            Poll::<()>::Pending
        })));
        yield_now().await;
        poll_fn(|cx| Poll::Ready(cx.waker().clone())).await
    });
    drop(runtime);
    let task = kept.take().unwrap();
    thread::spawn(move || {
        let second = task.clone();
        task.wake_by_ref();
        second.wake();
        drop(task);
        main.wake();
    })
    .join()
    .unwrap();
}

#[test]
fn an_io_may_be_dropped_on_another_thread() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (a, b) = UnixStream::pair().unwrap();
        let mut recv = Box::pin(a.recv(vec![0; 64]));
        poll_once(recv.as_mut()).await;
        yield_now().await;
        let in_flight = runtime::metrics().in_flight;
        let thread = thread::spawn(move || drop(recv));
        while runtime::metrics().in_flight == in_flight {
            yield_now().await;
        }
        thread.join().unwrap();
        drop(b);
    });
    assert_clean(&runtime.shutdown());
}

#[test]
fn an_io_belongs_to_the_shard_of_its_first_poll() {
    let runtime = Runtime::new().unwrap();
    let (a, _b) = UnixStream::pair().unwrap();
    let mut recv = Box::pin(a.recv(vec![0; 64]));
    runtime.block_on(poll_once(recv.as_mut()));
    let elsewhere = thread::spawn(move || {
        let other = Runtime::new().unwrap();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| other.block_on(recv))).unwrap_err();
        *panic.downcast::<&str>().unwrap()
    });
    assert!(elsewhere.join().unwrap().contains("another shard"));
    assert_clean(&runtime.shutdown());
}

#[test]
fn cancel_gives_back_what_was_received() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        b.send_all("abc").await.into_result().unwrap();
        // Three of eight bytes are there: the op waits for the rest.
        let mut recv = Box::pin(a.recv_exact(vec![0; 8]));
        poll_once(recv.as_mut()).await;
        yield_now().await;
        let (result, bytes) = recv.cancel_boxed().await;
        let rest = if result.is_err() && &bytes[..3] == b"abc" { 0 } else { 3 };
        if rest == 3 {
            assert_eq!(a.recv_exact(vec![0; 3]).await.into_result().unwrap(), b"abc", "still in the socket");
        }
        let (never, _) = a.recv(vec![0; 8]).cancel().await;
        assert!(runtime::is_not_run(&never.unwrap_err()), "never polled, nothing submitted");
    });
}

trait CancelBoxed {
    type Cancelled;
    fn cancel_boxed(self) -> Self::Cancelled;
}

impl<P: runtime::plan::Plan> CancelBoxed for std::pin::Pin<Box<runtime::Io<P>>> {
    type Cancelled = runtime::Cancel<P>;

    fn cancel_boxed(self) -> runtime::Cancel<P> {
        std::pin::Pin::into_inner(self).cancel()
    }
}

#[test]
fn a_busy_task_starves_nobody() {
    run(async {
        let stop = Rc::new(Cell::new(false));
        let spinning = spawn({
            let stop = stop.clone();
            async move {
                while !stop.get() {
                    yield_now().await;
                }
            }
        });
        // Needs the ring, a timer and the other task, all beside one that is always ready.
        op::nop().then(|_| op::nop()).await.into_result().unwrap();
        sleep(Duration::from_millis(1)).await;
        spawn(async {}).await.unwrap();
        stop.set(true);
        spinning.await.unwrap();
    });
}

#[test]
fn tasks_that_were_woken_run_before_those_that_have_yielded() {
    run(async {
        let log = Rc::new(RefCell::new(Vec::new()));
        let waiting: Rc<RefCell<Option<Waker>>> = Rc::default();
        let woken = spawn({
            let (log, waiting) = (log.clone(), waiting.clone());
            let mut polls = 0;
            poll_fn(move |cx| {
                polls += 1;
                if polls == 2 {
                    log.borrow_mut().push("woken");
                    return Poll::Ready(());
                }
                *waiting.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            })
        });
        let yielded = spawn({
            let log = log.clone();
            async move {
                yield_now().await;
                log.borrow_mut().push("yielded");
            }
        });
        // This one runs after the other has yielded.
        let wakes = spawn(async move { waiting.take().unwrap().wake() });
        for task in [woken, yielded, wakes] {
            task.await.unwrap();
        }
        assert_eq!(*log.borrow(), ["woken", "yielded"]);
    });
}

#[test]
fn sleeps_end_in_the_order_of_their_deadlines() {
    run(async {
        // Far enough away that each is waited for before the first one ends, on a slow machine too.
        let start = Instant::now() + Duration::from_millis(100);
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = [3u64, 1, 2]
            .map(|ms| {
                let order = order.clone();
                spawn(async move {
                    sleep_until(start + Duration::from_millis(ms)).await;
                    order.borrow_mut().push(ms);
                })
            })
            .into();
        let sqes = runtime::metrics().sqes;
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(runtime::metrics().sqes, sqes, "no SQE per timer");
        assert_eq!(*order.borrow(), [1, 2, 3]);
        assert!(Instant::now() >= start + Duration::from_millis(3));
    });
}

#[test]
fn a_timeout_drops_what_it_ends() {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let (a, _b) = UnixStream::pair().unwrap();
        assert!(timeout(Duration::from_millis(1), a.recv(vec![0; 8])).await.is_err());
        assert!(timeout(Duration::from_secs(60), op::nop()).await.unwrap().is_ok());
        assert!(timeout(Duration::MAX, op::nop()).await.is_ok());
        let mut ticks = interval(Duration::from_millis(1));
        let first = ticks.tick().await;
        assert_eq!(ticks.tick().await - first, Duration::from_millis(1));
    });
    assert_clean(&runtime.shutdown());
}

#[test]
fn ordinary_futures_join_too() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let (received, sent, seven) = join!(
            async { a.recv_exact(vec![0; 2]).await.into_result() },
            async { b.send_all("hi").await.into_result() },
            std::future::ready(7),
        )
        .await;
        assert_eq!((received.unwrap(), sent.unwrap(), seven), (b"hi".to_vec(), "hi", 7));
        async fn generic<F: Future, G: Future>(f: F, g: G) -> (F::Output, G::Output) {
            join!(f, g).await
        }
        let (nop, nine) = generic(op::nop(), async { 9 }).await;
        assert!(nop.is_ok() && nine == 9);
    });
}

#[test]
fn block_on_inside_a_runtime_is_refused() {
    run(async {
        let inner = Runtime::new().unwrap();
        let nested = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| inner.block_on(async {})));
        assert!(nested.unwrap_err().downcast::<&str>().unwrap().contains("inside a runtime"));
        op::nop().await.unwrap();
    });
}

#[test]
#[allow(clippy::async_yields_async, reason = "the op is kept beyond its runtime")]
fn shutdown_ends_ops_that_never_complete() {
    let runtime = Builder::new().build().unwrap();
    let (a, b) = UnixStream::pair().unwrap();
    let shared = Arc::new(a);
    let kept = runtime.block_on(async {
        for _ in 0..100 {
            let stream = shared.clone();
            drop(spawn(async move { drop(stream.recv(vec![0; 64]).await) }));
        }
        let mut recv = Box::pin(shared.recv(vec![0; 64]));
        poll_once(recv.as_mut()).await;
        recv
    });
    assert_clean(&runtime.shutdown());
    drop((kept, b));
    assert_eq!(Arc::strong_count(&shared), 1);
}
