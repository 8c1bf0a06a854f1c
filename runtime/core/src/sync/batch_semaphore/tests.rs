use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn permits_are_taken_and_returned() {
    let semaphore = Semaphore::const_new(3);
    assert_eq!(semaphore.try_acquire(2), Ok(()));
    assert_eq!(semaphore.try_acquire(2), Err(TryAcquireError::NoPermits));
    assert_eq!(semaphore.try_acquire(0), Ok(()));
    semaphore.release(2);
    assert_eq!(semaphore.forget_permits(2), 2);
    assert_eq!((semaphore.forget_permits(2), semaphore.available_permits()), (1, 0));
    assert_eq!(format!("{semaphore:?}"), "Semaphore { permits: 0 }");
}

#[test]
fn first_come_first_served_also_for_those_who_want_many() {
    let semaphore = Semaphore::new(0);
    let (mut many, mut one, mut last) =
        (pin!(semaphore.acquire(3)), pin!(semaphore.acquire(1)), pin!(semaphore.acquire(2)));
    assert!(poll(many.as_mut()).is_pending() && poll(one.as_mut()).is_pending() && poll(last.as_mut()).is_pending());
    semaphore.release(2);
    assert!(poll(many.as_mut()).is_pending() && poll(one.as_mut()).is_pending());
    assert_eq!(semaphore.available_permits(), 0);
    assert!(semaphore.try_acquire(1).is_err(), "nobody overtakes");
    semaphore.release(2);
    assert!(poll(last.as_mut()).is_pending());
    assert!(matches!(poll(one.as_mut()), Poll::Ready(Ok(()))));
    assert!(matches!(poll(many.as_mut()), Poll::Ready(Ok(()))));
    semaphore.release(3);
    assert!(matches!(poll(last.as_mut()), Poll::Ready(Ok(()))));
    assert_eq!(semaphore.available_permits(), 1);
}

/// Whatever a future has got when it is dropped goes back once, and on to those behind it.
#[test]
fn a_dropped_future_gives_back_what_it_got() {
    // New, queued with none, with some, with all, and done.
    for (polled, given) in [(false, 0), (true, 0), (true, 2), (true, 3)] {
        let semaphore = Semaphore::new(0);
        let mut next = Box::pin(semaphore.acquire(1));
        {
            let mut first = Box::pin(semaphore.acquire(3));
            if polled {
                assert!(poll(first.as_mut()).is_pending());
                assert!(poll(next.as_mut()).is_pending());
            }
            semaphore.release(given);
        }
        let served = poll(next.as_mut()).is_ready();
        assert_eq!((served, semaphore.available_permits()), (given > 0, given.saturating_sub(1)), "{given} given");
        drop(next);
        // Those that were handed over are the caller's.
        assert_eq!(semaphore.available_permits(), given.saturating_sub(1));
    }
    let semaphore = Semaphore::new(1);
    assert!(poll(pin!(semaphore.acquire(1))).is_ready());
    assert_eq!(semaphore.available_permits(), 0, "the permit is the caller's");
}

