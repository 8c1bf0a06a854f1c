//! What all sockets share: a non-blocking descriptor, tried directly and waited for by [`Readiness`].
//!
//! So the caller's buffer is used as it is, and a call that is dropped while it waits has taken and sent nothing. The ops
//! work on the same descriptor: io_uring's socket ops wait in the kernel whatever O_NONBLOCK says (`net.c` passes
//! MSG_DONTWAIT for its own first attempt only), which READ and WRITE would not.

use std::{
    io::{self, IoSlice, IoSliceMut, Read},
    net::Shutdown,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
};

use runtime_core::{
    fd::{SharedFd, Target},
    io::ReadBuf,
    readiness::{Interest, Readiness, WhenReady},
    socket::{recv_from_into, recv_into, retry},
};
use socket2::{SockAddr, SockRef};

/// Every send: at once or not at all, and no signal if the peer is gone.
const SEND: i32 = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// A non-blocking socket of any kind.
#[derive(Debug)]
pub(crate) struct Socket {
    /// Goes first: no wait outlives the owner of the descriptor.
    readiness: Readiness,
    fd: SharedFd,
    /// Set once this side's direction of reads has been shut down: where a call of a socket of datagrams that may wait gives
    /// 0 then, one that may not goes on with EAGAIN, and the socket is ready all the while.
    ended: AtomicBool,
}

impl Socket {
    /// Takes over a socket that is in non-blocking mode already.
    pub(crate) fn new(socket: impl Into<OwnedFd>) -> Socket {
        Socket::shared(SharedFd::new(socket.into()))
    }

    /// As [`new`](Socket::new), of a descriptor that an op may share.
    pub(crate) fn shared(fd: SharedFd) -> Socket {
        Socket { readiness: Readiness::new(&fd), fd, ended: AtomicBool::new(false) }
    }

    /// Takes over a socket and sets its mode: one or two system calls.
    pub(crate) fn adopt(socket: impl Into<OwnedFd>) -> io::Result<Socket> {
        let socket = Socket::new(socket);
        socket.options().set_nonblocking(true)?;
        Ok(socket)
    }

    /// The descriptor, still in non-blocking mode; a duplicate if an op or a dropped wait holds it yet.
    pub(crate) fn into_fd(self) -> io::Result<OwnedFd> {
        drop(self.readiness);
        self.fd.try_into_owned().or_else(|shared| shared.as_fd().try_clone_to_owned())
    }

    /// Takes the descriptor out, for a close.
    pub(crate) fn into_shared(self) -> SharedFd {
        self.fd
    }

