//! One SQE that has been taken and has not ended.

use std::{
    os::fd::{OwnedFd, RawFd},
    sync::Arc,
};

use crate::sqe::{IO_HARDLINK, IO_LINK, Sqe};

use super::timeouts::Deadline;

/// No request.
pub(super) const NONE: u32 = u32::MAX;

/// A request, from when its SQE is taken to its terminal CQE.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) sqe: Sqe,
    /// What is linked behind it, or [`NONE`].
    pub(super) next: u32,
    /// The LINK_TIMEOUT behind it, or [`NONE`].
    pub(super) timeout: u32,
    /// Of a LINK_TIMEOUT: what it limits.
    pub(super) limits: u32,
    pub(super) state: State,
    /// Bytes that have been moved so far.
    pub(super) moved: u32,
    /// The descriptor, once the op was issued.
    pub(super) fd: RawFd,
    /// Keeps a slot's file open while the op runs.
    pub(super) slot: Option<Arc<OwnedFd>>,
    pub(super) deadline: Option<Deadline>,
    /// It has been waited for readiness once; of a connect: it is under way.
    pub(super) waited: bool,
    /// Flags of its last CQE.
    pub(super) flags: u32,
    /// What its preparation was refused with; 0 if it was not.
    pub(super) refused: i32,
}

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not issued: what it is linked to has not ended.
    Linked,
    /// In the poller's list of this descriptor.
    Waits(RawFd),
    /// With the pool.
    Pooled,
    /// Until its deadline; an op that is tried again then, or a timeout.
    Timed,
}

/// What an attempt to carry an op out has come to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Attempt {
    /// It has ended; `severs`: what is linked behind it does not run.
    Done { res: i32, severs: bool },
    /// It would block until the descriptor has one of these events.
    Wait { fd: RawFd, events: u32 },
    /// It may block for long: a thread of the pool has to do it.
    Block,
    /// Nothing tells when; it is tried again soon.
    Later,
}

impl Attempt {
    /// An op of which any error severs.
    pub(super) fn of(res: i32) -> Attempt {
        Attempt::Done { res, severs: res < 0 }
    }
}

impl Request {
    pub(super) fn new(sqe: Sqe) -> Request {
        Request {
            sqe,
            next: NONE,
            timeout: NONE,
            limits: NONE,
            state: State::Linked,
            moved: 0,
            fd: sqe.fd,
            slot: None,
            deadline: None,
            waited: false,
            flags: 0,
            refused: 0,
        }
    }

    pub(super) fn is_linked(&self) -> bool {
        self.sqe.flags & (IO_LINK | IO_HARDLINK) != 0
    }

    /// What is behind it runs whatever its result is.
    pub(super) fn is_hard(&self) -> bool {
        self.sqe.flags & IO_HARDLINK != 0
    }
}
