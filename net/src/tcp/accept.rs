//! Accepting, in both faces.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
};

use runtime_core::{
    coop,
    future::Io,
    op,
    plan::{Finally, One, Plan, Sequel},
    readiness::{Interest, WhenReady},
};

use super::{TcpListener, TcpStream};
use crate::StreamHandle;

type AcceptPlan = One<op::Accept<TcpStream>>;

/// What [`TcpListener::accept`] gives.
///
/// **Awaited**, it gives the next connection: accept4(2), and a poll op if none is there yet. Dropped it has taken none, so
/// no connection is lost or reset. Any number of tasks may wait at once: a connection wakes all of them, and goes to
/// one.
///
/// **Planned** by [`then`](Accept::then) or [`finally`](Accept::finally), it is one SQE that accepts into a slot, and gives a
/// [`SlotStream`](crate::SlotStream) and the peer's address. [`plan`](Accept::plan) makes an op of it for `join!`.
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Accept<'a> {
    listener: &'a TcpListener,
    wait: Option<WhenReady<'a>>,
}

impl<'a> Accept<'a> {
    pub(super) fn new(listener: &'a TcpListener) -> Accept<'a> {
        Accept { listener, wait: None }
    }

    /// This as an op: IORING_OP_ACCEPT.
    ///
    /// # Cancel safety
    /// Unlike the future it loses a connection if it is dropped after that has come; [`Io::cancel`] gives it back.
    pub fn plan(self) -> Io<AcceptPlan> {
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
    pub fn then<Q, F>(self, f: F) -> Io<<<AcceptPlan as Plan>::Planned as Sequel>::Then<Q>>
    where
        Q: Plan,
        F: FnOnce(StreamHandle) -> Io<Q>,
    {
        self.plan().then(f)
    }

    /// Puts a cleanup behind the accepted connection: see [`Io::finally`].
    pub fn finally<Q, F>(self, f: F) -> Io<<<AcceptPlan as Plan>::Planned as Sequel>::Then<Finally<Q>>>
    where
        Q: Plan,
        F: FnOnce(StreamHandle) -> Io<Q>,
    {
        self.plan().finally(f)
    }
}

impl Future for Accept<'_> {
    type Output = io::Result<(TcpStream, SocketAddr)>;

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
                    self.wait = Some(listener.socket.ready(Interest::READABLE));
                }
                done => {
                    budget.made();
                    return Poll::Ready(done);
                }
            }
        }
    }
}
