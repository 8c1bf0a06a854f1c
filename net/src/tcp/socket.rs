//! A TCP socket before it listens or connects.

use std::{
    fmt, io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd},
    time::Duration,
};

use runtime_core::{
    fd::{SharedFd, Target},
    op,
};
use socket2::{Domain, Protocol, SockAddr, Type};

use super::{TcpListener, TcpStream, internet};
use crate::socket::Socket;

/// A TCP socket that neither listens nor is connected yet, for setting its options first.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::net::TcpSocket;
///
/// let socket = TcpSocket::new_v4()?;
/// socket.set_reuseport(true)?; // one listener per shard, each with its own queue
/// socket.bind(([127, 0, 0, 1], 0).into())?;
/// let listener = socket.listen(1024)?;
/// # let stream = runtime::net::TcpStream::connect(listener.local_addr()?).await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct TcpSocket {
    inner: socket2::Socket,
}

impl TcpSocket {
    /// A socket of IPv4.
    ///
    /// # Errors
    /// Those of socket(2): EMFILE, ENFILE.
    pub fn new_v4() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV4)
    }

    /// A socket of IPv6.
    ///
    /// # Errors
    /// As for [`new_v4`](TcpSocket::new_v4).
    pub fn new_v6() -> io::Result<TcpSocket> {
        TcpSocket::new(Domain::IPV6)
    }

    fn new(domain: Domain) -> io::Result<TcpSocket> {
        let kind = Type::STREAM.nonblocking().cloexec();
        Ok(TcpSocket { inner: socket2::Socket::new_raw(domain, kind, Some(Protocol::TCP))? })
    }

    /// Takes over a socket of std, which need not be connected, and sets it to non-blocking mode if that can be done.
    pub fn from_std_stream(std_stream: std::net::TcpStream) -> TcpSocket {
        let _ = std_stream.set_nonblocking(true);
        TcpSocket { inner: std_stream.into() }
    }

    /// Gives the socket its local address. Port 0 lets the system choose one.
    ///
    /// # Errors
    /// Those of bind(2): EADDRINUSE, EACCES, EADDRNOTAVAIL.
    pub fn bind(&self, addr: SocketAddr) -> io::Result<()> {
        self.inner.bind(&SockAddr::from(addr))
    }

    /// Connects to `addr`.
    ///
    /// # Errors
    /// Those of connect(2).
    ///
    /// # Cancel safety
    /// Dropped it closes the socket.
    ///
    /// # Cost
    /// One SQE.
    pub async fn connect(self, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = SharedFd::new(self.inner.into());
        op::connect(Target::from(&socket), SockAddr::from(addr)).await?;
        Ok(TcpStream::of(Socket::shared(socket)))
    }

    /// Listens; `backlog` connections may wait for `accept`, if the system allows as many (`net.core.somaxconn`).
    ///
    /// # Errors
    /// Those of listen(2): EADDRINUSE.
    pub fn listen(self, backlog: u32) -> io::Result<TcpListener> {
        self.inner.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(TcpListener::of(self.inner))
    }

    /// The local address, once it is bound.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(&self.inner.local_addr()?)
    }

    /// The error that is pending on the socket (SO_ERROR), which this takes away.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }

    /// How long a close waits for unsent data (SO_LINGER), in whole seconds.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.inner.linger()
    }

    /// Sets how long a close waits for unsent data (SO_LINGER), in whole seconds.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    #[deprecated = "a close that lingers blocks its thread; use `set_zero_linger` to reset, or shut down and read to the end"]
    pub fn set_linger(&self, dur: Option<Duration>) -> io::Result<()> {
        self.inner.set_linger(dur)
    }

    /// Makes the close reset the connection: unsent data is thrown away, and the peer gets ECONNRESET.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.inner.set_linger(Some(Duration::ZERO))
    }

    /// The interface that the socket is bound to (SO_BINDTODEVICE); `None` for any.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn device(&self) -> io::Result<Option<Vec<u8>>> {
        self.inner.device()
    }

    /// Binds the socket to an interface (SO_BINDTODEVICE), or to none.
    ///
    /// # Errors
    /// Those of setsockopt(2): EPERM, ENODEV.
    pub fn bind_device(&self, interface: Option<&[u8]>) -> io::Result<()> {
        self.inner.bind_device(interface)
    }

    /// The type of service of outgoing packets (IP_TOS).
    ///
    /// # Errors
    /// Those of getsockopt(2).
    #[deprecated = "use `tos_v4`"]
    pub fn tos(&self) -> io::Result<u32> {
        self.tos_v4()
    }

    /// Sets the type of service of outgoing packets (IP_TOS).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    #[deprecated = "use `set_tos_v4`"]
    pub fn set_tos(&self, tos: u32) -> io::Result<()> {
        self.set_tos_v4(tos)
    }

    /// The size of the buffer of sends in bytes (SO_SNDBUF). The kernel gives twice what was set, for its own needs.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn send_buffer_size(&self) -> io::Result<u32> {
        self.inner.send_buffer_size().map(|size| size as u32)
    }

    /// Sets the size of the buffer of sends in bytes (SO_SNDBUF).
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_send_buffer_size(&self, size: u32) -> io::Result<()> {
        self.inner.set_send_buffer_size(size as usize)
    }

    /// The size of the buffer of receives in bytes (SO_RCVBUF). The kernel gives twice what was set, for its own needs.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn recv_buffer_size(&self) -> io::Result<u32> {
        self.inner.recv_buffer_size().map(|size| size as u32)
    }

    /// Sets the size of the buffer of receives in bytes (SO_RCVBUF). What is accepted by a listener has the listener's.
    ///
    /// # Errors
    /// Those of setsockopt(2).
    pub fn set_recv_buffer_size(&self, size: u32) -> io::Result<()> {
        self.inner.set_recv_buffer_size(size as usize)
    }
}

