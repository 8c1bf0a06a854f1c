//! IORING_OP_SHUTDOWN of one direction of a connection, or both.
//!
//! There is no short result. An error (ENOTCONN) severs no chain. Cancelled: it did not start. The kernel always gives it to
//! a worker thread. Source: `net.c`, shutdown(2).

use std::{io, net};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A shutdown.
#[derive(Debug)]
pub struct Shutdown {
    target: Target,
    how: i32,
}

/// Ends the direction of reads, of writes, or both.
pub fn shutdown(target: impl Into<Target>, how: net::Shutdown) -> Io<One<Shutdown>> {
    let how = match how {
        net::Shutdown::Read => libc::SHUT_RD,
        net::Shutdown::Write => libc::SHUT_WR,
        net::Shutdown::Both => libc::SHUT_RDWR,
    };
    Io::new(One::new(Shutdown { target: target.into(), how }))
}

impl Sealed for Shutdown {}

impl Op for Shutdown {
    const NAME: &'static str = "shutdown_how";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let mut sqe = Sqe::from(opcode::Shutdown::new(types::Fd(-1), self.how).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
