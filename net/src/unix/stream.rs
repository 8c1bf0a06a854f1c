//! A connection of Unix sockets.

use std::{
    fmt, io,
    net::Shutdown,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    path::Path,
    pin::Pin,
    task::{Context, Poll},
};

use runtime_core::{
    buf::IoBufMut,
    fd::Target,
    future::Io,
    handle::SlotHandle,
    io::{AsyncRead, AsyncWrite, BufSink, ReadBuf, fill_sink},
    op::{self, Accepted, Close, Resource},
    plan::One,
    readiness::{Interest, Ready},
    slot::SlotFd,
    socket::{Address, UCred, peer_cred, recv_fds, send_fds},
    source::Source,
};
use socket2::SockAddr;

use super::{
    Connect, OwnedReadHalf, OwnedWriteHalf, ReadHalf, SocketAddr, WriteHalf, address::named, fds::fd_methods,
    fds::send_msg, peer_methods, unix_methods,
};
use crate::{
    slot::{SlotStream, StreamHandle},
    socket::{Socket, socket_methods},
    stream::{stream_methods, stream_ops},
};

/// A connection of Unix sockets. `Send` and `Sync`; any number of ops may be in flight on it.
///
/// It reads and writes as a byte stream (`AsyncReadExt`, `AsyncWriteExt`: borrowed buffers) and by ops (`recv`,
/// `send_all`, ...: owned buffers, plannable). Both may be mixed. Descriptors can travel with the bytes:
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use std::{io::Read, os::fd::AsFd};
/// use runtime::net::UnixStream;
///
/// let (a, b) = UnixStream::pair()?;
/// let (mut read, write) = std::io::pipe()?;
/// a.send_fds(b"!", &[write.as_fd()]).await?;
/// drop(write);
/// let (_, fds) = b.recv_fds(&mut [0; 16], 1).await?;
/// assert_eq!(fds.len(), 1);
/// drop(fds); // the last one that can write to the pipe
/// assert_eq!(read.read(&mut [0])?, 0);
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixStream {
    socket: Socket,
}

socket_methods!(UnixStream);
stream_methods!(UnixStream, poll_recv);
stream_ops!([] UnixStream);
unix_methods!(UnixStream, std::os::unix::net::UnixStream, "stream");
peer_methods!(UnixStream);
fd_methods!(UnixStream, true, "Gives the count of bytes, which may be less than all; there has to be one at least.");
send_msg!(UnixStream);

impl UnixStream {
    /// Connects to the socket that listens at `path`; see [`Connect`] for both of its faces. A path that begins with a NUL
    /// byte is an abstract name.
    ///
    /// # Errors
    /// Those of connect(2): ENOENT, ECONNREFUSED if nobody listens there, EACCES. `InvalidInput` for a name that is too long.
    ///
    /// # Cancel safety
    /// Dropped it closes the connection that it was about to make.
    ///
    /// # Cost
    /// Two system calls. If too many connections wait to be accepted, an SQE too, which waits in a worker thread of the
    /// kernel. In a plan two SQEs.
    pub fn connect<P: AsRef<Path>>(path: P) -> Connect {
        Connect::new(named(path.as_ref()))
    }

    /// As [`connect`](UnixStream::connect), to an address.
    ///
    /// # Errors
    /// As for [`connect`](UnixStream::connect).
    ///
    /// # Cancel safety
    /// As for [`connect`](UnixStream::connect).
    pub fn connect_addr(socket_addr: &SocketAddr) -> Connect {
        Connect::new(socket_addr.to_kernel())
    }

    /// Two connected sockets.
    ///
    /// # Errors
    /// Those of socketpair(2): EMFILE.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::from_std(a)?, UnixStream::from_std(b)?))
    }

    /// Who is at the other end: SO_PEERCRED, as of when it connected, or listened.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn peer_cred(&self) -> io::Result<UCred> {
        peer_cred(&self.socket)
    }

    /// Borrows the two directions as two halves, which can be used at the same time. Costs nothing.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        ReadHalf::pair(self)
    }

    /// Turns the stream into two halves that can go to different tasks: one allocation. Dropping the half that writes
    /// shuts down that direction; [`reunite`](OwnedReadHalf::reunite) makes the stream whole again.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        OwnedReadHalf::pair(self)
    }

    pub(super) fn of(socket: Socket) -> UnixStream {
        UnixStream { socket }
    }

    fn target(&self) -> Target {
        self.socket.target()
    }
}

impl Resource for UnixStream {
    type Slot = SlotStream<UnixStream>;
    type Handle = StreamHandle;

    fn from_fd(fd: OwnedFd) -> UnixStream {
        UnixStream { socket: Socket::new(fd) }
    }

    fn from_connect(fd: OwnedFd) -> UnixStream {
        UnixStream::from(fd)
    }

    fn from_slot(slot: SlotFd) -> SlotStream<UnixStream> {
        SlotStream::new(slot)
    }

    fn from_handle(handle: SlotHandle) -> StreamHandle {
        StreamHandle::new(handle)
    }
}

impl Accepted for UnixStream {
    type Address = SocketAddr;

    fn address(address: &SockAddr) -> io::Result<SocketAddr> {
        SocketAddr::of(address)
    }
}

impl AsRef<UnixStream> for UnixStream {
    fn as_ref(&self) -> &UnixStream {
        self
    }
}
