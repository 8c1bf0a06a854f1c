//! A channel for one value from one task to another, or from any thread to a task.
//!
//! The two ends share one allocation. Sending takes one atomic step, two if the receiver waits; receiving a value that is
//! there takes a load. Both ends may be on any thread, in a runtime or not.
//!
//! ```
//! use runtime_core::sync::oneshot;
//!
//! let (sender, receiver) = oneshot::channel();
//! std::thread::spawn(move || sender.send("done"));
//! assert_eq!(receiver.blocking_recv(), Ok("done"));
//! ```

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll, ready},
};

use super::blocking::block_on;
use crate::coop;

mod shared;

use shared::{Received, ReceiverEnd, SenderEnd};

/// A new channel.
///
/// Costs one allocation, which the end that goes last frees.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = shared::pair();
    (Sender { end: sender }, Receiver { end: Some(receiver) })
}

/// The end that sends. Dropped without a value, it ends the receiver's wait with an error.
pub struct Sender<T> {
    end: SenderEnd<T>,
}

impl<T> Sender<T> {
    /// Sends the value; never waits.
    ///
    /// # Errors
    /// The value comes back if the receiver was dropped or closed. `Ok` is no promise that it will be looked at: the
    /// receiver may be dropped with it.
    pub fn send(self, value: T) -> Result<(), T> {
        self.end.send(value)
    }

    /// Waits until the receiver is dropped or closed, so that nobody wants the value any more.
    ///
    /// # Cancel safety
    /// Dropped, it has done nothing.
    ///
    /// ```
    /// # use runtime_core::sync::oneshot;
    /// # async fn example(mut sender: oneshot::Sender<u8>) {
    /// sender.closed().await; // dear work can be given up now
    /// assert_eq!(sender.send(1), Err(1));
    /// # }
    /// ```
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await
    }

    /// True if the receiver was dropped or closed: [`send`](Sender::send) would fail.
    pub fn is_closed(&self) -> bool {
        self.end.is_closed()
    }

    /// As [`closed`](Sender::closed), by hand. The task that polled last is woken.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(coop::poll_proceed(cx));
        ready!(self.end.poll_closed(cx));
        progress.made();
        Poll::Ready(())
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}

/// The end that receives: a future of the value, or of an error if the sender is dropped without one.
///
/// # Cancel safety
/// A `&mut Receiver` in a `select!` loses nothing when another branch wins: the value stays where it is. With the
/// receiver itself the value is dropped.
///
/// # Panics
/// Polled again after it was ready.
#[must_use = "futures do nothing unless awaited"]
pub struct Receiver<T> {
    /// `None` once the value, or the error, was given.
    end: Option<ReceiverEnd<T>>,
}

impl<T> Receiver<T> {
    /// Keeps the sender from sending. A value that was sent before can still be received.
    pub fn close(&mut self) {
        if let Some(end) = &self.end {
            end.close();
        }
    }

    /// True once this has given a value, or the error that there will be none: it must not be polled again.
    pub fn is_terminated(&self) -> bool {
        self.end.is_none()
    }

    /// True if there is no value to receive just now. It may come at any moment, unless the channel is closed.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_none_or(ReceiverEnd::is_empty)
    }

    /// The value if it is there. Never waits.
    ///
    /// # Errors
    /// [`Empty`](error::TryRecvError::Empty) if the value may come yet, [`Closed`](error::TryRecvError::Closed) if there
    /// will be none, or it was given before.
    pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        let end = self.end.take().ok_or(error::TryRecvError::Closed)?;
        match end.receive() {
            Received::Value(value) => Ok(value),
            Received::Nothing => Err(error::TryRecvError::Closed),
            Received::NotYet(end) => {
                self.end = Some(end);
                Err(error::TryRecvError::Empty)
            }
        }
    }

    /// Waits for the value on a thread that runs no tasks.
    ///
    /// # Errors
    /// If the sender is dropped without a value.
    ///
    /// # Panics
    /// On a thread of a runtime, where it would keep tasks from running: await the receiver there.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, error::RecvError> {
        block_on(self, "oneshot::Receiver::blocking_recv", "the receiver")
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, error::RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let progress = ready!(coop::poll_proceed(cx));
        let end = self.end.as_mut().expect("a oneshot receiver was polled after it had given its result");
        ready!(end.poll(cx));
        progress.made();
        let end = self.end.take().expect("there was one above");
        Poll::Ready(match end.receive() {
            Received::Value(value) => Ok(value),
            Received::Nothing => Err(error::RecvError(())),
            Received::NotYet(_) => unreachable!("the end was ready"),
        })
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("is_terminated", &self.is_terminated()).finish_non_exhaustive()
    }
}

/// What can go wrong.
pub mod error {
    use std::{error::Error, fmt};

    /// The sender was dropped without a value.
    #[derive(Debug, Eq, PartialEq, Clone)]
    pub struct RecvError(pub(in crate::sync) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl Error for RecvError {}

    /// Why there is no value at once.
    #[derive(Debug, Eq, PartialEq, Clone)]
    pub enum TryRecvError {
        /// It has not been sent yet.
        Empty,
        /// There will be none.
        Closed,
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                TryRecvError::Empty => "channel empty",
                TryRecvError::Closed => "channel closed",
            })
        }
    }

    impl Error for TryRecvError {}
}

#[cfg(test)]
mod tests;
