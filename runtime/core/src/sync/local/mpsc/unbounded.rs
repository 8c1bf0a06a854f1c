//! The channel that grows.

use std::{
    fmt,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll},
};

use super::{
    channel::{Channel, Unlimited},
    error::{SendError, TryRecvError},
};

/// A channel without a bound: memory is the limit, and nothing holds a sender back that is faster than the receiver.
pub fn unbounded_channel<T>() -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let channel = Channel::new(Unlimited);
    (UnboundedSender { channel: channel.clone() }, UnboundedReceiver { channel })
}

/// The sending side of an unbounded channel.
pub struct UnboundedSender<T> {
    channel: Rc<Channel<T, Unlimited>>,
}

/// A sender that does not keep the channel open.
pub struct WeakUnboundedSender<T> {
    channel: Rc<Channel<T, Unlimited>>,
}

/// The receiving side of an unbounded channel. Its drop drops all messages that it has not received.
pub struct UnboundedReceiver<T> {
    channel: Rc<Channel<T, Unlimited>>,
}

impl<T> UnboundedSender<T> {
    /// Sends; never waits.
    ///
    /// # Errors
    /// If the receiver is gone or has closed the channel.
    #[inline]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        if self.channel.is_closed() {
            return Err(SendError(message));
        }
        self.channel.push(message);
        Ok(())
    }

    /// Waits until the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub async fn closed(&self) {
        self.channel.closed().await;
    }

    /// True if the receiver is gone or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.channel.is_closed()
    }

    /// True if both send to the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.channel, &other.channel)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        self.channel.add_weak_sender();
        WeakUnboundedSender { channel: self.channel.clone() }
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.channel.senders()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.channel.weak_senders()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> UnboundedSender<T> {
        self.channel.add_sender();
        UnboundedSender { channel: self.channel.clone() }
    }
}

impl<T> Drop for UnboundedSender<T> {
    fn drop(&mut self) {
        self.channel.remove_sender();
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnboundedSender").field("channel", &self.channel).finish()
    }
}

impl<T> WeakUnboundedSender<T> {
    /// A sender, if there is another one still.
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        self.channel.upgrade().then(|| UnboundedSender { channel: self.channel.clone() })
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.channel.senders()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.channel.weak_senders()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> WeakUnboundedSender<T> {
        self.channel.add_weak_sender();
        WeakUnboundedSender { channel: self.channel.clone() }
    }
}

impl<T> Drop for WeakUnboundedSender<T> {
    fn drop(&mut self) {
        self.channel.remove_weak_sender();
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakUnboundedSender").finish_non_exhaustive()
    }
}

super::channel::receiver!(UnboundedReceiver, "[`UnboundedSender`]");
