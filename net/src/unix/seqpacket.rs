//! Connections of packets in order (SOCK_SEQPACKET), which tokio has not: reliable like a stream, with the boundaries of
//! messages like datagrams.

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
    socket::{Address, UCred, peer_cred, recv_fds, send_fds},
    source::Source,
};
use socket2::{Domain, Type};

use super::{
    SocketAddr, address::named, connect::connect, fds::fd_methods, fds::send_msg, listen_on, named_socket, new_socket,
    peer_methods,
};
use crate::{
    message::message_methods,
    socket::{Socket, socket_methods},
};

/// A connection that carries packets: what one `send` sends one `recv` receives. `Send` and `Sync`.
///
/// A packet that is longer than the buffer is cut, as a datagram is. A `recv` of 0 bytes is the end of the connection, or
/// an empty packet: better send none.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::net::unix::UnixSeqpacket;
///
/// let (a, b) = UnixSeqpacket::pair()?;
/// a.send(b"one").await?;
/// a.send(b"two").await?;
/// let mut buf = [0; 16];
/// assert_eq!((b.recv(&mut buf).await?, &buf[..3]), (3, &b"one"[..]));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixSeqpacket {
    socket: Socket,
}

socket_methods!(UnixSeqpacket, poll_recv_ready, poll_send_ready);
message_methods!(UnixSeqpacket);
named_socket!(UnixSeqpacket, "connection of packets");
peer_methods!(UnixSeqpacket);
fd_methods!(UnixSeqpacket, false, "The packet goes whole or not at all.");
send_msg!(UnixSeqpacket);

impl UnixSeqpacket {
    /// Connects to the socket that listens at `path`; a path that begins with a NUL byte is an abstract name.
    ///
    /// # Errors
    /// Those of connect(2): ENOENT, ECONNREFUSED if nobody listens there, EPROTOTYPE if a socket of another kind does.
    /// `InvalidInput` for a name that is too long.
    ///
    /// # Cancel safety
    /// Dropped it closes the connection that it was about to make.
    pub async fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixSeqpacket> {
        let address = named(path.as_ref())?;
        Ok(UnixSeqpacket { socket: connect(new_socket(Type::SEQPACKET)?, address).await? })
    }

    /// Two connected sockets.
    ///
    /// # Errors
    /// Those of socketpair(2): EMFILE.
    pub fn pair() -> io::Result<(UnixSeqpacket, UnixSeqpacket)> {
        let kind = Type::SEQPACKET.nonblocking().cloexec();
        let (a, b) = socket2::Socket::pair_raw(Domain::UNIX, kind, None)?;
        Ok((UnixSeqpacket { socket: Socket::new(a) }, UnixSeqpacket { socket: Socket::new(b) }))
    }

    /// Who is at the other end: SO_PEERCRED, as of when it connected, or listened.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn peer_cred(&self) -> io::Result<UCred> {
        peer_cred(&self.socket)
    }

    /// Ends one direction or both, on the spot: the peer's `recv` gives 0, and what it sends EPIPE.
    ///
    /// # Errors
    /// Those of shutdown(2).
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.options().shutdown(how)
    }
}

/// A socket that listens for [connections of packets](UnixSeqpacket). `Send` and `Sync`.
pub struct UnixSeqpacketListener {
    socket: Socket,
}

named_socket!(UnixSeqpacketListener, "listener for connections of packets");

impl UnixSeqpacketListener {
    /// Makes a socket at `path` and listens there, as [`UnixListener::bind`](super::UnixListener::bind).
    ///
    /// # Errors
    /// As there.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixSeqpacketListener> {
        Ok(UnixSeqpacketListener { socket: listen_on(Type::SEQPACKET, &named(path.as_ref())?)? })
    }

    /// Gives the next connection and the peer's address.
    ///
    /// # Errors
    /// Those of accept4(2).
    ///
    /// # Cancel safety
    /// Dropped it has taken no connection.
    pub async fn accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        self.socket.wait_for(Interest::READABLE, || self.try_accept()).await
    }

    /// As [`accept`](UnixSeqpacketListener::accept), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`accept`](UnixSeqpacketListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixSeqpacket, SocketAddr)>> {
        self.socket.poll_read_with(cx, || self.try_accept())
    }

    fn try_accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        let (socket, peer) = self.socket.try_accept()?;
        Ok((UnixSeqpacket { socket: Socket::new(socket) }, SocketAddr::of(&peer)?))
    }
}

impl AsFd for UnixSeqpacketListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for UnixSeqpacketListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
