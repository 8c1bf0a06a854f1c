//! Unix sockets.

mod stream;

pub use stream::UnixStream;
