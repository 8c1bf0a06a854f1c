//! Room in a bounded channel that is held for messages to come.

use std::{fmt, iter, rc::Rc};

use super::bounded::{Bounded, Sender};

/// Room for one message. It goes back if this is dropped.
pub struct Permit<'a, T> {
    pub(super) channel: &'a Bounded<T>,
}

/// Room for some messages, as an iterator of one permit each. What is left goes back if this is dropped.
pub struct PermitIterator<'a, T> {
    pub(super) channel: &'a Bounded<T>,
    pub(super) count: usize,
}

/// Room for one message, with the sender. It goes back if this is dropped.
pub struct OwnedPermit<T> {
    /// Taken only by the methods that end the permit.
    pub(super) sender: Option<Sender<T>>,
}

impl<T> Permit<'_, T> {
    /// Sends. Does not wait; if the receiver is gone, the message is dropped.
    pub fn send(self, value: T) {
        let channel = self.channel;
        // The room is the message's from now on.
        std::mem::forget(self);
        channel.push(value);
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.channel.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("channel", &self.channel).finish()
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.count = self.count.checked_sub(1)?;
        Some(Permit { channel: self.channel })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.count, Some(self.count))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> iter::FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        self.channel.give_back(self.count);
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator").field("channel", &self.channel).field("capacity", &self.count).finish()
    }
}

impl<T> OwnedPermit<T> {
    /// Sends, and gives the sender back. Does not wait; if the receiver is gone, the message is dropped.
    pub fn send(mut self, value: T) -> Sender<T> {
        let sender = self.sender.take().expect("a permit ends once");
        sender.channel.push(value);
        sender
    }

    /// Gives the room back and the sender to the caller.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.sender.take().expect("a permit ends once");
        sender.channel.give_back(1);
        sender
    }

    /// True if both are for the same receiver.
    pub fn same_channel(&self, other: &Self) -> bool {
        match (&self.sender, &other.sender) {
            (Some(a), Some(b)) => a.same_channel(b),
            _ => false,
        }
    }

    /// True if the permit is for the receiver that `sender` sends to.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender.as_ref().is_some_and(|own| Rc::ptr_eq(&own.channel, &sender.channel))
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.channel.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("sender", &self.sender).finish()
    }
}
