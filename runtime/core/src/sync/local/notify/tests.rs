use std::{cell::RefCell, pin::pin};

use super::{
    super::testing::{Event, Flag, calls, hooked, now, poll},
    *,
};

#[test]
fn a_permit_is_kept_for_the_next_one_only() {
    let notify = Notify::const_new();
    notify.notify_one();
    notify.notify_one();
    now(notify.notified());
    assert!(poll(pin!(notify.notified())).is_pending());
    notify.notify_waiters();
    assert!(poll(pin!(notify.notified())).is_pending(), "notify_waiters leaves nothing behind");
}

#[test]
fn one_wakes_the_first_last_the_last_and_waiters_all() {
    let notify = Notify::new();
    let flags: [Flag; 4] = Default::default();
    let mut waits: Vec<_> = flags.iter().map(|_| Box::pin(notify.notified())).collect();
    for (flag, wait) in flags.iter().zip(&mut waits) {
        assert!(flag.poll(wait.as_mut()).is_pending());
    }
    let woken = || flags.iter().map(Flag::take).collect::<Vec<_>>();
    notify.notify_one();
    assert_eq!(woken(), [1, 0, 0, 0]);
    notify.notify_last();
    assert_eq!(woken(), [0, 0, 0, 1]);
    notify.notify_waiters();
    assert_eq!(woken(), [0, 1, 1, 0]);
    notify.notify_waiters();
    assert_eq!(woken(), [0; 4], "each is woken once");
    for wait in waits {
        now(wait);
    }
    assert!(flags.iter().all(|flag| flag.wakers() == 0));
}

#[test]
fn whoever_was_made_before_is_reached_by_notify_waiters() {
    let notify = Rc::new(Notify::new());
    let (borrowed, owned) = (notify.notified(), notify.clone().notified_owned());
    notify.notify_waiters();
    let later = notify.notified();
    now(borrowed);
    now(owned);
    assert!(poll(pin!(later)).is_pending());
}

#[test]
fn enable_takes_a_place_in_the_queue() {
    let notify = Rc::new(Notify::new());
    let mut first = pin!(notify.notified());
    let mut second = pin!(notify.clone().notified_owned());
    assert!(!first.as_mut().enable() && !second.as_mut().enable());
    let third = Flag::default();
    assert!(third.poll(pin!(notify.notified())).is_pending());
    notify.notify_one();
    notify.notify_one();
    assert!(first.as_mut().enable() && second.as_mut().enable());
    assert!(poll(first).is_ready() && poll(second).is_ready());
}

#[test]
fn a_notification_that_nobody_looked_at_is_passed_on() {
    let notify = Notify::new();
    let flags: [Flag; 3] = Default::default();
    let mut waits: Vec<_> = flags.iter().map(|_| Box::pin(notify.notified())).collect();
    for (flag, wait) in flags.iter().zip(&mut waits) {
        assert!(flag.poll(wait.as_mut()).is_pending());
    }
    notify.notify_one();
    drop(waits.remove(0));
    assert_eq!((flags[0].take(), flags[1].take(), flags[2].take()), (1, 1, 0));
    notify.notify_last();
    drop(waits.pop());
    assert_eq!(flags[2].take(), 1);
    // The last in the queue has been notified already, so this one stays as a permit.
    now(waits.remove(0));
    now(notify.notified());
    assert!(poll(pin!(notify.notified())).is_pending());
}

#[test]
fn a_waker_changes_only_if_the_task_does() {
    let notify = Notify::new();
    let (first, second) = (Flag::default(), Flag::default());
    let clones = Rc::new(Cell::new(0));
    let counting = hooked({
        let clones = clones.clone();
        move |event| clones.set(clones.get() + usize::from(event == Event::Clone))
    });
    let mut wait = Box::pin(notify.notified());
    for _ in 0..3 {
        assert!(wait.as_mut().poll(&mut Context::from_waker(&counting)).is_pending());
    }
    assert_eq!(clones.get(), 1);
    assert!(first.poll(wait.as_mut()).is_pending());
    assert!(second.poll(wait.as_mut()).is_pending());
    assert_eq!((first.wakers(), second.wakers()), (0, 1));
    notify.notify_one();
    assert_eq!((first.take(), second.take()), (0, 1));
}

/// I10: whatever a waker does, it finds nothing borrowed.
#[test]
fn wakers_may_call_back() {
    let notify = Rc::new(Notify::new());
    let inner = Rc::new(RefCell::new(None));
    let waker = hooked({
        let (notify, inner) = (notify.clone(), inner.clone());
        move |event| {
            match event {
                Event::Clone => {}
                // All that can be done to it: a wait of its own, taken and given up, and both kinds of news.
                Event::Wake | Event::Drop => {
                    let mut wait = Box::pin(notify.clone().notified_owned());
                    let _maybe = poll(wait.as_mut());
                    let before = inner.borrow_mut().replace(wait);
                    drop(before);
                }
            }
            notify.notify_waiters();
        }
    });
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(notify.notified())).collect();
    for wait in &mut waits {
        // The clone notifies: the poll must see it.
        assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    }
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(notify.notified())).collect();
    let wakes = Rc::new(Cell::new(0));
    let calling = calls({
        let (notify, wakes) = (notify.clone(), wakes.clone());
        move || {
            wakes.set(wakes.get() + 1);
            notify.notify_waiters();
            notify.notify_one();
        }
    });
    for wait in &mut waits {
        assert!(wait.as_mut().poll(&mut Context::from_waker(&calling)).is_pending());
    }
    notify.notify_one();
    assert_eq!(wakes.get(), 3);
    drop((waits, inner.take()));
}

#[test]
fn waits_use_their_memory_again() {
    let notify = Notify::new();
    for _ in 0..100 {
        let mut waits: [_; 4] = std::array::from_fn(|_| Box::pin(notify.notified()));
        for wait in &mut waits {
            assert!(poll(wait.as_mut()).is_pending());
        }
        notify.notify_waiters();
    }
    let waiters = notify.waiters.borrow();
    assert!(waiters.capacity() <= 8, "{waiters:?}");
}
