//! Accepting, in both faces.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::{
    coop,
    fd::Target,
    future::Io,
    op::{self, Accepted, Resource},
    plan::{Finally, One, Plan, Sequel},
    readiness::WhenReady,
};

use crate::{StreamHandle, TcpListener};

type AcceptPlan<T> = One<op::Accept<T>>;
/// What the closure's plan `Q` turns the accept of a `T` into.
type Then<T, Q> = <<AcceptPlan<T> as Plan>::Planned as Sequel>::Then<Q>;

/// A listening socket. Its name does not leave this crate, so nobody else can implement it.
pub trait Listener {
    /// What it accepts.
    type Stream: Accepted + Resource<Handle = StreamHandle>;

    #[doc(hidden)]
    fn target(&self) -> Target;

    /// A wait for the next connection.
    #[doc(hidden)]
    fn wait(&self) -> WhenReady<'_>;

    /// accept4(2) without waiting.
    #[doc(hidden)]
    fn try_accept(&self) -> io::Result<Connection<Self>>;
}

/// A connection and the peer's address.
type Connection<L> = (<L as Listener>::Stream, <<L as Listener>::Stream as Accepted>::Address);

/// What `accept` of [`TcpListener`] and of [`UnixListener`](crate::UnixListener) gives.
///
/// **Awaited**, it gives the next connection: accept4(2), and a poll op if none is there yet. Dropped it has taken none, so
/// no connection is lost or reset. Any number of tasks may wait at once: a connection wakes all of them, and goes to
/// one.
///
/// **Planned** by [`then`](Accept::then) or [`finally`](Accept::finally), it is one SQE that accepts into a slot, and gives a
/// [`SlotStream`](crate::SlotStream) and the peer's address. [`plan`](Accept::plan) makes an op of it for `join!`.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Accept<'a, L = TcpListener> {
    listener: &'a L,
    wait: Option<WhenReady<'a>>,
}

impl<'a, L: Listener> Accept<'a, L> {
    pub(crate) fn new(listener: &'a L) -> Accept<'a, L> {
        Accept { listener, wait: None }
    }

    /// This as an op: IORING_OP_ACCEPT.
    ///
    /// # Cancel safety
    /// Unlike the future it loses a connection if it is dropped after that has come; [`Io::cancel`] gives it back.
    pub fn plan(self) -> Io<AcceptPlan<L::Stream>> {
        op::accept(self.listener.target())
    }

    /// Puts another plan behind the accepted connection: see [`Io::then`].
    ///
    /// ```no_run
    /// # use runtime::{net::TcpListener, IntoResult};
    /// # async fn example(listener: &TcpListener) -> std::io::Result<()> {
    /// let ((stream, peer), _) = listener.accept().then(|s| s.send_all("220 ready\r\n")).await.into_result()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn then<Q, F>(self, f: F) -> Io<Then<L::Stream, Q>>
    where
        Q: Plan,
        F: FnOnce(StreamHandle) -> Io<Q>,
    {
        self.plan().then(f)
    }

    /// Puts a cleanup behind the accepted connection: see [`Io::finally`].
    pub fn finally<Q, F>(self, f: F) -> Io<Then<L::Stream, Finally<Q>>>
    where
        Q: Plan,
        F: FnOnce(StreamHandle) -> Io<Q>,
    {
        self.plan().finally(f)
    }
}

impl<L: Listener> Future for Accept<'_, L> {
    type Output = io::Result<Connection<L>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let listener = self.listener;
        loop {
            if let Some(wait) = &mut self.wait {
                ready!(Pin::new(wait).poll(cx))?;
                self.wait = None;
            }
            let budget = ready!(coop::poll_proceed(cx));
            match listener.try_accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait = Some(listener.wait());
                }
                done => {
                    budget.made();
                    return Poll::Ready(done);
                }
            }
        }
    }
}
