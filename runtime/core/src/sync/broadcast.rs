//! Every receiver gets every message, as long as it keeps up.
//!
//! The channel keeps the last messages up to its capacity. When one more is sent the oldest goes, and a receiver that had
//! not received it learns how many it has missed: senders never wait.
//!
//! One lock guards the queue, held for a few instructions. A message costs one allocation, and a receive one clone; the last
//! receiver of a message gets the message itself. Clones of one message are made one after the other, so messages need
//! not be `Sync`, and outside the channel's lock. All ends may be on any thread, in a runtime or not.
//!
//! ```
//! use runtime_core::sync::broadcast;
//!
//! # async fn example() -> Result<(), broadcast::error::RecvError> {
//! let (sender, mut first) = broadcast::channel(16);
//! let mut second = sender.subscribe();
//! sender.send("hello").unwrap();
//! assert_eq!((first.recv().await?, second.recv().await?), ("hello", "hello"));
//! # Ok(()) }
//! ```

use std::{
    fmt,
    sync::{Arc, atomic::Ordering::*},
};

pub mod error;
mod receiver;
mod shared;

pub use receiver::Receiver;
use shared::{Message, Shared};

/// A channel that keeps the last `capacity` messages, rounded up to a power of two.
///
/// Memory for messages grows with their number, up to the capacity.
///
/// # Panics
/// If `capacity` is zero or more than half of what `usize` can say.
#[track_caller]
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Sends to all receivers. Clones send into the same channel.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel without receivers; see [`subscribe`](Sender::subscribe), and [`channel`] for the capacity.
    ///
    /// # Panics
    /// As [`channel`].
    #[track_caller]
    pub fn new(capacity: usize) -> Sender<T> {
        assert!(capacity > 0, "a broadcast channel must have room for at least one message");
        assert!(capacity <= usize::MAX >> 1, "the capacity of a broadcast channel is at most usize::MAX / 2");
        Sender { shared: Arc::new(Shared::new(capacity.next_power_of_two())) }
    }

    /// Sends the message to all receivers there are, and gives their number. Never waits.
    ///
    /// # Errors
    /// The message comes back if there is no receiver. `Ok` is no promise that all will receive it: some may go, or fall
    /// behind.
    pub fn send(&self, message: T) -> Result<usize, error::SendError<T>> {
        self.shared.send(Message::new(message)).map_err(|refused| error::SendError(refused.into_value()))
    }

    /// A receiver of all messages that are sent from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.shared)
    }

    /// A sender that does not keep the channel open.
    #[must_use = "a weak sender that is dropped has no effect"]
    pub fn downgrade(&self) -> WeakSender<T> {
        self.shared.weak.fetch_add(1, Relaxed);
        WeakSender { shared: Arc::clone(&self.shared) }
    }

    /// Messages that some receiver has not received yet, and that were not pushed out.
    pub fn len(&self) -> usize {
        self.shared.lock().len()
    }

    /// True if every receiver has received all, or missed it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Receivers of this channel.
    pub fn receiver_count(&self) -> usize {
        self.shared.lock().receivers()
    }

    /// True if both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing.
    pub async fn closed(&self) {
        self.shared.abandoned.until(|| (self.receiver_count() == 0).then_some(())).await;
    }

    /// Senders of this channel.
    pub fn strong_count(&self) -> usize {
        self.shared.senders.load(Acquire)
    }

    /// Weak senders of this channel.
    pub fn weak_count(&self) -> usize {
        self.shared.weak.load(Relaxed)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.senders.fetch_add(1, Relaxed);
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, AcqRel) == 1 {
            self.shared.close();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Sender")
    }
}

/// A sender that does not keep the channel open; [`upgrade`](WeakSender::upgrade) it to send.
pub struct WeakSender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is one still.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let more = |senders: usize| (senders != 0).then_some(senders + 1);
        self.shared.senders.fetch_update(AcqRel, Acquire, more).ok()?;
        Some(Sender { shared: Arc::clone(&self.shared) })
    }

    /// Senders of this channel.
    pub fn strong_count(&self) -> usize {
        self.shared.senders.load(Acquire)
    }

    /// Weak senders of this channel.
    pub fn weak_count(&self) -> usize {
        self.shared.weak.load(Relaxed)
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        self.shared.weak.fetch_add(1, Relaxed);
        WeakSender { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.shared.weak.fetch_sub(1, Relaxed);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::WeakSender")
    }
}

#[cfg(test)]
mod tests;
