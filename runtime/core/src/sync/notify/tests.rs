use std::{
    future::Future,
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, AtomicUsize},
    task::{Context, Wake},
    thread,
};

use super::*;
use crate::sync::testing::{block_on, poll};

fn ready(future: Pin<&mut impl Future>) -> bool {
    poll(future).is_ready()
}

fn state(notify: &Notify) -> usize {
    notify.state.load(SeqCst) & STATE
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn one_permit_is_kept_and_no_more() {
    let notify = Notify::default();
    notify.notify_one();
    notify.notify_last();
    assert!(ready(pin!(notify.notified())));
    assert!(!ready(pin!(notify.notified())));
    assert_eq!(state(&notify), EMPTY);
}

#[test]
fn the_first_and_the_last_are_notified() {
    let notify = Arc::new(Notify::new());
    let (mut first, mut second, mut third) =
        (pin!(notify.notified()), pin!(notify.clone().notified_owned()), pin!(notify.notified()));
    assert!(!ready(first.as_mut()) && !ready(second.as_mut()) && !third.as_mut().enable());
    notify.notify_one();
    assert!(!ready(second.as_mut()) && !ready(third.as_mut()) && ready(first.as_mut()));
    notify.notify_last();
    assert!(!ready(second.as_mut()) && ready(third.as_mut()));
    notify.notify_last();
    assert_eq!(state(&notify), EMPTY);
    assert!(ready(second.as_mut()));
    assert!(ready(second.as_mut()), "what was heard stays heard");
}

#[test]
fn all_who_came_before_are_notified_and_nothing_is_kept() {
    let notify = Notify::new();
    let (mut polled, mut made) = (pin!(notify.notified()), pin!(notify.notified()));
    assert!(!ready(polled.as_mut()));
    notify.notify_waiters();
    let mut later = pin!(notify.notified());
    assert!(ready(polled) && ready(made.as_mut()) && !ready(later.as_mut()));
    notify.notify_waiters();
    assert!(ready(later));

    notify.notify_one();
    notify.notify_waiters();
    assert_eq!(state(&notify), PERMIT, "the permit stays");
    assert!(ready(pin!(notify.notified())) && !ready(pin!(notify.notified())));
}

#[test]
fn a_crowd_is_woken_in_batches() {
    let notify = Notify::new();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut crowd: Vec<_> = (0..100).map(|_| Box::pin(notify.notified())).collect();
    for future in &mut crowd {
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    notify.notify_waiters();
    assert_eq!(count.0.load(SeqCst), 100);
    assert!(crowd.iter_mut().all(|future| ready(future.as_mut())));
}

#[test]
fn a_dropped_future_passes_its_notification_on() {
    let notify = Notify::new();
    for last in [false, true] {
        let send = || if last { notify.notify_last() } else { notify.notify_one() };
        let mut futures: Vec<_> = (0..3).map(|_| Box::pin(notify.notified())).collect();
        assert!(!futures.iter_mut().any(|future| ready(future.as_mut())));
        send();
        drop(futures.remove(if last { 2 } else { 0 }));
        let [near, far] = if last { [1, 0] } else { [0, 1] };
        assert!(!ready(futures[far].as_mut()) && ready(futures[near].as_mut()));
        send();
        assert_eq!(state(&notify), EMPTY);
        drop(futures);
        assert_eq!(state(&notify), PERMIT, "nobody is left: it is kept");
        assert!(ready(pin!(notify.notified())));
    }
}

#[test]
fn what_was_heard_or_meant_for_all_is_not_passed_on() {
    let notify = Notify::new();
    let (mut heard, mut all) = (Box::pin(notify.notified()), Box::pin(notify.notified()));
    assert!(!ready(heard.as_mut()) && !ready(all.as_mut()));
    notify.notify_one();
    assert!(ready(heard.as_mut()));
    drop(heard);
    notify.notify_waiters();
    drop(all);
    drop(notify.notified());
    assert_eq!(state(&notify), EMPTY);
}

#[test]
fn the_last_to_leave_lowers_the_flag() {
    let notify = Notify::new();
    let (mut one, mut other) = (Box::pin(notify.notified()), Box::pin(notify.notified()));
    assert!(!ready(one.as_mut()) && !ready(other.as_mut()));
    drop(one);
    assert_eq!(state(&notify), WAITING);
    drop(other);
    assert_eq!(state(&notify), EMPTY);
}

#[test]
fn the_task_that_polled_last_is_woken() {
    let notify = Notify::new();
    let mut waiting = pin!(notify.notified());
    let (old, new) = (Arc::new(Count::default()), Arc::new(Count::default()));
    for waker in [&old, &new, &new] {
        let waker = Waker::from(Arc::clone(waker));
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    assert!(!waiting.as_mut().enable(), "which leaves the waker as it is");
    assert_eq!(Arc::strong_count(&old), 1, "the old waker is gone");
    notify.notify_one();
    assert_eq!((old.0.load(SeqCst), new.0.load(SeqCst)), (0, 1));
}

/// A waker that comes back for the lock while a crowd is woken: it polls one of the next batch and drops another.
#[test]
fn those_who_leave_need_not_be_woken() {
    type Crowd<'a> = Vec<Pin<Box<Notified<'a>>>>;
    struct Nosy(Mutex<Crowd<'static>>, AtomicBool);
    impl Wake for Nosy {
        fn wake(self: Arc<Self>) {
            if !self.1.swap(true, SeqCst) {
                let mut crowd = self.0.lock().unwrap();
                assert!(crowd[40].is_linked(), "of a later batch");
                assert!(ready(crowd[40].as_mut()));
                drop(crowd.remove(45));
            }
        }
    }
    static NOTIFY: Notify = Notify::const_new();
    let mut crowd: Crowd<'static> = (0..50).map(|_| Box::pin(NOTIFY.notified())).collect();
    let nosy = Arc::new(Nosy(Mutex::new(Vec::new()), AtomicBool::new(false)));
    let waker = Waker::from(Arc::clone(&nosy));
    assert!(crowd[0].as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(!crowd[1..].iter_mut().any(|future| ready(future.as_mut())));
    *nosy.0.lock().unwrap() = crowd;
    NOTIFY.notify_waiters();
    let mut crowd = nosy.0.lock().unwrap();
    assert_eq!(crowd.len(), 49);
    assert!(crowd.iter_mut().all(|future| ready(future.as_mut())));
}

/// Each notification for one is heard once, however many futures are dropped on the way.
#[test]
fn notify_storm() {
    const ROUNDS: usize = 50_000;
    let (notify, answer, given_up) = (Notify::new(), Notify::new(), AtomicUsize::new(0));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let listener = scope.spawn(|| {
            for _ in 0..ROUNDS {
                block_on(notify.notified());
                answer.notify_one();
            }
        });
        scope.spawn(|| {
            // Takes what is meant for the listener and drops it unheard.
            while !stop.load(SeqCst) {
                let mut future = pin!(notify.notified());
                if future.as_mut().enable() {
                    notify.notify_one();
                } else {
                    given_up.fetch_add(1, Relaxed);
                }
            }
        });
        for round in 0..ROUNDS {
            if round % 2 == 0 {
                notify.notify_one()
            } else {
                notify.notify_last()
            }
            block_on(answer.notified());
        }
        listener.join().unwrap();
        stop.store(true, SeqCst);
    });
    assert_eq!(state(&answer), EMPTY);
    assert!(given_up.load(SeqCst) > 0);
}

/// Who looks after making the future and awaits if there is nothing to see is never left behind.
#[test]
fn notify_waiters_reaches_everyone_who_listened_before() {
    for _ in 0..2_000 {
        let (notify, open) = (Notify::new(), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let notified = notify.notified();
                    if !open.load(Relaxed) {
                        block_on(notified);
                    }
                    assert!(open.load(Relaxed));
                });
            }
            open.store(true, Relaxed);
            notify.notify_waiters();
        });
    }
}
