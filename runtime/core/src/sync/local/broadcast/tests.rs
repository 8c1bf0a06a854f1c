use std::{future::Future, pin::pin, task::Context};

use super::{
    super::testing::{Flag, OnDrop, calls, now, panics_with, poll},
    *,
};

#[test]
fn each_receiver_gets_each_value_sent_in_its_time() {
    let (sender, mut first) = channel(4);
    assert_eq!(sender.send(1).unwrap(), 1);
    let mut second = sender.subscribe();
    assert_eq!(sender.send(2).unwrap(), 2);
    assert_eq!((sender.len(), first.len(), second.len()), (2, 2, 1));
    assert_eq!((now(first.recv()), now(first.recv())), (Ok(1), Ok(2)));
    assert_eq!((sender.len(), sender.is_empty(), first.is_empty()), (1, false, true));
    assert_eq!((second.try_recv(), second.try_recv()), (Ok(2), Err(TryRecvError::Empty)));
    assert!(sender.is_empty());
    let mut third = second.resubscribe();
    assert!(third.same_channel(&first));
    sender.send(3).unwrap();
    drop(sender);
    assert!(third.is_closed());
    for receiver in [&mut first, &mut second, &mut third] {
        assert_eq!((now(receiver.recv()), now(receiver.recv())), (Ok(3), Err(RecvError::Closed)));
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
    }
}

#[test]
fn who_is_slow_learns_what_it_missed() {
    let (sender, mut receiver) = channel(3);
    for value in 0..10 {
        sender.send(value).unwrap();
    }
    assert_eq!((receiver.len(), sender.len()), (10, 4), "3 is rounded up");
    let missed = now(receiver.recv()).unwrap_err();
    assert_eq!((missed.to_string(), missed), ("channel lagged by 6".into(), RecvError::Lagged(6)));
    for value in 6..10 {
        assert_eq!(receiver.try_recv(), Ok(value));
    }
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
}

#[test]
fn all_that_wait_are_woken() {
    let (sender, mut first) = channel(1);
    let mut second = sender.subscribe();
    let (one, two) = (Flag::default(), Flag::default());
    let (mut wait, mut other) = (Box::pin(first.recv()), Box::pin(second.recv()));
    assert!(one.poll(wait.as_mut()).is_pending() && two.poll(other.as_mut()).is_pending());
    sender.send('a').unwrap();
    assert_eq!((one.take(), two.take()), (1, 1));
    assert_eq!((now(wait), now(other)), (Ok('a'), Ok('a')));
    assert!(one.poll(pin!(first.recv())).is_pending());
    drop(sender);
    assert_eq!(one.take(), 0, "a dropped wait is not woken");
    assert_eq!(now(first.recv()), Err(RecvError::Closed));
}

#[test]
fn the_last_receiver_takes_the_value_and_the_others_clone() {
    #[derive(Debug)]
    struct Counted(Rc<Cell<u32>>);

    impl Clone for Counted {
        fn clone(&self) -> Counted {
            self.0.set(self.0.get() + 1);
            Counted(self.0.clone())
        }
    }
    let clones = Rc::new(Cell::new(0));
    let (sender, mut first) = channel(2);
    let (mut second, third) = (sender.subscribe(), sender.subscribe());
    sender.send(Counted(clones.clone())).unwrap();
    drop(now(first.recv()));
    assert_eq!((clones.get(), Rc::strong_count(&clones)), (1, 2));
    drop(third);
    drop(now(second.recv()));
    assert_eq!((clones.get(), Rc::strong_count(&clones)), (1, 1));
    sender.send(Counted(clones.clone())).unwrap();
    drop((first, second));
    assert_eq!(Rc::strong_count(&clones), 1, "what nobody will receive goes with the last receiver");
}

