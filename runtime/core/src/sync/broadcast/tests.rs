use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use super::{
    error::{RecvError, TryRecvError},
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

#[test]
fn every_receiver_gets_every_message_since_it_came() {
    let (sender, mut first) = channel(4);
    assert_eq!(sender.send(1).unwrap(), 1);
    let mut second = sender.subscribe();
    assert_eq!(sender.send(2).unwrap(), 2);
    let mut third = first.resubscribe();
    assert_eq!(sender.send(3).unwrap(), 3);
    assert_eq!((sender.len(), first.len(), second.len(), third.len()), (3, 3, 2, 1));
    let all = |receiver: &mut Receiver<i32>| std::iter::from_fn(|| receiver.try_recv().ok()).collect::<Vec<_>>();
    assert_eq!((all(&mut first), all(&mut second)), (vec![1, 2, 3], vec![2, 3]));
    assert_eq!(sender.len(), 1, "kept for the third");
    assert_eq!(all(&mut third), [3]);
    assert!(sender.is_empty() && third.is_empty());
    assert_eq!(third.try_recv(), Err(TryRecvError::Empty));
    assert!(first.same_channel(&third) && sender.same_channel(&sender.clone()));
}

#[test]
fn who_falls_behind_learns_how_far() {
    // Rounded up to four.
    let (sender, mut slow) = channel(3);
    let mut fast = sender.subscribe();
    for number in 0..4 {
        sender.send(number).unwrap();
        assert_eq!(fast.try_recv(), Ok(number));
    }
    assert_eq!((slow.len(), sender.len()), (4, 4));
    sender.send(4).unwrap();
    sender.send(5).unwrap();
    assert_eq!((slow.len(), sender.len(), fast.len()), (6, 4, 2));
    assert_eq!(slow.try_recv(), Err(TryRecvError::Lagged(2)));
    assert_eq!(block_on(slow.recv()), Ok(2));
    (6..20).for_each(|number| assert_eq!(sender.send(number).unwrap(), 2));
    drop(sender);
    assert_eq!(block_on(slow.recv()), Err(RecvError::Lagged(13)));
    for number in 16..20 {
        assert_eq!(slow.try_recv(), Ok(number));
    }
    assert_eq!(slow.try_recv(), Err(TryRecvError::Closed));
    assert_eq!(fast.blocking_recv(), Err(RecvError::Lagged(12)));
    assert_eq!(fast.blocking_recv(), Ok(16));
}

#[test]
fn messages_and_the_end_wake_all_who_wait() {
    let (sender, mut first) = channel(2);
    let mut second = sender.subscribe();
    let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
    let woken = || counts.each_ref().map(|count| count.0.swap(0, SeqCst));
    {
        let (mut one, mut two) = (pin!(first.recv()), pin!(second.recv()));
        assert!(poll_by(&counts[0], one.as_mut()).is_pending());
        assert!(poll_by(&counts[1], one.as_mut()).is_pending());
        assert!(poll_by(&counts[0], one.as_mut()).is_pending());
        assert!(poll_by(&counts[1], two.as_mut()).is_pending());
        sender.send(1).unwrap();
        assert_eq!(woken(), [1, 1]);
        assert_eq!((poll(one), poll(two)), (Poll::Ready(Ok(1)), Poll::Ready(Ok(1))));
    }
    // A wait that was given up is not woken, and has received nothing.
    assert!(poll_by(&counts[0], pin!(first.recv())).is_pending());
    sender.send(2).unwrap();
    assert_eq!(woken(), [0, 0]);
    assert_eq!((first.try_recv(), second.try_recv()), (Ok(2), Ok(2)));
    let mut one = Box::pin(first.recv());
    assert!(poll_by(&counts[0], one.as_mut()).is_pending());
    let second_sender = sender.clone();
    drop(sender);
    assert_eq!(woken(), [0, 0]);
    drop(second_sender);
    assert_eq!(woken(), [1, 0]);
    assert_eq!(poll(one.as_mut()), Poll::Ready(Err(RecvError::Closed)));
    drop(one);
    assert!(first.is_closed());
    assert_eq!(first.resubscribe().try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn senders_learn_that_nobody_receives() {
    let (sender, receiver) = channel(2);
    let count = Arc::new(Count::default());
    let mut closed = pin!(sender.closed());
    assert!(poll_by(&count, closed.as_mut()).is_pending());
    drop(receiver);
    assert_eq!(count.0.load(SeqCst), 1);
    assert!(poll(closed).is_ready());
    assert_eq!(sender.send(1).unwrap_err().0, 1);
    let mut receiver = sender.subscribe();
    assert_eq!(sender.receiver_count(), 1);
    sender.send(2).unwrap();
    assert_eq!(receiver.try_recv(), Ok(2));
}

#[test]
fn weak_senders_do_not_keep_a_channel_open() {
    let (sender, receiver) = channel::<u8>(1);
    let weak = sender.downgrade();
    assert_eq!((weak.strong_count(), weak.clone().weak_count()), (1, 2));
    assert_eq!(weak.weak_count(), 1);
    let upgraded = weak.upgrade().unwrap();
    drop(sender);
    assert!(!receiver.is_closed());
    drop(upgraded);
    assert!(receiver.is_closed() && weak.upgrade().is_none());
    assert_eq!((receiver.sender_strong_count(), receiver.sender_weak_count()), (0, 1));
}

#[test]
fn messages_go_when_nobody_asks_for_them_any_more() {
    let alive = Arc::new(());
    let (sender, mut first) = channel(4);
    let mut second = sender.subscribe();
    (0..6).for_each(|_| assert_eq!(sender.send(Arc::clone(&alive)).unwrap(), 2));
    assert_eq!(Arc::strong_count(&alive), 5, "two were pushed out");
    assert_eq!(first.try_recv(), Err(TryRecvError::Lagged(2)));
    drop(first.try_recv().unwrap());
    assert_eq!(Arc::strong_count(&alive), 5);
    assert_eq!(second.try_recv(), Err(TryRecvError::Lagged(2)));
    let received = second.try_recv().unwrap();
    assert_eq!(Arc::strong_count(&alive), 5, "the last receiver has the message itself");
    drop(received);
    drop(second);
    assert_eq!((Arc::strong_count(&alive), sender.len()), (4, 3));
    drop(first);
    assert_eq!((Arc::strong_count(&alive), sender.len()), (1, 0));
}

#[test]
fn a_clone_that_panics_counts_as_received() {
    struct Bad(Cell<bool>);
    impl Clone for Bad {
        fn clone(&self) -> Bad {
            // Not Sync: clones of one message are made one at a time.
            assert!(self.0.replace(true), "the first clone panics");
            Bad(Cell::new(true))
        }
    }
    let (sender, mut first) = channel(2);
    let (mut second, mut third) = (sender.subscribe(), sender.subscribe());
    sender.send(Bad(Cell::new(false))).ok().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(|| first.try_recv().is_ok())).is_err());
    assert!(matches!(first.try_recv(), Err(TryRecvError::Empty)));
    assert!(second.try_recv().is_ok() && third.try_recv().is_ok());
    assert_eq!(sender.len(), 0);
}

#[test]
fn a_clone_may_use_the_channel() {
    struct Asks(Option<Sender<Asks>>);
    impl Clone for Asks {
        fn clone(&self) -> Asks {
            let sender = self.0.as_ref().unwrap();
            assert_eq!(sender.receiver_count(), 2);
            sender.send(Asks(None)).ok().unwrap();
            Asks(None)
        }
    }
    let (sender, mut first) = channel(2);
    let second = sender.subscribe();
    sender.send(Asks(Some(sender.clone()))).ok().unwrap();
    assert!(first.try_recv().is_ok());
    assert_eq!((first.len(), second.len()), (1, 2));
}

#[test]
#[should_panic(expected = "room for at least one")]
fn a_capacity_of_zero_is_refused() {
    let _channel = channel::<u8>(0);
}

#[test]
fn three_threads_send_to_three() {
    const EACH: usize = if cfg!(miri) { 100 } else { 12_000 };
    for capacity in [1, 64, 3 * EACH] {
        let alive = Arc::new(());
        let (sender, receiver) = channel(capacity);
        let receivers: Vec<_> = (0..3)
            .map(|_| {
                let mut receiver = receiver.resubscribe();
                thread::spawn(move || {
                    let (mut next, mut received, mut missed) = ([0; 3], 0, 0);
                    block_on(async {
                        loop {
                            match receiver.recv().await {
                                Ok((who, number, _alive)) => {
                                    assert!(number >= next[who], "in order, none twice");
                                    next[who] = number + 1;
                                    received += 1;
                                }
                                Err(RecvError::Lagged(more)) => missed += more as usize,
                                Err(RecvError::Closed) => return,
                            }
                        }
                    });
                    (received, missed)
                })
            })
            .collect();
        drop(receiver);
        for who in 0..3usize {
            let (sender, alive) = (sender.clone(), Arc::clone(&alive));
            thread::spawn(move || {
                for number in 0..EACH {
                    sender.send((who, number, Arc::clone(&alive))).unwrap();
                }
            });
        }
        drop(sender);
        for receiver in receivers {
            let (received, missed) = receiver.join().unwrap();
            assert_eq!(received + missed, 3 * EACH);
            assert!(capacity < 3 * EACH || missed == 0);
        }
        while Arc::strong_count(&alive) > 1 {
            // The senders' threads may be on their way out still.
            thread::yield_now();
        }
    }
}
