//! What bounded and unbounded channels share.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    rc::Rc,
    task::{Context, Poll, ready},
};

use super::{
    super::{
        notify::{Notify, Wait},
        permits::Permits,
        waker_slot::WakerSlot,
    },
    error::TryRecvError,
};
use crate::coop;

/// An empty queue keeps memory for as many messages.
const KEPT: usize = 1024;

/// The messages are moved only, never dropped or compared, while the queue is borrowed.
pub(super) struct Channel<T, R> {
    queue: RefCell<VecDeque<T>>,
    receiver: WakerSlot,
    /// By the receiver: nothing more is sent, except by permits that exist.
    closed: Cell<bool>,
    receiver_gone: Cell<bool>,
    senders: Cell<usize>,
    weak_senders: Cell<usize>,
    /// Told when `closed` is set.
    closing: Notify,
    pub(super) room: R,
}

/// How many messages there may be.
pub(super) trait Room {
    /// Messages have been taken out, or will not be sent. Senders are woken.
    fn release(&self, count: usize);
    /// Nobody may send any more.
    fn close(&self);
    /// No message is in the queue, and no permit for one is held.
    fn is_idle(&self) -> bool;
}

/// As many as memory holds.
#[derive(Debug)]
pub(super) struct Unlimited;

impl Room for Unlimited {
    #[inline]
    fn release(&self, _: usize) {}

    fn close(&self) {}

    fn is_idle(&self) -> bool {
        true
    }
}

/// So many.
#[derive(Debug)]
pub(super) struct Limited {
    pub(super) permits: Permits,
    pub(super) bound: usize,
}

impl Room for Limited {
    #[inline]
    fn release(&self, count: usize) {
        self.permits.release(count);
    }

    fn close(&self) {
        self.permits.close();
    }

    fn is_idle(&self) -> bool {
        self.permits.available() == self.bound
    }
}

impl<T, R: Room> Channel<T, R> {
    /// With one sender.
    pub(super) fn new(room: R) -> Rc<Channel<T, R>> {
        Rc::new(Channel {
            queue: RefCell::default(),
            receiver: WakerSlot::default(),
            closed: Cell::new(false),
            receiver_gone: Cell::new(false),
            senders: Cell::new(1),
            weak_senders: Cell::new(0),
            closing: Notify::new(),
            room,
        })
    }

    // ---------------------------------------------------------------- the sending side

    /// Puts a message in; there is room for it.
    #[inline]
    pub(super) fn push(&self, message: T) {
        if self.receiver_gone.get() {
            return;
        }
        self.queue.borrow_mut().push_back(message);
        self.receiver.wake();
    }

    /// Gives back permits that were not used.
    pub(super) fn give_back(&self, count: usize) {
        self.room.release(count);
        self.wake_if_ended();
    }

    /// The receiver may wait for the last permit.
    pub(super) fn wake_if_ended(&self) {
        if self.closed.get() && self.room.is_idle() {
            self.receiver.wake();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) async fn closed(&self) {
        let mut wait = Wait::new(&self.closing);
        if !self.is_closed() {
            std::future::poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
        }
    }

    pub(super) fn senders(&self) -> usize {
        self.senders.get()
    }

    pub(super) fn weak_senders(&self) -> usize {
        self.weak_senders.get()
    }

    pub(super) fn add_sender(&self) {
        self.senders.set(self.senders.get() + 1);
    }

    pub(super) fn remove_sender(&self) {
        self.senders.set(self.senders.get() - 1);
        if self.senders.get() == 0 {
            self.receiver.wake();
        }
    }

    /// False if there is no sender any more: then there will be none.
    pub(super) fn upgrade(&self) -> bool {
        let alive = self.senders.get() > 0;
        if alive {
            self.add_sender();
        }
        alive
    }

    pub(super) fn add_weak_sender(&self) {
        self.weak_senders.set(self.weak_senders.get() + 1);
    }

    pub(super) fn remove_weak_sender(&self) {
        self.weak_senders.set(self.weak_senders.get() - 1);
    }

    // ---------------------------------------------------------------- the receiving side

    /// No message will come.
    fn is_ended(&self) -> bool {
        self.senders.get() == 0 || self.closed.get() && self.room.is_idle()
    }

    #[inline]
    fn pop(&self) -> Option<T> {
        let mut queue = self.queue.borrow_mut();
        let message = queue.pop_front()?;
        shrink_if_empty(&mut queue);
        drop(queue);
        self.room.release(1);
        Some(message)
    }

    pub(super) fn try_recv(&self) -> Result<T, TryRecvError> {
        match self.pop() {
            Some(message) => Ok(message),
            None if self.is_ended() => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    #[inline]
    pub(super) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_with(cx, || self.pop())
    }

    pub(super) fn poll_recv_many(&self, cx: &mut Context<'_>, into: &mut Vec<T>, limit: usize) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let take = || {
            let mut queue = self.queue.borrow_mut();
            let count = queue.len().min(limit);
            into.extend(queue.drain(..count));
            shrink_if_empty(&mut queue);
            drop(queue);
            (count > 0).then(|| {
                self.room.release(count);
                count
            })
        };
        self.poll_with(cx, take).map(|count| count.unwrap_or(0))
    }

    /// Ready with what `take` gives, or with `None` once the channel has ended.
    #[inline]
    fn poll_with<V>(&self, cx: &mut Context<'_>, mut take: impl FnMut() -> Option<V>) -> Poll<Option<V>> {
        let progress = ready!(coop::poll_proceed(cx));
        for registered in [false, true] {
            let taken = take();
            if taken.is_some() || self.is_ended() {
                progress.made();
                return Poll::Ready(taken);
            }
            if !registered {
                // May run user code, hence the second look.
                self.receiver.register(cx.waker());
            }
        }
        Poll::Pending
    }

    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// For how many messages there is memory.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.queue.borrow().capacity()
    }

