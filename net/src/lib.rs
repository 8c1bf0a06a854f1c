//! Sockets. Users reach this crate as `runtime::net`.
//!
//! Streams that exist already, and the ops on them; everything else is to come.

#![forbid(unsafe_code)]

mod addr;
mod stream;

pub use addr::{ToSocketAddrs, lookup_host};
pub use stream::{TcpStream, UnixStream};
