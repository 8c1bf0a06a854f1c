//! Queues from many senders to one receiver.
//!
//! [`channel`] has a limit, and a sender waits for a place; [`unbounded_channel`] has none, and a sender never waits.
//! Messages of one sender arrive in the order in which it sent them. All ends may be on any thread, in a runtime or not.
//!
//! Messages lie in blocks of 31. A block is allocated when the last place of the one before it is taken, and used again
//! when it is empty. To send takes two atomic steps, one more with a limit; no lock, unless a limit makes senders wait.
//!
//! The channel is **over** for the receiver once all senders are gone, or it has closed the channel itself, and all that was
//! sent has been received; it is **closed** for senders once the receiver has closed it or is gone.
//!
//! ```
//! use runtime_core::sync::mpsc;
//!
//! let (sender, mut receiver) = mpsc::channel(8);
//! std::thread::spawn(move || (0..100).for_each(|number| sender.blocking_send(number).unwrap()));
//! let numbers: Vec<i32> = std::iter::from_fn(|| receiver.blocking_recv()).collect();
//! assert!(numbers.into_iter().eq(0..100));
//! ```

mod block;
mod bounded;
mod chan;
pub mod error;
mod permit;
mod queue;
mod sender;
mod unbounded;

pub use bounded::{Receiver, channel};
pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use sender::{Sender, WeakSender};
pub use unbounded::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};

#[cfg(test)]
mod tests;
