//! Connecting to a name, in both faces.

use std::{
    fmt,
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::{
    future::Io,
    op::{self, Dial},
    plan::{Finally, One, Plan, Sequel},
};
use socket2::{SockAddr, Type};

use super::{UnixStream, new_socket};
use crate::{StreamHandle, socket::Socket};

type DialPlan = Dial<UnixStream>;

/// What [`UnixStream::connect`] gives.
///
/// **Awaited**, it connects on the spot: two system calls.
///
/// **Planned** by [`then`](Connect::then) or [`finally`](Connect::finally), it makes and connects a socket in a slot, two
/// SQEs, and gives a [`SlotStream`](crate::SlotStream). [`plan`](Connect::plan) makes an op of it for `join!`.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Connect(State);

/// `Start` until the first poll.
enum State {
    Start(io::Result<SockAddr>),
    Begun(Connecting),
}

/// A socket of any kind on its way. The kernel connects it on the spot, unless too many connections wait to be accepted:
/// it has no readiness for that, so then a connect op waits in a worker thread of the kernel, on the socket in blocking mode.
pub(super) enum Connecting {
    Start(socket2::Socket, SockAddr),
    Waiting(Socket, Io<One<op::Connect>>),
    Done,
}

/// Connects a socket in non-blocking mode.
pub(super) fn connect(socket: socket2::Socket, address: SockAddr) -> Connecting {
    Connecting::Start(socket, address)
}

/// Nothing is ever pinned in them.
impl Unpin for Connect {}
impl Unpin for Connecting {}

impl Connect {
    pub(super) fn new(address: io::Result<SockAddr>) -> Connect {
        Connect(State::Start(address))
    }

    /// This as an op, which can take its place in a `join!`. A name that is none makes it fail.
    ///
    /// # Panics
    /// If it has been polled.
    pub fn plan(self) -> Io<DialPlan> {
        match self.0 {
            State::Start(address) => op::dial(address),
            _ => panic!("a connect that has been polled cannot become part of a plan"),
        }
    }

    /// Puts another plan behind the connection: see [`Io::then`].
    ///
    /// # Panics
    /// If it has been polled.
    ///
    /// ```no_run
    /// # use runtime::{net::UnixStream, IntoResult};
    /// # async fn example() -> std::io::Result<()> {
    /// let (stream, _, reply) = UnixStream::connect("/run/service")
    ///     .then(|s| s.send_all("PING\r\n"))
    ///     .then(|(s, _)| s.recv_exact(vec![0; 7]))
    ///     .await
    ///     .into_result()?; // four SQEs, one enter
    /// assert_eq!(reply, b"+PONG\r\n");
    /// # Ok(())
    /// # }
    /// ```
    pub fn then<Q, F>(self, f: F) -> Io<<<DialPlan as Plan>::Planned as Sequel>::Then<Q>>
    where
        Q: Plan,
        F: FnOnce(StreamHandle) -> Io<Q>,
    {
        self.plan().then(f)
    }

    /// Puts a cleanup behind the connection: see [`Io::finally`].
    ///
    /// # Panics
    /// If it has been polled.
    pub fn finally<Q, F>(self, f: F) -> Io<<<DialPlan as Plan>::Planned as Sequel>::Then<Finally<Q>>>
    where
        Q: Plan,
        F: FnOnce(StreamHandle) -> Io<Q>,
    {
        self.plan().finally(f)
    }
}

impl Future for Connect {
    type Output = io::Result<UnixStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let State::Start(address) = &mut self.0 {
            let address = std::mem::replace(address, Err(io::ErrorKind::InvalidInput.into()));
            self.0 = State::Begun(Connecting::Done);
            self.0 = State::Begun(connect(new_socket(Type::STREAM)?, address?));
        }
        let State::Begun(connecting) = &mut self.0 else { unreachable!("it begins at the first poll") };
        Pin::new(connecting).poll(cx).map_ok(UnixStream::of)
    }
}

impl Future for Connecting {
    type Output = io::Result<Socket>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Connecting::Waiting(_, op) = &mut *self {
            let connected = ready!(Pin::new(op).poll(cx));
            let Connecting::Waiting(socket, _) = std::mem::replace(&mut *self, Connecting::Done) else {
                unreachable!()
            };
            connected?;
            socket.options().set_nonblocking(true)?;
            return Poll::Ready(Ok(socket));
        }
        let Connecting::Start(socket, address) = std::mem::replace(&mut *self, Connecting::Done) else {
            panic!("a connect was polled after it completed")
        };
        match socket.connect(&address) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                socket.set_nonblocking(false)?;
                let socket = Socket::new(socket);
                let op = op::connect(socket.target(), address);
                *self = Connecting::Waiting(socket, op);
                self.poll(cx)
            }
            connected => Poll::Ready(connected.map(|()| Socket::new(socket))),
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").finish_non_exhaustive()
    }
}
