//! One value against two ends that wait, change their wakers, close and go.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::{
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use super::{Bell, block_on, check, poll_once, task::OwnersOnly};
use crate::sync::oneshot;

#[test]
fn a_value_reaches_the_one_who_waits() {
    check(|| {
        let (sender, receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(Box::new(7)).is_ok());
        assert_eq!(*block_on(receiver).unwrap(), 7);
        assert!(sending.join().unwrap());
    });
}

#[test]
fn a_sender_that_goes_ends_the_wait() {
    check(|| {
        let (sender, receiver) = oneshot::channel::<()>();
        let going = thread::spawn(move || drop(sender));
        assert!(block_on(receiver).is_err());
        going.join().unwrap();
    });
}

/// Each poll brings another waker, while the value comes.
#[test]
fn a_receiver_changes_its_waker() {
    check(|| {
        let (sender, mut receiver) = oneshot::channel();
        let sending = thread::spawn(move || sender.send(Box::new(7)).is_ok());
        let wakers = [0, 1].map(|_| Bell::new());
        let mut ready = wakers.iter().find_map(|waker| match poll_once(&mut receiver, &Waker::from(waker.clone())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        });
        if ready.is_none() {
            wakers[1].wait();
            ready = Some(block_on(&mut receiver));
        }
        assert_eq!(*ready.unwrap().unwrap(), 7);
        assert!(sending.join().unwrap());
        assert!(wakers.iter().all(|waker| Arc::strong_count(waker) == 1), "a waker was not dropped");
    });
}

/// The value is dropped once, by whoever has it then; the memory is freed by the one who goes second.
#[test]
fn both_ends_go_at_once() {
    for waits in [false, true] {
        check(move || {
            let drops = Arc::new(AtomicUsize::new(0));
            let value = OwnersOnly::new(&drops);
            let (mut sender, mut receiver) = oneshot::channel();
            if waits {
                let waker = Waker::from(Bell::new());
                assert!(poll_once(&mut receiver, &waker).is_pending());
                assert!(sender.poll_closed(&mut Context::from_waker(&waker)).is_pending());
            }
            let sending = thread::spawn(move || drop(sender.send(value)));
            drop(receiver);
            sending.join().unwrap();
            assert_eq!(drops.load(Relaxed), 1);
        });
    }
}

/// A sender that waits for the end hears of it.
#[test]
fn a_receiver_that_closes_wakes_the_sender() {
    check(|| {
        let (mut sender, mut receiver) = oneshot::channel::<u8>();
        let waiting = thread::spawn(move || {
            block_on(sender.closed());
            drop(sender);
        });
        receiver.close();
        assert!(block_on(Pin::new(&mut receiver)).is_err());
        drop(receiver);
        waiting.join().unwrap();
    });
}
