//! A server without a runtime, by hand on io_uring: what a runtime's overhead is measured against.
//!
//! It is as fast as one file can make it and knows one kind of server only: each connection's input is answered at once.
//!
//! This package has unsafe code although it lies outside of `runtime-core`: raw SQEs have no safe form, and a limit that went
//! through the library would measure the library. It is no part of the library, and nothing but the benches depends on it.

#![deny(unsafe_op_in_unsafe_fn)]

mod buffers;
mod queue;
mod server;

pub use server::serve;

/// What a server does with a connection's input.
pub trait Work {
    /// Takes in bytes and gives those to send back: the input itself, or some of its own that stay where and as they are until
    /// it is called again or dropped. Nothing if the request is not complete.
    fn answer<'a>(&'a mut self, input: &'a [u8]) -> &'a [u8];
}
