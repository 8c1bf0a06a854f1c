//! Channels without a limit.

use std::{
    fmt,
    task::{Context, Poll},
};

use super::{
    chan::{self, Rx, Tx, Unlimited, WeakTx},
    error::{SendError, TryRecvError},
};
use crate::sync::blocking::block_on;

/// A channel without a limit: a sender that is faster than the receiver fills the memory. Two allocations, and one for
/// every 31 messages that lie in it.
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (tx, rx) = chan::channel(Unlimited);
    (UnboundedSender { tx }, UnboundedReceiver { rx })
}

/// Sends into a channel without a limit. Clones send into the same one.
pub struct UnboundedSender<T> {
    tx: Tx<T, Unlimited>,
}

impl<T> UnboundedSender<T> {
    /// Sends the message. Never waits.
    ///
    /// # Errors
    /// The message comes back if the receiver is gone or has closed. `Ok` is no promise that it will be received.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.tx.push(message).map_err(SendError)
    }

    /// Waits until the receiver is gone or has closed.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing.
    pub async fn closed(&self) {
        self.tx.closed().await;
    }

    /// True if the receiver is gone or has closed: nothing can be sent.
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// True if both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.same_channel(&other.tx)
    }

    /// A sender that does not keep the channel from being over.
    #[must_use = "a weak sender that is dropped has no effect"]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { tx: self.tx.downgrade() }
    }

    /// Senders of this channel.
    pub fn strong_count(&self) -> usize {
        self.tx.strong_count()
    }

    /// Weak senders of this channel.
    pub fn weak_count(&self) -> usize {
        self.tx.weak_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> UnboundedSender<T> {
        UnboundedSender { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").field("chan", &*self.tx).finish()
    }
}

/// A sender that does not keep the channel from being over; [`upgrade`](WeakUnboundedSender::upgrade) it to send.
pub struct WeakUnboundedSender<T> {
    tx: WeakTx<T, Unlimited>,
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is one still.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.tx.upgrade().map(|tx| UnboundedSender { tx })
    }

    /// Senders of this channel.
    pub fn strong_count(&self) -> usize {
        self.tx.strong_count()
    }

    /// Weak senders of this channel.
    pub fn weak_count(&self) -> usize {
        self.tx.weak_count()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender").finish_non_exhaustive()
    }
}

/// Receives from a channel without a limit. Dropped, it closes the channel and drops what is in it.
pub struct UnboundedReceiver<T> {
    rx: Rx<T, Unlimited>,
}

impl<T> UnboundedReceiver<T> {
    /// Waits for the next message. `None`: the channel is over.
    ///
    /// # Cancel safety
    /// Dropped, it has received nothing.
    pub async fn recv(&mut self) -> Option<T> {
        self.rx.recv().await
    }

    /// Waits for messages and puts those that are there into `buffer`, at most `limit`. Gives their number; zero: the
    /// channel is over, or `limit` is zero.
    ///
    /// # Cancel safety
    /// Dropped, it has received nothing.
    pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        self.rx.recv_many(buffer, limit).await
    }

    /// The next message if it is there. Waits only for a sender that is in the middle of putting one in.
    ///
    /// # Errors
    /// [`Empty`](TryRecvError::Empty) if there is none just now, [`Disconnected`](TryRecvError::Disconnected) if the
    /// channel is over.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.rx.try_recv()
    }

    /// As [`recv`](UnboundedReceiver::recv), on a thread that runs no tasks.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await `recv` there.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block_on(self.recv(), "mpsc::UnboundedReceiver::blocking_recv", "recv")
    }

    /// As [`recv_many`](UnboundedReceiver::recv_many), on a thread that runs no tasks.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await `recv_many` there.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block_on(self.recv_many(buffer, limit), "mpsc::UnboundedReceiver::blocking_recv_many", "recv_many")
    }

    /// Keeps senders from sending. What was sent before can still be received.
    pub fn close(&mut self) {
        self.rx.close();
    }

    /// True if this has closed the channel, or all senders are gone. There may be messages in it still.
    pub fn is_closed(&self) -> bool {
        self.rx.is_closed()
    }

    /// True if no message is in the channel just now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Messages in the channel just now.
    pub fn len(&self) -> usize {
        self.rx.len()
    }

    /// As [`recv`](UnboundedReceiver::recv), by hand. The task that polled last is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.rx.poll_recv(cx)
    }

    /// As [`recv_many`](UnboundedReceiver::recv_many), by hand. The task that polled last is woken.
    pub fn poll_recv_many(&mut self, cx: &mut Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize> {
        self.rx.poll_recv_many(cx, buffer, limit)
    }

    /// Senders of this channel.
    pub fn sender_strong_count(&self) -> usize {
        self.rx.chan().strong_count()
    }

    /// Weak senders of this channel.
    pub fn sender_weak_count(&self) -> usize {
        self.rx.chan().weak_count()
    }
}

impl<T> fmt::Debug for UnboundedReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedReceiver").field("chan", self.rx.chan()).finish()
    }
}
