use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use super::{
    error::{SendError, SendTimeoutError, TryRecvError, TrySendError},
    *,
};
use crate::sync::testing::{block_on, poll};

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Polls once with a waker that counts.
fn poll_by<F: Future>(count: &Arc<Count>, future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(Arc::clone(count))))
}

fn woken(count: &Count) -> usize {
    count.0.swap(0, SeqCst)
}

/// More than one block, less than three.
const SOME: usize = 70;

#[test]
fn messages_arrive_in_order_across_blocks() {
    let (sender, mut receiver) = unbounded_channel();
    for round in 0..5 {
        (0..SOME).for_each(|number| sender.send(round * SOME + number).unwrap());
        assert_eq!(receiver.len(), SOME);
        for number in 0..SOME {
            assert_eq!(receiver.try_recv(), Ok(round * SOME + number));
            assert_eq!(receiver.len(), SOME - 1 - number);
        }
        assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
        assert!(receiver.is_empty());
    }
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn a_message_wakes_the_receiver_once() {
    let (sender, mut receiver) = unbounded_channel();
    let count = Arc::new(Count::default());
    assert!(poll_by(&count, pin!(receiver.recv())).is_pending());
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    assert_eq!(woken(&count), 1);
    assert_eq!(poll_by(&count, pin!(receiver.recv())), Poll::Ready(Some(1)));
    assert_eq!(poll_by(&count, pin!(receiver.recv())), Poll::Ready(Some(2)));
    assert!(poll_by(&count, pin!(receiver.recv())).is_pending());
    let second = sender.clone();
    drop(sender);
    assert_eq!(woken(&count), 0);
    drop(second);
    assert_eq!(woken(&count), 1);
    assert_eq!(poll(pin!(receiver.recv())), Poll::Ready(None));
}

#[test]
fn close_keeps_what_was_sent() {
    let (sender, mut receiver) = unbounded_channel();
    let count = Arc::new(Count::default());
    sender.send(1).unwrap();
    {
        let mut closed = pin!(sender.closed());
        assert!(poll_by(&count, closed.as_mut()).is_pending());
        assert!(!sender.is_closed() && !receiver.is_closed());
        receiver.close();
        assert_eq!(woken(&count), 1);
        assert!(poll_by(&count, closed).is_ready());
    }
    assert!(sender.is_closed() && receiver.is_closed());
    assert_eq!(sender.send(2), Err(SendError(2)));
    assert_eq!(poll(pin!(receiver.recv())), Poll::Ready(Some(1)));
    assert_eq!(poll(pin!(receiver.recv())), Poll::Ready(None));
    drop(receiver);
    assert_eq!(sender.send(2), Err(SendError(2)));
}

#[test]
fn a_limit_makes_senders_wait_in_order() {
    let (sender, mut receiver) = channel(2);
    let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
    assert_eq!((sender.capacity(), receiver.max_capacity()), (2, 2));
    sender.try_send(0).unwrap();
    assert_eq!(poll(pin!(sender.send(1))), Poll::Ready(Ok(())));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)));
    let (mut third, mut fourth) = (pin!(sender.send(2)), pin!(sender.send(3)));
    assert!(poll_by(&counts[0], third.as_mut()).is_pending());
    assert!(poll_by(&counts[1], fourth.as_mut()).is_pending());
    assert_eq!(receiver.try_recv(), Ok(0));
    assert_eq!((woken(&counts[0]), woken(&counts[1])), (1, 0));
    assert_eq!(sender.try_send(9), Err(TrySendError::Full(9)), "the place is the third sender's");
    assert_eq!(poll(third), Poll::Ready(Ok(())));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(poll(fourth), Poll::Ready(Ok(())));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Ok(3)));
    assert_eq!((receiver.capacity(), receiver.len()), (2, 0));
}

#[test]
fn a_cancelled_send_gives_its_place_back() {
    let (sender, mut receiver) = channel(1);
    let value = Arc::new(());
    sender.try_send(Arc::clone(&value)).unwrap();
    {
        let mut second = pin!(sender.send(Arc::clone(&value)));
        assert!(poll(second.as_mut()).is_pending());
        assert!(receiver.try_recv().is_ok());
        assert_eq!(sender.capacity(), 0, "handed to the one who waits");
    }
    assert_eq!((sender.capacity(), Arc::strong_count(&value)), (1, 1));
    assert!(receiver.is_empty());
}

