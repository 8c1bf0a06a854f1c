//! The channel that makes its senders wait.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use super::{
    super::{TryAcquireError, permits::Permits},
    channel::{Channel, Limited},
    error::{SendError, SendTimeoutError, TryRecvError, TrySendError},
    permit::{OwnedPermit, Permit, PermitIterator},
};
use crate::{
    alarm::{Alarm, Stage},
    clock,
};

pub(super) type Bounded<T> = Channel<T, Limited>;

/// A channel that holds up to `buffer` messages.
///
/// # Panics
/// With a `buffer` of 0, or of more than [`Semaphore::MAX_PERMITS`](super::super::Semaphore::MAX_PERMITS).
pub fn channel<T>(buffer: usize) -> (Sender<T>, Receiver<T>) {
    assert!(buffer > 0, "mpsc bounded channel requires buffer > 0");
    assert!(buffer <= Permits::MAX, "a channel may not hold more than Semaphore::MAX_PERMITS messages");
    let channel = Channel::new(Limited { permits: Permits::new(buffer), bound: buffer });
    (Sender { channel: channel.clone() }, Receiver { channel })
}

/// The sending side of a bounded channel.
pub struct Sender<T> {
    pub(super) channel: Rc<Bounded<T>>,
}

/// A sender that does not keep the channel open.
pub struct WeakSender<T> {
    channel: Rc<Bounded<T>>,
}

/// The receiving side of a bounded channel. Its drop drops all messages that it has not received.
pub struct Receiver<T> {
    channel: Rc<Bounded<T>>,
}

