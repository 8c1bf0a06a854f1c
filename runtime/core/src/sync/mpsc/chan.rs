//! What bounded and unbounded channels have in common: a queue, who is at either end, and how it closes.

use std::{
    fmt,
    future::poll_fn,
    panic::{RefUnwindSafe, UnwindSafe},
    task::{Context, Poll, ready},
};

use super::{
    error::TryRecvError,
    queue::{Head, Queue},
};
use crate::{
    coop,
    primitives::{
        Arc,
        atomic::{Ordering::*, fence},
        sequential::AtomicUsize,
    },
    sync::{batch_semaphore::Semaphore, waiters::Waiters, waker_cell::WakerCell},
};

/// How many messages a channel takes.
pub(super) trait Limit {
    /// Senders may hold places before they have a message: a closed channel still takes those.
    const RESERVES: bool;
    /// Places have become free.
    fn release(&self, places: usize);
    fn close(&self);
    fn is_closed(&self) -> bool;
    /// No place is held by anyone, nor by a message.
    fn is_idle(&self) -> bool;
}

/// As many as memory holds.
pub(super) struct Unlimited;

impl Limit for Unlimited {
    const RESERVES: bool = false;

    fn release(&self, _: usize) {}

    fn close(&self) {}

    fn is_closed(&self) -> bool {
        false
    }

    fn is_idle(&self) -> bool {
        true
    }
}

/// A message takes a permit with it, which the receiver gives back.
pub(super) struct Places {
    pub(super) semaphore: Semaphore,
    pub(super) max: usize,
}

impl Limit for Places {
    const RESERVES: bool = true;

    fn release(&self, places: usize) {
        self.semaphore.release(places);
    }

    fn close(&self) {
        self.semaphore.close();
    }

    fn is_closed(&self) -> bool {
        self.semaphore.is_closed()
    }

    fn is_idle(&self) -> bool {
        self.semaphore.available_permits() == self.max
    }
}

pub(super) struct Chan<T, L> {
    queue: Queue<T>,
    /// The receiver's, when it waits for a message or the end.
    receiver: WakerCell,
    /// Tasks that wait for the receiver to go.
    closing: Waiters,
    /// Once zero it stays so: the channel is over when the queue is empty.
    senders: AtomicUsize,
    weak: AtomicUsize,
    pub(super) limit: L,
}

// User code that runs in here (wakers, drops of messages) finds everything in order, and leaves it so when it panics.
impl<T, L> UnwindSafe for Chan<T, L> {}
impl<T, L> RefUnwindSafe for Chan<T, L> {}

impl<T, L: Limit> Chan<T, L> {
    /// True if nothing new can be sent: the receiver is gone or has closed.
    pub(super) fn is_closed(&self) -> bool {
        if L::RESERVES { self.limit.is_closed() } else { self.queue.is_closed() }
    }

    /// Sends a message that has its place. It comes back if there is nobody any more who could receive it.
    pub(super) fn push(&self, message: T) -> Result<(), T> {
        self.queue.push(message)?;
        self.receiver.wake();
        Ok(())
    }

    /// Gives back places that were reserved. To one who has closed and waits for the last it may be the news.
    pub(super) fn give_back(&self, places: usize) {
        self.limit.release(places);
        self.wake_closed();
    }

    /// Wakes a receiver that has closed: a place may have come back.
    pub(super) fn wake_closed(&self) {
        if self.is_closed() {
            // The receiver sets its waker and then counts the places; here it is the other way round.
            fence(SeqCst);
            self.receiver.wake();
        }
    }

    fn close(&self) {
        self.limit.close();
        if !L::RESERVES {
            self.queue.close();
        }
        self.closing.wake_all();
    }

    pub(super) fn strong_count(&self) -> usize {
        self.senders.load(Acquire)
    }

    pub(super) fn weak_count(&self) -> usize {
        self.weak.load(Relaxed)
    }
}

/// A sender, counted.
pub(super) struct Tx<T, L: Limit>(Arc<Chan<T, L>>);

pub(super) fn channel<T, L: Limit>(limit: L) -> (Tx<T, L>, Rx<T, L>) {
    let (queue, head) = Queue::new();
    let chan = Arc::new(Chan {
        queue,
        receiver: WakerCell::new(),
        closing: Waiters::new(),
        senders: AtomicUsize::new(1),
        weak: AtomicUsize::new(0),
        limit,
    });
    (Tx(Arc::clone(&chan)), Rx { chan, head })
}

impl<T, L: Limit> Tx<T, L> {
    pub(super) fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(super) fn downgrade(&self) -> WeakTx<T, L> {
        self.0.weak.fetch_add(1, Relaxed);
        WeakTx(Arc::clone(&self.0))
    }

    pub(super) async fn closed(&self) {
        self.0.closing.until(|| self.0.is_closed().then_some(())).await;
    }
}

impl<T, L: Limit> std::ops::Deref for Tx<T, L> {
    type Target = Chan<T, L>;

    fn deref(&self) -> &Chan<T, L> {
        &self.0
    }
}

