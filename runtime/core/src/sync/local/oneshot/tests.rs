use std::{cell::RefCell, pin::pin};

use super::{
    super::testing::{Flag, OnDrop, calls, now, panics_with, poll},
    *,
};

#[test]
fn a_value_arrives_before_and_after_the_wait() {
    let (sender, receiver) = channel();
    sender.send(1).unwrap();
    assert_eq!(now(receiver), Ok(1));
    let (sender, mut receiver) = channel();
    let flag = Flag::default();
    assert!(flag.poll(Pin::new(&mut receiver)).is_pending());
    assert!(receiver.is_empty() && !receiver.is_terminated());
    sender.send(2).unwrap();
    assert_eq!((flag.take(), receiver.is_empty()), (1, false));
    assert_eq!(poll(Pin::new(&mut receiver)), Poll::Ready(Ok(2)));
    assert!(receiver.is_terminated() && receiver.is_empty());
    assert_eq!(flag.wakers(), 0);
    assert!(panics_with("after it had been ready", || drop(poll(Pin::new(&mut receiver)))));
}

#[test]
fn a_dropped_sender_is_an_error() {
    let (sender, mut receiver) = channel::<u8>();
    let flag = Flag::default();
    assert!(flag.poll(Pin::new(&mut receiver)).is_pending());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    drop(sender);
    assert_eq!(flag.take(), 1);
    assert_eq!(now(receiver).unwrap_err().to_string(), "channel closed");
}

#[test]
fn a_closed_receiver_takes_what_was_sent_before() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    let (sender, mut receiver) = channel();
    receiver.close();
    assert!(sender.is_closed());
    assert_eq!(sender.send(2), Err(2));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    assert!(receiver.is_terminated());
}

#[test]
fn the_sender_learns_that_nobody_waits() {
    for drops in [true, false] {
        let (mut sender, mut receiver) = channel::<u8>();
        let flag = Flag::default();
        assert!(flag.poll(pin!(sender.closed())).is_pending());
        if drops {
            drop(receiver)
        } else {
            receiver.close()
        }
        assert_eq!(flag.take(), 1);
        now(sender.closed());
    }
}

#[test]
fn a_value_that_is_not_received_is_dropped_with_the_receiver() {
    let dropped = Rc::new(Cell::new(0));
    let value = || OnDrop(|| dropped.set(dropped.get() + 1));
    let (sender, receiver) = channel();
    assert!(sender.send(value()).is_ok());
    drop(receiver);
    assert_eq!(dropped.get(), 1);
    let (sender, receiver) = channel();
    drop(receiver);
    drop(sender.send(value()).err().unwrap());
    assert_eq!(dropped.get(), 2);
}

/// I10.
#[test]
fn wakers_and_values_may_call_back() {
    let (sender, receiver) = channel();
    let receiver = Rc::new(RefCell::new(Some(receiver)));
    let waker = calls({
        let receiver = receiver.clone();
        move || drop(receiver.borrow_mut().take())
    });
    assert!(Pin::new(receiver.borrow_mut().as_mut().unwrap()).poll(&mut Context::from_waker(&waker)).is_pending());
    let value = Rc::new(());
    sender.send(value.clone()).unwrap();
    assert!(receiver.borrow().is_none(), "the waker has dropped the receiver, with the value");
    assert_eq!(Rc::strong_count(&value), 1);

    // A value whose drop sends on, and meets the end of the next channel.
    let (next, mut end) = channel();
    let mut next = Some(next);
    let (sender, receiver) = channel();
    assert!(sender.send(OnDrop(move || next.take().unwrap().send(7).unwrap())).is_ok());
    drop(receiver);
    assert_eq!(end.try_recv(), Ok(7));
}
