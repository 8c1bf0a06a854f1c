//! One value, from one task to another.
//!
//! Cost: one allocation per channel; a send wakes the receiver if it waits.

use std::{
    cell::Cell,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use self::error::{RecvError, TryRecvError};
use super::waker_slot::WakerSlot;
use crate::coop;

pub use crate::sync::oneshot::error;

struct Channel<T> {
    value: Cell<Option<T>>,
    /// A value was sent, or never will be.
    complete: Cell<bool>,
    /// By the receiver: no value is wanted any more.
    closed: Cell<bool>,
    sender: WakerSlot,
    receiver: WakerSlot,
}

/// Sends the one value; dropped before, it tells the receiver so.
#[derive(Debug)]
pub struct Sender<T> {
    channel: Rc<Channel<T>>,
}

/// The future of the one value.
///
/// # Cancel safety
/// Polled by reference (`&mut receiver` in `select!`), nothing is lost when it is not ready. Dropping it drops a value that
/// was sent.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Receiver<T> {
    /// `None` once the result was taken.
    channel: Option<Rc<Channel<T>>>,
}

/// A channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Rc::new(Channel {
        value: Cell::new(None),
        complete: Cell::new(false),
        closed: Cell::new(false),
        sender: WakerSlot::default(),
        receiver: WakerSlot::default(),
    });
    (Sender { channel: channel.clone() }, Receiver { channel: Some(channel) })
}

impl<T> Channel<T> {
    /// The result, once there is one.
    fn take(&self) -> Option<Result<T, RecvError>> {
        match self.value.take() {
            Some(value) => Some(Ok(value)),
            None if self.complete.get() || self.closed.get() => Some(Err(RecvError(()))),
            None => None,
        }
    }

    fn has_value(&self) -> bool {
        let value = self.value.take();
        let has_value = value.is_some();
        self.value.set(value);
        has_value
    }

    fn close(&self) {
        self.closed.set(true);
        self.sender.wake();
    }
}

impl<T> Sender<T> {
    /// Sends; never waits.
    ///
    /// # Errors
    /// The value, if the receiver is gone or has closed the channel. That it was sent does not mean that it is received.
    pub fn send(self, t: T) -> Result<(), T> {
        if self.is_closed() {
            return Err(t);
        }
        // The drop of self completes the channel.
        self.channel.value.set(Some(t));
        Ok(())
    }

    /// Waits until the receiver is gone or has closed the channel.
    ///
    /// # Cancel safety
    /// Nothing is lost by a drop.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// True if the receiver is gone or has closed the channel.
    pub fn is_closed(&self) -> bool {
        self.channel.closed.get()
    }

    /// As [`closed`](Sender::closed), for those who poll.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(coop::poll_proceed(cx));
        if !self.is_closed() {
            self.channel.sender.register(cx.waker());
            if !self.is_closed() {
                return Poll::Pending;
            }
        }
        progress.made();
        Poll::Ready(())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.channel.complete.set(true);
        self.channel.receiver.wake();
        self.channel.sender.clear();
    }
}

impl<T> Receiver<T> {
    /// Lets the sender send no more. A value that was sent before can still be received.
    pub fn close(&mut self) {
        if let Some(channel) = &self.channel {
            channel.close();
        }
    }

    /// True once the future has been ready, or a value was taken: do not poll it again.
    pub fn is_terminated(&self) -> bool {
        self.channel.is_none()
    }

    /// True if there is no value to be taken.
    pub fn is_empty(&self) -> bool {
        !self.channel.as_ref().is_some_and(|channel| channel.has_value())
    }

    /// The value if it is there.
    ///
    /// # Errors
    /// If not: says whether one can still come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        let Some(channel) = &self.channel else { return Err(TryRecvError::Closed) };
        let result = channel.take().ok_or(TryRecvError::Empty)?;
        self.channel = None;
        result.map_err(|_closed| TryRecvError::Closed)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    /// # Panics
    /// After it has been ready.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T, RecvError>> {
        let progress = ready!(coop::poll_proceed(cx));
        let channel = self.channel.as_ref().expect("a oneshot::Receiver was polled after it had been ready");
        let result = match channel.take() {
            Some(result) => result,
            None => {
                channel.receiver.register(cx.waker());
                // To register may run user code, hence the second look.
                ready!(channel.take().map_or(Poll::Pending, Poll::Ready))
            }
        };
        progress.made();
        self.channel = None;
        Poll::Ready(result)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(channel) = self.channel.take() {
            channel.close();
            channel.receiver.clear();
            drop(channel.value.take());
        }
    }
}

impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (complete, closed) = (self.complete.get(), self.closed.get());
        f.debug_struct("Channel").field("complete", &complete).field("closed", &closed).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
