//! Connected byte streams.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
};

use runtime_core::{
    buf::IoBufMut,
    fd::{SharedFd, Target},
    future::Io,
    op::{self, Close, Exact, Recv, Send, Variable},
    plan::One,
    source::Source,
};

/// A TCP connection. `Send` and `Sync`; any number of ops may be in flight on it.
#[derive(Debug)]
pub struct TcpStream {
    fd: SharedFd,
}

/// A connection of Unix sockets. `Send` and `Sync`; any number of ops may be in flight on it.
#[derive(Debug)]
pub struct UnixStream {
    fd: SharedFd,
}

impl UnixStream {
    /// Two connected sockets.
    ///
    /// # Errors
    /// Those of socketpair(2): EMFILE.
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (a, b) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream { fd: SharedFd::new(a.into()) }, UnixStream { fd: SharedFd::new(b.into()) }))
    }
}

macro_rules! stream_ops {
    ($($type:ty: $std:ty),+) => { $(
        impl $type {
            /// Takes over a stream of std. Whether it blocks does not matter: the ops wait in the kernel either way,
            /// but a non-blocking one must be given back as such.
            ///
            /// # Errors
            /// Those of fcntl(2).
            pub fn from_std(stream: $std) -> io::Result<Self> {
                // A socket with O_NONBLOCK makes an op fail with EAGAIN where it would have to wait.
                stream.set_nonblocking(false)?;
                Ok(Self { fd: SharedFd::new(stream.into()) })
            }

            /// Receives up to the buffer's size: `(io::Result<usize>, buffer)`, 0 once the peer has shut down its side.
            /// In a plan, the loan of what is received is as long as the result, and 0 ends the plan.
            ///
            /// # Errors
            /// Those of recv(2).
            ///
            /// # Cancel safety
            /// What was received when the op is dropped is lost; [`Io::cancel`] gives it back.
            ///
            /// # Cost
            /// One SQE, no copy, no allocation.
            pub fn recv<B: IoBufMut>(&self, buf: B) -> Io<One<Recv<B, Variable>>> {
                op::recv(self.target(), buf)
            }

            /// Fills the buffer: `(io::Result<()>, buffer)`.
            ///
            /// # Errors
            /// Those of recv(2); `UnexpectedEof` if the peer ends before the buffer is full, which holds what came.
            ///
            /// # Cancel safety
            /// As for `recv`.
            pub fn recv_exact<B: IoBufMut>(&self, buf: B) -> Io<One<Recv<B, Exact>>> {
                op::recv_exact(self.target(), buf)
            }

            /// Sends up to all of `source`, a buffer or a loan: `(io::Result<usize>, source)`.
            ///
            /// # Errors
            /// Those of send(2); EPIPE without a signal once the peer is gone.
            ///
            /// # Cancel safety
            /// A part may have been sent when the op is dropped; [`Io::cancel`] says how much.
            ///
            /// # Cost
            /// One SQE, no copy in user space, no allocation.
            pub fn send<S: Source>(&self, source: S) -> Io<One<Send<S, Variable>>> {
                op::send(self.target(), source)
            }

            /// Sends all of `source`, a buffer or a loan: `(io::Result<()>, source)`.
            ///
            /// # Errors
            /// As for `send`; `WriteZero` if the connection took less.
            ///
            /// # Cancel safety
            /// As for `send`.
            pub fn send_all<S: Source>(&self, source: S) -> Io<One<Send<S, Exact>>> {
                op::send_all(self.target(), source)
            }

            /// Closes the stream and gives the error that closing may bring. If ops are in flight on it, the last of
            /// them closes it, and this gives `Ok`.
            pub fn close(self) -> Io<One<Close>> {
                op::close_fd(self.fd)
            }

            fn target(&self) -> Target {
                Target::from(&self.fd)
            }
        }

        impl From<OwnedFd> for $type {
            /// Takes over a connected, blocking socket.
            fn from(fd: OwnedFd) -> Self {
                Self { fd: SharedFd::new(fd) }
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.fd.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.fd.as_raw_fd()
            }
        }
    )+ };
}

stream_ops!(TcpStream: std::net::TcpStream, UnixStream: std::os::unix::net::UnixStream);
