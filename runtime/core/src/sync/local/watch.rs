//! The latest value, from some tasks to many: who is slow sees only the last one.
//!
//! Cost: the value is stored in place, so a send allocates only while a [`Ref`] of the value before exists, which then keeps
//! showing that one.

#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    marker::PhantomData,
    ops::Deref,
    rc::Rc,
};

use self::error::{RecvError, SendError};
use super::{
    cooperative,
    notify::{Notify, Wait},
};

pub use crate::sync::watch::error;

struct Channel<T> {
    /// Each [`Ref`] has a count of it, so that nobody reads under a borrow. `None` while it is being modified.
    value: RefCell<Option<Rc<T>>>,
    version: Cell<u64>,
    senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Told of each version, and when the last sender goes.
    changes: Notify,
    /// Told when the last receiver goes.
    deserted: Notify,
}

/// Sets the value.
pub struct Sender<T> {
    channel: Rc<Channel<T>>,
}

/// Sees the value, and waits for new ones.
pub struct Receiver<T> {
    channel: Rc<Channel<T>>,
    /// The version that was seen last.
    seen: u64,
}

/// The value as it was when it was borrowed.
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: Rc<T>,
    has_changed: bool,
    channel: PhantomData<&'a T>,
}

/// A channel with a first value, which counts as seen.
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(init);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Channel<T> {
    fn value(&self) -> Rc<T> {
        let value = self.value.borrow().clone();
        value.expect("the value of a watch channel cannot be used inside the closure that modifies it")
    }

    /// Puts in another value, and gives the one before, for the caller to drop when nothing is borrowed.
    fn replace(&self, value: T) -> Replaced<T> {
        // Panics before anything is borrowed.
        drop(self.value());
        let mut place = self.value.borrow_mut();
        let shared = place.as_mut().expect("looked at just before");
        match Rc::get_mut(shared) {
            Some(old) => Replaced::Value(std::mem::replace(old, value)),
            None => Replaced::Shared(std::mem::replace(shared, Rc::new(value))),
        }
    }

    fn publish(&self) {
        self.version.set(self.version.get().wrapping_add(1));
        self.changes.notify_waiters();
    }
}

/// A value that is not the channel's any more; it is only dropped.
#[expect(dead_code)]
enum Replaced<T> {
    Value(T),
    /// Somebody reads it still.
    Shared(Rc<T>),
}

/// The value while it is being modified.
struct Modified<'a, T> {
    channel: &'a Channel<T>,
    value: Option<Rc<T>>,
}

impl<T> Drop for Modified<'_, T> {
    fn drop(&mut self) {
        *self.channel.value.borrow_mut() = self.value.take();
    }
}

impl<T> Ref<'_, T> {
    /// True if, when it was borrowed, the receiver had not seen it yet. Of a sender, false.
    pub fn has_changed(&self) -> bool {
        self.has_changed
    }
}

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Sender<T> {
    /// A sender without a receiver.
    pub fn new(init: T) -> Sender<T> {
        Sender {
            channel: Rc::new(Channel {
                value: RefCell::new(Some(Rc::new(init))),
                version: Cell::new(0),
                senders: Cell::new(1),
                receivers: Cell::new(0),
                changes: Notify::new(),
                deserted: Notify::new(),
            }),
        }
    }

    /// Sets the value and wakes the receivers. The value before is dropped.
    ///
    /// # Errors
    /// If there is no receiver; the value stays as it was.
    ///
    /// # Panics
    /// Inside the closure of [`send_modify`](Sender::send_modify).
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.is_closed() {
            return Err(SendError(value));
        }
        let _dropped_last = self.channel.replace(value);
        self.channel.publish();
        Ok(())
    }

    /// Modifies the value and wakes the receivers, of which there may be none. If `modify` panics, nobody is woken.
    ///
    /// # Panics
    /// While a [`Ref`] of the value exists, and inside another such closure. (With tokio, the thread would wait for itself.)
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// As [`send_modify`](Sender::send_modify); if `modify` says false, no receiver is told. Says what `modify` said.
    ///
    /// # Panics
    /// As [`send_modify`](Sender::send_modify) does.
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        // Checked before it is taken away.
        drop(self.channel.value());
        let taken = self.channel.value.borrow_mut().take();
        let mut modified = Modified { channel: &self.channel, value: taken };
        let value = modified.value.as_mut().and_then(Rc::get_mut);
        let is_modified =
            modify(value.expect("the value of a watch channel cannot be modified while a Ref of it exists"));
        drop(modified);
        if is_modified {
            self.channel.publish();
        }
        is_modified
    }

    /// Sets the value, wakes the receivers, of which there may be none, and gives the value before.
    ///
    /// # Panics
    /// As [`send_modify`](Sender::send_modify) does.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|old| std::mem::swap(old, &mut value));
        value
    }

    /// The value now.
    ///
    /// # Panics
    /// Inside the closure of [`send_modify`](Sender::send_modify).
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { value: self.channel.value(), has_changed: false, channel: PhantomData }
    }

    /// True if there is no receiver.
    pub fn is_closed(&self) -> bool {
        self.channel.receivers.get() == 0
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub async fn closed(&self) {
        cooperative(async {
            while !self.is_closed() {
                // Nothing runs between the check and this.
                let mut wait = Wait::new(&self.channel.deserted);
                poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
            }
        })
        .await;
    }

    /// One receiver more; it has seen the value that is there now.
    pub fn subscribe(&self) -> Receiver<T> {
        let channel = self.channel.clone();
        channel.receivers.set(channel.receivers.get() + 1);
        Receiver { seen: channel.version.get(), channel }
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.channel.receivers.get()
    }

    /// How many senders there are.
    pub fn sender_count(&self) -> usize {
        self.channel.senders.get()
    }

    /// True if both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.senders.set(self.channel.senders.get() + 1);
        Sender { channel: self.channel.clone() }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Sender<T> {
        Sender::new(T::default())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.senders.set(self.channel.senders.get() - 1);
        if self.channel.senders.get() == 0 {
            self.channel.changes.notify_waiters();
        }
    }
}

