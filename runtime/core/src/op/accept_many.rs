//! IORING_OP_ACCEPT, multishot: one SQE, a CQE for each connection until it is cancelled or fails.
//!
//! Not a part of plans. An error ends it; the connection that met EMFILE still waits for the next accept. It also ends by
//! itself, with or without a connection, when the completion queue has no room. Cancelled: what has come by then is given,
//! connections that wait in the kernel stay there. The kernel tells no addresses. The new sockets are in non-blocking mode.
//! Source: `net.c`, io_uring_prep_multishot_accept(3).

use std::{io, os::fd::OwnedFd};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{fd::Target, lower::Scope, multishot::Ended, sealed::Sealed, shots::Shots, sqe::Sqe};

/// An accept of any number of connections.
#[derive(Debug)]
pub struct AcceptMany {
    target: Target,
    limit: usize,
}

impl AcceptMany {
    /// It stops once `limit` connections lie untaken.
    pub(crate) fn new(target: Target, limit: usize) -> AcceptMany {
        AcceptMany { target, limit }
    }
}

impl Sealed for AcceptMany {}

impl Op for AcceptMany {
    const NAME: &'static str = "accept_many";
    type Output = Ended<OwnedFd>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let mut sqe = Sqe::from(opcode::AcceptMulti::new(types::Fd(-1)).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: false })
    }

    fn shots(&self) -> Option<Box<Shots>> {
        Some(Shots::of_descriptors(self.limit))
    }

    fn finish(self, completion: Completion) -> Ended<OwnedFd> {
        Ended::new(completion, Shots::next_descriptor)
    }
}