    pub(super) fn receiver_sees_closed(&self) -> bool {
        self.closed.get() || self.senders.get() == 0
    }

    pub(super) fn close(&self) {
        if !self.closed.replace(true) {
            self.room.close();
            self.closing.notify_waiters();
        }
    }

    /// The receiver goes, and what it has not received with it.
    pub(super) fn abandon(&self) {
        self.receiver_gone.set(true);
        let left = self.queue.take();
        self.close();
        self.room.release(left.len());
        // User code of no consequence for the channel comes last.
        drop(left);
        self.receiver.clear();
    }
}

#[inline]
fn shrink_if_empty<T>(queue: &mut VecDeque<T>) {
    // It got this large only because as many messages were in it, among which the cost is shared.
    if queue.capacity() > KEPT && queue.is_empty() {
        queue.shrink_to(KEPT / 2);
    }
}

impl<T, R: fmt::Debug> fmt::Debug for Channel<T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("closed", &self.closed.get())
            .field("senders", &self.senders.get())
            .field("weak_senders", &self.weak_senders.get())
            .field("room", &self.room)
            .finish_non_exhaustive()
    }
}

/// The methods that both receivers have.
macro_rules! receiver {
    ($name:ident, $sender:literal) => {
        impl<T> $name<T> {
            /// The next message, or `None` when the queue is empty and no message can come any more.
            ///
            /// # Cancel safety
            /// A dropped future has taken no message.
            pub async fn recv(&mut self) -> Option<T> {
                poll_fn(|cx| self.poll_recv(cx)).await
            }

            /// Waits for a message and moves up to `limit` of those that are there to the end of `buffer`. Says how many: 0
            /// when no message can come any more, or with a `limit` of 0, which does not wait.
            ///
            /// # Cancel safety
            /// A dropped future has taken no message.
            pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                poll_fn(|cx| self.poll_recv_many(cx, buffer, limit)).await
            }

            /// The next message if it is there.
            ///
            /// # Errors
            /// If not: says whether one can still come.
            pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
                self.channel.try_recv()
            }

            /// As [`recv`](Self::recv), for those who poll. The task of the last poll is the one that is woken.
            #[inline]
            pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
                self.channel.poll_recv(cx)
            }

            /// As [`recv_many`](Self::recv_many), for those who poll.
            pub fn poll_recv_many(&mut self, cx: &mut Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize> {
                self.channel.poll_recv_many(cx, buffer, limit)
            }

            /// Lets nobody send any more. What is in the queue can be received still, and what is sent by permits.
            pub fn close(&mut self) {
                self.channel.close();
            }

            /// True if it was closed, or the last sender is gone.
            pub fn is_closed(&self) -> bool {
                self.channel.receiver_sees_closed()
            }

            /// True if no message is in the queue.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// How many messages are in the queue.
            pub fn len(&self) -> usize {
                self.channel.len()
            }

            #[cfg(test)]
            #[allow(dead_code, reason = "the tests of one of the two channels ask")]
            pub(super) fn kept(&self) -> usize {
                self.channel.kept()
            }

            #[doc = concat!("How many of ", $sender, " there are.")]
            pub fn sender_strong_count(&self) -> usize {
                self.channel.senders()
            }

            /// How many weak senders there are.
            pub fn sender_weak_count(&self) -> usize {
                self.channel.weak_senders()
            }
        }

        impl<T> Drop for $name<T> {
            fn drop(&mut self) {
                self.channel.abandon();
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("channel", &self.channel).finish()
            }
        }
    };
}

pub(super) use receiver;
