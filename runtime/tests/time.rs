//! Sleeps, time limits, intervals and instants on the machine's clock.

mod common;

use std::{
    cell::{Cell, RefCell},
    future::{pending, poll_fn, ready},
    io,
    pin::pin,
    rc::Rc,
    task::Poll,
};

use common::{poll_once, run, run_on};
use runtime::{
    Builder, Runtime, join,
    net::UnixStream,
    op, spawn,
    task::yield_now,
    time::{
        self, Duration, Instant, Interval, MissedTickBehavior, Sleep, Timeout, error::Elapsed, interval, interval_at,
        sleep, sleep_until, timeout, timeout_at,
    },
};

const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(2);

#[test]
fn auto_traits_are_those_that_programs_count_on() {
    fn is_send_and_sync<T: Send + Sync>() {}
    fn is_unpin<T: Unpin>() {}
    is_send_and_sync::<(Sleep, Interval, Instant, MissedTickBehavior)>();
    is_send_and_sync::<(Timeout<Sleep>, Elapsed, time::error::Error)>();
    is_unpin::<(Interval, Instant, Elapsed)>();
    // Does not compile for a type that is Unpin: it would not be clear which of the two is meant.
    <Sleep as NotUnpin<_>>::check();
    <Timeout<Sleep> as NotUnpin<_>>::check();
    <Timeout<std::future::Ready<()>> as NotUnpin<_>>::check();
}

trait NotUnpin<Which> {
    fn check() {}
}
impl<T> NotUnpin<()> for T {}
impl<T: Unpin> NotUnpin<u8> for T {}

