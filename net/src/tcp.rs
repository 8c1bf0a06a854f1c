//! TCP: the halves of a connection, and the futures of `accept` and `connect`. The sockets themselves are in
//! [`net`](crate).

mod connect;
mod halves;
mod listener;
mod socket;
mod stream;

pub use crate::accept::Accept;
pub use connect::Connect;
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use listener::TcpListener;
pub use socket::TcpSocket;
pub use stream::TcpStream;

use std::{io, net::SocketAddr};

use socket2::SockAddr;

/// An address that the kernel has written.
fn internet(address: &SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not an address of IPv4 or IPv6"))
}