#[test]
fn permits_hold_places_until_used_or_dropped() {
    let (sender, mut receiver) = channel(3);
    let permit = sender.try_reserve().unwrap();
    let mut many = block_on(sender.reserve_many(2)).unwrap();
    assert_eq!((sender.capacity(), many.len()), (0, 2));
    assert_eq!(sender.try_reserve().err(), Some(TrySendError::Full(())));
    assert_eq!(sender.try_reserve_many(1).err(), Some(TrySendError::Full(())));
    many.next().unwrap().send(1);
    drop(permit);
    drop(many);
    assert_eq!(sender.capacity(), 2);
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(sender.try_reserve_many(4).err(), Some(TrySendError::Full(())));
    assert!(block_on(sender.reserve_many(4)).is_err(), "never has so many");
    assert_eq!(sender.try_reserve_many(0).unwrap().count(), 0);

    let owned = block_on(sender.clone().reserve_owned()).unwrap();
    assert!(owned.same_channel_as_sender(&sender));
    assert_eq!((sender.strong_count(), sender.capacity()), (2, 2));
    let again = owned.send(2);
    let owned = again.try_reserve_owned().unwrap();
    assert_eq!(sender.capacity(), 1);
    drop(owned.release());
    drop(sender.clone().try_reserve_owned().unwrap());
    assert_eq!((sender.strong_count(), sender.capacity()), (1, 2));
    assert_eq!(receiver.try_recv(), Ok(2));
    let _all = sender.try_reserve_many(3).unwrap();
    let Err(TrySendError::Full(back)) = sender.clone().try_reserve_owned() else { panic!("it is full") };
    assert!(back.same_channel(&sender));
}

#[test]
fn a_closed_channel_waits_for_its_permits() {
    let (sender, mut receiver) = channel(3);
    let count = Arc::new(Count::default());
    sender.try_send(1).unwrap();
    let (used, unused) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
    receiver.close();
    assert_eq!(sender.try_send(9), Err(TrySendError::Closed(9)));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(poll_by(&count, pin!(receiver.recv())).is_pending());
    used.send(2);
    assert_eq!(woken(&count), 1);
    assert_eq!(poll_by(&count, pin!(receiver.recv())), Poll::Ready(Some(2)));
    assert!(poll_by(&count, pin!(receiver.recv())).is_pending());
    drop(unused);
    assert_eq!(woken(&count), 1);
    assert_eq!(poll(pin!(receiver.recv())), Poll::Ready(None));
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn places_that_a_waiting_sender_had_got_are_missed_by_nobody() {
    for cancelled in [false, true] {
        let (sender, mut receiver) = channel(2);
        let count = Arc::new(Count::default());
        sender.try_send(1).unwrap();
        let mut both = Box::pin(sender.reserve_many(2));
        assert!(poll(both.as_mut()).is_pending());
        receiver.close();
        assert_eq!(receiver.try_recv(), Ok(1));
        assert!(poll_by(&count, pin!(receiver.recv())).is_pending(), "one place is with the waiting sender");
        if !cancelled {
            assert!(matches!(poll(both.as_mut()), Poll::Ready(Err(_))));
        }
        drop(both);
        assert_eq!(woken(&count), 1);
        assert_eq!(poll(pin!(receiver.recv())), Poll::Ready(None));
    }
}

#[test]
fn close_ends_the_wait_of_senders() {
    for gone in [false, true] {
        let (sender, receiver) = channel(1);
        let mut receiver = Some(receiver);
        let count = Arc::new(Count::default());
        sender.try_send(1).unwrap();
        let mut second = pin!(sender.send(2));
        assert!(poll_by(&count, second.as_mut()).is_pending());
        if gone {
            drop(receiver.take())
        } else {
            receiver.as_mut().unwrap().close()
        }
        assert_eq!(woken(&count), 1);
        assert_eq!(poll(second), Poll::Ready(Err(SendError(2))));
        assert_eq!(block_on(sender.reserve_many(1)).err(), Some(SendError(())));
        assert!(matches!(sender.clone().try_reserve_owned(), Err(TrySendError::Closed(_))));
        assert!(block_on(sender.clone().reserve_owned()).is_err());
    }
}

#[test]
fn many_are_received_at_once() {
    let (sender, mut receiver) = channel(SOME);
    let mut buffer = vec![0];
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 0)), 0);
    (1..=SOME).for_each(|number| sender.try_send(number).unwrap());
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 40)), 40);
    assert_eq!(receiver.capacity(), 40);
    assert_eq!(receiver.blocking_recv_many(&mut buffer, 1000), SOME - 40);
    assert!(buffer.iter().copied().eq(0..=SOME));
    let count = Arc::new(Count::default());
    assert!(poll_by(&count, pin!(receiver.recv_many(&mut buffer, 5))).is_pending());
    sender.try_send(1).unwrap();
    assert_eq!(woken(&count), 1);
    drop(sender);
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 5)), 1);
    assert_eq!(block_on(receiver.recv_many(&mut buffer, 5)), 0);
}

