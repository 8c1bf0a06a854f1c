//! TCP.

mod stream;

pub use stream::TcpStream;
