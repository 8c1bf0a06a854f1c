//! Permits: who takes, waits, gives back, closes and goes away, each against the others.

use std::{pin::pin, sync::Arc, task::Waker};

use loom::{cell::UnsafeCell, thread};

use super::{block_on, bounded};
use crate::sync::batch_semaphore::Semaphore;

fn semaphore(permits: usize) -> Arc<Semaphore> {
    let semaphore = Arc::new(Semaphore::new(permits));
    // Made by loom here, and not by the thread that comes first.
    assert_eq!(semaphore.available_permits(), permits);
    semaphore
}

/// One permit is a lock: what it guards is one thread's at a time, and all get in.
#[test]
fn a_permit_excludes_and_goes_round() {
    struct Guarded(UnsafeCell<usize>);
    // SAFETY: the permit guards it, and loom looks whether it does.
    unsafe impl Sync for Guarded {}
    // SAFETY: as above.
    unsafe impl Send for Guarded {}
    bounded(2, || {
        let (semaphore, count) = (semaphore(1), Arc::new(Guarded(UnsafeCell::new(0))));
        let enter = move |semaphore: &Semaphore, count: &Guarded| {
            block_on(semaphore.acquire(1)).unwrap();
            // SAFETY: by the permit.
            count.0.with_mut(|count| unsafe { *count += 1 });
            semaphore.release(1);
        };
        let others = [0, 1].map(|_| {
            let (semaphore, count) = (semaphore.clone(), count.clone());
            thread::spawn(move || enter(&semaphore, &count))
        });
        enter(&semaphore, &count);
        for other in others {
            other.join().unwrap();
        }
        // SAFETY: nobody else is left.
        assert_eq!((count.0.with(|count| unsafe { *count }), semaphore.available_permits()), (3, 1));
    });
}

/// One waits for two permits, which come from two threads one by one.
#[test]
fn permits_that_come_one_by_one_wake_who_waits_for_both() {
    bounded(3, || {
        let semaphore = semaphore(0);
        let givers = [0, 1].map(|_| {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.release(1))
        });
        block_on(semaphore.acquire(2)).unwrap();
        for giver in givers {
            giver.join().unwrap();
        }
        assert_eq!(semaphore.available_permits(), 0);
    });
}

/// What a future got before it went is given back.
#[test]
fn who_waits_goes_away_beside_a_release() {
    bounded(3, || {
        let semaphore = semaphore(0);
        let giver = {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.release(1))
        };
        let waiter = {
            let semaphore = semaphore.clone();
            thread::spawn(move || {
                block_on(semaphore.acquire(1)).unwrap();
                semaphore.release(1);
            })
        };
        {
            let mut acquire = pin!(semaphore.acquire(1));
            let mut context = std::task::Context::from_waker(Waker::noop());
            if acquire.as_mut().poll(&mut context).is_ready() {
                semaphore.release(1);
            }
        }
        giver.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// All that wait hear of it, and no permit is lost.
#[test]
fn a_close_beside_one_who_waits_and_a_release() {
    bounded(3, || {
        let semaphore = semaphore(0);
        let waiter = {
            let semaphore = semaphore.clone();
            thread::spawn(move || {
                if block_on(semaphore.acquire(2)).is_ok() {
                    semaphore.release(2);
                }
            })
        };
        let giver = {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.release(2))
        };
        semaphore.close();
        waiter.join().unwrap();
        giver.join().unwrap();
        assert!(semaphore.is_closed());
        assert_eq!(semaphore.available_permits(), 2);
    });
}