#[test]
fn weak_senders_do_not_keep_a_channel() {
    let (sender, mut receiver) = channel::<u8>(1);
    let weak = sender.downgrade();
    let other = weak.clone();
    assert_eq!((weak.strong_count(), weak.weak_count(), receiver.sender_weak_count()), (1, 2, 2));
    drop(other);
    let upgraded = weak.upgrade().unwrap();
    drop(sender);
    assert_eq!((receiver.sender_strong_count(), weak.weak_count()), (1, 1));
    upgraded.try_send(1).unwrap();
    drop(upgraded);
    assert!(weak.upgrade().is_none() && receiver.is_closed());
    assert_eq!(block_on(receiver.recv()), Some(1));
    assert_eq!(block_on(receiver.recv()), None);

    let (sender, receiver) = unbounded_channel::<u8>();
    let weak = sender.downgrade();
    assert!(weak.upgrade().unwrap().same_channel(&sender));
    drop(sender);
    assert!(weak.clone().upgrade().is_none());
    assert_eq!((receiver.sender_strong_count(), receiver.sender_weak_count()), (0, 1));
}

#[test]
fn large_messages_need_no_stack() {
    let (sender, mut receiver) = unbounded_channel();
    let other = thread::Builder::new().stack_size(1 << 19).spawn(move || {
        // A block of these is larger than this thread's stack.
        for number in 0..40u8 {
            sender.send([number; 20_000]).unwrap();
        }
    });
    other.unwrap().join().unwrap();
    for number in 0..40 {
        assert!(receiver.try_recv().unwrap().iter().all(|byte| *byte == number));
    }
}

#[test]
fn messages_of_no_size_are_counted() {
    let (sender, mut receiver) = unbounded_channel();
    (0..SOME).for_each(|_| sender.send(()).unwrap());
    assert_eq!(std::iter::from_fn(|| receiver.try_recv().ok()).count(), SOME);
}

