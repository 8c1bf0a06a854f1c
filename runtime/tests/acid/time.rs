//! Time: sleeps, limits, intervals, and the stopped clock.

use std::{
    future::{Future, pending, ready},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use tokio::{
    sync::mpsc,
    time::{self, Duration, Instant, Interval, MissedTickBehavior, error::Elapsed, interval, sleep, timeout},
};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The milliseconds since `start`; the clock of these tests is stopped, so they are exact up to tokio's rounding.
fn since(start: Instant) -> u128 {
    start.elapsed().as_millis()
}

#[tokio::test]
async fn a_sleep_is_not_shorter_than_asked() {
    let start = std::time::Instant::now();
    sleep(ms(20)).await;
    assert!(start.elapsed() >= ms(20));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_clock_jumps_over_hours_of_sleep() {
    let (real, start) = (std::time::Instant::now(), Instant::now());
    sleep(Duration::from_secs(5 * 60 * 60)).await;
    assert_eq!(since(start), 5 * 60 * 60 * 1000);
    assert!(real.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn sleeps_end_in_the_order_of_their_deadlines() {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    for delay in [30, 10, 20, 40] {
        let sender = sender.clone();
        tokio::spawn(async move {
            sleep(ms(delay)).await;
            sender.send(delay).unwrap();
        });
    }
    drop(sender);
    let start = Instant::now();
    for delay in [10, 20, 30, 40] {
        assert_eq!(receiver.recv().await, Some(delay));
        assert_eq!(since(start), u128::from(delay));
    }
    assert_eq!(receiver.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_sleep_can_be_set_again() {
    let start = Instant::now();
    let nap = sleep(ms(10));
    tokio::pin!(nap);
    assert_eq!(nap.deadline(), start + ms(10));
    nap.as_mut().reset(start + ms(100));
    assert!(!nap.is_elapsed());
    nap.as_mut().await;
    assert!(nap.is_elapsed());
    assert_eq!(since(start), 100);
    nap.as_mut().reset(Instant::now() + ms(50));
    assert!(!nap.is_elapsed());
    nap.as_mut().await;
    assert_eq!(since(start), 150);
}

#[tokio::test(start_paused = true)]
async fn sleep_until_the_past_is_no_sleep() {
    time::advance(ms(100)).await;
    let start = Instant::now();
    time::sleep_until(start - ms(50)).await;
    sleep(Duration::ZERO).await;
    assert_eq!(since(start), 0);
}

#[tokio::test(start_paused = true)]
async fn endless_sleeps_can_be_made_and_dropped() {
    let endless = sleep(Duration::MAX);
    tokio::pin!(endless);
    assert!(timeout(Duration::from_secs(1_000_000), &mut endless).await.is_err());
    assert!(timeout(Duration::MAX, ready(3)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_limit_gives_the_value_or_says_that_it_was_late() {
    assert_eq!(timeout(ms(10), async { 5 }).await, Ok(5));
    let late: Result<(), Elapsed> = timeout(ms(10), pending()).await;
    let error = late.unwrap_err();
    assert_eq!(error.to_string(), "deadline has elapsed");
    assert_eq!(std::io::Error::from(error).kind(), std::io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_limit_looks_at_its_future_first() {
    let start = Instant::now();
    time::advance(ms(100)).await;
    assert_eq!(time::timeout_at(start, async { "ready" }).await, Ok("ready"));
    assert_eq!(timeout(Duration::ZERO, ready(1)).await, Ok(1));
    assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_limit_can_be_taken_apart() {
    let mut limited = timeout(ms(10), ready('a'));
    let _: &std::future::Ready<char> = limited.get_ref();
    *limited.get_mut() = ready('b');
    assert_eq!(limited.into_inner().await, 'b');
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_nested_and_the_nearer_one_counts() {
    let start = Instant::now();
    let inner_first = timeout(ms(100), timeout(ms(10), pending::<()>())).await;
    assert!(inner_first.unwrap().is_err());
    let outer_first = timeout(ms(10), timeout(ms(100), pending::<()>())).await;
    assert!(outer_first.is_err());
    assert_eq!(since(start), 20);
}

#[tokio::test(start_paused = true)]
async fn an_interval_ticks_at_once_and_then_by_its_period() {
    let start = Instant::now();
    let mut ticks: Interval = interval(ms(10));
    assert_eq!(ticks.period(), ms(10));
    for tick in 0..5 {
        assert_eq!(ticks.tick().await, start + ms(10) * tick);
    }
    assert_eq!(since(start), 40);
}

#[tokio::test(start_paused = true)]
async fn an_interval_can_begin_later() {
    let start = Instant::now();
    let mut ticks = time::interval_at(start + ms(25), ms(10));
    ticks.tick().await;
    assert_eq!(since(start), 25);
    ticks.tick().await;
    assert_eq!(since(start), 35);
}

/// The times at which an interval of 10 ms ticks when 35 ms pass after its first one.
async fn ticks_after_a_gap(behavior: MissedTickBehavior) -> Vec<u128> {
    let start = Instant::now();
    let mut ticks = interval(ms(10));
    ticks.set_missed_tick_behavior(behavior);
    assert_eq!(ticks.missed_tick_behavior(), behavior);
    ticks.tick().await;
    time::advance(ms(35)).await;
    let mut seen = Vec::new();
    for _ in 0..6 {
        ticks.tick().await;
        seen.push(since(start));
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_caught_up_with_delayed_or_skipped() {
    assert_eq!(MissedTickBehavior::default(), MissedTickBehavior::Burst);
    assert_eq!(ticks_after_a_gap(MissedTickBehavior::Burst).await, [35, 35, 35, 40, 50, 60]);
    // Two milliseconds on, so that no case below depends on how the clock was rounded before.
    time::advance(ms(2)).await;
    assert_eq!(ticks_after_a_gap(MissedTickBehavior::Delay).await, [35, 45, 55, 65, 75, 85]);
    assert_eq!(ticks_after_a_gap(MissedTickBehavior::Skip).await, [35, 40, 50, 60, 70, 80]);
}

#[tokio::test(start_paused = true)]
async fn an_interval_can_be_reset_in_every_way() {
    let start = Instant::now();
    let mut ticks = interval(ms(100));
    ticks.tick().await;
    time::advance(ms(60)).await;
    ticks.reset();
    ticks.tick().await;
    assert_eq!(since(start), 160);
    ticks.reset_immediately();
    ticks.tick().await;
    assert_eq!(since(start), 160);
    ticks.reset_after(ms(7));
    ticks.tick().await;
    assert_eq!(since(start), 167);
    ticks.reset_at(start + ms(300));
    ticks.tick().await;
    assert_eq!(since(start), 300);
    ticks.tick().await;
    assert_eq!(since(start), 400);
}

#[tokio::test(start_paused = true)]
async fn an_interval_can_be_polled() {
    let mut ticks = interval(ms(10));
    let first = std::future::poll_fn(|cx| ticks.poll_tick(cx)).await;
    let pending = std::future::poll_fn(|cx| Poll::Ready(ticks.poll_tick(cx).is_pending())).await;
    assert!(pending);
    assert_eq!(std::future::poll_fn(|cx| ticks.poll_tick(cx)).await - first, ms(10));
}

#[tokio::test]
#[should_panic]
async fn an_interval_without_a_period_is_refused() {
    interval(Duration::ZERO);
}

#[tokio::test]
async fn the_clock_can_be_stopped_moved_and_started_again() {
    time::pause();
    let start = Instant::now();
    std::thread::sleep(ms(5));
    assert_eq!(start.elapsed(), Duration::ZERO);
    time::advance(ms(1500)).await;
    assert_eq!(start.elapsed(), ms(1500));
    time::resume();
    let running = Instant::now();
    std::thread::sleep(ms(5));
    assert!(running.elapsed() >= ms(5));
}

#[tokio::test]
#[should_panic]
async fn a_clock_cannot_be_stopped_twice() {
    time::pause();
    time::pause();
}

#[tokio::test]
#[should_panic]
async fn a_running_clock_cannot_be_moved() {
    time::advance(ms(1)).await;
}

#[tokio::test]
#[should_panic]
async fn a_running_clock_cannot_be_started() {
    time::resume();
}

#[tokio::test(start_paused = true)]
async fn what_is_due_within_an_advance_runs_after_it() {
    let done = Arc::new(AtomicUsize::new(0));
    let task = tokio::spawn({
        let done = done.clone();
        async move {
            sleep(ms(10)).await;
            done.fetch_add(1, Ordering::SeqCst);
        }
    });
    tokio::task::yield_now().await;
    time::advance(ms(9)).await;
    assert_eq!(done.load(Ordering::SeqCst), 0);
    time::advance(ms(2)).await;
    task.await.unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[test]
fn moments_can_be_reckoned_with() {
    let moment = Instant::now();
    let later = moment + ms(10);
    assert!(later > moment);
    assert_eq!(later - moment, ms(10));
    assert_eq!(later - ms(10), moment);
    assert_eq!(later.duration_since(moment), ms(10));
    assert_eq!(moment.duration_since(later), Duration::ZERO);
    assert_eq!(moment.checked_duration_since(later), None);
    assert_eq!(later.saturating_duration_since(moment), ms(10));
    assert_eq!(moment.checked_add(ms(10)), Some(later));
    assert_eq!(later.checked_sub(ms(10)), Some(moment));
    assert_eq!(moment.checked_add(Duration::MAX), None);
    assert_eq!(Instant::from_std(moment.into_std()), moment);
    assert_eq!(Instant::from(std::time::Instant::from(moment)), moment);
    let mut moved = moment;
    moved += ms(10);
    moved -= ms(5);
    assert_eq!(moved, moment + ms(5));
}

/// A limiter in the manner of a bucket: at most three calls at once, one more every 100 ms.
#[tokio::test(start_paused = true)]
async fn a_rate_limiter() {
    let tokens = Arc::new(tokio::sync::Semaphore::new(3));
    let refill = tokio::spawn({
        let tokens = tokens.clone();
        async move {
            let mut ticks = interval(ms(100));
            ticks.tick().await;
            loop {
                ticks.tick().await;
                if tokens.available_permits() < 3 {
                    tokens.add_permits(1);
                }
            }
        }
    });
    let start = Instant::now();
    let mut calls = Vec::new();
    for _ in 0..6 {
        tokens.acquire().await.unwrap().forget();
        calls.push(since(start));
    }
    assert_eq!(calls, [0, 0, 0, 100, 200, 300]);
    refill.abort();
}

/// Whatever comes is put off until nothing has come for 50 ms.
#[tokio::test(start_paused = true)]
async fn a_debouncer() {
    let (sender, mut receiver) = mpsc::channel(8);
    tokio::spawn(async move {
        for (pause, word) in [(0, "a"), (10, "b"), (10, "c"), (200, "d"), (20, "e")] {
            sleep(ms(pause)).await;
            sender.send(word).await.unwrap();
        }
    });
    let mut seen = Vec::new();
    while let Some(mut last) = receiver.recv().await {
        let ended = loop {
            match timeout(ms(50), receiver.recv()).await {
                Ok(Some(next)) => last = next,
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        seen.push(last);
        if ended {
            break;
        }
    }
    assert_eq!(seen, ["c", "e"]);
}

#[tokio::test(start_paused = true)]
async fn time_passes_in_the_futures_of_other_crates() {
    fn boxed<'a, T>(
        future: impl Future<Output = T> + Send + 'a,
    ) -> std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>> {
        Box::pin(future)
    }
    let start = Instant::now();
    boxed(sleep(ms(3))).await;
    assert!(boxed(timeout(ms(4), pending::<()>())).await.is_err());
    assert_eq!(since(start), 7);
}