impl<T> Sender<T> {
    /// Waits for room and sends.
    ///
    /// # Errors
    /// If the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// A dropped future has not sent; the message is gone with it, and its place in the queue. Who needs the message
    /// waits with [`reserve`](Sender::reserve).
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match self.acquire(1).await {
            Ok(()) => {
                self.channel.push(value);
                Ok(())
            }
            Err(SendError(())) => Err(SendError(value)),
        }
    }

    /// Sends if there is room and nobody waits.
    ///
    /// # Errors
    /// If not, or if the receiver is gone or has closed the channel.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.try_acquire(1) {
            Ok(()) => {
                self.channel.push(message);
                Ok(())
            }
            Err(TrySendError::Full(())) => Err(TrySendError::Full(message)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(message)),
        }
    }

    /// As [`send`](Sender::send), for `timeout` at most.
    ///
    /// # Errors
    /// If there is no room in time, or the receiver is gone or has closed the channel.
    ///
    /// # Panics
    /// If it has to wait outside a runtime.
    ///
    /// # Cancel safety
    /// As for [`send`](Sender::send).
    pub async fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        match self.acquire_within(timeout).await {
            None => Err(SendTimeoutError::Timeout(value)),
            Some(Err(SendError(()))) => Err(SendTimeoutError::Closed(value)),
            Some(Ok(())) => {
                self.channel.push(value);
                Ok(())
            }
        }
    }

    /// `None`: not in time.
    async fn acquire_within(&self, timeout: Duration) -> Option<Result<(), SendError<()>>> {
        let deadline = clock::add(clock::now(), timeout);
        let mut acquire = pin!(self.acquire(1));
        let mut alarm: Option<Alarm> = None;
        poll_fn(|cx| {
            if let Poll::Ready(acquired) = acquire.as_mut().poll(cx) {
                return Poll::Ready(Some(acquired));
            }
            match &alarm {
                Some(alarm) if alarm.update(cx) == Stage::GoneOff => return Poll::Ready(None),
                Some(_) => {}
                None if deadline <= clock::now() => return Poll::Ready(None),
                None => {
                    let set = Alarm::set(deadline, cx.waker());
                    alarm = Some(set.expect("send_timeout was polled outside a runtime, where no timer runs"));
                }
            }
            Poll::Pending
        })
        .await
    }

    async fn acquire(&self, count: usize) -> Result<(), SendError<()>> {
        if count > self.max_capacity() {
            return Err(SendError(()));
        }
        // Dropped after the wait: a permit that was given to it and not taken may be the last one of a closed channel.
        let _last = WakeIfEnded(&self.channel);
        self.channel.room.permits.acquire(count).await.map_err(|_closed| SendError(()))
    }

    fn try_acquire(&self, count: usize) -> Result<(), TrySendError<()>> {
        if count > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        self.channel.room.permits.try_acquire(count).map_err(|error| match error {
            TryAcquireError::Closed => TrySendError::Closed(()),
            TryAcquireError::NoPermits => TrySendError::Full(()),
        })
    }

    /// Waits for room for one message, and holds it.
    ///
    /// # Errors
    /// If the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// A dropped future loses its place in the queue; room that was put by for it goes to the next.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.acquire(1).await?;
        Ok(Permit { channel: &self.channel })
    }

    /// Waits for room for `n` messages, and holds it.
    ///
    /// # Errors
    /// If the receiver is gone or has closed the channel, or if the channel never has room for as many.
    ///
    /// # Cancel safety
    /// As for [`reserve`](Sender::reserve).
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        self.acquire(n).await?;
        Ok(PermitIterator { channel: &self.channel, count: n })
    }

    /// As [`reserve`](Sender::reserve); the permit holds the sender.
    ///
    /// # Errors
    /// As [`reserve`](Sender::reserve). The sender is dropped then: clone it before if it is needed.
    ///
    /// # Cancel safety
    /// As for [`reserve`](Sender::reserve); the sender goes with the future.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.acquire(1).await?;
        Ok(OwnedPermit { sender: Some(self) })
    }

    /// Holds room for one message if it is there and nobody waits.
    ///
    /// # Errors
    /// As [`try_send`](Sender::try_send).
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.try_acquire(1)?;
        Ok(Permit { channel: &self.channel })
    }

    /// Holds room for `n` messages if it is there and nobody waits.
    ///
    /// # Errors
    /// As [`try_send`](Sender::try_send).
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.try_acquire(n)?;
        Ok(PermitIterator { channel: &self.channel, count: n })
    }

    /// As [`try_reserve`](Sender::try_reserve); the permit holds the sender.
    ///
    /// # Errors
    /// As [`try_send`](Sender::try_send), with the sender.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_acquire(1) {
            Ok(()) => Ok(OwnedPermit { sender: Some(self) }),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
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

    /// How many messages could be sent at once.
    pub fn capacity(&self) -> usize {
        self.channel.room.permits.available()
    }

    /// How many messages the channel holds.
    pub fn max_capacity(&self) -> usize {
        self.channel.room.bound
    }

    /// A sender that does not keep the channel open.
    pub fn downgrade(&self) -> WeakSender<T> {
        self.channel.add_weak_sender();
        WeakSender { channel: self.channel.clone() }
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

/// Wakes the receiver when dropped, if the channel has ended.
struct WakeIfEnded<'a, T>(&'a Bounded<T>);

impl<T> Drop for WakeIfEnded<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.0.wake_if_ended();
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        self.channel.add_sender();
        Sender { channel: self.channel.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.remove_sender();
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("channel", &self.channel).finish()
    }
}

impl<T> WeakSender<T> {
    /// A sender, if there is another one still.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.channel.upgrade().then(|| Sender { channel: self.channel.clone() })
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

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        self.channel.add_weak_sender();
        WeakSender { channel: self.channel.clone() }
    }
}

impl<T> Drop for WeakSender<T> {
    fn drop(&mut self) {
        self.channel.remove_weak_sender();
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}

super::channel::receiver!(Receiver, "[`Sender`]");

impl<T> Receiver<T> {
    /// How many messages could be sent at once.
    pub fn capacity(&self) -> usize {
        self.channel.room.permits.available()
    }

    /// How many messages the channel holds.
    pub fn max_capacity(&self) -> usize {
        self.channel.room.bound
    }
}
