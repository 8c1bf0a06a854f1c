//! A clock that stands still, is moved by hand, and moves by itself when there is nothing else to do.

mod common;

use std::{
    cell::{Cell, RefCell},
    io::Write,
    pin::pin,
    rc::Rc,
    sync::mpsc,
};

use common::{assert_clean, file, poll_once, run_on};
use runtime::{
    Builder, IntoResult, Runtime, join,
    net::UnixStream,
    op, spawn,
    task::yield_now,
    time::{Duration, Instant, MissedTickBehavior, advance, interval, pause, resume, sleep, sleep_until, timeout},
};
use runtime_core::shard::with_current;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs on a clock that stands still; no more than a few seconds of the machine's time may pass.
fn run<F: Future>(future: F) -> F::Output {
    let start = std::time::Instant::now();
    let output = run_on(Builder::new().start_paused(true), future);
    assert!(start.elapsed() < Duration::from_secs(60), "time was waited for");
    output
}

#[runtime::test(start_paused = true)]
async fn the_attribute_stops_the_clock() {
    let start = Instant::now();
    sleep(HOUR).await;
    assert_eq!(start.elapsed(), HOUR, "to the nanosecond");
}

#[test]
fn time_moves_from_deadline_to_deadline() {
    run(async {
        let (start, ended) = (Instant::now(), Rc::new(RefCell::new(Vec::new())));
        let tasks: Vec<_> = [3u32, 1, 2, 1]
            .into_iter()
            .map(|hours| {
                let ended = ended.clone();
                spawn(async move {
                    for _ in 0..2 {
                        sleep(HOUR * hours).await;
                        ended.borrow_mut().push((start.elapsed(), hours));
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let expected = [(1, 1), (1, 1), (2, 2), (2, 1), (2, 1), (3, 3), (4, 2), (6, 3)];
        assert_eq!(*ended.borrow(), expected.map(|(at, hours)| (HOUR * at, hours)));
    });
}

#[test]
fn time_stands_still_while_tasks_are_ready() {
    run(async {
        let start = Instant::now();
        let mut sleep = pin!(sleep(Duration::from_nanos(1)));
        for _ in 0..1000 {
            poll_once(sleep.as_mut()).await;
            yield_now().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        sleep.await;
        assert_eq!(start.elapsed(), Duration::from_nanos(1));
    });
}

#[test]
fn advance_fires_what_is_due_and_no_more() {
    run(async {
        let start = Instant::now();
        let (mut first, mut second) = (pin!(sleep(HOUR)), pin!(sleep(HOUR * 2)));
        poll_once(first.as_mut()).await;
        poll_once(second.as_mut()).await;
        advance(HOUR - Duration::from_nanos(1)).await;
        poll_once(first.as_mut()).await;
        advance(Duration::from_nanos(1)).await;
        assert!(first.is_elapsed() && !second.is_elapsed());
        first.await;
        poll_once(second.as_mut()).await;
        assert_eq!(start.elapsed(), HOUR);
        advance(Duration::ZERO).await;
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn advance_wakes_all_that_are_due_before_it_returns() {
    run(async {
        let (asleep, woken) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        for n in 0..5000u32 {
            let (asleep, woken) = (asleep.clone(), woken.clone());
            drop(spawn(async move {
                asleep.set(asleep.get() + 1);
                sleep(Duration::from_millis(u64::from(n))).await;
                woken.set(woken.get() + 1);
            }));
        }
        while asleep.get() < 5000 {
            yield_now().await;
        }
        advance(HOUR).await;
        let start = Instant::now();
        while woken.get() < 5000 {
            yield_now().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "none was left for later");
    });
}

#[test]
fn a_clock_that_was_stopped_goes_on_from_there() {
    run_on(&mut Builder::new(), async {
        let (start, real) = (Instant::now(), std::time::Instant::now());
        pause();
        advance(HOUR).await;
        resume();
        let resumed = Instant::now();
        assert!(resumed - start >= HOUR && resumed - start < HOUR + real.elapsed());
        sleep(Duration::from_millis(2)).await;
        assert!(Instant::now() - resumed >= Duration::from_millis(2), "it goes on");
        assert!(real.elapsed() >= Duration::from_millis(2), "as the machine's does");
        pause();
        sleep(HOUR).await;
        assert!(Instant::now() - resumed >= HOUR);
    });
}

#[test]
fn each_misuse_is_a_panic_that_says_so() {
    let panics = |name: &str, act: fn()| {
        let panic = std::panic::catch_unwind(act).unwrap_err();
        let text =
            panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|text| text.to_string()));
        let text = text.expect("a text");
        assert!(text.contains(name), "{text}");
        text
    };
    assert!(panics("time::pause", pause).contains("outside a runtime"));
    assert!(panics("time::resume", resume).contains("outside a runtime"));
    run(async { panics("time::pause", pause) });
    run_on(&mut Builder::new(), async { panics("time::resume", resume) });
    panics("time::advance", || run_on(&mut Builder::new(), advance(HOUR)));
}

#[test]
fn each_shard_has_its_own_clock_and_other_threads_the_machines() {
    run(async {
        let start = Instant::now();
        sleep(HOUR).await;
        std::thread::spawn(move || {
            assert!(Instant::now() - start < HOUR);
            let other = Runtime::new().unwrap();
            assert!(other.block_on(async { Instant::now() }) - start < HOUR);
        })
        .join()
        .unwrap();
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn intervals_and_limits_go_by_the_stopped_clock() {
    run(async {
        let start = Instant::now();
        let mut ticks = interval(HOUR);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.tick().await;
        ticks.tick().await;
        advance(HOUR * 5 / 2).await;
        assert_eq!(ticks.tick().await, start + HOUR * 2, "late");
        assert_eq!(ticks.tick().await, start + HOUR * 4, "the next multiple");
        let limited = timeout(HOUR, sleep(HOUR * 2)).await;
        assert!(limited.is_err());
        assert_eq!(timeout(HOUR * 2, async { sleep(HOUR).await }).await, Ok(()));
        assert_eq!(start.elapsed(), HOUR * 6);
    });
}

#[test]
fn who_waits_for_a_peer_does_not_hold_the_clock() {
    run(async {
        let (mut near, far) = std::os::unix::net::UnixStream::pair().unwrap();
        let far = UnixStream::from_std(far).unwrap();
        let start = Instant::now();
        // A receive is out all the time; the peer of it sleeps first.
        let receives = spawn(async move { far.recv(vec![0; 8]).await.into_result().unwrap().0 });
        sleep(HOUR).await;
        near.write_all(b"late").unwrap();
        assert_eq!(receives.await.unwrap(), 4);
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn what_a_peer_on_the_shard_has_sent_arrives_before_time_moves() {
    run(async {
        let (a, b) = UnixStream::pair().unwrap();
        let start = Instant::now();
        for _ in 0..100 {
            let ask = async {
                a.send_all(vec![1; 64]).await.into_result().unwrap();
                timeout(HOUR, a.recv_exact(vec![0; 64])).await.expect("in time").into_result().unwrap();
            };
            let answer = async {
                let bytes = timeout(HOUR, b.recv_exact(vec![0; 64])).await.expect("in time").into_result().unwrap();
                b.send_all(bytes).await.into_result().unwrap();
            };
            join!(ask, answer).await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn reads_of_files_end_before_time_moves() {
    let dir = tempfile::tempdir().unwrap();
    run(async {
        let file = file(&dir, &[7; 1 << 16]).await;
        let start = Instant::now();
        let mut limit = pin!(sleep(HOUR));
        poll_once(limit.as_mut()).await;
        for _ in 0..20 {
            // Buffered writes and syncs go by way of a kernel thread.
            let (write, sync) = file.write_all_at(vec![1; 1 << 16], 0).then(|_| file.sync_data()).await;
            assert!(write.0.is_ok() && sync.is_ok());
            file.read_exact_at(vec![0; 1 << 16], 0).await.into_result().unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    });
}

#[test]
fn an_ops_own_limit_goes_by_the_stopped_clock() {
    run(async {
        let (a, _b) = UnixStream::pair().unwrap();
        let start = Instant::now();
        let (result, _) = a.recv(vec![0; 8]).timeout(HOUR).await;
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed(), HOUR);
        assert!(op::nop().timeout(HOUR).await.is_ok());
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn work_on_other_threads_holds_the_clock() {
    run(async {
        let start = Instant::now();
        let (sender, receiver) = mpsc::channel::<std::task::Waker>();
        let hold = with_current(|shard| shard.hold_clock()).unwrap();
        let done = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let worker = std::thread::spawn({
            let done = done.clone();
            move || {
                let waker = receiver.recv().unwrap();
                // Long enough for a shard that does not wait to have its hour. No event says that it is waiting.
                std::thread::sleep(Duration::from_millis(20));
                done.store(true, std::sync::atomic::Ordering::Release);
                waker.wake();
                drop(hold);
            }
        });
        let work = std::future::poll_fn(|cx| {
            if done.load(std::sync::atomic::Ordering::Acquire) {
                return std::task::Poll::Ready(());
            }
            let _sent = sender.send(cx.waker().clone());
            std::task::Poll::Pending
        });
        timeout(HOUR, work).await.expect("time stood still");
        assert_eq!(start.elapsed(), Duration::ZERO);
        worker.join().unwrap();
        // The hold is gone: time moves again. If it goes only now, its drop wakes the shard.
        sleep_until(start + HOUR).await;
        assert_eq!(start.elapsed(), HOUR);
    });
}

#[test]
fn a_hold_that_ends_later_lets_time_go_on() {
    run(async {
        let hold = with_current(|shard| shard.hold_clock()).unwrap();
        // Nothing else wakes the shard.
        let worker = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5));
            drop(hold);
        });
        sleep(HOUR).await;
        worker.join().unwrap();
    });
}

#[test]
fn shutdown_does_not_wait_for_a_clock_that_stands_still() {
    let runtime = Builder::new().start_paused(true).build().unwrap();
    let (a, _b) = UnixStream::pair().unwrap();
    runtime.block_on(async {
        let mut recv = Box::pin(a.recv(vec![0; 8]).timeout(HOUR));
        poll_once(recv.as_mut()).await;
        std::mem::forget(recv);
        drop(spawn(sleep(HOUR)));
        yield_now().await;
    });
    assert_clean(&runtime.shutdown());
}
