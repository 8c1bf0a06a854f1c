use std::{
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Wake, Waker},
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
fn a_value_wakes_the_receiver() {
    let (sender, mut receiver) = channel();
    let count = Arc::new(Count::default());
    assert!(poll_by(&count, Pin::new(&mut receiver)).is_pending());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    assert!(receiver.is_empty() && !receiver.is_terminated());
    sender.send(5).unwrap();
    assert_eq!(count.0.load(SeqCst), 1);
    assert!(!receiver.is_empty());
    assert_eq!(poll(Pin::new(&mut receiver)), Poll::Ready(Ok(5)));
    assert!(receiver.is_terminated() && receiver.is_empty());
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
#[should_panic(expected = "after it had given its result")]
fn a_receiver_gives_its_result_once() {
    let (sender, mut receiver) = channel();
    sender.send(5).unwrap();
    assert!(poll(Pin::new(&mut receiver)).is_ready());
    let _panics = poll(Pin::new(&mut receiver));
}

#[test]
fn a_sender_that_goes_wakes_the_receiver() {
    let (sender, mut receiver) = channel::<u8>();
    let count = Arc::new(Count::default());
    assert!(poll_by(&count, Pin::new(&mut receiver)).is_pending());
    drop(sender);
    assert_eq!(count.0.load(SeqCst), 1);
    assert_eq!(poll(Pin::new(&mut receiver)), Poll::Ready(Err(RecvError(()))));
    let (sender, mut receiver) = channel::<u8>();
    drop(sender);
    assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn close_keeps_what_was_sent_and_refuses_the_rest() {
    let (sender, mut receiver) = channel();
    sender.send(1).unwrap();
    receiver.close();
    assert_eq!(receiver.try_recv(), Ok(1));
    receiver.close();

    let (mut sender, mut receiver) = channel();
    let count = Arc::new(Count::default());
    assert!(poll_by(&count, pin!(sender.closed())).is_pending());
    receiver.close();
    assert_eq!(count.0.load(SeqCst), 1);
    assert!(sender.is_closed() && poll(pin!(sender.closed())).is_ready());
    assert_eq!(poll(Pin::new(&mut receiver)), Poll::Ready(Err(RecvError(()))));
    assert_eq!(sender.send(2), Err(2));
}

#[test]
fn a_receiver_that_goes_wakes_the_sender() {
    let (mut sender, receiver) = channel::<u8>();
    let count = Arc::new(Count::default());
    assert!(poll_by(&count, pin!(sender.closed())).is_pending());
    drop(receiver);
    assert_eq!(count.0.load(SeqCst), 1);
    assert!(sender.is_closed());
}

#[test]
fn wakers_are_dropped_once() {
    let (mut sender, mut receiver) = channel::<u8>();
    let counts: Vec<_> = (0..4).map(|_| Arc::new(Count::default())).collect();
    for count in &counts[..2] {
        assert!(poll_by(count, Pin::new(&mut receiver)).is_pending());
        assert!(poll_by(count, Pin::new(&mut receiver)).is_pending());
    }
    for count in &counts[2..] {
        assert!(poll_by(count, pin!(sender.closed())).is_pending());
    }
    let references = |counts: &[Arc<Count>]| counts.iter().map(Arc::strong_count).collect::<Vec<_>>();
    assert_eq!(references(&counts), [1, 2, 1, 2]);
    sender.send(1).unwrap();
    assert_eq!(references(&counts), [1; 4]);
    assert_eq!(counts[1].0.load(SeqCst), 1);
    drop(receiver);
}

#[test]
fn every_way_to_end_frees_everything() {
    // With and without waiting before, with and without a close, a value or none, either end first.
    for case in 0..32 {
        let value = Arc::new(());
        let count = Arc::new(Count::default());
        let (mut sender, mut receiver) = channel();
        if case & 1 != 0 {
            assert!(poll_by(&count, Pin::new(&mut receiver)).is_pending());
        }
        if case & 2 != 0 {
            assert!(poll_by(&count, pin!(sender.closed())).is_pending());
        }
        if case & 4 != 0 {
            receiver.close();
        }
        if case & 8 != 0 {
            drop(receiver);
            drop((case & 16 != 0).then(|| sender.send(Arc::clone(&value)).unwrap_err()));
        } else {
            if case & 16 != 0 {
                assert_eq!(sender.send(Arc::clone(&value)).is_err(), case & 4 != 0);
            } else {
                drop(sender);
            }
            drop(receiver);
        }
        assert_eq!((Arc::strong_count(&value), Arc::strong_count(&count)), (1, 1), "case {case}");
    }
}

#[test]
fn values_cross_threads_once() {
    const ROUNDS: usize = if cfg!(miri) { 50 } else { 20_000 };
    let value = Arc::new(());
    let (ends, inbox) = std::sync::mpsc::channel::<Sender<Arc<()>>>();
    let theirs = Arc::clone(&value);
    let other = thread::spawn(move || {
        let mut refused = 0;
        for (round, mut sender) in inbox.into_iter().enumerate() {
            match round % 3 {
                0 => drop(sender),
                1 => refused += usize::from(sender.send(Arc::clone(&theirs)).is_err()),
                _ => {
                    let _closed = poll(pin!(sender.closed()));
                    refused += usize::from(sender.send(Arc::clone(&theirs)).is_err());
                }
            }
        }
        refused
    });
    let (mut received, mut given_up) = (0, 0);
    for round in 0..ROUNDS {
        let (sender, mut receiver) = channel();
        ends.send(sender).unwrap();
        match round % 5 {
            0 => {
                receiver.close();
                received += usize::from(receiver.try_recv().is_ok());
            }
            1 => {
                let _pending = poll(Pin::new(&mut receiver));
                given_up += 1;
            }
            _ => assert_eq!(block_on(receiver).is_ok(), round % 3 != 0),
        }
    }
    drop(ends);
    let refused = other.join().unwrap();
    assert!(received + refused <= ROUNDS && given_up > 0);
    assert_eq!(Arc::strong_count(&value), 1, "every value was dropped");
}

#[test]
fn a_value_whose_drop_panics_leaves_the_memory_freed() {
    struct Bad(#[allow(dead_code, reason = "it is dropped, no more")] Arc<()>);
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("a drop that panics");
        }
    }
    let value = Arc::new(());
    let (sender, receiver) = channel();
    sender.send(Bad(Arc::clone(&value))).ok().unwrap();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(receiver))).is_err());
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn blocking_recv_waits_for_another_thread() {
    let (sender, receiver) = channel();
    let other = thread::spawn(move || sender.send(7));
    assert_eq!(receiver.blocking_recv(), Ok(7));
    other.join().unwrap().unwrap();
    let (sender, receiver) = channel::<u8>();
    drop(sender);
    assert_eq!(receiver.blocking_recv(), Err(RecvError(())));
}