impl<T> Receiver<T> {
    /// The value now. Does not count as having seen it.
    ///
    /// # Panics
    /// Inside the closure of [`Sender::send_modify`].
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { value: self.channel.value(), has_changed: self.is_behind(), channel: PhantomData }
    }

    /// The value now, which has been seen from now on.
    ///
    /// # Panics
    /// Inside the closure of [`Sender::send_modify`].
    pub fn borrow_and_update(&mut self) -> Ref<'_, T> {
        let (value, has_changed) = (self.channel.value(), self.is_behind());
        self.mark_unchanged();
        Ref { value, has_changed, channel: PhantomData }
    }

    /// True if there is a value that was not seen.
    ///
    /// # Errors
    /// If all senders are gone, whether or not the last value was seen.
    pub fn has_changed(&self) -> Result<bool, RecvError> {
        if self.is_closed() { Err(RecvError(())) } else { Ok(self.is_behind()) }
    }

    fn is_behind(&self) -> bool {
        self.seen != self.channel.version.get()
    }

    /// True if all senders are gone.
    pub fn is_closed(&self) -> bool {
        self.channel.senders.get() == 0
    }

    /// Takes the value for one that was not seen.
    pub fn mark_changed(&mut self) {
        self.seen = self.channel.version.get().wrapping_sub(1);
    }

    /// Takes the value for one that was seen.
    pub fn mark_unchanged(&mut self) {
        self.seen = self.channel.version.get();
    }

    /// Waits for a value that was not seen, and takes it for seen.
    ///
    /// # Errors
    /// If all senders are gone and the last value was seen.
    ///
    /// # Cancel safety
    /// A dropped future has taken nothing for seen.
    pub async fn changed(&mut self) -> Result<(), RecvError> {
        cooperative(self.next_version()).await
    }

    async fn next_version(&mut self) -> Result<(), RecvError> {
        loop {
            if self.is_behind() {
                self.mark_unchanged();
                return Ok(());
            }
            if self.is_closed() {
                return Err(RecvError(()));
            }
            // Nothing runs between the checks and this.
            let mut wait = Wait::new(&self.channel.changes);
            poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
        }
    }

    /// Waits for a value of which `f` says true, beginning with the one that is there. All values that `f` was shown have
    /// been seen.
    ///
    /// # Errors
    /// If all senders are gone and `f` did not say true of the last value.
    ///
    /// # Panics
    /// If `f` does.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop; values that `f` was shown stay seen.
    pub async fn wait_for(&mut self, mut f: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, RecvError> {
        cooperative(async {
            let mut has_changed = self.is_behind();
            loop {
                self.mark_unchanged();
                let value = self.channel.value();
                if f(&value) {
                    return Ok(Ref { value, has_changed, channel: PhantomData });
                }
                drop(value);
                self.next_version().await?;
                has_changed = true;
            }
        })
        .await
    }

    /// True if both see the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.channel, &other.channel)
    }
}

impl<T> Clone for Receiver<T> {
    /// One receiver more, which has seen what this one has.
    fn clone(&self) -> Receiver<T> {
        self.channel.receivers.set(self.channel.receivers.get() + 1);
        Receiver { channel: self.channel.clone(), seen: self.seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.receivers.set(self.channel.receivers.get() - 1);
        if self.channel.receivers.get() == 0 {
            self.channel.deserted.notify_waiters();
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value.borrow().clone();
        f.debug_struct("Channel")
            .field("value", &value)
            .field("version", &self.version.get())
            .field("senders", &self.senders.get())
            .field("receivers", &self.receivers.get())
            .finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &self.channel).finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("channel", &self.channel).field("seen", &self.seen).finish()
    }
}
