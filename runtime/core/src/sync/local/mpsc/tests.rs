use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    super::testing::{Event, Flag, OnDrop, calls, hooked, now, panics_with, poll},
    error::*,
    *,
};
use crate::coop;

#[test]
fn messages_come_in_order_and_then_the_end() {
    let (sender, mut receiver) = channel(4);
    let other = sender.clone();
    now(sender.send(1)).unwrap();
    other.try_send(2).unwrap();
    sender.try_reserve().unwrap().send(3);
    assert_eq!((receiver.len(), sender.capacity(), receiver.max_capacity()), (3, 1, 4));
    drop((sender, other));
    assert!(receiver.is_closed());
    assert_eq!((now(receiver.recv()), now(receiver.recv()), receiver.try_recv()), (Some(1), Some(2), Ok(3)));
    assert_eq!((now(receiver.recv()), receiver.try_recv()), (None, Err(TryRecvError::Disconnected)));
}

#[test]
fn unbounded_messages_come_in_order_and_then_the_end() {
    let (sender, mut receiver) = unbounded_channel();
    for message in 0..5000 {
        sender.send(message).unwrap();
    }
    let mut received = Vec::new();
    assert_eq!(now(receiver.recv_many(&mut received, 4000)), 4000);
    assert_eq!(now(receiver.recv_many(&mut received, 4000)), 1000);
    assert!(received.iter().copied().eq(0..5000));
    assert_eq!((receiver.try_recv(), now(receiver.recv_many(&mut received, 0))), (Err(TryRecvError::Empty), 0));
    drop(sender);
    assert_eq!((now(receiver.recv()), now(receiver.recv_many(&mut received, 9))), (None, 0));
}

#[test]
fn senders_wait_for_room_in_turn() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(0).unwrap();
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    let flags: [Flag; 2] = Default::default();
    let mut sends: Vec<_> = [1, 2].map(|message| Box::pin(sender.send(message))).into();
    for (flag, send) in flags.iter().zip(&mut sends) {
        assert!(flag.poll(send.as_mut()).is_pending());
    }
    assert_eq!(now(receiver.recv()), Some(0));
    assert_eq!((flags[0].take(), flags[1].take()), (1, 0));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the room is the first one's");
    drop(sends.remove(0));
    assert_eq!(flags[1].take(), 1, "who gives up passes the room on");
    now(sends.remove(0)).unwrap();
    drop(sends);
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(sender.capacity(), 1);
}

#[test]
fn the_receiver_is_woken_by_messages_and_by_the_last_sender() {
    let (sender, mut receiver) = channel(2);
    let flag = Flag::default();
    assert!(flag.poll(pin!(receiver.recv())).is_pending());
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(flag.take(), 1, "once per wait");
    assert_eq!((now(receiver.recv()), now(receiver.recv())), (Some(1), Some(2)));
    assert!(flag.poll(pin!(receiver.recv())).is_pending());
    let other = sender.clone();
    drop(sender);
    assert_eq!(flag.take(), 0);
    drop(other);
    assert_eq!(flag.take(), 1);
}

#[test]
fn the_receivers_waker_stays_in_its_place() {
    let (sender, mut receiver) = unbounded_channel();
    let events = Rc::new(RefCell::new(Vec::new()));
    let waker = hooked({
        let events = events.clone();
        move |event| events.borrow_mut().push(event)
    });
    for message in 0..3 {
        assert!(receiver.poll_recv(&mut Context::from_waker(&waker)).is_pending());
        sender.send(message).unwrap();
        assert_eq!(receiver.poll_recv(&mut Context::from_waker(&waker)), Poll::Ready(Some(message)));
    }
    assert_eq!(*events.borrow(), [Event::Clone, Event::Wake, Event::Wake, Event::Wake]);
    let other = Flag::default();
    assert!(other.poll(pin!(receiver.recv())).is_pending());
    assert_eq!(events.borrow().last(), Some(&Event::Drop), "another task waits now");
    sender.send(3).unwrap();
    assert_eq!((other.take(), events.borrow().len()), (1, 5));
    drop(receiver);
    assert_eq!(other.wakers(), 0);
}

