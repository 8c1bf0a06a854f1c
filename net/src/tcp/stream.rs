//! A TCP connection.

use std::{
    fmt, io,
    net::{Shutdown, SocketAddr},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
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
    source::Source,
};
use socket2::SockAddr;

use super::{Connect, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf, internet};
use crate::{
    addr::ToSocketAddrs,
    slot::{SlotStream, StreamHandle},
    socket::{Socket, socket_methods},
    stream::{stream_methods, stream_ops},
};

/// A TCP connection. `Send` and `Sync`; any number of ops may be in flight on it.
///
/// It reads and writes as a byte stream (`AsyncReadExt`, `AsyncWriteExt`: borrowed buffers) and by ops (`recv`,
/// `send_all`, ...: owned buffers, plannable). Both may be mixed; what is read by the one the other does not see.
///
/// The connection is closed once the stream is dropped **and** the last op on it has ended; a wait that was dropped ends
/// with the shard's next submission.
pub struct TcpStream {
    socket: Socket,
}

socket_methods!(TcpStream);
stream_methods!(TcpStream, poll_recv_bytes);
stream_ops!([] TcpStream);

impl TcpStream {
    /// Connects to the first address that takes the connection, of those that `addr` stands for; see [`Connect`] for both
    /// faces of it.
    ///
    /// # Errors
    /// Those of socket(2) and connect(2) for the last address: ECONNREFUSED, ENETUNREACH, ETIMEDOUT; those of
    /// [`lookup_host`](crate::lookup_host); `InvalidInput` if there is no address.
    ///
    /// # Cancel safety
    /// Dropped it closes the connection that it was about to make.
    ///
    /// # Cost
    /// One socket(2) and one SQE for each address that is tried.
    pub fn connect<A: ToSocketAddrs>(addr: A) -> Connect<A> {
        Connect::new(addr)
    }

    /// Takes over a stream of std, and sets it to non-blocking mode.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn from_std(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        Ok(TcpStream { socket: Socket::adopt(stream)? })
    }

    /// The stream as one of std, still in non-blocking mode. If an op or a wait that was dropped holds the descriptor
    /// yet, it is a duplicate.
    ///
    /// # Errors
    /// EMFILE for a duplicate.
    pub fn into_std(self) -> io::Result<std::net::TcpStream> {
        self.socket.into_fd().map(std::net::TcpStream::from)
    }

    /// The address of this side.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(&self.socket.options().local_addr()?)
    }

    /// The address of the other side.
    ///
    /// # Errors
    /// Those of getpeername(2): ENOTCONN once the connection was reset.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        internet(&self.socket.options().peer_addr()?)
    }

    /// Receives into `buf` what the next read receives again, and gives the count; 0 once the peer has shut down its side.
    ///
    /// # Errors
    /// Those of recv(2).
    ///
    /// # Cancel safety
    /// Nothing is taken from the connection in any case.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut buf = ReadBuf::new(buf);
        self.socket.wait_for(Interest::READABLE, || self.socket.try_peek(&mut buf)).await
    }

    /// As [`peek`](TcpStream::peek), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// Those of recv(2).
    pub fn poll_peek(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        self.socket.poll_read_with(cx, || self.socket.try_peek(buf))
    }

    /// Whether small writes go out at once (TCP_NODELAY).
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.options().tcp_nodelay()
    }

    /// Sets whether small writes go out at once, instead of being gathered while data is unacknowledged (TCP_NODELAY).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.options().set_tcp_nodelay(nodelay)
    }

    /// Whether acknowledgements go out at once (TCP_QUICKACK).
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn quickack(&self) -> io::Result<bool> {
        self.socket.options().tcp_quickack()
    }

    /// Sets whether acknowledgements go out at once (TCP_QUICKACK). The kernel may change it later.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        self.socket.options().set_tcp_quickack(quickack)
    }

    /// How long a close waits for unsent data (SO_LINGER); `None`: it does not wait, and the kernel goes on sending.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.socket.options().linger()
    }

    /// Sets how long a close waits for unsent data (SO_LINGER), in whole seconds.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    #[deprecated = "a close that lingers blocks its thread; use `set_zero_linger` to reset, or shut down and read to the end"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.socket.options().set_linger(dur)
    }

    /// Makes the close reset the connection: unsent data is thrown away, and the peer gets ECONNRESET.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.socket.options().set_linger(Some(Duration::ZERO))
    }

    /// The time to live of the packets that it sends (IP_TTL).
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.options().ttl_v4()
    }

    /// Sets the time to live of the packets that it sends (IP_TTL).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.socket.options().set_ttl_v4(ttl)
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

    /// Closes the stream and gives the error that closing may bring. If ops are in flight on it, the last of
    /// them closes it, and this gives `Ok`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_fd(self.socket.into_shared())
    }

    pub(super) fn of(socket: Socket) -> TcpStream {
        TcpStream { socket }
    }

    fn target(&self) -> Target {
        self.socket.target()
    }
}

impl Resource for TcpStream {
    type Slot = SlotStream<TcpStream>;
    type Handle = StreamHandle;

    fn from_fd(fd: OwnedFd) -> TcpStream {
        TcpStream { socket: Socket::new(fd) }
    }

    fn from_slot(slot: SlotFd) -> SlotStream<TcpStream> {
        SlotStream::new(slot)
    }

    fn from_handle(handle: SlotHandle) -> StreamHandle {
        StreamHandle::new(handle)
    }
}

impl Accepted for TcpStream {
    type Address = SocketAddr;

    fn address(address: &SockAddr) -> io::Result<SocketAddr> {
        internet(address)
    }
}

impl TryFrom<std::net::TcpStream> for TcpStream {
    type Error = io::Error;

    fn try_from(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::from_std(stream)
    }
}

impl AsRef<TcpStream> for TcpStream {
    fn as_ref(&self) -> &TcpStream {
        self
    }
}

impl From<OwnedFd> for TcpStream {
    /// Takes over a connected socket.
    fn from(fd: OwnedFd) -> TcpStream {
        let socket = Socket::new(fd);
        // A direct attempt says MSG_DONTWAIT itself; only calls of the user's own depend on the mode.
        let _ = socket.options().set_nonblocking(true);
        TcpStream { socket }
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("TcpStream");
        if let Ok(address) = self.local_addr() {
            fields.field("addr", &address);
        }
        if let Ok(peer) = self.peer_addr() {
            fields.field("peer", &peer);
        }
        fields.field("fd", &self.as_raw_fd()).finish()
    }
}
