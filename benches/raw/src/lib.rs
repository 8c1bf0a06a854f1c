//! Servers without a runtime, by hand on epoll and on io_uring: what a runtime's overhead is measured against.
//!
//! They are as fast as one file can make them and know one kind of server only: each connection's input is answered at once.
//! The unsafe code of this package is no part of the library.

pub mod epoll;
pub mod uring;

/// What a server does with a connection's input.
pub trait Work {
    /// Takes in bytes and gives those to send back: the input itself, or some of its own that stay as they are until it is
    /// called again. Nothing if the request is not complete.
    fn answer<'a>(&'a mut self, input: &'a [u8]) -> &'a [u8];
}
