//! Places in a channel that are held for messages to come.

use std::{fmt, iter::FusedIterator};

use super::{
    Sender,
    chan::{Chan, Places},
};

/// One place. Given back when dropped unused.
///
/// A receiver that has closed still receives what is sent with permits.
#[must_use = "a permit that is dropped gives its place back"]
pub struct Permit<'a, T> {
    chan: &'a Chan<T, Places>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(chan: &'a Chan<T, Places>) -> Permit<'a, T> {
        Permit { chan }
    }

    /// Sends the message. If the receiver is gone the message is dropped.
    pub fn send(self, message: T) {
        let chan = self.chan;
        // The place is the message's now.
        std::mem::forget(self);
        drop(chan.push(message));
    }
}

impl<T> Drop for Permit<'_, T> {
    fn drop(&mut self) {
        self.chan.give_back(1);
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("chan", &self.chan).finish()
    }
}

/// Some places, one by one. Given back when dropped unused.
#[must_use = "permits that are dropped give their places back"]
pub struct PermitIterator<'a, T> {
    chan: &'a Chan<T, Places>,
    left: usize,
}

impl<'a, T> PermitIterator<'a, T> {
    pub(super) fn new(chan: &'a Chan<T, Places>, left: usize) -> PermitIterator<'a, T> {
        PermitIterator { chan, left }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        self.left = self.left.checked_sub(1)?;
        Some(Permit { chan: self.chan })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}
impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> Drop for PermitIterator<'_, T> {
    fn drop(&mut self) {
        if self.left > 0 {
            self.chan.give_back(self.left);
        }
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PermitIterator").field("chan", &self.chan).field("capacity", &self.left).finish()
    }
}

/// One place, together with the sender. Given back when dropped unused.
#[must_use = "a permit that is dropped gives its place back"]
pub struct OwnedPermit<T> {
    /// `None` only in the calls that take the permit apart.
    sender: Option<Sender<T>>,
}

impl<T> OwnedPermit<T> {
    pub(super) fn new(sender: Sender<T>) -> OwnedPermit<T> {
        OwnedPermit { sender: Some(sender) }
    }

    /// Sends the message and gives the sender back. If the receiver is gone the message is dropped.
    pub fn send(mut self, message: T) -> Sender<T> {
        let sender = self.take();
        drop(sender.tx.push(message));
        sender
    }

    /// Gives the place back, and the sender.
    pub fn release(mut self) -> Sender<T> {
        let sender = self.take();
        sender.tx.give_back(1);
        sender
    }

    /// True if both are places of the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sender().same_channel(other.sender())
    }

    /// True if this is a place of the channel that `sender` sends into.
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.sender().same_channel(sender)
    }

    fn take(&mut self) -> Sender<T> {
        self.sender.take().expect("taken once, by who owns the permit")
    }

    fn sender(&self) -> &Sender<T> {
        self.sender.as_ref().expect("taken only by who owns the permit")
    }
}

impl<T> Drop for OwnedPermit<T> {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            sender.tx.give_back(1);
        }
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("chan", &self.sender.as_ref().map(|sender| &*sender.tx)).finish()
    }
}
