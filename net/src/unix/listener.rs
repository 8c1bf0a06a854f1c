//! A listening Unix socket.

use std::{
    fmt, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    path::Path,
    task::{Context, Poll},
};

use runtime_core::{
    fd::Target,
    readiness::{Interest, WhenReady},
    socket::Address,
};
use socket2::{SockAddr, Type};

use super::{SocketAddr, UnixStream, address::named, listen_on, unix_methods};
use crate::{
    accept::{Accept, Listener},
    socket::Socket,
};

/// A Unix socket that listens for connections. `Send` and `Sync`; any number of tasks may accept at once, on any shard.
///
/// The file at its path stays when it is dropped, and nobody can listen there again until it is removed: a program that
/// starts again removes it first.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// # let dir = std::env::temp_dir().join(format!("listener-{}", std::process::id()));
/// # let path = dir.as_path();
/// use runtime::net::{UnixListener, UnixStream};
///
/// let listener = UnixListener::bind(path)?;
/// let client = UnixStream::connect(path).await?;
/// let (server, _) = listener.accept().await?;
/// assert_eq!(server.local_addr()?.as_pathname(), Some(path));
/// assert_eq!(server.peer_cred()?.pid(), Some(std::process::id() as i32));
/// std::fs::remove_file(path)?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixListener {
    socket: Socket,
}

unix_methods!(UnixListener, std::os::unix::net::UnixListener, "listener");

impl UnixListener {
    /// Makes a socket at `path` and listens there; up to 1024 connections wait for `accept`. A path that begins with a NUL
    /// byte is an abstract name, which ends with the socket.
    ///
    /// # Errors
    /// Those of socket(2) and bind(2): EADDRINUSE also if the file is there and nobody listens any more. `InvalidInput` for a
    /// name that is too long.
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        UnixListener::bind_to(&named(path.as_ref())?)
    }

    /// As [`bind`](UnixListener::bind), to an address.
    ///
    /// # Errors
    /// As for [`bind`](UnixListener::bind).
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        UnixListener::bind_to(&socket_addr.to_kernel()?)
    }

    fn bind_to(address: &SockAddr) -> io::Result<UnixListener> {
        Ok(UnixListener { socket: listen_on(Type::STREAM, address)? })
    }

    /// Gives the next connection and the peer's address; see [`Accept`] for both of its faces.
    ///
    /// # Errors
    /// Those of accept4(2). None of them is the end of the listener: after EMFILE (too many open descriptors) the connection
    /// still waits, and the next call tries again.
    ///
    /// # Cancel safety
    /// Dropped it has taken no connection. (In a plan it may have.)
    ///
    /// # Cost
    /// One system call for a connection that waits; else a poll op and two.
    pub fn accept(&self) -> Accept<'_, UnixListener> {
        Accept::new(self)
    }

    /// As [`accept`](UnixListener::accept), inside a poll. Only the task that polled last is woken.
    ///
    /// # Errors
    /// As for [`accept`](UnixListener::accept).
    pub fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(UnixStream, SocketAddr)>> {
        self.socket.poll_read_with(cx, || self.try_accept())
    }

    /// The error that is pending on the socket (SO_ERROR), which this takes away.
    ///
    /// # Errors
    /// Those of getsockopt(2).
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.options().take_error()
    }

    /// Of a socket that listens already.
    pub(super) fn of(socket: Socket) -> UnixListener {
        UnixListener { socket }
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    fn target(&self) -> Target {
        self.socket.target()
    }

    fn wait(&self) -> WhenReady<'_> {
        self.socket.ready(Interest::READABLE)
    }

    fn try_accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (socket, peer) = self.socket.try_accept()?;
        Ok((UnixStream::of(Socket::new(socket)), SocketAddr::of(&peer)?))
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