/// An option that socket2 has: what it means, the two methods, the value, and socket2's names.
macro_rules! options {
    ($($doc:literal, $get:ident, $set:ident, $value:ident: $type:ty, $inner_get:ident, $inner_set:ident;)+) => {
        impl TcpSocket { $(
            #[doc = concat!("Gets ", $doc, ".")]
            ///
            /// # Errors
            /// Those of getsockopt(2).
            pub fn $get(&self) -> io::Result<$type> {
                self.inner.$inner_get()
            }

            #[doc = concat!("Sets ", $doc, ".")]
            ///
            /// # Errors
            /// Those of setsockopt(2).
            pub fn $set(&self, $value: $type) -> io::Result<()> {
                self.inner.$inner_set($value)
            }
        )+ }
    };
}

options! {
    "whether the connection is probed while it is idle (SO_KEEPALIVE)",
        keepalive, set_keepalive, keepalive: bool, keepalive, set_keepalive;
    "whether the address may be bound while connections of an earlier socket are in TIME_WAIT (SO_REUSEADDR)",
        reuseaddr, set_reuseaddr, reuseaddr: bool, reuse_address, set_reuse_address;
    "whether several sockets may listen on one address, among which the kernel spreads connections (SO_REUSEPORT)",
        reuseport, set_reuseport, reuseport: bool, reuse_port, set_reuse_port;
    "whether small writes go out at once (TCP_NODELAY)",
        nodelay, set_nodelay, nodelay: bool, tcp_nodelay, set_tcp_nodelay;
    "the type of service of outgoing packets (IP_TOS)",
        tos_v4, set_tos_v4, tos: u32, tos_v4, set_tos_v4;
    "the traffic class of outgoing packets (IPV6_TCLASS)",
        tclass_v6, set_tclass_v6, tclass: u32, tclass_v6, set_tclass_v6;
}

impl fmt::Debug for TcpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl From<OwnedFd> for TcpSocket {
    /// Takes over a TCP socket, and sets it to non-blocking mode if that can be done.
    fn from(fd: OwnedFd) -> TcpSocket {
        let inner = socket2::Socket::from(fd);
        let _ = inner.set_nonblocking(true);
        TcpSocket { inner }
    }
}

impl AsFd for TcpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for TcpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl IntoRawFd for TcpSocket {
    fn into_raw_fd(self) -> RawFd {
        self.inner.into_raw_fd()
    }
}
