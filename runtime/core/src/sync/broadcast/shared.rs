//! What all ends of a broadcast channel share.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    task::Waker,
};

use crate::sync::waiters::{Place, Places, Waiters};

/// A message, shared by the queue and those who are receiving it. The lock is for the clones: made one at a time, they
/// ask for no `Sync`.
pub(super) struct Message<T>(Arc<Mutex<T>>);

impl<T> Message<T> {
    pub(super) fn new(value: T) -> Message<T> {
        Message(Arc::new(Mutex::new(value)))
    }

    /// The value of a message that nobody shares.
    pub(super) fn into_value(self) -> T {
        let message = Arc::into_inner(self.0).expect("the message was not shared");
        message.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value itself if nobody else has the message any more, else a clone.
    pub(super) fn receive(self) -> T
    where
        T: Clone,
    {
        match Arc::try_unwrap(self.0) {
            Ok(last) => last.into_inner().unwrap_or_else(PoisonError::into_inner),
            // A clone that panicked before has only looked at the value.
            Err(shared) => shared.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    fn share(&self) -> Message<T> {
        Message(Arc::clone(&self.0))
    }
}

pub(super) struct Shared<T> {
    queue: Mutex<Queue<T>>,
    pub(super) senders: AtomicUsize,
    pub(super) weak: AtomicUsize,
    /// Senders that wait for the last receiver to go.
    pub(super) abandoned: Waiters,
}

/// The queue. What leaves it is dropped, and who waits is woken, after the lock is released.
pub(super) struct Queue<T> {
    /// Every message that a receiver may ask for yet. Each has been asked for by no more receivers than the one before
    /// it, so those that nobody asks for any more are at the front, and leave at once.
    messages: VecDeque<Kept<T>>,
    capacity: usize,
    /// The number of the first message in the queue. A receiver that comes with a smaller one has missed some.
    start: u64,
    receivers: usize,
    /// All senders are gone.
    closed: bool,
    /// Receivers that wait for a message.
    waiting: Places,
}

struct Kept<T> {
    message: Message<T>,
    /// Receivers that have not received it yet; at least one.
    remaining: usize,
}

/// What a receiver finds.
pub(super) enum Next<T> {
    Message(Message<T>),
    /// So many messages were pushed out before they were received.
    Missed(u64),
    Empty,
    Closed,
}

impl<T> Shared<T> {
    pub(super) fn new(capacity: usize) -> Shared<T> {
        let queue = Queue {
            messages: VecDeque::new(),
            capacity,
            start: 0,
            receivers: 0,
            closed: false,
            waiting: Places::new(),
        };
        Shared {
            queue: Mutex::new(queue),
            senders: AtomicUsize::new(1),
            weak: AtomicUsize::new(0),
            abandoned: Waiters::new(),
        }
    }

    /// No user code runs under this lock.
    pub(super) fn lock(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message; it comes back if there is no receiver.
    pub(super) fn send(&self, message: Message<T>) -> Result<usize, Message<T>> {
        let mut queue = self.lock();
        let receivers = queue.receivers;
        if receivers == 0 {
            return Err(message);
        }
        let pushed_out = (queue.messages.len() == queue.capacity).then(|| queue.pop_front());
        queue.messages.push_back(Kept { message, remaining: receivers });
        let wakers = queue.waiting.take_all();
        drop(queue);
        wakers.wake();
        drop(pushed_out);
        Ok(receivers)
    }

    /// The last sender is gone.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        let wakers = queue.waiting.take_all();
        drop(queue);
        wakers.wake();
    }

    /// One receiver more. Gives the number of the first message that it will receive.
    pub(super) fn subscribe(&self) -> u64 {
        let mut queue = self.lock();
        queue.receivers += 1;
        queue.end()
    }

    /// A receiver goes, which was to receive the message `next`.
    pub(super) fn leave(&self, next: u64) {
        let mut queue = self.lock();
        queue.receivers -= 1;
        let is_last = queue.receivers == 0;
        let received = usize::try_from(next.saturating_sub(queue.start)).expect("no more than are queued");
        queue.messages.iter_mut().skip(received).for_each(|kept| kept.remaining -= 1);
        let done = queue.messages.iter().take_while(|kept| kept.remaining == 0).count();
        let dropped: Vec<_> = (0..done).map(|_| queue.pop_front()).collect();
        drop(queue);
        if is_last {
            self.abandoned.wake_all();
        }
        drop(dropped);
    }

    /// A receiver that waits no longer gives its place back.
    pub(super) fn stop_waiting(&self, place: &mut Place) {
        if place.is_some() {
            let mut queue = self.lock();
            let left = queue.waiting.leave(place);
            drop(queue);
            drop(left);
        }
    }
}

impl<T> Queue<T> {
    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn receivers(&self) -> usize {
        self.receivers
    }

    /// The number of the message that will be sent next.
    pub(super) fn end(&self) -> u64 {
        self.start + self.messages.len() as u64
    }

    fn pop_front(&mut self) -> Message<T> {
        self.start += 1;
        self.messages.pop_front().expect("the caller counted them").message
    }

    /// The message `next`, for one receiver, whose number goes on.
    pub(super) fn receive(&mut self, next: &mut u64) -> Next<T> {
        if *next < self.start {
            return Next::Missed(self.start - std::mem::replace(next, self.start));
        }
        let at = usize::try_from(*next - self.start).expect("no more than are queued");
        let Some(kept) = self.messages.get_mut(at) else {
            return if self.closed { Next::Closed } else { Next::Empty };
        };
        *next += 1;
        kept.remaining -= 1;
        // Nobody asks for it any more, nor for those before it: they have left.
        let is_done = kept.remaining == 0;
        debug_assert!(!is_done || at == 0);
        Next::Message(if is_done { self.pop_front() } else { kept.message.share() })
    }

    pub(super) fn is_waiting(&self, place: Place, waker: &Waker) -> bool {
        self.waiting.holds(place, waker)
    }

    /// The waker given back is to be dropped without the lock.
    #[must_use]
    pub(super) fn wait(&mut self, place: &mut Place, waker: Waker) -> Option<Waker> {
        self.waiting.set(place, waker)
    }
}
