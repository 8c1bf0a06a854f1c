//! A queue from many tasks to many: each receiver gets each value that is sent while it exists.
//!
//! The channel holds a bounded number of values. A sender never waits: it overwrites the oldest value, and receivers who
//! had not come to it learn how many they missed.
//!
//! Cost: a place for a value is allocated when it is first used, and used again, so no send allocates once the ring is
//! full. The last receiver of a value takes it, the others clone it.

mod ring;
#[cfg(test)]
mod tests;

use std::{
    cell::{Cell, RefCell},
    fmt,
    future::poll_fn,
    rc::Rc,
};

use self::{
    error::{RecvError, SendError, TryRecvError},
    ring::{Next, Ring, Taken},
};
use super::{
    cooperative,
    notify::{Notify, Wait},
};

pub use crate::sync::broadcast::error;

/// Values are moved only, never cloned or dropped, while the ring is borrowed.
struct Channel<T> {
    ring: RefCell<Ring<T>>,
    senders: Cell<usize>,
    weak_senders: Cell<usize>,
    receivers: Cell<usize>,
    /// Told of each value, and when the last sender goes.
    news: Notify,
    /// Told when the last receiver goes.
    deserted: Notify,
}

/// Sends values to all receivers.
pub struct Sender<T> {
    channel: Rc<Channel<T>>,
}

/// A sender that does not keep the channel open.
pub struct WeakSender<T> {
    channel: Rc<Channel<T>>,
}

/// Receives the values that were sent since it was made.
pub struct Receiver<T> {
    channel: Rc<Channel<T>>,
    /// Which value comes next, counted from the channel's first.
    next: u64,
}

/// A channel that holds `capacity` values, rounded up to a power of two.
///
/// # Panics
/// With a capacity of 0, or above `usize::MAX / 2`.
pub fn channel<T: Clone>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let sender = Sender::new(capacity);
    let receiver = sender.subscribe();
    (sender, receiver)
}

impl<T> Sender<T> {
    /// A sender without a receiver.
    ///
    /// # Panics
    /// As [`channel`] does.
    pub fn new(capacity: usize) -> Sender<T> {
        Sender {
            channel: Rc::new(Channel {
                ring: RefCell::new(Ring::new(capacity)),
                senders: Cell::new(1),
                weak_senders: Cell::new(0),
                receivers: Cell::new(0),
                news: Notify::new(),
                deserted: Notify::new(),
            }),
        }
    }

    /// Sends to all receivers there are, and says how many. Never waits; the oldest value may go.
    ///
    /// # Errors
    /// If there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let receivers = self.channel.receivers.get();
        if receivers == 0 {
            return Err(SendError(value));
        }
        let overwritten = self.channel.ring.borrow_mut().push(value, receivers);
        self.channel.news.notify_waiters();
        drop(overwritten);
        Ok(receivers)
    }

    /// One receiver more, for the values from now on.
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver::new(&self.channel)
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        self.channel.weak_senders.set(self.channel.weak_senders.get() + 1);
        WeakSender { channel: self.channel.clone() }
    }

    /// How many values there are that some receiver has not received yet.
    pub fn len(&self) -> usize {
        self.channel.ring.borrow().len()
    }

    /// True if all receivers have received all values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many receivers there are.
    pub fn receiver_count(&self) -> usize {
        self.channel.receivers.get()
    }

    /// True if both send to the same receivers.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.channel, &other.channel)
    }

    /// Waits until there is no receiver.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub async fn closed(&self) {
        while self.receiver_count() > 0 {
            // Nothing runs between the check and this.
            let mut wait = Wait::new(&self.channel.deserted);
            poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
        }
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.channel.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.channel.weak_senders.get()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.senders.set(self.channel.senders.get() + 1);
        Sender { channel: self.channel.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.senders.set(self.channel.senders.get() - 1);
        if self.channel.senders.get() == 0 {
            self.channel.news.notify_waiters();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Sender")
    }
}

