//! Unix sockets: their addresses, credentials and halves; pipes in [`pipe`]. The sockets of tokio are in [`net`](crate) too.
//!
//! What tokio has not: sockets of packets in order ([`UnixSeqpacket`]), descriptors that travel with the bytes
//! ([`UnixStream::send_fds`]), and credentials of a single message ([`UnixDatagram::recv_msg`]).

mod address;
mod connect;
mod datagram;
mod fds;
mod halves;
mod listener;
pub mod pipe;
mod seqpacket;
mod socket;
mod stream;

pub use address::SocketAddr;
pub use connect::Connect;
pub use datagram::UnixDatagram;
pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use listener::UnixListener;
#[doc(inline)]
pub use runtime_core::socket::{FDS_MAX, UCred};
pub use seqpacket::{UnixSeqpacket, UnixSeqpacketListener};
pub use socket::UnixSocket;
pub use stream::UnixStream;

use std::io;

use socket2::{Domain, SockAddr, Type};

use crate::socket::Socket;

/// The number of a user.
#[allow(non_camel_case_types, reason = "tokio's name")]
pub type uid_t = u32;

/// The number of a group.
#[allow(non_camel_case_types, reason = "tokio's name")]
pub type gid_t = u32;

/// The number of a process or a process group.
#[allow(non_camel_case_types, reason = "tokio's name")]
pub type pid_t = i32;

/// Connections that may wait for `accept`, if the system allows as many (`net.core.somaxconn`).
const BACKLOG: i32 = 1024;

/// A new socket in non-blocking mode.
fn new_socket(kind: Type) -> io::Result<socket2::Socket> {
    socket2::Socket::new_raw(Domain::UNIX, kind.nonblocking().cloexec(), None)
}

/// Listens on an address that nobody has.
fn listen_on(kind: Type, address: &SockAddr) -> io::Result<Socket> {
    let socket = new_socket(kind)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?;
    Ok(Socket::new(socket))
}

/// From and into what std has, the addresses, and how it prints.
macro_rules! unix_methods {
    ($type:ident, $std:ty, $what:literal) => {
        impl $type {
            #[doc = concat!("Takes over a ", $what, " of std, and sets it to non-blocking mode.")]
            ///
            /// # Errors
            /// Those of fcntl(2).
            pub fn from_std(std: $std) -> io::Result<$type> {
                Ok($type { socket: Socket::adopt(std)? })
            }

            #[doc = concat!("The ", $what, " as one of std, still in non-blocking mode.")]
            /// If an op or a wait that was dropped holds the descriptor yet, it is a duplicate.
            ///
            /// # Errors
            /// EMFILE for a duplicate.
            pub fn into_std(self) -> io::Result<$std> {
                self.socket.into_fd().map(<$std>::from)
            }
        }

        impl TryFrom<$std> for $type {
            type Error = io::Error;

            fn try_from(std: $std) -> io::Result<$type> {
                $type::from_std(std)
            }
        }

        crate::unix::named_socket!($type, $what);
    };
}
use unix_methods;

/// What does not depend on std's types.
macro_rules! named_socket {
    ($type:ident, $what:literal) => {
        impl $type {
            /// The address of this side; unnamed if it was never bound.
            ///
            /// # Errors
            /// Those of getsockname(2).
            pub fn local_addr(&self) -> io::Result<SocketAddr> {
                Address::of(&self.socket.options().local_addr()?)
            }
        }

        impl From<OwnedFd> for $type {
            #[doc = concat!("Takes over a ", $what, ".")]
            fn from(fd: OwnedFd) -> $type {
                let socket = Socket::new(fd);
                // A direct attempt says MSG_DONTWAIT itself; only accept(2) and calls of the user's own depend on the mode.
                let _ = socket.options().set_nonblocking(true);
                $type { socket }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut fields = f.debug_struct(stringify!($type));
                if let Ok(address) = self.local_addr() {
                    fields.field("local", &address);
                }
                if let Ok(address) = self.socket.options().peer_addr().and_then(|peer| SocketAddr::of(&peer)) {
                    fields.field("peer", &address);
                }
                fields.field("fd", &self.socket.as_raw_fd()).finish()
            }
        }
    };
}
use named_socket;

/// What a socket that is or can be connected has.
macro_rules! peer_methods {
    ($type:ident) => {
        impl $type {
            /// The address of the other side; unnamed if it was never bound.
            ///
            /// # Errors
            /// Those of getpeername(2): ENOTCONN.
            pub fn peer_addr(&self) -> io::Result<SocketAddr> {
                Address::of(&self.socket.options().peer_addr()?)
            }

            /// Closes the socket and gives the error that closing may bring. If ops are in flight on it, the last of them
            /// closes it, and this gives `Ok`.
            pub fn close(self) -> Io<One<Close>> {
                op::close_fd(self.socket.into_shared())
            }
        }
    };
}
use peer_methods;
