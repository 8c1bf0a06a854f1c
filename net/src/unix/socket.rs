//! A Unix socket before it is used.

use std::{
    fmt, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd, RawFd},
    path::Path,
};

use socket2::Type;

use super::{UnixDatagram, UnixListener, UnixStream, address::named, connect::connect, new_socket};
use crate::socket::Socket;

/// A Unix socket that neither listens nor is connected yet, for binding it or setting options first.
///
/// ```
/// # runtime::Builder::new().build().unwrap().block_on(async {
/// use runtime::net::{UnixSocket, UnixStream};
///
/// let socket = UnixSocket::new_stream()?;
/// socket.bind("\0an abstract name")?;
/// let listener = socket.listen(16)?;
/// let client = UnixStream::connect("\0an abstract name").await?;
/// let (server, _) = listener.accept().await?;
/// # std::io::Result::Ok(())
/// # }).unwrap();
/// ```
pub struct UnixSocket {
    inner: socket2::Socket,
}

impl UnixSocket {
    /// A socket for datagrams.
    ///
    /// # Errors
    /// Those of socket(2): EMFILE, ENFILE.
    pub fn new_datagram() -> io::Result<UnixSocket> {
        Ok(UnixSocket { inner: new_socket(Type::DGRAM)? })
    }

    /// A socket for streams.
    ///
    /// # Errors
    /// As for [`new_datagram`](UnixSocket::new_datagram).
    pub fn new_stream() -> io::Result<UnixSocket> {
        Ok(UnixSocket { inner: new_socket(Type::STREAM)? })
    }

    /// Gives the socket a name: makes a file at `path`, or takes an abstract name if that begins with a NUL byte.
    ///
    /// # Errors
    /// Those of bind(2): EADDRINUSE, EACCES. `InvalidInput` for a name that is too long.
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.inner.bind(&named(path.as_ref())?)
    }

    /// Listens for connections, of which up to `backlog` wait for `accept`, if the system allows as many.
    ///
    /// # Errors
    /// Those of listen(2): EINVAL without a name. `Other` for a socket of datagrams.
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        self.refuse(Type::DGRAM, "a socket of datagrams cannot listen")?;
        self.inner.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        Ok(UnixListener::of(Socket::new(self.inner)))
    }

    /// Connects to the socket that listens at `path`, as [`UnixStream::connect`].
    ///
    /// # Errors
    /// As there; `Other` for a socket of datagrams.
    ///
    /// # Cancel safety
    /// Dropped it closes the socket.
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        self.refuse(Type::DGRAM, "a socket of datagrams cannot be connected here: make it a `datagram` first")?;
        Ok(UnixStream::of(connect(self.inner, named(path.as_ref())?).await?))
    }

    /// Turns it into a socket of datagrams.
    ///
    /// # Errors
    /// `Other` for a socket of streams.
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        self.refuse(Type::STREAM, "a socket of streams has no datagrams")?;
        Ok(UnixDatagram::of(Socket::new(self.inner)))
    }

    fn refuse(&self, kind: Type, why: &str) -> io::Result<()> {
        if self.inner.r#type()? == kind { Err(io::Error::other(why)) } else { Ok(()) }
    }
}

impl From<OwnedFd> for UnixSocket {
    /// Takes over a Unix socket that neither listens nor is connected. (tokio has `FromRawFd` for this.)
    fn from(fd: OwnedFd) -> UnixSocket {
        let inner = socket2::Socket::from(fd);
        // Only accept(2) depends on the mode, and says so by blocking: nothing could be done about it here.
        let _ = inner.set_nonblocking(true);
        UnixSocket { inner }
    }
}

impl IntoRawFd for UnixSocket {
    fn into_raw_fd(self) -> RawFd {
        self.inner.into_raw_fd()
    }
}

impl AsFd for UnixSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl AsRawFd for UnixSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl fmt::Debug for UnixSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixSocket").field("inner", &self.inner).finish()
    }
}