#[test]
fn places_are_used_again() {
    let (sender, mut receiver) = channel(4);
    let mut addresses = std::collections::HashSet::new();
    for value in 0..100 {
        sender.send(value).unwrap();
        addresses.extend(sender.channel.ring.borrow().addresses());
        assert_eq!(receiver.try_recv(), Ok(value));
    }
    assert_eq!(addresses.len(), 4);
}

#[test]
fn senders_learn_that_nobody_listens() {
    let (sender, receiver) = channel(1);
    let weak = sender.downgrade();
    assert_eq!((weak.strong_count(), weak.clone().weak_count(), receiver.sender_weak_count()), (1, 2, 2));
    let flag = Flag::default();
    let mut closed = Box::pin(sender.closed());
    assert!(flag.poll(closed.as_mut()).is_pending());
    drop(receiver);
    assert_eq!((flag.take(), sender.receiver_count()), (1, 0));
    now(closed);
    assert_eq!(sender.send(1).unwrap_err().0, 1);
    let mut receiver = weak.upgrade().unwrap().subscribe();
    sender.send(2).unwrap();
    drop(sender);
    assert!(weak.upgrade().is_none());
    assert_eq!((now(receiver.recv()), now(receiver.recv())), (Ok(2), Err(RecvError::Closed)));
}

#[test]
fn capacities_have_limits() {
    assert!(panics_with("cannot be zero", || drop(channel::<u8>(0))));
    assert!(panics_with("exceeded", || drop(channel::<u8>(usize::MAX))));
    drop(channel::<u8>(usize::MAX / 2));
}

/// I10: a value whose clone receives it elsewhere, sends over it, and drops receivers.
#[test]
fn clones_may_call_back() {
    struct Value(u32, Rc<dyn Fn()>);

    impl Clone for Value {
        fn clone(&self) -> Value {
            (self.1)();
            Value(self.0, Rc::new(|| ()))
        }
    }
    let (sender, mut first) = channel::<Value>(1);
    let second = RefCell::new(Some(sender.subscribe()));
    let second = Rc::new(second);
    let on_clone = {
        let (sender, second) = (sender.clone(), second.clone());
        move || {
            let mut other = second.borrow_mut().take().unwrap();
            assert_eq!(other.try_recv().ok().unwrap().0, 1, "which is the last receiver of it");
            sender.send(Value(2, Rc::new(|| ()))).ok().unwrap();
            drop(other);
        }
    };
    // The second receiver clones too, while the first one's clone is under way: it must not call back again.
    let once = Cell::new(Some(on_clone));
    let value = Value(
        1,
        Rc::new(move || {
            if let Some(call) = once.take() {
                call();
            }
        }),
    );
    sender.send(value).ok().unwrap();
    assert_eq!(first.try_recv().ok().unwrap().0, 1);
    assert_eq!(first.try_recv().ok().unwrap().0, 2);
    assert!(sender.is_empty());
}

/// I10: values and wakers that send.
#[test]
fn drops_and_wakers_may_call_back() {
    type Value = Option<Rc<OnDrop<Box<dyn FnMut()>>>>;
    let (sender, mut receiver) = channel::<Value>(1);
    let calls_back = || {
        let sender = sender.clone();
        Some(Rc::new(OnDrop(Box::new(move || drop(sender.send(None))) as Box<dyn FnMut()>)))
    };
    sender.send(calls_back()).ok().unwrap();
    sender.send(None).ok().unwrap();
    assert_eq!(receiver.len(), 3, "the value that was overwritten has sent another one");
    sender.send(calls_back()).ok().unwrap();
    drop(receiver);
    assert_eq!(sender.len(), 0);
    receiver = sender.subscribe();
    let waker = calls({
        let sender = sender.clone();
        move || drop(sender.send(None))
    });
    let mut wait = Box::pin(receiver.recv());
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    sender.send(None).ok().unwrap();
    assert!(matches!(now(wait), Err(RecvError::Lagged(1))));
    assert!(receiver.try_recv().is_ok() && poll(pin!(receiver.recv())).is_pending());
}
