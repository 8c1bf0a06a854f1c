//! Files. Users reach this crate as `runtime::fs`.
//!
//! Every call that touches a file is an **op**: awaited it behaves as its namesake in std and tokio, and with `join!`,
//! `.then` and `.finally` it becomes part of a plan. Buffers are owned and come back with the result.

#![forbid(unsafe_code)]

mod file;
mod open_options;
mod whole;

pub use file::{File, FileHandle, SlotFile};
pub use open_options::OpenOptions;
pub use whole::{read, write};
