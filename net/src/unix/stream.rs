//! A connection of Unix sockets.

use std::{
    io,
    net::Shutdown,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    pin::Pin,
    task::{Context, Poll},
};

use runtime_core::{
    buf::IoBufMut,
    fd::Target,
    future::Io,
    io::{AsyncRead, AsyncWrite, BufSink, ReadBuf, fill_sink},
    op::{self, Close},
    plan::One,
    readiness::{Interest, Ready},
    source::Source,
};

use crate::{
    socket::{Socket, socket_methods},
    stream::{stream_methods, stream_ops},
};

/// A connection of Unix sockets. `Send` and `Sync`; any number of ops may be in flight on it.
#[derive(Debug)]
pub struct UnixStream {
    socket: Socket,
}

socket_methods!(UnixStream);
stream_methods!(UnixStream);
stream_ops!([] UnixStream);

impl UnixStream {
    /// Two connected sockets.
    ///
    /// # Errors
    /// Those of socketpair(2): EMFILE.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::from_std(a)?, UnixStream::from_std(b)?))
    }

    /// Takes over a stream of std, and sets it to non-blocking mode.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        Ok(UnixStream { socket: Socket::adopt(stream)? })
    }

    /// Closes the stream and gives the error that closing may bring. If ops are in flight on it, the last of
    /// them closes it, and this gives `Ok`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_fd(self.socket.into_shared())
    }

    fn target(&self) -> Target {
        self.socket.target()
    }
}

impl From<OwnedFd> for UnixStream {
    /// Takes over a connected socket.
    fn from(fd: OwnedFd) -> UnixStream {
        let socket = Socket::new(fd);
        // A direct attempt says MSG_DONTWAIT itself; only calls of the user's own depend on the mode.
        let _ = socket.options().set_nonblocking(true);
        UnixStream { socket }
    }
}
