//! The senders of a channel with a limit.

use std::{fmt, future::poll_fn, pin::pin, task::Poll, time::Duration};

use super::{
    chan::{Chan, Places, Tx, WeakTx},
    error::{SendError, SendTimeoutError, TrySendError},
    permit::{OwnedPermit, Permit, PermitIterator},
};
use crate::{
    alarm::{Alarm, Stage},
    clock,
    sync::{TryAcquireError, blocking::block_on},
};

/// Sends into a channel with a limit. Clones send into the same one.
pub struct Sender<T> {
    pub(super) tx: Tx<T, Places>,
}

impl<T> Sender<T> {
    /// Waits for a place and sends the message. Senders get places in the order in which they asked.
    ///
    /// # Errors
    /// The message comes back if the receiver is gone or has closed. `Ok` is no promise that it will be received.
    ///
    /// # Cancel safety
    /// Dropped, it has sent nothing, and the message is dropped with it, and the place in the line is lost. To keep the
    /// message, [`reserve`](Sender::reserve) first.
    pub async fn send(&self, message: T) -> Result<(), SendError<T>> {
        match self.acquire(1).await {
            Ok(()) => self.tx.push(message).map_err(SendError),
            Err(SendError(())) => Err(SendError(message)),
        }
    }

    /// Waits until the receiver is gone or has closed.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing.
    pub async fn closed(&self) {
        self.tx.closed().await;
    }