#[test]
fn a_closed_channel_takes_what_permits_bring() {
    let (sender, mut receiver) = channel(3);
    let (permit, unused) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
    let owned = sender.clone().try_reserve_owned().unwrap();
    receiver.close();
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!(sender.try_send(9), Err(TrySendError::Closed(9)));
    assert_eq!(now(sender.send(9)).unwrap_err().0, 9);
    let flag = Flag::default();
    assert!(flag.poll(pin!(receiver.recv())).is_pending());
    permit.send(1);
    assert_eq!((flag.take(), now(receiver.recv())), (1, Some(1)));
    assert!(flag.poll(pin!(receiver.recv())).is_pending());
    drop(unused);
    assert_eq!(flag.take(), 0, "one permit is left");
    drop(owned.release());
    assert_eq!((flag.take(), now(receiver.recv())), (1, None));
}

/// The wait for room ends without having been looked at, after the close: nobody else would tell the receiver.
#[test]
fn a_dropped_wait_ends_a_closed_channel() {
    let (sender, mut receiver) = channel(1);
    sender.try_send(1).unwrap();
    let mut send = Box::pin(sender.send(2));
    assert!(poll(send.as_mut()).is_pending());
    assert_eq!(now(receiver.recv()), Some(1));
    receiver.close();
    let flag = Flag::default();
    assert!(flag.poll(pin!(receiver.recv())).is_pending(), "the room is put by for the send");
    drop(send);
    assert_eq!((flag.take(), now(receiver.recv())), (1, None));
}

#[test]
fn many_permits() {
    let (sender, mut receiver) = channel(3);
    assert!(now(sender.reserve_many(4)).is_err());
    assert!(matches!(sender.try_reserve_many(4), Err(TrySendError::Full(()))));
    let mut permits = now(sender.reserve_many(3)).unwrap();
    assert_eq!((permits.len(), sender.capacity()), (3, 0));
    permits.next().unwrap().send('a');
    drop(permits.next());
    drop(permits);
    assert_eq!((receiver.try_recv(), sender.capacity()), (Ok('a'), 3));
    let owned = now(sender.clone().reserve_owned()).unwrap();
    assert!(owned.same_channel_as_sender(&sender) && owned.same_channel(&owned));
    assert!(owned.send('b').same_channel(&sender));
    assert_eq!(receiver.try_recv(), Ok('b'));
    sender.try_send('c').unwrap();
    let full = channel::<u8>(1);
    full.0.try_send(1).unwrap();
    assert!(full.0.try_reserve_owned().unwrap_err().into_inner().try_send(2).is_err());
}

#[test]
fn weak_senders_do_not_keep_it_open() {
    let (sender, mut receiver) = channel(1);
    let weak = sender.downgrade();
    assert_eq!((weak.strong_count(), weak.weak_count(), receiver.sender_weak_count()), (1, 1, 1));
    let strong = weak.upgrade().unwrap();
    drop(sender);
    assert_eq!(receiver.sender_strong_count(), 1);
    strong.try_send(1).unwrap();
    drop(strong);
    assert!(weak.clone().upgrade().is_none());
    assert_eq!((now(receiver.recv()), now(receiver.recv())), (Some(1), None));
    let (sender, receiver) = unbounded_channel::<u8>();
    let weak = sender.downgrade();
    assert_eq!(weak.upgrade().unwrap().strong_count(), 2);
    drop(sender);
    assert!(weak.upgrade().is_none() && receiver.is_closed());
}

#[test]
fn senders_learn_that_the_receiver_is_gone() {
    let (sender, receiver) = channel(1);
    sender.try_send(Rc::new(())).unwrap();
    let (waits, closed) = (Flag::default(), Flag::default());
    let mut send = Box::pin(sender.send(Rc::new(())));
    let mut close = Box::pin(sender.closed());
    assert!(waits.poll(send.as_mut()).is_pending() && closed.poll(close.as_mut()).is_pending());
    drop(receiver);
    assert_eq!((waits.take(), closed.take()), (1, 1));
    assert!(now(send).is_err());
    now(close);
    now(sender.closed());
}

#[test]
fn what_is_not_received_is_dropped_with_the_receiver() {
    let (sender, receiver) = channel(2);
    let message = Rc::new(());
    sender.try_send(message.clone()).unwrap();
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    assert_eq!(Rc::strong_count(&message), 1);
    permit.send(message.clone());
    assert_eq!(Rc::strong_count(&message), 1);
}

#[test]
fn a_burst_gives_its_memory_back() {
    let (sender, mut receiver) = unbounded_channel();
    (0..100_000).for_each(|message| sender.send(message).unwrap());
    while receiver.try_recv().is_ok() {}
    assert!(receiver.kept() <= 1024, "{}", receiver.kept());
}

