//! Who receives.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, atomic::Ordering::*},
    task::{Context, Poll, ready},
};

use super::{
    error::{RecvError, TryRecvError},
    shared::{Next, Shared},
};
use crate::{
    coop,
    sync::{blocking::block_on, waiters::Place},
};

/// Receives every message that was sent since it was made, if it keeps up.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The number of the message that it receives next.
    next: u64,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: &Arc<Shared<T>>) -> Receiver<T> {
        let next = shared.subscribe();
        Receiver { shared: Arc::clone(shared), next }
    }

    /// Messages that were sent and not received by this one. More than the channel's capacity, rounded up to a power of
    /// two: the next receive says [`Lagged`](RecvError::Lagged).
    pub fn len(&self) -> usize {
        let behind = self.shared.lock().end() - self.next;
        usize::try_from(behind).unwrap_or(usize::MAX)
    }

    /// True if this one has received all that was sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if both receive from the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Senders of this channel.
    pub fn sender_strong_count(&self) -> usize {
        self.shared.senders.load(Acquire)
    }

    /// Weak senders of this channel.
    pub fn sender_weak_count(&self) -> usize {
        self.shared.weak.load(Relaxed)
    }

    /// True if all senders are gone. There may be messages to receive still.
    pub fn is_closed(&self) -> bool {
        self.sender_strong_count() == 0
    }
}

impl<T: Clone> Receiver<T> {
    /// A receiver of all messages that are sent from now on, whatever this one has received.
    pub fn resubscribe(&self) -> Receiver<T> {
        Receiver::new(&self.shared)
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`Closed`](RecvError::Closed): all senders are gone and all messages received. [`Lagged`](RecvError::Lagged): some
    /// messages were pushed out before they were received; the next call gives the oldest that is left.
    ///
    /// # Cancel safety
    /// Dropped, it has received nothing.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let mut waiting = Waiting { receiver: self, place: None };
        let next = poll_fn(|cx| waiting.poll(cx)).await;
        drop(waiting);
        match next {
            Next::Message(message) => Ok(message.receive()),
            Next::Missed(missed) => Err(RecvError::Lagged(missed)),
            Next::Closed => Err(RecvError::Closed),
            Next::Empty => unreachable!("it was waited for"),
        }
    }

    /// The next message if it is there. Never waits.
    ///
    /// # Errors
    /// [`Empty`](TryRecvError::Empty) if there is none yet; else as [`recv`](Receiver::recv).
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let next = self.shared.lock().receive(&mut self.next);
        match next {
            Next::Message(message) => Ok(message.receive()),
            Next::Missed(missed) => Err(TryRecvError::Lagged(missed)),
            Next::Empty => Err(TryRecvError::Empty),
            Next::Closed => Err(TryRecvError::Closed),
        }
    }

    /// As [`recv`](Receiver::recv), on a thread that runs no tasks.
    ///
    /// # Errors
    /// As `recv`.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await `recv` there.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        block_on(self.recv(), "broadcast::Receiver::blocking_recv", "recv")
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.leave(self.next);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Receiver")
    }
}

/// A receiver that waits; it gives its place back when dropped.
struct Waiting<'a, T> {
    receiver: &'a mut Receiver<T>,
    place: Place,
}

impl<T> Waiting<'_, T> {
    /// What comes next; not [`Next::Empty`].
    fn poll(&mut self, cx: &Context<'_>) -> Poll<Next<T>> {
        let progress = ready!(coop::poll_proceed(cx));
        let Receiver { shared, next } = &mut *self.receiver;
        let mut queue = shared.lock();
        let mut found = queue.receive(next);
        if matches!(found, Next::Empty) && !queue.is_waiting(self.place, cx.waker()) {
            // To clone a waker is user code.
            drop(queue);
            let waker = cx.waker().clone();
            queue = shared.lock();
            found = queue.receive(next);
            let unused = match found {
                Next::Empty => queue.wait(&mut self.place, waker),
                _ => Some(waker),
            };
            drop(queue);
            drop(unused);
        } else {
            drop(queue);
        }
        if matches!(found, Next::Empty) {
            return Poll::Pending;
        }
        progress.made();
        Poll::Ready(found)
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        self.receiver.shared.stop_waiting(&mut self.place);
    }
}