#[test]
fn no_sleep_ends_early_and_shared_wakes_keep_their_order() {
    // Some are alone, others a crowd, which shares wakes.
    for slack in [Duration::ZERO, Duration::from_micros(500), Duration::from_millis(5)] {
        run_on(Builder::new().timer_slack(slack), async {
            let ended = Rc::new(RefCell::new(Vec::new()));
            let start = Instant::now();
            let tasks: Vec<_> = (0..200u64)
                .map(|n| {
                    let ended = ended.clone();
                    spawn(async move {
                        let deadline = start + Duration::from_micros(1000 + n * 7919 % 200 * 50);
                        sleep_until(deadline).await;
                        assert!(Instant::now() >= deadline);
                        ended.borrow_mut().push(deadline);
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(ended.borrow().len(), 200);
            assert!(ended.borrow().is_sorted(), "slack of {slack:?}");
        });
    }
}

#[test]
fn a_crowd_of_timers_shares_wakes() {
    let enters = |slack| {
        run_on(Builder::new().timer_slack(slack), async {
            let deadline = Instant::now() + Duration::from_millis(20);
            let tasks: Vec<_> =
                (0..400u32).map(|n| spawn(sleep_until(deadline + Duration::from_micros(50) * n))).collect();
            for task in tasks {
                task.await.unwrap();
            }
            runtime::metrics().enters_waiting
        })
    };
    // They are due within 20 ms. A busy machine can but merge wakes.
    assert!(enters(Duration::from_millis(5)) < 20);
}

#[test]
fn what_has_passed_does_not_wait() {
    run(async {
        for deadline in [Instant::now(), Instant::now().checked_sub(SHORT).unwrap()] {
            let mut sleep = pin!(sleep_until(deadline));
            let first = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx))).await;
            assert!(first.is_ready() && sleep.is_elapsed());
            sleep.await; // and again
        }
        sleep(Duration::ZERO).await;
    });
}

#[test]
fn sleeps_without_end_are_no_overflow() {
    run(async {
        let sleep = sleep(Duration::MAX);
        assert!(sleep.deadline() > Instant::now() + LONG && !sleep.is_elapsed());
        poll_once(pin!(sleep)).await;
        assert_eq!(timeout(Duration::MAX, ready(7)).await, Ok(7));
        let mut ticks = interval(Duration::MAX);
        ticks.tick().await;
        ticks.reset_after(Duration::MAX);
        poll_once(pin!(ticks.tick())).await;
    });
}

#[test]
fn a_reset_moves_a_sleep_both_ways() {
    run(async {
        let start = Instant::now();
        let mut sleep = pin!(sleep(LONG));
        poll_once(sleep.as_mut()).await;
        sleep.as_mut().reset(start + SHORT);
        assert_eq!(sleep.deadline(), start + SHORT);
        sleep.as_mut().await;
        assert!(start.elapsed() >= SHORT && start.elapsed() < LONG);
        sleep.as_mut().reset(start + LONG);
        poll_once(sleep.as_mut()).await;
        assert!(!sleep.is_elapsed());
    });
}

#[test]
fn a_reset_keeps_the_waker() {
    run(async {
        let sleep = Rc::new(RefCell::new(Box::pin(sleep(LONG))));
        let mut polls = 0;
        // Polls the sleep once, and counts on its wake from then on.
        let waits = spawn({
            let sleep = sleep.clone();
            poll_fn(move |cx| {
                polls += 1;
                if polls == 1 { sleep.borrow_mut().as_mut().poll(cx) } else { Poll::Ready(()) }
            })
        });
        yield_now().await;
        assert!(!waits.is_finished());
        sleep.borrow_mut().as_mut().reset(Instant::now() + SHORT);
        waits.await.unwrap();
    });
}

#[test]
#[allow(clippy::async_yields_async, reason = "the sleep is dropped elsewhere")]
fn a_dropped_sleep_leaves_nothing_and_may_be_dropped_anywhere() {
    let runtime = Runtime::new().unwrap();
    let sleep = runtime.block_on(async {
        let mut sleep = Box::pin(sleep(LONG));
        poll_once(sleep.as_mut()).await;
        sleep
    });
    std::thread::spawn(move || drop(sleep)).join().unwrap();
    runtime.block_on(yield_now());
    common::assert_clean(&runtime.shutdown());
}

#[test]
fn a_sleep_that_moves_to_another_shard_ends_there() {
    let first = Runtime::new().unwrap();
    let mut sleep = Box::pin(sleep(SHORT));
    first.block_on(poll_once(sleep.as_mut()));
    let deadline = sleep.deadline();
    std::thread::spawn(move || run(sleep)).join().unwrap();
    assert!(Instant::now() >= deadline);
    common::assert_clean(&first.shutdown());
}

#[test]
#[should_panic(expected = "outside a runtime")]
fn a_sleep_is_not_polled_outside_a_runtime() {
    let mut sleep = pin!(sleep(LONG));
    let _ = sleep.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
}

#[test]
fn a_time_limit_polls_its_future_first() {
    run(async {
        assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
        assert_eq!(timeout_at(Instant::now().checked_sub(SHORT).unwrap(), ready(2)).await, Ok(2));
        let polls = Cell::new(0);
        let never = poll_fn(|_| {
            polls.set(polls.get() + 1);
            Poll::<()>::Pending
        });
        let elapsed = timeout(Duration::ZERO, never).await.unwrap_err();
        assert_eq!(polls.get(), 1);
        assert_eq!(elapsed.to_string(), "deadline has elapsed");
        assert_eq!(io::Error::from(elapsed).kind(), io::ErrorKind::TimedOut);
    });
}

#[test]
fn a_time_limit_gives_its_future_back() {
    let mut limited = timeout(LONG, ready(1));
    *limited.get_mut() = ready(2);
    assert_eq!(limited.get_ref().clone().into_inner(), 2);
    assert_eq!(limited.into_inner().into_inner(), 2);
}

#[test]
fn a_future_that_is_ready_whenever_asked_does_not_put_off_its_limit() {
    run(async {
        // Each poll of it uses up the whole budget of the task.
        let busy = async {
            loop {
                sleep_until(Instant::now()).await;
            }
        };
        assert!(timeout(SHORT, busy).await.is_err());
    });
}

#[test]
fn sleeps_that_are_over_give_way_to_other_tasks() {
    run(async {
        let stop = Rc::new(Cell::new(false));
        let other = spawn({
            let stop = stop.clone();
            async move { stop.set(true) }
        });
        while !stop.get() {
            sleep(Duration::ZERO).await;
        }
        other.await.unwrap();
    });
}

#[test]
fn a_time_limit_drops_an_op_and_an_ops_own_gives_the_buffer_back() {
    run(async {
        let (a, _b) = UnixStream::pair().unwrap();
        assert!(timeout(SHORT, a.recv(vec![0; 8])).await.is_err());
        let (result, buffer) = a.recv(vec![0; 8]).timeout(SHORT).await;
        assert_eq!((result.unwrap_err().kind(), buffer.len()), (io::ErrorKind::TimedOut, 8));
        assert!(timeout(LONG, op::nop()).await.unwrap().is_ok());
        assert!(op::nop().timeout(Duration::MAX).await.is_ok(), "no overflow");
    });
}

#[test]
fn intervals_tick_at_multiples_of_their_period() {
    run(async {
        let start = Instant::now();
        let mut ticks = interval_at(start + SHORT, SHORT);
        assert_eq!((ticks.period(), ticks.missed_tick_behavior()), (SHORT, MissedTickBehavior::Burst));
        for n in 1..=3 {
            assert_eq!(ticks.tick().await, start + SHORT * n);
            assert!(start.elapsed() >= SHORT * n);
        }
        let before = Instant::now();
        ticks.reset_immediately();
        assert!(ticks.tick().await >= before);
        ticks.reset();
        assert!(ticks.tick().await >= before + SHORT);
        ticks.reset_at(before);
        assert_eq!(ticks.tick().await, before);
        ticks.reset_after(LONG);
        poll_once(pin!(ticks.tick())).await;
    });
}

#[test]
fn a_period_of_zero_is_refused() {
    assert!(std::panic::catch_unwind(|| interval(Duration::ZERO)).is_err());
}

#[test]
fn instants_count_as_those_of_std() {
    let std_now = std::time::Instant::now();
    let mut at = Instant::from_std(std_now);
    assert_eq!((at.into_std(), Instant::from(std_now), std::time::Instant::from(at)), (std_now, at, std_now));
    assert_eq!(format!("{at:?}"), format!("{std_now:?}"));
    let later = at + LONG;
    assert_eq!((later - at, at - later, later - LONG), (LONG, Duration::ZERO, at));
    assert_eq!((later.duration_since(at), at.duration_since(later)), (LONG, Duration::ZERO));
    assert_eq!((later.checked_duration_since(at), at.checked_duration_since(later)), (Some(LONG), None));
    assert_eq!(at.saturating_duration_since(later), Duration::ZERO);
    assert_eq!((at.checked_add(LONG), at.checked_add(Duration::MAX)), (Some(later), None));
    assert_eq!(later.checked_sub(LONG), Some(at));
    at += LONG;
    assert_eq!(at, later);
    at -= LONG;
    assert!(at < later && at <= Instant::now() && later.elapsed() == Duration::ZERO);
}

#[test]
fn time_goes_on_beside_work_that_never_ends() {
    run(async {
        let limit = timeout(SHORT, pending::<()>());
        let work = async {
            let start = Instant::now();
            while start.elapsed() < SHORT * 2 {
                yield_now().await;
            }
        };
        let (limited, ()) = join!(limit, work).await;
        assert!(limited.is_err());
    });
}
