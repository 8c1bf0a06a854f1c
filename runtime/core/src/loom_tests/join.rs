//! The far ends of a task against its completion: wakers that come and change, and handles that go.

use std::{
    sync::Arc,
    task::{Poll, Waker},
};

use loom::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::{
    Bell, block_on, bounded, check, poll_once,
    task::{Owner, OwnersOnly, Queue},
};
use crate::task::{Parcel, Ran};

#[test]
fn a_joiner_is_woken_whenever_it_comes() {
    check(|| {
        let (mut owner, handle) = Owner::spawn(async { Box::new(7) });
        let joining = thread::spawn(move || assert_eq!(*block_on(handle).unwrap(), 7));
        owner.run_all();
        joining.join().unwrap();
    });
}

/// Each poll brings another waker; the last one is woken, all are dropped.
#[test]
fn a_joiner_changes_its_waker_beside_the_completion() {
    check(|| {
        let (mut owner, mut handle) = Owner::spawn(async { Box::new(7) });
        let joining = thread::spawn(move || {
            let wakers = [0, 1].map(|_| Bell::new());
            for waker in &wakers {
                if let Poll::Ready(output) = poll_once(&mut handle, &Waker::from(waker.clone())) {
                    assert_eq!(*output.unwrap(), 7);
                    return wakers;
                }
            }
            wakers[1].wait();
            let Poll::Ready(output) = poll_once(&mut handle, Waker::noop()) else { panic!("woken too early") };
            assert_eq!((*output.unwrap(), wakers[0].wakes(), wakers[1].wakes()), (7, 0, 1));
            wakers
        });
        owner.run_all();
        let wakers = joining.join().unwrap();
        assert!(wakers.iter().all(|waker| Arc::strong_count(waker) == 1), "a waker was not dropped");
    });
}

/// Twice the same waker: compared while the owner may be taking it.
#[test]
fn a_joiner_that_polls_twice_compares_its_waker() {
    check(|| {
        let (mut owner, mut handle) = Owner::spawn(async { Box::new(7) });
        let joining = thread::spawn(move || {
            let bell = Bell::new();
            let waker = Waker::from(bell.clone());
            let ready = (0..2).any(|_| poll_once(&mut handle, &waker).is_ready());
            drop((handle, waker));
            (bell, ready)
        });
        owner.run_all();
        let (bell, ready) = joining.join().unwrap();
        assert_eq!(Arc::strong_count(&bell), 1, "the waker was not dropped");
        assert!(!ready || bell.wakes() <= 1);
    });
}

/// Its first poll is at home, and leaves a waker there; the next one brings another, beside the completion.
#[test]
fn a_joiner_that_was_at_home_is_woken_elsewhere() {
    check(|| {
        let (mut owner, mut handle) = Owner::spawn(async { Box::new(7) });
        let first = Bell::new();
        assert!(poll_once(&mut handle, &Waker::from(first.clone())).is_pending());
        let joining = thread::spawn(move || assert_eq!(*block_on(handle).unwrap(), 7));
        owner.run_all();
        joining.join().unwrap();
        assert_eq!(Arc::strong_count(&first), 1, "the waker was not dropped");
        assert!(first.wakes() <= 1);
    });
}

/// The output is dropped once: by the owner before, by the handle after.
#[test]
fn a_handle_goes_beside_the_completion() {
    for polled in [false, true] {
        check(move || {
            let drops = Arc::new(AtomicUsize::new(0));
            let output = OwnersOnly::new(&drops);
            let (mut owner, mut handle) = Owner::spawn(async { output });
            let bell = Bell::new();
            let waker = Waker::from(bell.clone());
            if polled {
                assert!(poll_once(&mut handle, &waker).is_pending());
            }
            drop(waker);
            let dropping = thread::spawn(move || drop(handle));
            owner.run_all();
            dropping.join().unwrap();
            assert_eq!((drops.load(Relaxed), Arc::strong_count(&bell)), (1, 1));
        });
    }
}

/// A closure goes to the thread where it becomes a task, while its handle aborts and waits.
#[test]
fn a_parcel_is_adopted_beside_an_abort() {
    check(|| {
        let (queue, made) = (Owner::spawn(async {}), Arc::new(AtomicUsize::new(0)));
        let (counted, in_transit) = (made.clone(), OwnersOnly::new(&Arc::new(AtomicUsize::new(0))));
        let (parcel, handle) = Parcel::new(
            move || {
                counted.fetch_add(1, Relaxed);
                async move {
                    drop(in_transit);
                    Box::new(7)
                }
            },
            queue.0.queue.clone(),
        );
        let sent = Arc::new(Mutex::new(Some(parcel)));
        let owning = {
            let (sent, queue) = (sent.clone(), queue.0.queue.clone());
            thread::spawn(move || run(sent.lock().unwrap().take().unwrap(), &queue))
        };
        handle.abort();
        match block_on(handle) {
            Ok(output) => assert_eq!((*output, made.load(Relaxed)), (7, 1)),
            Err(error) => assert!(error.is_cancelled() && made.load(Relaxed) == 0),
        }
        owning.join().unwrap();
    });
}

fn run(parcel: Parcel, _queue: &Queue) {
    let (runnable, task) = parcel.adopt();
    let mut task = Some(task);
    let mut next = Some(runnable);
    while let Some(runnable) = next.take() {
        if let Ran::Again(runnable) = runnable.run(|_| task.take().unwrap()) {
            next = Some(runnable);
        }
    }
}

/// Where it is dropped its closure goes, whatever the handle does.
#[test]
fn a_parcel_is_dropped_beside_its_handle() {
    bounded(2, || {
        let drops = Arc::new(AtomicUsize::new(0));
        let contents = OwnersOnly::new(&drops);
        let queue = Owner::spawn(async {});
        let (parcel, handle) = Parcel::new(
            move || {
                drop(contents);
                async {}
            },
            queue.0.queue.clone(),
        );
        let dropping = thread::spawn(move || drop(parcel));
        handle.abort();
        assert!(block_on(handle).unwrap_err().is_cancelled());
        dropping.join().unwrap();
        assert_eq!(drops.load(Relaxed), 1);
    });
}