/// Counts the messages that are alive; number 3 panics when dropped.
struct Fuse(#[allow(dead_code, reason = "it is dropped, no more")] Arc<()>, usize);

impl Drop for Fuse {
    fn drop(&mut self) {
        assert!(self.1 != 3, "a drop that panics");
    }
}

#[test]
fn messages_are_dropped_exactly_once() {
    let alive = Arc::new(());
    for sent in [0, 1, 30, 31, 32, 62, SOME] {
        for received in [0, 1, 31, 32] {
            for sender_first in [false, true] {
                let (sender, mut receiver) = unbounded_channel();
                (0..sent).for_each(|_| sender.send(Fuse(Arc::clone(&alive), 0)).ok().unwrap());
                (0..received.min(sent)).for_each(|_| drop(receiver.try_recv().ok().unwrap()));
                if sender_first {
                    drop(sender);
                    drop(receiver);
                } else {
                    drop(receiver);
                    assert_eq!(Arc::strong_count(&alive), 1, "a receiver drops what is there");
                    assert!(sender.send(Fuse(Arc::clone(&alive), 0)).is_err());
                }
                assert_eq!(Arc::strong_count(&alive), 1);
            }
        }
    }
    let (sender, receiver) = unbounded_channel();
    (0..SOME).for_each(|number| sender.send(Fuse(Arc::clone(&alive), number)).ok().unwrap());
    assert!(catch_unwind(AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(Arc::strong_count(&alive), 1, "the rest was dropped all the same");
    // What is sent with a permit when the receiver is gone.
    let (sender, receiver) = channel(1);
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    permit.send(Fuse(Arc::clone(&alive), 0));
    assert_eq!(Arc::strong_count(&alive), 1);
}

const STORM: usize = if cfg!(miri) { 200 } else { 60_000 };

/// What one of three senders sent: who, and its number.
fn check(next: &mut [usize; 3], (who, number): (usize, usize)) {
    assert_eq!(std::mem::replace(&mut next[who], number + 1), number, "in order, none lost, none twice");
}

#[test]
fn three_threads_send_in_order() {
    let (sender, mut receiver) = unbounded_channel();
    for who in 0..3 {
        let sender = sender.clone();
        thread::spawn(move || (0..STORM).for_each(|number| sender.send((who, number)).unwrap()));
    }
    drop(sender);
    let mut next = [0; 3];
    block_on(async {
        while let Some(message) = receiver.recv().await {
            check(&mut next, message);
        }
    });
    assert_eq!(next, [STORM; 3]);
}

#[test]
fn three_threads_send_through_few_places() {
    for places in [1, 3, 100] {
        let (sender, mut receiver) = channel(places);
        for who in 0..3 {
            let sender = sender.clone();
            thread::spawn(move || {
                for number in 0..STORM / 3 {
                    match number % 3 {
                        0 => sender.blocking_send((who, number)).unwrap(),
                        1 => block_on(sender.reserve()).unwrap().send((who, number)),
                        _ => {
                            // Given up now and then, while it waits.
                            drop(poll(pin!(sender.reserve())));
                            drop(block_on(sender.clone().reserve_owned()).unwrap().send((who, number)));
                        }
                    }
                }
            });
        }
        drop(sender);
        let mut next = [0; 3];
        let mut buffer = Vec::new();
        while receiver.blocking_recv_many(&mut buffer, 7) > 0 {
            buffer.drain(..).for_each(|message| check(&mut next, message));
        }
        assert_eq!(next, [STORM / 3; 3]);
        assert_eq!(receiver.capacity(), places, "every place has come back");
    }
}

#[test]
fn receivers_that_go_amid_a_storm_leave_nothing() {
    const ROUNDS: usize = if cfg!(miri) { 3 } else { 300 };
    let alive = Arc::new(());
    for round in 0..ROUNDS {
        let (sender, mut receiver) = channel(50);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let (sender, alive) = (sender.clone(), Arc::clone(&alive));
                thread::spawn(move || (0..).find(|_| sender.blocking_send(Arc::clone(&alive)).is_err()))
            })
            .collect();
        for _ in 0..round {
            receiver.blocking_recv().unwrap();
        }
        if round % 2 == 0 {
            receiver.close();
            while receiver.blocking_recv().is_some() {}
        }
        drop(receiver);
        assert!(others.into_iter().all(|other| other.join().unwrap().is_some()));
        assert_eq!(Arc::strong_count(&alive), 1);
        assert!(sender.is_closed());
    }
}

#[test]
fn try_recv_sees_what_was_sent() {
    let (sender, mut receiver) = unbounded_channel();
    let noise = sender.clone();
    let (stop, stopped) = crate::sync::oneshot::channel();
    let mut stopped = stopped;
    let other = thread::spawn(move || {
        while stopped.try_recv().is_err() {
            noise.send(1).unwrap();
            thread::yield_now();
        }
    });
    for _ in 0..STORM / 10 {
        sender.send(0).unwrap();
        // Ours is in. Whatever of the other thread's is half in before it, there is something to receive.
        while receiver.try_recv().expect("one was sent") != 0 {}
    }
    stop.send(()).unwrap();
    other.join().unwrap();
}

#[test]
fn send_timeout_takes_a_free_place_anywhere() {
    let (sender, receiver) = channel(1);
    assert_eq!(block_on(sender.send_timeout(1, Duration::ZERO)), Ok(()));
    drop(receiver);
    assert_eq!(block_on(sender.send_timeout(1, Duration::MAX)), Err(SendTimeoutError::Closed(1)));
}

#[test]
#[should_panic(expected = "use `blocking_send` there")]
fn send_timeout_cannot_wait_without_a_timer() {
    let (sender, _receiver) = channel(1);
    sender.try_send(1).unwrap();
    let _panics = block_on(sender.send_timeout(2, Duration::from_secs(1)));
}

#[test]
#[should_panic(expected = "room for at least one")]
fn a_limit_of_zero_is_refused() {
    let _channel = channel::<u8>(0);
}