#[test]
fn receiving_takes_from_the_budget() {
    let (sender, mut receiver) = unbounded_channel();
    (0..1000).for_each(|message| sender.send(message).unwrap());
    coop::refill();
    let received = std::iter::repeat_with(|| poll(pin!(receiver.recv())).is_ready()).take_while(|ready| *ready);
    let received = received.count();
    coop::lift();
    assert_eq!((received, now(receiver.recv())), (128, Some(128)));
}

#[test]
fn limits_and_texts() {
    assert!(panics_with("buffer > 0", || drop(channel::<u8>(0))));
    assert!(panics_with("MAX_PERMITS", || drop(channel::<u8>(usize::MAX))));
    let (sender, receiver) = channel(1);
    now(sender.send_timeout(1, Duration::ZERO)).unwrap();
    assert_eq!(now(sender.send_timeout(2, Duration::ZERO)), Err(SendTimeoutError::Timeout(2)));
    drop(receiver);
    let closed = now(sender.send_timeout(3, Duration::MAX)).unwrap_err();
    assert_eq!((format!("{closed:?} {closed}"), closed.into_inner()), ("Closed(..) channel closed".into(), 3));
    let error = sender.try_send(4).unwrap_err();
    assert_eq!(format!("{error:?} {error}"), "Closed(..) channel closed");
    assert_eq!(format!("{:?}", SendError(4)), "SendError { .. }");
}

/// I10: wakers that send, receive, close and drop the very channel.
#[test]
fn wakers_may_call_back() {
    let (sender, receiver) = channel(2);
    let (sender, receiver) = (Rc::new(RefCell::new(Some(sender))), Rc::new(RefCell::new(receiver)));
    let wakes = Rc::new(Cell::new(0));
    let waker = calls({
        let (sender, receiver, wakes) = (sender.clone(), receiver.clone(), wakes.clone());
        move || {
            wakes.set(wakes.get() + 1);
            let handle = sender.borrow().clone();
            if let Some(handle) = handle {
                let _full = handle.try_send(2);
            }
            assert!(receiver.borrow_mut().try_recv().is_ok());
            drop(sender.borrow_mut().take());
        }
    });
    assert!(receiver.borrow_mut().poll_recv(&mut Context::from_waker(&waker)).is_pending());
    let handle = sender.borrow().clone().unwrap();
    handle.try_send(1).unwrap();
    drop(handle);
    assert_eq!(wakes.get(), 1);
    assert_eq!(now(receiver.borrow_mut().recv()), Some(2));
    assert_eq!(now(receiver.borrow_mut().recv()), None);
}

/// I10: a clone that brings the message which the poll waits for.
#[test]
fn a_waker_that_sends_when_cloned_is_not_missed() {
    let (sender, mut receiver) = channel(1);
    let waker = hooked(move |event| {
        if event == Event::Clone {
            sender.try_send(1).unwrap();
        }
    });
    assert_eq!(receiver.poll_recv(&mut Context::from_waker(&waker)), Poll::Ready(Some(1)));
}

/// I10: messages whose drop sends another one.
#[test]
fn messages_may_send_when_dropped() {
    struct Message(Rc<Cell<u32>>, WeakUnboundedSender<Message>);

    impl Drop for Message {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            if let Some(sender) = self.1.upgrade() {
                let again = self.0.get() < 10;
                let sent = again.then(|| sender.send(Message(self.0.clone(), self.1.clone())));
                drop(sent);
            }
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let (sender, mut receiver) = unbounded_channel();
    sender.send(Message(dropped.clone(), sender.downgrade())).unwrap();
    drop(receiver.try_recv());
    assert_eq!((dropped.get(), receiver.len()), (1, 1));
    drop(receiver);
    assert_eq!(dropped.get(), 10, "the last ones found the channel closed");
    let noticed = Rc::new(Cell::new(false));
    let (bounded, receiver) = channel::<Option<OnDrop<Box<dyn FnMut()>>>>(1);
    let (send_on, saw) = (bounded.clone(), noticed.clone());
    let on_drop = OnDrop(Box::new(move || saw.set(send_on.try_send(None).is_err())) as Box<dyn FnMut()>);
    assert!(bounded.try_send(Some(on_drop)).is_ok());
    drop(receiver);
    assert!(noticed.get());
}
