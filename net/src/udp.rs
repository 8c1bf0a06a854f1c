//! UDP.

mod addressed;
mod ops;
mod options;

use std::{
    fmt, io,
    net::SocketAddr,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    task::{Context, Poll},
};

use runtime_core::{
    io::{BufSink, ReadBuf, fill_sink},
    readiness::{Interest, Ready},
    socket::Address,
};
use socket2::{Domain, SockAddr, Type};

use crate::{
    addr::{ToSocketAddrs, no_address},
    message::message_methods,
    socket::{Socket, socket_methods},
};

/// A UDP socket. `Send` and `Sync`: all methods take `&self`, so an `Arc` of it serves several tasks.
///
/// A datagram is sent and received whole. One that is longer than the buffer is cut, without an error, and one that nobody
/// takes in time is lost. After [`connect`](UdpSocket::connect) there is a peer: [`send`](UdpSocket::send) goes to it and
/// only what it sends is received.
///
/// The methods of tokio use the caller's buffers; [`send_msg`](UdpSocket::send_msg) and [`recv_msg`](UdpSocket::recv_msg)
/// are ops on owned ones.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::net::UdpSocket;
///
/// let server = UdpSocket::bind("127.0.0.1:0").await?;
/// let client = UdpSocket::bind("127.0.0.1:0").await?;
/// client.send_to(b"hello", server.local_addr()?).await?;
/// let mut buf = [0; 1500];
/// let (len, from) = server.recv_from(&mut buf).await?;
/// assert_eq!((&buf[..len], from), (&b"hello"[..], client.local_addr()?));
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UdpSocket {
    socket: Socket,
}

socket_methods!(UdpSocket, poll_recv_ready, poll_send_ready);
message_methods!(UdpSocket);

impl UdpSocket {
    /// A socket with the first address that can be had, of those that `addr` stands for. Port 0 lets the kernel choose.
    ///
    /// # Errors
    /// Those of socket(2) and bind(2) for the last address: EADDRINUSE, EADDRNOTAVAIL, EACCES; those of
    /// [`lookup_host`](crate::lookup_host); `InvalidInput` if there is no address.
    ///
    /// # Cost
    /// Two system calls for each address that is tried.
    pub async fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        first_of(addr, |address| {
            let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM.nonblocking(), None)?;
            socket.bind(&SockAddr::from(address))?;
            Ok(UdpSocket { socket: Socket::new(socket) })
        })
        .await
    }

    /// Takes over a socket of std, and sets it to non-blocking mode.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        Ok(UdpSocket { socket: Socket::adopt(socket)? })
    }

    /// The socket as one of std, still in non-blocking mode. If an op or a wait that was dropped holds the descriptor yet,
    /// it is a duplicate.
    ///
    /// # Errors
    /// EMFILE for a duplicate.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        self.socket.into_fd().map(std::net::UdpSocket::from)
    }

    /// Its own address.
    ///
    /// # Errors
    /// Those of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        Address::of(&self.socket.options().local_addr()?)
    }

    /// The address that it is connected to.
    ///
    /// # Errors
    /// Those of getpeername(2): ENOTCONN.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        Address::of(&self.socket.options().peer_addr()?)
    }

    /// Sets the peer, to the first address that the kernel takes, of those that `addr` stands for. Nothing is sent.
    ///
    /// # Errors
    /// Those of connect(2) for the last address: EAFNOSUPPORT, ENETUNREACH; those of
    /// [`lookup_host`](crate::lookup_host); `InvalidInput` if there is no address.
    pub async fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        first_of(addr, |address| self.socket.options().connect(&SockAddr::from(address))).await
    }
}

/// What `call` gives for the first address that it works with, or else for the last.
async fn first_of<A: ToSocketAddrs, R>(addr: A, mut call: impl FnMut(SocketAddr) -> io::Result<R>) -> io::Result<R> {
    let mut failed = None;
    for address in crate::lookup_host(addr).await? {
        match call(address) {
            Ok(done) => return Ok(done),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(no_address))
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket)
    }
}

impl From<OwnedFd> for UdpSocket {
    /// Takes over a UDP socket.
    fn from(fd: OwnedFd) -> UdpSocket {
        let socket = Socket::new(fd);
        // A direct attempt says MSG_DONTWAIT itself; only calls of the user's own depend on the mode.
        let _ = socket.options().set_nonblocking(true);
        UdpSocket { socket }
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("UdpSocket");
        if let Ok(address) = self.local_addr() {
            fields.field("addr", &address);
        }
        fields.field("fd", &self.as_raw_fd()).finish()
    }
}
