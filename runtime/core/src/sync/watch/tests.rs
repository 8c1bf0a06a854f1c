use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
};

use super::*;
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

#[test]
fn a_change_is_seen_once() {
    let (sender, mut receiver) = channel(1);
    let count = Arc::new(Count::default());
    assert!(!receiver.has_changed().unwrap() && !receiver.borrow().has_changed());
    {
        let mut changed = pin!(receiver.changed());
        assert!(poll_by(&count, changed.as_mut()).is_pending());
        sender.send(2).unwrap();
        sender.send(3).unwrap();
        assert_eq!(woken(&count), 1);
        assert!(matches!(poll(changed), Poll::Ready(Ok(()))));
    }
    assert_eq!(*receiver.borrow(), 3);
    assert!(poll(pin!(receiver.changed())).is_pending());
    assert_eq!(sender.send_replace(4), 3);
    assert!(receiver.has_changed().unwrap() && receiver.borrow().has_changed());
    let other = receiver.clone();
    assert!(receiver.borrow_and_update().has_changed());
    assert!(!receiver.borrow_and_update().has_changed() && other.has_changed().unwrap());
    receiver.mark_changed();
    assert!(block_on(receiver.changed()).is_ok());
    sender.send_modify(|value| *value += 1);
    receiver.mark_unchanged();
    assert!(!receiver.has_changed().unwrap());
    assert_eq!((*sender.borrow(), sender.subscribe().has_changed().unwrap()), (5, false));
    assert!(receiver.same_channel(&other) && !receiver.same_channel(&channel(1).1));
}

#[test]
fn only_what_counts_as_a_change_wakes() {
    let (sender, mut receiver) = channel(1);
    let count = Arc::new(Count::default());
    let mut changed = Box::pin(receiver.changed());
    assert!(poll_by(&count, changed.as_mut()).is_pending());
    assert!(!sender.send_if_modified(|value| {
        *value = 2;
        false
    }));
    let panics = catch_unwind(AssertUnwindSafe(|| sender.send_modify(|_| panic!("a closure that panics"))));
    assert!(panics.is_err());
    assert_eq!(woken(&count), 0);
    assert!(sender.send_if_modified(|value| *value == 2));
    assert_eq!(woken(&count), 1);
    assert!(matches!(poll(changed.as_mut()), Poll::Ready(Ok(()))));
    drop(changed);
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn the_last_change_is_seen_before_the_end() {
    let (sender, mut receiver) = channel(1);
    let count = Arc::new(Count::default());
    let second = sender.clone();
    assert_eq!(sender.sender_count(), 2);
    drop(sender);
    assert!(poll_by(&count, pin!(receiver.changed())).is_pending());
    second.send(2).unwrap();
    drop(second);
    assert!(receiver.is_closed() && receiver.has_changed().is_err());
    assert!(matches!(block_on(receiver.changed()), Ok(())));
    assert!(block_on(receiver.changed()).is_err());
    assert_eq!(*receiver.borrow(), 2);
}

#[test]
fn the_end_wakes_who_waits_for_a_change() {
    let (sender, mut receiver) = channel(1);
    let count = Arc::new(Count::default());
    let mut changed = pin!(receiver.changed());
    assert!(poll_by(&count, changed.as_mut()).is_pending());
    drop(sender);
    assert_eq!(woken(&count), 1);
    assert!(matches!(poll(changed), Poll::Ready(Err(_))));
}

#[test]
fn a_sender_learns_that_nobody_looks() {
    let (sender, receiver) = channel(1);
    let count = Arc::new(Count::default());
    let mut closed = pin!(sender.closed());
    let other = receiver.clone();
    assert!(poll_by(&count, closed.as_mut()).is_pending());
    drop(receiver);
    assert_eq!((woken(&count), sender.receiver_count()), (0, 1));
    drop(other);
    assert_eq!(woken(&count), 1);
    assert!(poll(closed).is_ready() && sender.is_closed());
    assert_eq!(sender.send(2), Err(error::SendError(2)));
    assert_eq!(sender.send_replace(3), 1);
    let receiver = sender.subscribe();
    sender.send(4).unwrap();
    assert_eq!(*receiver.borrow(), 4);
    assert_eq!(*Sender::<u8>::default().borrow(), 0);
}

#[test]
fn wait_for_looks_at_what_is_there_and_what_comes() {
    let (sender, mut receiver) = channel(1);
    assert!(!block_on(receiver.wait_for(|value| *value == 1)).unwrap().has_changed());
    {
        let count = Arc::new(Count::default());
        let looks = AtomicUsize::new(0);
        let mut wait = pin!(receiver.wait_for(|value| {
            looks.fetch_add(1, SeqCst);
            *value == 3
        }));
        assert!(poll_by(&count, wait.as_mut()).is_pending());
        sender.send(2).unwrap();
        assert!(poll_by(&count, wait.as_mut()).is_pending());
        sender.send(3).unwrap();
        let Poll::Ready(Ok(value)) = poll_by(&count, wait) else { panic!("it was waited for") };
        assert!((*value, value.has_changed(), woken(&count)) == (3, true, 2));
        drop(value);
        assert_eq!(looks.load(SeqCst), 3);
    }
    assert!(!receiver.has_changed().unwrap());
    sender.send(4).unwrap();
    drop(sender);
    let mut looked_at = Vec::new();
    assert!(
        block_on(receiver.wait_for(|value| {
            looked_at.push(*value);
            false
        }))
        .is_err()
    );
    assert_eq!(looked_at, [4]);
    let panics = catch_unwind(AssertUnwindSafe(|| {
        drop(block_on(receiver.wait_for(|_| panic!("a closure that panics"))));
    }));
    assert!(panics.is_err());
    assert_eq!(*receiver.borrow(), 4);
}

#[test]
fn a_value_whose_drop_comes_back_finds_no_lock() {
    struct Looks(Option<Sender<Option<Looks>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            if let Some(sender) = self.0.take() {
                assert!(sender.borrow().is_none());
            }
        }
    }
    let (sender, _receiver) = channel(None);
    sender.send(Some(Looks(Some(sender.clone())))).ok().unwrap();
    sender.send(None).ok().unwrap();
    assert_eq!(sender.sender_count(), 1);
}

#[test]
fn three_threads_see_the_last_change_and_never_an_older_one() {
    const CHANGES: usize = if cfg!(miri) { 200 } else { 50_000 };
    let (sender, receiver) = channel(0);
    let others: Vec<_> = (0..3)
        .map(|who| {
            let mut receiver = receiver.clone();
            thread::spawn(move || {
                let mut last = 0;
                block_on(async {
                    if who == 0 {
                        return last = *receiver.wait_for(|value| *value == CHANGES).await.unwrap();
                    }
                    while receiver.changed().await.is_ok() {
                        let value = *receiver.borrow_and_update();
                        assert!(value >= last);
                        last = value;
                    }
                });
                last
            })
        })
        .collect();
    drop(receiver);
    (0..CHANGES).for_each(|_| sender.send_modify(|value| *value += 1));
    drop(sender);
    assert!(others.into_iter().all(|other| other.join().unwrap() == CHANGES));
}
