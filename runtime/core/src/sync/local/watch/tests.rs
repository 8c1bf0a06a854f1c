use std::{future::Future, pin::pin, task::Context};

use super::{
    super::testing::{Flag, OnDrop, calls, now, panics_with, poll},
    *,
};

#[test]
fn receivers_see_the_latest_value_once() {
    let (sender, mut receiver) = channel(0);
    assert!(poll(pin!(receiver.changed())).is_pending(), "the first value counts as seen");
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert!(receiver.has_changed().unwrap() && receiver.borrow().has_changed());
    now(receiver.changed()).unwrap();
    assert_eq!((*receiver.borrow(), receiver.has_changed().unwrap()), (2, false));
    sender.send(3).unwrap();
    let mut other = receiver.clone();
    assert_eq!((*other.borrow_and_update(), other.has_changed().unwrap()), (3, false));
    assert!(receiver.has_changed().unwrap(), "a clone sees for itself");
    receiver.mark_unchanged();
    other.mark_changed();
    assert!(!receiver.has_changed().unwrap() && other.has_changed().unwrap());
    assert!(!sender.subscribe().has_changed().unwrap());
}

#[test]
fn all_that_wait_are_woken() {
    let (sender, receiver) = channel('a');
    let mut receivers: Vec<_> = (0..3).map(|_| receiver.clone()).collect();
    let flags: [Flag; 3] = Default::default();
    let mut waits: Vec<_> = receivers.iter_mut().map(|receiver| Box::pin(receiver.changed())).collect();
    for (flag, wait) in flags.iter().zip(&mut waits) {
        assert!(flag.poll(wait.as_mut()).is_pending());
    }
    sender.send_modify(|value| *value = 'b');
    assert!(flags.iter().all(|flag| flag.take() == 1));
    waits.into_iter().for_each(|wait| now(wait).unwrap());
    assert!(!sender.send_if_modified(|_| false));
    assert_eq!((sender.send_replace('c'), *sender.borrow()), ('b', 'c'));
}

#[test]
fn the_end_comes_after_the_last_value() {
    let (sender, mut receiver) = channel(0);
    let other = sender.clone();
    assert_eq!((sender.sender_count(), sender.same_channel(&other)), (2, true));
    drop(sender);
    let flag = Flag::default();
    let mut last = receiver.clone();
    let mut wait = Box::pin(last.changed());
    assert!(flag.poll(wait.as_mut()).is_pending());
    other.send(1).unwrap();
    drop(other);
    assert_eq!(flag.take(), 1);
    now(wait).unwrap();
    let mut wait = Box::pin(last.changed());
    assert!(matches!(poll(wait.as_mut()), std::task::Poll::Ready(Err(_))));
    assert!(receiver.is_closed() && receiver.has_changed().is_err());
    now(receiver.changed()).unwrap();
    assert_eq!(now(receiver.changed()).unwrap_err().to_string(), "channel closed");
}

#[test]
fn senders_learn_that_nobody_listens() {
    let (sender, receiver) = channel(0);
    let flag = Flag::default();
    let mut closed = Box::pin(sender.closed());
    assert!(flag.poll(closed.as_mut()).is_pending());
    drop(receiver);
    assert_eq!((flag.take(), sender.receiver_count(), sender.is_closed()), (1, 0, true));
    now(closed);
    assert_eq!(sender.send(1).unwrap_err().0, 1);
    assert_eq!(sender.send_replace(2), 0, "what was not sent has no effect");
    assert_eq!(*sender.subscribe().borrow(), 2);
    assert_eq!(*Sender::<u8>::default().borrow(), 0);
}

#[test]
fn wait_for_shows_each_value() {
    let (sender, mut receiver) = channel(0);
    let mut shown = Vec::new();
    {
        let mut wait = pin!(receiver.wait_for(|value| {
            shown.push(*value);
            *value == 2
        }));
        assert!(poll(wait.as_mut()).is_pending());
        sender.send(1).unwrap();
        assert!(poll(wait.as_mut()).is_pending());
        sender.send(2).unwrap();
        assert!(now(wait).unwrap().has_changed());
    }
    assert_eq!(shown, [0, 1, 2]);
    assert!(!now(receiver.wait_for(|_| true)).unwrap().has_changed());
    sender.send(3).unwrap();
    drop(sender);
    assert!(now(receiver.wait_for(|value| *value == 3)).is_ok(), "the last value counts");
    assert!(now(receiver.wait_for(|_| false)).is_err());
}

#[test]
fn a_ref_keeps_its_value() {
    let (sender, receiver) = channel(Rc::new(1));
    let first = receiver.borrow().clone();
    let borrowed = receiver.borrow();
    sender.send(Rc::new(2)).unwrap();
    assert_eq!((**borrowed, **receiver.borrow()), (1, 2));
    drop(borrowed);
    assert_eq!(Rc::strong_count(&first), 1);
    let borrowed = receiver.borrow();
    assert!(panics_with("while a Ref of it exists", || sender.send_modify(|_| ())));
    drop(borrowed);
    sender.send_modify(|value| *value = Rc::new(3));
    assert_eq!(**receiver.borrow(), 3);
}

#[test]
fn a_closure_that_uses_the_channel_or_panics_breaks_nothing() {
    let (sender, mut receiver) = channel(0);
    let used = "cannot be used inside the closure";
    assert!(panics_with(used, || sender.send_modify(|_| drop(receiver.borrow()))));
    assert!(panics_with(used, || sender.send_modify(|_| sender.send(1).unwrap())));
    assert!(panics_with(used, || sender.send_modify(|_| sender.send_modify(|_| ()))));
    assert!(panics_with("of the user's", || sender.send_modify(|value| {
        *value = 5;
        panic!("of the user's")
    })));
    assert_eq!((*receiver.borrow(), receiver.has_changed().unwrap()), (5, false));
    // `wait_for` lends the value like a Ref does.
    assert!(now(receiver.wait_for(|_| sender.send(6).is_ok())).is_ok());
    assert_eq!(*receiver.borrow(), 6);
}

/// I10: wakers and values that send and borrow.
#[test]
fn wakers_and_values_may_call_back() {
    type Value = Option<OnDrop<Box<dyn FnMut()>>>;
    let (sender, mut receiver) = channel::<Value>(None);
    let seen = Rc::new(Cell::new(0));
    let on_drop = {
        let (sender, seen) = (sender.clone(), seen.clone());
        move || {
            seen.set(seen.get() + 1);
            assert!(sender.borrow().is_none());
            sender.send(None).unwrap();
        }
    };
    sender.send(Some(OnDrop(Box::new(on_drop)))).ok().unwrap();
    receiver.mark_unchanged();
    let waker = calls({
        let (sender, seen) = (sender.clone(), seen.clone());
        move || {
            seen.set(seen.get() + 10);
            sender.send(None).ok().unwrap();
        }
    });
    assert!(pin!(receiver.changed()).poll(&mut Context::from_waker(&waker)).is_pending());
    let mut wait = Box::pin(receiver.changed());
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    sender.send(None).ok().unwrap();
    assert_eq!(seen.get(), 11, "the waker and the drop, each once");
    now(wait).unwrap();
}
