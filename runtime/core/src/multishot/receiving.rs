//! The bytes of a connection, in buffers of a pool.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
};

use super::{Next, Series, goes_on};
use crate::{
    fd::Target,
    op::RecvMany,
    pool::{BufferPool, Lease},
    shots::Shots,
};

/// Receives by one op into buffers of a pool, as long as the bytes are taken.
#[derive(Debug)]
pub struct Receiving {
    target: Target,
    pool: BufferPool,
    series: Series<RecvMany, Lease>,
    /// Its place among the streams that wait for a buffer.
    ticket: Option<u64>,
    /// Its op was started with a limit, which some kernels refuse.
    limited: bool,
    state: State,
}

/// `Open` ⇄ `Starved` (there was no buffer) → `Stopping` → `Over`; each leads to `Over`, after which nothing comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Open,
    Starved,
    Stopping,
    Over,
}

impl Receiving {
    /// Of a connected stream socket.
    pub fn new(target: impl Into<Target>, pool: &BufferPool) -> Receiving {
        let (target, pool) = (target.into(), pool.clone());
        Receiving { target, pool, series: Series::Idle, ticket: None, limited: false, state: State::Open }
    }

    /// The next bytes, at least one; `None` once the peer has shut down its side, or after an error or a stop. Only the task
    /// that polled last is woken.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Lease>>> {
        loop {
            match self.state {
                State::Over => return Poll::Ready(None),
                State::Stopping => {
                    ready!(self.series.poll_end(cx));
                    if let Some(lease) = self.series.take_rest() {
                        return Poll::Ready(Some(Ok(lease)));
                    }
                    self.state = State::Over;
                    return Poll::Ready(self.series.stopped().err().map(Err));
                }
                State::Starved => {
                    if self.pool.available() == 0 {
                        self.pool.0.wait(&mut self.ticket, cx.waker());
                        return Poll::Pending;
                    }
                    self.pool.0.wait_no_more(&mut self.ticket, true);
                }
                State::Open => {}
            }
            // Having starved, it looks for bytes first, so that it does not end where there are none.
            let starved = self.state == State::Starved;
            let pool = &self.pool.0;
            let limited = &mut self.limited;
            let start = || {
                let limit = pool.bytes_per_op();
                *limited = limit > 0;
                RecvMany::new(self.target.clone(), pool.clone(), starved, limit)
            };
            let polled = self.series.poll_next(cx, start, Shots::next_lease);
            self.state = State::Open;
            match ready!(polled) {
                Next::Shot(lease) => return Poll::Ready(Some(Ok(lease))),
                Next::End(Ok(0)) => return Poll::Ready(self.end(None)),
                Next::End(Err(error)) if error.raw_os_error() == Some(libc::ENOBUFS) => self.state = State::Starved,
                Next::End(Err(error)) if error.raw_os_error() == Some(libc::EINVAL) && self.limited => {
                    pool.without_limits()
                }
                // Its bytes have been taken; or it was stopped because they had not been.
                Next::End(Ok(_)) => {}
                Next::End(Err(error)) if goes_on(&error) => {}
                Next::End(Err(error)) => return Poll::Ready(self.end(Some(Err(error)))),
            }
        }
    }

    /// It has ended, perhaps without a use for the buffer that it was woken for.
    fn end(&mut self, last: Option<io::Result<Lease>>) -> Option<io::Result<Lease>> {
        self.state = State::Over;
        self.pool.0.wake_waiting();
        last
    }

    /// Receives no more, and gives what had arrived and was not taken. What comes afterwards is left in the socket, and the
    /// next receive there goes on with it. The error is one that had ended it already.
    ///
    /// # Cancel safety
    /// Dropped, nothing is lost: [`poll_next`](Receiving::poll_next) gives what had arrived, and then `None`.
    pub async fn stop(&mut self) -> (io::Result<()>, Vec<Lease>) {
        if matches!(self.state, State::Open | State::Starved) {
            self.series.ask_stop();
            self.state = State::Stopping;
            self.pool.0.wait_no_more(&mut self.ticket, false);
        }
        // All at once at the end, so that a call that is dropped has taken nothing.
        poll_fn(|cx| self.series.poll_end(cx)).await;
        let mut leases = Vec::new();
        while let Some(lease) = self.series.take_rest() {
            leases.push(lease);
        }
        self.state = State::Over;
        (self.series.stopped(), leases)
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // Another stream may have use for the buffer that this one was woken for.
        self.pool.0.wait_no_more(&mut self.ticket, false);
    }
}
