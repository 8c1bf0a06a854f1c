//! IORING_OP_POLL_ADD, one shot: waits until a descriptor is ready.
//!
//! There is no short result and no zero: the result is the events that hold, at least one, and POLLERR and POLLHUP whether
//! asked for or not. The kernel looks before it waits, so what is ready already completes at once. Cancelled: nothing has
//! happened, since a poll takes nothing from the descriptor. A descriptor that cannot be polled (a regular file) counts
//! as ready. Source: `poll.c`, poll(2).

use std::{
    io,
    os::fd::{AsRawFd, RawFd},
};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A wait for readiness.
#[derive(Debug)]
pub struct Poll {
    polled: Polled,
    events: u32,
}

/// What is polled.
#[derive(Clone, Debug)]
pub(crate) enum Polled {
    Target(Target),
    /// A descriptor whose owner we do not know. If it is closed, and its number given out again, before the kernel has
    /// looked it up, a stranger is polled for the moment until the cancel: that takes nothing from it, and nobody gets
    /// the result. No other op may name its descriptor so.
    Number(RawFd),
}

impl Polled {
    pub(crate) fn number(&self) -> RawFd {
        match self {
            Polled::Target(Target::Fd(fd)) => fd.as_raw_fd(),
            Polled::Number(number) => *number,
            Polled::Target(Target::Slot(_) | Target::Handle(_)) => unreachable!("made of descriptors only"),
        }
    }
}

/// Waits until one of `events` (`POLLIN`, `POLLOUT`, `POLLPRI`, `POLLRDHUP`) holds on the descriptor, and gives those that
/// hold, POLLERR and POLLHUP among them.
///
/// One SQE. Dropped and cancelled without loss.
pub fn poll(target: impl Into<Target>, events: u32) -> Io<One<Poll>> {
    poll_any(Polled::Target(target.into()), events)
}

pub(crate) fn poll_any(polled: Polled, events: u32) -> Io<One<Poll>> {
    Io::new(One::new(Poll { polled, events }))
}

impl Sealed for Poll {}

impl Op for Poll {
    const NAME: &'static str = "poll";
    type Output = io::Result<u32>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let mut sqe = Sqe::from(opcode::PollAdd::new(types::Fd(-1), self.events).build());
        match &mut self.polled {
            Polled::Target(target) => scope.target(target, &mut sqe)?,
            Polled::Number(number) => sqe.fd = *number,
        }
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<u32> {
        completion.result
    }
}
