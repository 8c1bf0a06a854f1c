//! The receiver of a channel with a limit.

use std::{
    fmt,
    task::{Context, Poll},
};

use super::{
    Sender,
    chan::{self, Places, Rx},
    error::TryRecvError,
};
use crate::sync::{batch_semaphore::Semaphore, blocking::block_on};

/// A channel with `buffer` places: so many messages may be sent and not yet received.
///
/// Costs two allocations. Blocks for messages are allocated as they are needed, not all at once.
///
/// # Panics
/// If `buffer` is zero, or more than a semaphore holds (`usize::MAX >> 3`).
#[track_caller]
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "a channel must have room for at least one message");
    let (tx, rx) = chan::channel(Places { semaphore: Semaphore::new(buffer), max: buffer });
    (Sender { tx }, Receiver { rx })
}

/// Receives from a channel with a limit. Dropped, it closes the channel and drops what is in it.
pub struct Receiver<T> {
    rx: Rx<T, Places>,
}

impl<T> Receiver<T> {
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

    /// As [`recv`](Receiver::recv), on a thread that runs no tasks.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await `recv` there.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Option<T> {
        block_on(self.recv(), "mpsc::Receiver::blocking_recv", "recv")
    }

    /// As [`recv_many`](Receiver::recv_many), on a thread that runs no tasks.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await `recv_many` there.
    #[track_caller]
    pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
        block_on(self.recv_many(buffer, limit), "mpsc::Receiver::blocking_recv_many", "recv_many")
    }

    /// Keeps senders from taking places. What was sent before can still be received, and what is sent with permits that
    /// are held already; the channel is over when no permit is left.
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

    /// Free places just now: neither reserved nor taken by a message.
    pub fn capacity(&self) -> usize {
        self.rx.chan().limit.semaphore.available_permits()
    }

    /// The limit that the channel was made with.
    pub fn max_capacity(&self) -> usize {
        self.rx.chan().limit.max
    }

    /// As [`recv`](Receiver::recv), by hand. The task that polled last is woken.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.rx.poll_recv(cx)
    }

    /// As [`recv_many`](Receiver::recv_many), by hand. The task that polled last is woken.
    pub fn poll_recv_many(&mut self, cx: &mut Context<'_>, buffer: &mut Vec<T>, limit: usize) -> Poll<usize> {
        self.rx.poll_recv_many(cx, buffer, limit)
    }

    /// Senders of this channel, with those in owned permits.
    pub fn sender_strong_count(&self) -> usize {
        self.rx.chan().strong_count()
    }

    /// Weak senders of this channel.
    pub fn sender_weak_count(&self) -> usize {
        self.rx.chan().weak_count()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("chan", self.rx.chan()).finish()
    }
}