impl<T> WeakSender<T> {
    /// A sender, if there is another one still.
    #[must_use = "a sender that is dropped sends nothing"]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        let senders = self.channel.senders.get();
        (senders > 0).then(|| {
            self.channel.senders.set(senders + 1);
            Sender { channel: self.channel.clone() }
        })
    }

    /// How many senders there are.
    pub fn strong_count(&self) -> usize {
        self.channel.senders.get()
    }

    /// How many weak senders there are.
    pub fn weak_count(&self) -> usize {
        self.channel.weak_senders.get()
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        self.channel.weak_senders.set(self.channel.weak_senders.get() + 1);
        WeakSender { channel: self.channel.clone() }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.channel.weak_senders.set(self.channel.weak_senders.get() - 1);
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::WeakSender")
    }
}

impl<T> Receiver<T> {
    fn new(channel: &Rc<Channel<T>>) -> Receiver<T> {
        channel.receivers.set(channel.receivers.get() + 1);
        Receiver { next: channel.ring.borrow().end(), channel: channel.clone() }
    }

    /// How many values were sent that it has not received; more than the channel holds, if it has missed some.
    pub fn len(&self) -> usize {
        (self.channel.ring.borrow().end() - self.next) as usize
    }

    /// True if it has received all values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// True if both receive the same values.
    pub fn same_channel(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.channel, &other.channel)
    }

    /// How many senders there are.
    pub fn sender_strong_count(&self) -> usize {
        self.channel.senders.get()
    }

    /// How many weak senders there are.
    pub fn sender_weak_count(&self) -> usize {
        self.channel.weak_senders.get()
    }

    /// True if all senders are gone. Some values may be left.
    pub fn is_closed(&self) -> bool {
        self.channel.senders.get() == 0
    }
}

impl<T: Clone> Receiver<T> {
    /// One receiver more, for the values from now on.
    pub fn resubscribe(&self) -> Receiver<T> {
        Receiver::new(&self.channel)
    }

    /// Waits for the next value.
    ///
    /// # Errors
    /// If values were missed, or none can come any more.
    ///
    /// # Cancel safety
    /// A dropped future has taken no value.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        cooperative(async {
            loop {
                match self.try_recv() {
                    Ok(value) => return Ok(value),
                    Err(TryRecvError::Closed) => return Err(RecvError::Closed),
                    Err(TryRecvError::Lagged(missed)) => return Err(RecvError::Lagged(missed)),
                    Err(TryRecvError::Empty) => {}
                }
                // Nothing runs between the check and this.
                let mut wait = Wait::new(&self.channel.news);
                poll_fn(|cx| wait.poll(Some(cx.waker()))).await;
            }
        })
        .await
    }

    /// The next value if it is there.
    ///
    /// # Errors
    /// If not, or if values were missed, or none can come any more.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        // The borrow ends here: what follows may clone.
        let next = self.channel.ring.borrow_mut().take(self.next);
        match next {
            Next::Empty if self.is_closed() => Err(TryRecvError::Closed),
            Next::Empty => Err(TryRecvError::Empty),
            Next::Overwritten(missed) => {
                self.next += missed;
                Err(TryRecvError::Lagged(missed))
            }
            Next::Value(taken) => {
                self.next += 1;
                Ok(match taken {
                    Taken::Whole(value) => value,
                    Taken::Shared(shared) => Option::clone(&shared).expect("a place in use has a value"),
                })
            }
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.receivers.set(self.channel.receivers.get() - 1);
        // Values that are sent from now on, by the drops below for one, do not count on it.
        let end = self.channel.ring.borrow().end();
        while self.next < end {
            let next = self.channel.ring.borrow_mut().take(self.next);
            match next {
                Next::Overwritten(missed) => self.next += missed,
                Next::Value(_) | Next::Empty => self.next += 1,
            }
        }
        if self.channel.receivers.get() == 0 {
            self.channel.deserted.notify_waiters();
        }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broadcast::Receiver")
    }
}
