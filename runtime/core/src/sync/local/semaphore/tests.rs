use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::pin,
};

use super::{
    super::testing::{Event, Flag, calls, hooked, now, panics_with, poll},
    *,
};
use crate::coop;

#[test]
fn permits_come_and_go() {
    let semaphore = Rc::new(Semaphore::const_new(3));
    let one = now(semaphore.acquire()).unwrap();
    let two = semaphore.clone().try_acquire_many_owned(2).unwrap();
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::NoPermits);
    assert!(semaphore.try_acquire_many(0).is_ok(), "nothing can always be had");
    assert_eq!((one.num_permits(), two.num_permits(), semaphore.available_permits()), (1, 2, 0));
    drop(one);
    assert!(Rc::ptr_eq(two.semaphore(), &semaphore));
    two.forget();
    assert_eq!(semaphore.available_permits(), 1);
    semaphore.add_permits(4);
    assert_eq!((semaphore.forget_permits(2), semaphore.forget_permits(9), semaphore.available_permits()), (2, 3, 0));
}

#[test]
fn permits_split_and_merge() {
    let (semaphore, other) = (Semaphore::new(5), Semaphore::new(1));
    let mut permits = semaphore.try_acquire_many(4).unwrap();
    let split = permits.split(3).unwrap();
    assert!(permits.split(2).is_none());
    assert_eq!((permits.num_permits(), split.num_permits()), (1, 3));
    permits.merge(split);
    assert_eq!(permits.num_permits(), 4);
    let foreign = other.try_acquire().unwrap();
    assert!(panics_with("different semaphores", || permits.merge(foreign)));
    drop(permits);
    assert_eq!((semaphore.available_permits(), other.available_permits()), (5, 1));
    assert!(panics_with("MAX_PERMITS", || semaphore.add_permits(Semaphore::MAX_PERMITS)));
    assert!(panics_with("MAX_PERMITS", || drop(Semaphore::new(Semaphore::MAX_PERMITS + 1))));
}

#[test]
fn first_come_first_served_whatever_is_asked_for() {
    let semaphore = Semaphore::new(1);
    let (many, one) = (Flag::default(), Flag::default());
    let mut waits_for_three = Box::pin(semaphore.acquire_many(3));
    let mut waits_for_one = Box::pin(semaphore.acquire());
    assert!(many.poll(waits_for_three.as_mut()).is_pending());
    assert!(one.poll(waits_for_one.as_mut()).is_pending());
    assert_eq!(semaphore.available_permits(), 0, "what is there is put by for the first");
    semaphore.add_permits(1);
    assert!(semaphore.try_acquire().is_err(), "nobody overtakes");
    assert_eq!((many.take(), one.take()), (0, 0));
    semaphore.add_permits(2);
    assert_eq!((many.take(), one.take()), (1, 1));
    drop((now(waits_for_three).unwrap(), now(waits_for_one).unwrap()));
    assert_eq!(semaphore.available_permits(), 4);
}

#[test]
fn who_gives_up_passes_on_what_was_put_by() {
    let semaphore = Semaphore::new(2);
    let flag = Flag::default();
    let mut large = Box::pin(semaphore.acquire_many(3));
    let mut small = Box::pin(semaphore.acquire_many(2));
    assert!(poll(large.as_mut()).is_pending());
    assert!(flag.poll(small.as_mut()).is_pending());
    drop(large);
    assert_eq!(flag.take(), 1);
    // Granted, but not looked at.
    drop(small);
    assert_eq!((semaphore.available_permits(), flag.wakers()), (2, 0));
}

#[test]
fn a_close_wakes_all_and_gives_back() {
    let semaphore = Semaphore::new(1);
    let flags: [Flag; 2] = Default::default();
    let mut waits: Vec<_> = flags.iter().map(|_| Box::pin(semaphore.acquire_many(2))).collect();
    for (flag, wait) in flags.iter().zip(&mut waits) {
        assert!(flag.poll(wait.as_mut()).is_pending());
    }
    semaphore.close();
    assert_eq!((flags[0].take(), flags[1].take(), semaphore.available_permits()), (1, 1, 1));
    let last = waits.pop().unwrap();
    assert_eq!(now(last).unwrap_err().to_string(), "semaphore closed");
    drop(waits);
    assert_eq!((semaphore.available_permits(), semaphore.is_closed()), (1, true));
    assert_eq!(semaphore.try_acquire().unwrap_err(), TryAcquireError::Closed);
}

#[test]
fn what_was_granted_before_a_close_counts() {
    let semaphore = Semaphore::new(0);
    let mut wait = Box::pin(semaphore.acquire());
    assert!(poll(wait.as_mut()).is_pending());
    semaphore.add_permits(1);
    semaphore.close();
    assert!(now(wait).is_ok());
}

/// I10: whatever a waker does, it finds nothing borrowed, and no one overtakes.
#[test]
fn wakers_may_call_back() {
    let semaphore = Rc::new(Semaphore::new(0));
    let order = Rc::new(RefCell::new(Vec::new()));
    let wakers: Vec<_> = (0..3)
        .map(|i| {
            let (semaphore, order) = (semaphore.clone(), order.clone());
            calls(move || {
                order.borrow_mut().push(i);
                assert!(semaphore.try_acquire().is_err(), "all permits are spoken for");
                drop(poll(pin!(semaphore.acquire_many(2))));
            })
        })
        .collect();
    let mut waits: Vec<_> = (0..3).map(|_| Box::pin(semaphore.acquire())).collect();
    for (waker, wait) in wakers.iter().zip(&mut waits) {
        assert!(wait.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_pending());
    }
    semaphore.add_permits(3);
    assert_eq!(*order.borrow(), [0, 1, 2]);
    for wait in waits {
        now(wait).unwrap().forget();
    }
    // A clone that brings what the poll waits for, and a drop that closes.
    let closed = Rc::new(Cell::new(false));
    let waker = hooked({
        let (semaphore, closed) = (semaphore.clone(), closed.clone());
        move |event| match event {
            Event::Clone => semaphore.add_permits(1),
            Event::Drop => {
                semaphore.close();
                closed.set(true);
            }
            Event::Wake => panic!("nobody waits"),
        }
    });
    assert!(pin!(semaphore.acquire()).poll(&mut std::task::Context::from_waker(&waker)).is_ready());
    assert!(closed.get());
}

#[test]
fn acquiring_takes_from_the_budget() {
    let semaphore = Semaphore::new(1);
    coop::refill();
    let acquired = std::iter::repeat_with(|| poll(pin!(semaphore.acquire())).is_ready()).take_while(|ready| *ready);
    let acquired = acquired.take(1000).count();
    coop::lift();
    assert_eq!(acquired, 128);
    assert_eq!(semaphore.available_permits(), 1);
}
