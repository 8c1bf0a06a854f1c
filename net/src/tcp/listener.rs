//! A listening TCP socket.

use std::{
    fmt, io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd},
    task::{Context, Poll},
};

use runtime_core::{
    fd::Target,
    op,
    readiness::{Interest, WhenReady},
};
use socket2::{Domain, SockAddr, Type};

use super::{Accept, TcpStream, internet};
use crate::{
    accept::Listener,
    addr::{ToSocketAddrs, lookup_host, no_address},
    socket::Socket,
};

/// Connections that may wait for `accept`, if the system allows as many (`net.core.somaxconn`).
const BACKLOG: i32 = 1024;

/// A TCP socket that listens for connections. `Send` and `Sync`; any number of tasks may accept at once, on any shard.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::{io::{AsyncReadExt, AsyncWriteExt}, net::{TcpListener, TcpStream}};
///
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let mut client = TcpStream::connect(listener.local_addr()?).await?;
/// let (mut server, peer) = listener.accept().await?;
/// assert_eq!(peer, client.local_addr()?);
/// client.write_all(b"hello").await?;
/// let mut buf = [0; 5];
/// server.read_exact(&mut buf).await?;
/// assert_eq!(&buf, b"hello");
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct TcpListener {
    socket: Socket,
}

impl TcpListener {
    /// Listens on the first address that can be bound, of those that `addr` stands for, with SO_REUSEADDR. Port 0 lets the
    /// system choose one.
    ///
    /// Up to 1024 connections wait for `accept`; [`TcpSocket`](super::TcpSocket) takes another number and other options.
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and listen(2) for the last address: EADDRINUSE, EACCES, EADDRNOTAVAIL; those of
    /// [`lookup_host`]; `InvalidInput` if there is no address.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        let mut last = None;
        for address in lookup_host(addr).await? {
            match bind_to(address) {
                // A listener that was just dropped on this shard stays bound until the op of a dropped `accept` has ended,
                // which it does with the shard's next submission.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    op::nop().await?;
                    op::nop().await?;
                    match bind_to(address) {
                        Ok(listener) => return Ok(listener),
                        Err(error) => last = Some(error),
                    }
                }
                Ok(listener) => return Ok(listener),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(no_address))
    }

    /// Gives the next connection and the peer's address; see [`Accept`] for both of its faces.
    ///
    /// # Errors
    /// Those of accept4(2). None of them is the end of the listener: after EMFILE (too many open descriptors) the
    /// connection still waits, and the next call tries again; it fails at once while that lasts, so wait or close
    /// something.
    ///
    /// # Cancel safety
    /// Dropped it has taken no connection. (In a plan it may have.)
    ///
    /// # Cost
    /// One system call for a connection that waits; else a poll op and two.
    pub fn accept(&self) -> Accept<'_> {
        Accept::new(self)
    }

    /// As [`accept`](TcpListener::accept), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`accept`](TcpListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        self.socket.poll_read_with(cx, || self.try_accept())
    }

    /// Takes over a listener of std, and sets it to non-blocking mode.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        Ok(TcpListener { socket: Socket::adopt(listener)? })
    }

    /// The listener as one of std, still in non-blocking mode. If a wait that was dropped holds the descriptor yet, it is
    /// a duplicate.
    ///
    /// # Errors
    /// EMFILE for a duplicate.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        self.socket.into_fd().map(std::net::TcpListener::from)
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        internet(&self.socket.options().local_addr()?)
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

    /// Of a socket that listens already.
    pub(super) fn of(socket: socket2::Socket) -> TcpListener {
        TcpListener { socket: Socket::new(socket) }
    }
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    fn target(&self) -> Target {
        self.socket.target()
    }

    fn wait(&self) -> WhenReady<'_> {
        self.socket.ready(Interest::READABLE)
    }

    fn try_accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (socket, peer) = self.socket.try_accept()?;
        Ok((TcpStream::of(Socket::new(socket)), internet(&peer)?))
    }
}

fn bind_to(address: SocketAddr) -> io::Result<TcpListener> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = socket2::Socket::new_raw(Domain::for_address(address), kind, None)?;
    // So that a server can be started again while connections of the one before are in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&SockAddr::from(address))?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::of(socket))
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::from_std(listener)
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("TcpListener");
        if let Ok(address) = self.local_addr() {
            fields.field("addr", &address);
        }
        fields.field("fd", &self.as_raw_fd()).finish()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
