//! Datagrams between Unix sockets.

mod addressed;
mod room;

use std::{
    fmt, io,
    net::Shutdown,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    path::Path,
    task::{Context, Poll},
};

use runtime_core::{
    buf::IoBufMut,
    future::Io,
    io::{BufSink, ReadBuf, fill_sink},
    op::{self, Close},
    plan::One,
    readiness::{Interest, Ready},
    socket::{Address, recv_fds, send_fds},
    source::Source,
};
use socket2::Type;

use self::room::Rooms;
use super::{SocketAddr, address::named, fds::fd_methods, new_socket, peer_methods};
use crate::{
    message::message_methods,
    socket::{Socket, socket_methods},
};

/// A Unix socket for datagrams. `Send` and `Sync`: all methods take `&self`, so an `Arc` of it serves several tasks.
///
/// Unlike UDP it loses none and keeps their order: a send waits while the receiver's queue is full. A datagram is sent and
/// received whole; one that is longer than the buffer is cut, without an error. The file at its path stays when it is
/// dropped.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::net::UnixDatagram;
///
/// let server = UnixDatagram::bind("\0a server's name")?;
/// let client = UnixDatagram::unbound()?;
/// client.send_to(b"hello", "\0a server's name").await?;
/// let mut buf = [0; 64];
/// let (len, from) = server.recv_from(&mut buf).await?;
/// assert!(&buf[..len] == b"hello" && from.is_unnamed());
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixDatagram {
    socket: Socket,
    /// What `poll_send_to` waits for.
    rooms: Rooms,
}

socket_methods!(UnixDatagram, poll_recv_ready, poll_send_ready);
message_methods!(UnixDatagram);
peer_methods!(UnixDatagram);
fd_methods!(UnixDatagram, false, "They go to the peer, all or nothing.");

impl UnixDatagram {
    /// A socket with the name `path`: a file, or an abstract name if it begins with a NUL byte.
    ///
    /// # Errors
    /// Those of socket(2) and bind(2): EADDRINUSE also if the file is there and nobody uses it any more. `InvalidInput` for
    /// a name that is too long.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        let address = named(path.as_ref())?;
        let socket = new_socket(Type::DGRAM)?;
        socket.bind(&address)?;
        Ok(UnixDatagram::of(Socket::new(socket)))
    }

    /// Two sockets that are connected to each other.
    ///
    /// # Errors
    /// Those of socketpair(2): EMFILE.
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (a, b) = std::os::unix::net::UnixDatagram::pair()?;
        Ok((UnixDatagram::from_std(a)?, UnixDatagram::from_std(b)?))
    }

    /// A socket without a name, which nobody can answer.
    ///
    /// # Errors
    /// Those of socket(2): EMFILE.
    pub fn unbound() -> io::Result<UnixDatagram> {
        Ok(UnixDatagram::of(Socket::new(new_socket(Type::DGRAM)?)))
    }

    /// Takes over a socket of std, and sets it to non-blocking mode.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn from_std(datagram: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram::of(Socket::adopt(datagram)?))
    }

    /// The socket as one of std, still in non-blocking mode. If an op or a wait that was dropped holds the descriptor yet,
    /// it is a duplicate.
    ///
    /// # Errors
    /// EMFILE for a duplicate.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixDatagram> {
        self.socket.into_fd().map(std::os::unix::net::UnixDatagram::from)
    }

    /// Its own address; unnamed if it was never bound.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Address::of(&self.socket.options().local_addr()?)
    }

    /// Sets the peer: [`send`](UnixDatagram::send) goes to it, and only what it sends is received.
    ///
    /// # Errors
    /// Those of connect(2): ENOENT, ECONNREFUSED if nobody uses that name, EPERM if its socket is connected to another.
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.socket.options().connect(&named(path.as_ref())?)
    }

    /// Ends one direction or both, on the spot. Once what came before has been received, a receive gives 0.
    ///
    /// # Errors
    /// Those of shutdown(2): ENOTCONN without a peer.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.end(how)
    }

    /// Sends `source`, a buffer or a loan, and descriptors as one datagram, to an address, or to the peer for `None`, as an
    /// op: `(io::Result<usize>, source)`. This closes the descriptors when it has ended; what is under way stays open.
    ///
    /// # Errors
    /// Those of sendmsg(2): ENOENT, ECONNREFUSED, EMSGSIZE, ENOTCONN. `InvalidInput` for an address that is unnamed, and, with
    /// descriptors, for a loan of variable length.
    ///
    /// # Cancel safety
    /// It may have been sent when the op is dropped; [`Io::cancel`] says so.
    ///
    /// # Cost
    /// One SQE, no copy in user space, one allocation, one more with descriptors. If the receiver's queue is full, a worker
    /// thread of the kernel waits.
    pub fn send_msg<S: Source>(
        &self,
        source: S,
        to: Option<&SocketAddr>,
        fds: Vec<OwnedFd>,
    ) -> Io<One<op::SendMsg<S>>> {
        // An address without a name is the kernel's to refuse, as it does by EINVAL.
        let to = to.map(SocketAddr::to_kernel).transpose().map_err(|_| "the address's path is too long to be sent to");
        op::send_msg(self.socket.target(), source, to, fds)
    }

    pub(super) fn of(socket: Socket) -> UnixDatagram {
        UnixDatagram { socket, rooms: Rooms::default() }
    }
}

impl TryFrom<std::os::unix::net::UnixDatagram> for UnixDatagram {
    type Error = io::Error;

    fn try_from(datagram: std::os::unix::net::UnixDatagram) -> io::Result<UnixDatagram> {
        UnixDatagram::from_std(datagram)
    }
}

impl From<OwnedFd> for UnixDatagram {
    /// Takes over a Unix socket for datagrams.
    fn from(fd: OwnedFd) -> UnixDatagram {
        let socket = Socket::new(fd);
        // A direct attempt says MSG_DONTWAIT itself; only calls of the user's own depend on the mode.
        let _ = socket.options().set_nonblocking(true);
        UnixDatagram::of(socket)
    }
}

impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("UnixDatagram");
        if let Ok(address) = self.local_addr() {
            fields.field("local", &address);
        }
        if let Ok(address) = self.peer_addr() {
            fields.field("peer", &address);
        }
        fields.field("fd", &self.as_raw_fd()).finish()
    }
}