    /// All that socket2 can do with it.
    pub(crate) fn options(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// What ops work on.
    pub(crate) fn target(&self) -> Target {
        Target::from(&self.fd)
    }

    pub(crate) fn ready(&self, interest: Interest) -> WhenReady<'_> {
        self.readiness.ready(interest)
    }

    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.readiness.poll_read_ready(cx))?;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.readiness.poll_write_ready(cx))?;
        Poll::Ready(Ok(()))
    }

    /// Calls `call` until it does not fail with `WouldBlock`; waits in between.
    pub(crate) async fn wait_for<R>(&self, interest: Interest, call: impl FnMut() -> io::Result<R>) -> io::Result<R> {
        self.readiness.async_io(interest, call).await
    }

    /// As [`wait_for`](Socket::wait_for) for a read in a poll; of several tasks the last to ask is woken.
    pub(crate) fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        call: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.readiness.poll_read_edge(cx, |_| false, call)
    }

    /// As [`poll_read_with`](Socket::poll_read_with), for a write.
    pub(crate) fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        call: impl FnMut() -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.readiness.poll_write_io(cx, call)
    }

    /// recv(2) into memory that need not be initialized.
    pub(crate) fn try_recv(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        self.unless_ended(recv_into(&self.fd, buf, 0), || Ok(0))
    }

    /// As [`try_recv`](Socket::try_recv), and what is received stays there.
    pub(crate) fn try_peek(&self, buf: &mut ReadBuf<'_>) -> io::Result<usize> {
        recv_into(&self.fd, buf, libc::MSG_PEEK)
    }

    pub(crate) fn try_recv_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let socket = self.options();
        retry(|| (&*socket).read_vectored(bufs))
    }

    pub(crate) fn try_send(&self, bytes: &[u8]) -> io::Result<usize> {
        let socket = self.options();
        retry(|| socket.send_with_flags(bytes, SEND))
    }

    /// As [`try_recv`](Socket::try_recv), with the sender. `flags` are further `MSG_*`.
    pub(crate) fn try_recv_from(&self, buf: &mut ReadBuf<'_>, flags: i32) -> io::Result<(usize, SockAddr)> {
        self.unless_ended(recv_from_into(&self.fd, buf, flags), || Ok((0, SockAddr::unix("")?)))
    }

    /// The end, in place of what would wait for ever.
    pub(crate) fn unless_ended<R>(&self, result: io::Result<R>, end: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && self.ended.load(Ordering::Acquire) => end(),
            result => result,
        }
    }

    /// shutdown(2) of a socket of datagrams, on the spot.
    pub(crate) fn end(&self, how: Shutdown) -> io::Result<()> {
        self.options().shutdown(how)?;
        if how != Shutdown::Write {
            // Whoever waits is woken by the kernel, and finds this.
            self.ended.store(true, Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn try_send_to(&self, bytes: &[u8], to: &SockAddr) -> io::Result<usize> {
        let socket = self.options();
        retry(|| socket.send_to_with_flags(bytes, to, SEND))
    }

    pub(crate) fn try_send_vectored(&self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let socket = self.options();
        retry(|| socket.send_vectored_with_flags(pieces, SEND))
    }

    pub(crate) fn poll_recv(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_read_with(cx, || self.try_recv(buf)))?;
        Poll::Ready(Ok(()))
    }

    /// As [`poll_recv`](Socket::poll_recv), of bytes by TCP: a read that does not fill its buffer has taken all there was.
    /// (One of a Unix socket stops at descriptors that were sent along, too.)
    pub(crate) fn poll_recv_bytes(&self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        // No more news comes after the end.
        let took_all = |count: &usize| (1..room).contains(count);
        ready!(self.readiness.poll_read_edge(cx, took_all, || self.try_recv(buf)))?;
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_send(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, || self.try_send(bytes))
    }

    pub(crate) fn poll_send_vectored(&self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, || self.try_send_vectored(pieces))
    }

    /// The connection, or other thing, that waits next; in non-blocking mode.
    pub(crate) fn try_accept(&self) -> io::Result<(socket2::Socket, SockAddr)> {
        let socket = self.options();
        retry(|| socket.accept4(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC))
    }

    /// shutdown(2) on the spot. A connection that has ended already is no error: the peer may end it at any time.
    pub(crate) fn shut_down(&self, how: Shutdown) -> io::Result<()> {
        match self.options().shutdown(how) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            done => done,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// The methods that all sockets have alike, for a type with a field `socket`: waiting, calls of the user's own, the
/// pending error; and its descriptor.
macro_rules! socket_methods {
    ($type:ty) => {
        socket_methods!($type, poll_read_ready, poll_write_ready);
    };
    ($type:ty, $poll_read_ready:ident, $poll_write_ready:ident) => {
        impl $type {
            /// Waits until what is asked for holds.
            ///
            /// # Errors
            /// Those of poll(2), which do not happen with an open socket.
            ///
            /// # Panics
            /// When polled outside a runtime.
            ///
            /// # Cancel safety
            /// Nothing is taken from the socket.
            ///
            /// # Cost
            /// One SQE; no allocation.
            pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
                self.socket.ready(interest).await
            }

            /// Waits until there is something to read, or the peer has ended.
            ///
            /// # Errors
            /// As for `ready`.
            ///
            /// # Cancel safety
            /// As for `ready`.
            pub async fn readable(&self) -> io::Result<()> {
                self.socket.ready(Interest::READABLE).await.map(drop)
            }

            /// Waits until there is room to write, or nothing can be written any more.
            ///
            /// # Errors
            /// As for `ready`.
            ///
            /// # Cancel safety
            /// As for `ready`.
            pub async fn writable(&self) -> io::Result<()> {
                self.socket.ready(Interest::WRITABLE).await.map(drop)
            }

            /// As `readable`, inside a poll. Only the task that asked last is woken.
            ///
            /// # Errors
            /// As for `ready`.
            pub fn $poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.socket.poll_read_ready(cx)
            }

            /// As `writable`, inside a poll. Only the task that asked last is woken.
            ///
            /// # Errors
            /// As for `ready`.
            pub fn $poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.socket.poll_write_ready(cx)
            }

            /// Makes a call of your own on the socket, which is in non-blocking mode: `f` is to fail with `WouldBlock`
            /// where it would have to wait.
            ///
            /// Nothing is kept about readiness, so `f` is called whatever the interest and whatever it gave before.
            ///
            /// # Errors
            /// Those of `f`.
            pub fn try_io<R>(&self, _interest: Interest, f: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
                f()
            }

            /// Calls `f` until it does something else than fail with `WouldBlock`, and waits for `interest` in between.
            ///
            /// # Errors
            /// Those of `f`.
            ///
            /// # Cancel safety
            /// Dropped while it waits, `f` has done nothing: it would have blocked.
            pub async fn async_io<R>(&self, interest: Interest, f: impl FnMut() -> io::Result<R>) -> io::Result<R> {
                self.socket.wait_for(interest, f).await
            }

            /// The error that is pending on the socket (SO_ERROR), which this takes away.
            ///
            /// # Errors
            /// Those of getsockopt(2).
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.socket.options().take_error()
            }
        }

        impl AsFd for $type {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.as_fd()
            }
        }

        impl AsRawFd for $type {
            fn as_raw_fd(&self) -> RawFd {
                self.socket.as_raw_fd()
            }
        }
    };
}
pub(crate) use socket_methods;
