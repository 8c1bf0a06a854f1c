//! Connecting, in both faces.

use std::{
    fmt,
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use runtime_core::{
    fd::{SharedFd, Target},
    future::Io,
    op::{self, Dial},
    plan::{Finally, One, Plan, Sequel},
};
use socket2::{Domain, SockAddr, Type};

use super::TcpStream;
use crate::{
    StreamHandle,
    addr::{Lookup, ToSocketAddrs, look_up, no_address},
    socket::Socket,
};

type DialPlan = Dial<TcpStream>;

/// What [`TcpStream::connect`] gives.
///
/// **Awaited**, it tries each address that `A` stands for until one takes the connection: one SQE each.
///
/// **Planned** by [`then`](Connect::then) or [`finally`](Connect::finally), which exist where `A` is one address (a
/// `SocketAddr` or what turns into one), it makes and connects a socket in a slot, two SQEs, and gives a
/// [`SlotStream`](crate::SlotStream). [`plan`](Connect::plan) makes an op of it for `join!`.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Connect<A>(State<A>);

/// `Start` → `LookUp` → `Trying`, once per address → `Done` when the output is given.
#[allow(clippy::large_enum_variant, reason = "the attempt is the state it spends its time in")]
enum State<A> {
    Start(A),
    LookUp(Lookup),
    Trying { attempt: Attempt, rest: vec::IntoIter<SocketAddr> },
    Done,
}

/// A socket on its way.
struct Attempt {
    socket: SharedFd,
    op: Io<One<op::Connect>>,
}

/// Nothing is ever pinned in it.
impl<A> Unpin for Connect<A> {}

impl<A> Connect<A> {
    pub(super) fn new(address: A) -> Connect<A> {
        Connect(State::Start(address))
    }
}

impl<A: Into<SocketAddr>> Connect<A> {
    /// This as an op, which can take its place in a `join!`.
    ///
    /// # Panics
    /// If it has been polled.
    pub fn plan(self) -> Io<DialPlan> {
        match self.0 {
            State::Start(address) => op::dial(Ok(SockAddr::from(address.into()))),
            _ => panic!("a connect that has been polled cannot become part of a plan"),
        }
    }

    /// Puts another plan behind the connection: see [`Io::then`].
    ///
    /// # Panics
    /// If it has been polled.
    ///
    /// ```no_run
    /// # use runtime::{net::TcpStream, IntoResult};
    /// # async fn example(address: std::net::SocketAddr) -> std::io::Result<()> {
    /// let (stream, _, reply) = TcpStream::connect(address)
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

impl<A: ToSocketAddrs> Future for Connect<A> {
    type Output = io::Result<TcpStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let state = &mut self.0;
        let mut last = None;
        loop {
            match state {
                State::Start(address) => *state = State::LookUp(look_up(address)),
                State::LookUp(lookup) => {
                    let found = ready!(Pin::new(lookup).poll(cx));
                    *state = State::Done;
                    *state = match next_attempt(found?, &mut last) {
                        Some((attempt, rest)) => State::Trying { attempt, rest },
                        None => return Poll::Ready(Err(last.unwrap_or_else(no_address))),
                    };
                }
                State::Trying { attempt, .. } => {
                    let connected = ready!(Pin::new(&mut attempt.op).poll(cx));
                    let State::Trying { attempt, rest } = std::mem::replace(state, State::Done) else { unreachable!() };
                    if let Err(error) = connected {
                        last = Some(error);
                        *state = match next_attempt(rest, &mut last) {
                            Some((attempt, rest)) => State::Trying { attempt, rest },
                            None => return Poll::Ready(Err(last.expect("noted just now"))),
                        };
                        continue;
                    }
                    return Poll::Ready(Ok(TcpStream::of(Socket::shared(attempt.socket))));
                }
                State::Done => panic!("a connect was polled after it completed"),
            }
        }
    }
}

/// A socket for the next address for which there is one; `last` notes what went wrong with others.
fn next_attempt(
    mut addresses: vec::IntoIter<SocketAddr>,
    last: &mut Option<io::Error>,
) -> Option<(Attempt, vec::IntoIter<SocketAddr>)> {
    loop {
        let address = addresses.next()?;
        let kind = Type::STREAM.nonblocking().cloexec();
        match socket2::Socket::new_raw(Domain::for_address(address), kind, None) {
            Ok(socket) => {
                let socket = SharedFd::new(socket.into());
                let op = op::connect(Target::from(&socket), SockAddr::from(address));
                return Some((Attempt { socket, op }, addresses));
            }
            Err(error) => *last = Some(error),
        }
    }
}

impl<A> fmt::Debug for Connect<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Start(_) => "not polled",
            State::LookUp(_) => "looking up",
            State::Trying { .. } => "trying",
            State::Done => "done",
        };
        f.debug_tuple("Connect").field(&state).finish()
    }
}