    /// Sends the message if there is a place. Never waits.
    ///
    /// # Errors
    /// The message comes back if there is no place, or the channel is closed.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.try_acquire(1) {
            Ok(()) => self.tx.push(message).map_err(TrySendError::Closed),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(message)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(message)),
        }
    }

    /// As [`send`](Sender::send), but no longer than `timeout`. A place that is free now is taken whatever the timeout.
    ///
    /// # Errors
    /// The message comes back if there was no place in time, or the channel is closed.
    ///
    /// # Panics
    /// If it has to wait outside a runtime: there is no timer then.
    ///
    /// # Cancel safety
    /// As `send`.
    pub async fn send_timeout(&self, message: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        // A deadline that the clock cannot say is none.
        let deadline = clock::now().checked_add(timeout);
        let mut alarm: Option<Alarm> = None;
        let mut acquire = pin!(self.acquire(1));
        let acquired = poll_fn(|cx| {
            if let Poll::Ready(acquired) = acquire.as_mut().poll(cx) {
                return Poll::Ready(Some(acquired));
            }
            let Some(deadline) = deadline else { return Poll::Pending };
            match alarm.as_ref().map(|alarm| alarm.update(cx)) {
                Some(Stage::Set) => return Poll::Pending,
                Some(Stage::GoneOff) => return Poll::Ready(None),
                None | Some(Stage::Elsewhere) if clock::now() >= deadline => return Poll::Ready(None),
                None | Some(Stage::Elsewhere) => {}
            }
            let set = Alarm::set(deadline, cx.waker());
            alarm = Some(set.expect("`send_timeout` waits outside a runtime; use `blocking_send` there"));
            Poll::Pending
        });
        match acquired.await {
            Some(Ok(())) => self.tx.push(message).map_err(SendTimeoutError::Closed),
            Some(Err(SendError(()))) => Err(SendTimeoutError::Closed(message)),
            None => Err(SendTimeoutError::Timeout(message)),
        }
    }

    /// As [`send`](Sender::send), on a thread that runs no tasks.
    ///
    /// # Errors
    /// The message comes back if the channel is closed.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await `send` there.
    #[track_caller]
    pub fn blocking_send(&self, message: T) -> Result<(), SendError<T>> {
        block_on(self.send(message), "mpsc::Sender::blocking_send", "send")
    }

    /// True if the receiver is gone or has closed: nothing can be sent.
    pub fn is_closed(&self) -> bool {
        self.tx.is_closed()
    }

    /// Waits for a place and holds it: to send then neither waits nor fails.
    ///
    /// # Errors
    /// If the channel is closed.
    ///
    /// # Cancel safety
    /// Dropped, it has taken no place; the place in the line is lost.
    ///
    /// ```
    /// # use runtime_core::sync::mpsc;
    /// # async fn example(sender: mpsc::Sender<u8>) -> Result<(), mpsc::error::SendError<()>> {
    /// let permit = sender.reserve().await?; // may be dropped without loss: there is no message yet
    /// permit.send(1);
    /// # Ok(()) }
    /// ```
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        self.acquire(1).await?;
        Ok(Permit::new(&self.tx))
    }

    /// Waits for `n` places and holds them. Those who ask for fewer do not overtake.
    ///
    /// # Errors
    /// If the channel is closed, or never has so many places.
    ///
    /// # Cancel safety
    /// Dropped, it has given back the places that it had got so far; the place in the line is lost.
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        self.acquire(n).await?;
        Ok(PermitIterator::new(&self.tx, n))
    }

    /// As [`reserve`](Sender::reserve), but the permit has the sender in it and so borrows nothing.
    ///
    /// # Errors
    /// If the channel is closed; the sender is dropped.
    ///
    /// # Cancel safety
    /// Dropped, it has taken no place, and the sender is dropped.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        self.acquire(1).await?;
        Ok(OwnedPermit::new(self))
    }

    /// Holds a place if there is one. Never waits.
    ///
    /// # Errors
    /// If there is no place, or the channel is closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        self.try_acquire(1)?;
        Ok(Permit::new(&self.tx))
    }

    /// Holds `n` places if there are so many, else none. Never waits.
    ///
    /// # Errors
    /// If there are fewer places, or the channel is closed.
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        self.try_acquire(n)?;
        Ok(PermitIterator::new(&self.tx, n))
    }

    /// As [`try_reserve`](Sender::try_reserve), but the permit has the sender in it and so borrows nothing.
    ///
    /// # Errors
    /// The sender comes back if there is no place, or the channel is closed.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        match self.try_acquire(1) {
            Ok(()) => Ok(OwnedPermit::new(self)),
            Err(TrySendError::Full(())) => Err(TrySendError::Full(self)),
            Err(TrySendError::Closed(())) => Err(TrySendError::Closed(self)),
        }
    }

    /// True if both send into the same channel.
    pub fn same_channel(&self, other: &Self) -> bool {
        self.tx.same_channel(&other.tx)
    }

    /// Free places just now: neither reserved nor taken by a message.
    pub fn capacity(&self) -> usize {
        self.tx.limit.semaphore.available_permits()
    }

    /// The limit that the channel was made with.
    pub fn max_capacity(&self) -> usize {
        self.tx.limit.max
    }

    /// A sender that does not keep the channel from being over.
    #[must_use = "a weak sender that is dropped has no effect"]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { tx: self.tx.downgrade() }
    }

    /// Senders of this channel, with those in owned permits.
    pub fn strong_count(&self) -> usize {
        self.tx.strong_count()
    }

    /// Weak senders of this channel.
    pub fn weak_count(&self) -> usize {
        self.tx.weak_count()
    }

    async fn acquire(&self, places: usize) -> Result<(), SendError<()>> {
        /// A wait that ends may give back some of the places that it asked for, and a receiver that has closed waits for
        /// the last. To be dropped after the wait.
        struct Leave<'a, T>(&'a Chan<T, Places>);
        impl<T> Drop for Leave<'_, T> {
            fn drop(&mut self) {
                self.0.wake_closed();
            }
        }
        if places > self.max_capacity() {
            return Err(SendError(()));
        }
        let _leave = Leave(&self.tx);
        let acquired = self.tx.limit.semaphore.acquire(places).await;
        acquired.map_err(|_closed| SendError(()))
    }

    fn try_acquire(&self, places: usize) -> Result<(), TrySendError<()>> {
        if places > self.max_capacity() {
            return Err(TrySendError::Full(()));
        }
        self.tx.limit.semaphore.try_acquire(places).map_err(|error| match error {
            TryAcquireError::Closed => TrySendError::Closed(()),
            TryAcquireError::NoPermits => TrySendError::Full(()),
        })
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Sender<T> {
        Sender { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("chan", &*self.tx).finish()
    }
}

/// A sender that does not keep the channel from being over; [`upgrade`](WeakSender::upgrade) it to send.
pub struct WeakSender<T> {
    tx: WeakTx<T, Places>,
}

impl<T> WeakSender<T> {
    /// A sender, if there is one still.
    pub fn upgrade(&self) -> Option<Sender<T>> {
        self.tx.upgrade().map(|tx| Sender { tx })
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

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> WeakSender<T> {
        WeakSender { tx: self.tx.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSender").finish_non_exhaustive()
    }
}