#[test]
fn the_last_to_leave_lowers_the_flag() {
    let semaphore = Semaphore::new(1);
    let mut waiting = Box::pin(semaphore.acquire(2));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(semaphore.state.load(Ordering::SeqCst), WAITING);
    drop(waiting);
    assert_eq!(semaphore.state.load(Ordering::SeqCst), PERMIT);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let semaphore = Semaphore::new(0);
    let mut waiting = pin!(semaphore.acquire(1));
    let (old, new) = (Arc::new(Count::default()), Arc::new(Count::default()));
    for waker in [&old, &new, &new] {
        let waker = Waker::from(Arc::clone(waker));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert_eq!(Arc::strong_count(&old), 1, "the old waker is gone");
    semaphore.release(1);
    assert_eq!((old.0.load(Ordering::SeqCst), new.0.load(Ordering::SeqCst)), (0, 1));
    assert!(poll(waiting).is_ready());
}

#[test]
fn closing_fails_those_that_wait_and_returns_what_they_got() {
    let semaphore = Semaphore::new(3);
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    // More than a batch of wakers holds.
    let mut waiting: Vec<_> = (0..40).map(|_| Box::pin(semaphore.acquire(5))).collect();
    for future in &mut waiting {
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    semaphore.close();
    semaphore.close();
    assert!(semaphore.is_closed());
    assert_eq!(count.0.load(Ordering::SeqCst), 40);
    for future in &mut waiting {
        assert!(matches!(poll(future.as_mut()), Poll::Ready(Err(_))));
    }
    assert_eq!(semaphore.available_permits(), 3);
    assert_eq!(semaphore.try_acquire(1), Err(TryAcquireError::Closed));
    assert!(matches!(poll(pin!(semaphore.acquire(1))), Poll::Ready(Err(_))));
    semaphore.release(1);
    assert_eq!(semaphore.available_permits(), 4);
    assert!(Semaphore::new_closed().is_closed());
}

#[test]
fn permits_that_had_come_before_the_close_go_back() {
    let semaphore = Semaphore::new(0);
    let mut waiting = pin!(semaphore.acquire(1));
    assert!(poll(waiting.as_mut()).is_pending());
    semaphore.release(1);
    semaphore.close();
    assert!(matches!(poll(waiting.as_mut()), Poll::Ready(Err(_))));
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn a_crowd_is_served_in_batches() {
    let semaphore = Semaphore::new(0);
    let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(semaphore.acquire(1))).collect();
    assert!(waiting.iter_mut().all(|future| poll(future.as_mut()).is_pending()));
    semaphore.release(103);
    assert!(waiting.iter_mut().all(|future| poll(future.as_mut()).is_ready()));
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
#[should_panic(expected = "MAX_PERMITS")]
fn more_than_the_limit_is_refused() {
    let semaphore = Semaphore::new(Semaphore::MAX_PERMITS);
    semaphore.release(1);
}

#[test]
#[should_panic(expected = "MAX_PERMITS")]
fn more_than_the_limit_is_refused_at_birth() {
    Semaphore::new(Semaphore::MAX_PERMITS + 1);
}

/// No permit is lost or made by takers, waiters and dropped waiters on three threads.
#[test]
fn semaphore_storm() {
    let (semaphore, held) = (Semaphore::new(4), AtomicUsize::new(0));
    thread::scope(|scope| {
        for name in 0..3 {
            let (semaphore, held) = (&semaphore, &held);
            scope.spawn(move || {
                for round in 0..33_334 {
                    let permits = 1 + (round + name) % 4;
                    match round % 5 {
                        0 => {
                            // Polled once and dropped, whatever it has got.
                            let mut waiting = pin!(semaphore.acquire(permits));
                            if poll(waiting.as_mut()).is_ready() {
                                semaphore.release(permits);
                            }
                            continue;
                        }
                        1 if semaphore.try_acquire(permits).is_err() => continue,
                        1 => {}
                        _ => block_on(semaphore.acquire(permits)).unwrap(),
                    }
                    assert!(held.fetch_add(permits, Ordering::SeqCst) + permits <= 4);
                    held.fetch_sub(permits, Ordering::SeqCst);
                    semaphore.release(permits);
                }
            });
        }
    });
    assert_eq!(semaphore.state.load(Ordering::SeqCst), 4 * PERMIT);
}

/// Closing races with permits that come: each waiter has its permits or an error, never neither.
#[test]
fn close_races_with_release() {
    for _ in 0..2_000 {
        let semaphore = Semaphore::new(0);
        let served = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                if block_on(semaphore.acquire(2)).is_ok() {
                    served.fetch_add(2, Ordering::SeqCst);
                }
            });
            scope.spawn(|| semaphore.close());
            semaphore.release(1);
            semaphore.release(1);
        });
        assert_eq!(served.load(Ordering::SeqCst) + semaphore.available_permits(), 2);
    }
}