impl<T, L: Limit> Clone for Tx<T, L> {
    fn clone(&self) -> Self {
        // Not from zero: this one is counted.
        self.0.senders.fetch_add(1, Relaxed);
        Tx(Arc::clone(&self.0))
    }
}

impl<T, L: Limit> Drop for Tx<T, L> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, SeqCst) == 1 {
            self.0.receiver.wake();
        }
    }
}

/// Keeps the memory, not the channel.
pub(super) struct WeakTx<T, L: Limit>(Arc<Chan<T, L>>);

impl<T, L: Limit> WeakTx<T, L> {
    pub(super) fn upgrade(&self) -> Option<Tx<T, L>> {
        let more = |senders: usize| (senders != 0).then_some(senders + 1);
        self.0.senders.fetch_update(AcqRel, Acquire, more).ok().map(|_| Tx(Arc::clone(&self.0)))
    }
}

impl<T, L: Limit> std::ops::Deref for WeakTx<T, L> {
    type Target = Chan<T, L>;

    fn deref(&self) -> &Chan<T, L> {
        &self.0
    }
}

impl<T, L: Limit> Clone for WeakTx<T, L> {
    fn clone(&self) -> Self {
        self.0.weak.fetch_add(1, Relaxed);
        WeakTx(Arc::clone(&self.0))
    }
}

impl<T, L: Limit> Drop for WeakTx<T, L> {
    fn drop(&mut self) {
        self.0.weak.fetch_sub(1, Relaxed);
    }
}

/// The receiver.
pub(super) struct Rx<T, L: Limit> {
    chan: Arc<Chan<T, L>>,
    head: Head<T>,
}

impl<T, L: Limit> Rx<T, L> {
    pub(super) fn chan(&self) -> &Chan<T, L> {
        &self.chan
    }

    pub(super) fn close(&mut self) {
        self.chan.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.chan.is_closed() || self.chan.strong_count() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.head.len(&self.chan.queue)
    }

    /// A message that is there.
    fn pop(&mut self) -> Option<T> {
        // SAFETY: `channel` made both together; only the drop drains. Test: three_threads_send_in_order.
        let message = unsafe { self.head.pop(&self.chan.queue) }?;
        self.chan.limit.release(1);
        Some(message)
    }

    /// True if no place will be taken any more. What has been taken is to be received yet, and may be on its way.
    fn is_over(&self) -> bool {
        self.chan.senders.load(SeqCst) == 0 || {
            self.chan.is_closed() && {
                fence(SeqCst);
                self.chan.limit.is_idle()
            }
        }
    }

    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        if let Some(message) = self.pop() {
            return Ok(message);
        }
        let over = self.is_over();
        // One that was sent may lie behind one that is on its way: it is there for who asks.
        // SAFETY: as in `pop`. Test: try_recv_sees_what_was_sent.
        match unsafe { self.head.pop_or_wait(&self.chan.queue) } {
            Some(message) => {
                self.chan.limit.release(1);
                Ok(message)
            }
            None if over => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Calls `take` until it gives something, or the channel is over.
    fn poll_with<R>(&mut self, cx: &Context<'_>, mut take: impl FnMut(&mut Self) -> Option<R>) -> Poll<Option<R>> {
        let progress = ready!(coop::poll_proceed(cx));
        let mut taken = take(self);
        if taken.is_none() {
            // SAFETY: there is one receiver, borrowed exclusively. Test: three_threads_send_in_order.
            unsafe { self.chan.receiver.set(cx.waker()) };
            let over = self.is_over();
            taken = take(self);
            // Whatever is on its way will wake us, over or not.
            if taken.is_none() && (!over || self.len() > 0) {
                return Poll::Pending;
            }
        }
        progress.made();
        Poll::Ready(taken)
    }

    pub(super) fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<T>> {
        self.poll_with(cx, Self::pop)
    }

    pub(super) async fn recv(&mut self) -> Option<T> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    pub(super) fn poll_recv_many(&mut self, cx: &Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let before = buffer.len();
        let many = self.poll_with(cx, |rx| {
            while buffer.len() - before < limit {
                // SAFETY: as in `pop`. Test: many_are_received_at_once.
                let Some(message) = (unsafe { rx.head.pop(&rx.chan.queue) }) else { break };
                buffer.push(message);
            }
            let many = buffer.len() - before;
            rx.chan.limit.release(many);
            (many > 0).then_some(many)
        });
        many.map(Option::unwrap_or_default)
    }

    pub(super) async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        poll_fn(|cx| self.poll_recv_many(cx, buffer, limit)).await
    }
}

impl<T, L: Limit> Drop for Rx<T, L> {
    fn drop(&mut self) {
        self.chan.close();
        self.chan.receiver.clear();
        // SAFETY: as in `pop`; this is the last use of the head. Test: messages_are_dropped_exactly_once.
        unsafe { self.head.drain(&self.chan.queue) };
    }
}

impl<T, L> fmt::Debug for Chan<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chan")
            .field("senders", &self.senders)
            .field("weak", &self.weak)
            .field("receiver", &self.receiver)
            .finish_non_exhaustive()
    }
}
