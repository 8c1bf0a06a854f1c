//! One value that many look at: receivers see the latest one, not every one.
//!
//! To send replaces the value under a write lock and wakes those who wait for a change; to look takes a read lock. Nothing
//! is allocated but places for those who wait, while more wait than ever did before. All ends may be on any thread, in a
//! runtime or not.
//!
//! A [`Ref`] is a read lock: a sender, and so its whole thread, waits for it to be dropped. Keep it short, and never over an
//! `.await`: on a runtime of one thread the sender's wait then has no end.
//!
//! ```
//! use runtime_core::sync::watch;
//!
//! # async fn example() -> Result<(), watch::error::RecvError> {
//! let (sender, mut receiver) = watch::channel("loading");
//! assert_eq!(*receiver.borrow(), "loading");
//! sender.send_replace("ready");
//! receiver.changed().await?;
//! assert_eq!(*receiver.borrow_and_update(), "ready");
//! # Ok(()) }
//! ```

use std::{
    fmt,
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicUsize, Ordering::*},
    },
};

use super::waiters::Waiters;

pub mod error;
mod receiver;

pub use receiver::Receiver;

/// All senders are gone.
const CLOSED: usize = 1;
/// One change.
const CHANGE: usize = 2;

struct Shared<T> {
    /// A panic under this lock is a panic of the user's closure; the value is as the closure left it, so poison says
    /// nothing and is ignored.
    value: RwLock<T>,
    /// The number of changes in units of `CHANGE`, and `CLOSED`. The number grows under the write lock.
    state: AtomicUsize,
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// Receivers that wait for a change.
    changed: Waiters,
    /// Senders that wait for the last receiver to go.
    abandoned: Waiters,
}

impl<T> Shared<T> {
    fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, T> {
        self.value.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of changes.
    fn version(&self) -> usize {
        self.state.load(Acquire) & !CLOSED
    }

    fn is_closed(&self) -> bool {
        self.state.load(Acquire) & CLOSED != 0
    }

    /// One receiver more, which has seen the changes up to `version`.
    fn receiver(shared: &Arc<Shared<T>>, version: usize) -> Receiver<T> {
        shared.receivers.fetch_add(1, Relaxed);
        Receiver { shared: Arc::clone(shared), version }
    }
}

impl<T: fmt::Debug> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("value", &self.value)
            .field("version", &(self.version() / CHANGE))
            .field("is_closed", &self.is_closed())
            .field("senders", &self.senders)
            .field("receivers", &self.receivers)
            .finish_non_exhaustive()
    }
}

/// A channel with this value, which its receiver counts as seen.
///
/// Costs one allocation.
pub fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(init);
    let receiver = sender.subscribe();
    (sender, receiver)
}

/// Changes the value. Clones change the same one.
#[derive(Debug)]
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// A channel without receivers; see [`subscribe`](Sender::subscribe).
    pub fn new(init: T) -> Sender<T> {
        let shared = Shared {
            value: RwLock::new(init),
            state: AtomicUsize::new(0),
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(0),
            changed: Waiters::new(),
            abandoned: Waiters::new(),
        };
        Sender { shared: Arc::new(shared) }
    }

    /// Replaces the value, if there is a receiver.
    ///
    /// # Errors
    /// The new value comes back if there is none, and the old one stays.
    pub fn send(&self, value: T) -> Result<(), error::SendError<T>> {
        if self.receiver_count() == 0 {
            return Err(error::SendError(value));
        }
        drop(self.send_replace(value));
        Ok(())
    }

    /// Changes the value in place, whether or not there is a receiver, and wakes those who wait.
    ///
    /// # Panics
    /// If `modify` does; nobody is woken then, and the value is as `modify` left it.
    ///
    /// `modify` runs under the write lock: in it, any look at the value by this channel's ends waits for ever.
    pub fn send_modify<F>(&self, modify: F)
    where
        F: FnOnce(&mut T),
    {
        self.send_if_modified(|value| {
            modify(value);
            true
        });
    }

    /// As [`send_modify`](Sender::send_modify), but it counts as a change, and wakes those who wait, only if `modify` says
    /// so. Gives what it said.
    ///
    /// # Panics
    /// If `modify` does; nobody is woken then, and the value is as `modify` left it.
    pub fn send_if_modified<F>(&self, modify: F) -> bool
    where
        F: FnOnce(&mut T) -> bool,
    {
        let mut value = self.shared.write();
        if !modify(&mut value) {
            return false;
        }
        // Under the lock, so that value and number belong together for who reads both.
        self.shared.state.fetch_add(CHANGE, Release);
        drop(value);
        self.shared.changed.wake_all();
        true
    }

    /// Replaces the value, whether or not there is a receiver, and gives the old one.
    pub fn send_replace(&self, mut value: T) -> T {
        self.send_modify(|old| std::mem::swap(old, &mut value));
        value
    }

    /// The value, under a read lock.
    pub fn borrow(&self) -> Ref<'_, T> {
        Ref { value: self.shared.read(), has_changed: false }
    }

    /// True if there is no receiver. One may come, by [`subscribe`](Sender::subscribe).
    pub fn is_closed(&self) -> bool {
        self.receiver_count() == 0
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing.
    pub async fn closed(&self) {
        self.shared.abandoned.until(|| self.is_closed().then_some(())).await;
    }

    /// A receiver, which counts the value as seen.
    pub fn subscribe(&self) -> Receiver<T> {
        Shared::receiver(&self.shared, self.shared.version())
    }

    /// Receivers of this channel.
    pub fn receiver_count(&self) -> usize {
        self.shared.receivers.load(Acquire)
    }

    /// Senders of this channel.
    pub fn sender_count(&self) -> usize {
        self.shared.senders.load(Acquire)
    }

    /// True if both change the same value.
    pub fn same_channel(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.shared.senders.fetch_add(1, Relaxed);
        Sender { shared: Arc::clone(&self.shared) }
    }
}

impl<T: Default> Default for Sender<T> {
    fn default() -> Sender<T> {
        Sender::new(T::default())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, AcqRel) == 1 {
            self.shared.state.fetch_or(CLOSED, Release);
            self.shared.changed.wake_all();
        }
    }
}

/// The value, under a read lock: senders wait until this is dropped, and block their threads.
#[derive(Debug)]
pub struct Ref<'a, T> {
    value: RwLockReadGuard<'a, T>,
    has_changed: bool,
}

impl<T> Ref<'_, T> {
    /// True if the receiver had not seen this value before it borrowed it. Of a sender's borrow: false.
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

#[cfg(test)]
mod tests;
