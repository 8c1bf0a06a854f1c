//! The connections of a listening socket.

use std::{
    io,
    task::{Context, Poll, ready},
};

use super::{Next, Series};
use crate::{
    fd::Target,
    op::{AcceptMany, Connection},
};

/// Accepts connections by one op, as long as they are taken.
///
/// # Cancel safety
/// A dropped call loses nothing. Dropped itself, it closes the connections that it has accepted and nobody has taken.
#[derive(Debug)]
pub struct Accepting<C: Connection> {
    target: Target,
    limit: usize,
    series: Series<AcceptMany<C>, C>,
    stopping: bool,
}

/// What comes of accepting.
#[derive(Debug)]
pub enum Arrival<C> {
    /// A connection.
    Connection(C),
    /// Accepting has ended with this error. Asked for the next one it begins again.
    Failed(io::Error),
    /// It was stopped, and everything has been taken.
    Stopped,
}

impl<C: Connection> Accepting<C> {
    /// Of a listening socket. It stops accepting while `limit` connections (at least 1) lie untaken; those that the kernel
    /// had accepted until it heard of that, as many as the completion queue holds at most, come on top.
    pub fn new(target: impl Into<Target>, limit: usize) -> Accepting<C> {
        Accepting { target: target.into(), limit: limit.max(1), series: Series::Idle, stopping: false }
    }

    /// True once it has been polled.
    pub fn has_begun(&self) -> bool {
        !matches!(self.series, Series::Idle)
    }

    /// The next connection. Only the task that polled last is woken.
    ///
    /// # Panics
    /// Outside a runtime; on another shard than it was polled on before, until it has failed or was stopped.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Arrival<C>> {
        if self.stopping {
            ready!(self.series.poll_end(cx));
            return Poll::Ready(match self.series.take_rest() {
                Some(connection) => Arrival::Connection(connection),
                None => self.series.stopped().map_or_else(Arrival::Failed, |()| Arrival::Stopped),
            });
        }
        loop {
            let start = || AcceptMany::new(self.target.clone(), self.limit);
            match ready!(self.series.poll_next(cx, start, C::next)) {
                Next::Shot(connection) => return Poll::Ready(Arrival::Connection(connection)),
                // Its connection has been taken, and the kernel has said that it is the last one of this op.
                Next::End(Ok(_)) => {}
                Next::End(Err(error)) if error.raw_os_error() == Some(libc::ECANCELED) => {}
                Next::End(Err(error)) => return Poll::Ready(Arrival::Failed(error)),
            }
        }
    }

    /// Accepts no more: [`poll_next`](Accepting::poll_next) gives the connections that have been accepted, and then that
    /// it was stopped.
    pub fn stop(&mut self) {
        if !std::mem::replace(&mut self.stopping, true) {
            self.series.ask_stop();
        }
    }
}
