//! A queue from many tasks to one.
//!
//! A bounded channel makes its senders wait while it is full, first come, first served; an unbounded one grows. The
//! receiver gets what is in the queue before it learns that the senders are gone.
//!
//! Cost per message: nothing is allocated once the queue has grown to its size, and a wake of the receiver is one atomic
//! step. A queue that has grown beyond a thousand messages gives that memory back when it is empty.

mod bounded;
mod channel;
mod permit;
mod unbounded;

pub use crate::sync::mpsc::error;
pub use bounded::{Receiver, Sender, WeakSender, channel};
pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use unbounded::{UnboundedReceiver, UnboundedSender, WeakUnboundedSender, unbounded_channel};

#[cfg(test)]
mod tests;
