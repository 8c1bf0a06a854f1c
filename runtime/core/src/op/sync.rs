//! IORING_OP_FSYNC. Any error severs a chain; there is no short result.

use std::io;

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A sync of a file to its device.
#[derive(Debug)]
pub struct Sync {
    target: Target,
    data_only: bool,
}

/// Data and metadata: fsync(2).
pub fn sync_all(target: impl Into<Target>) -> Io<One<Sync>> {
    Io::new(One::new(Sync { target: target.into(), data_only: false }))
}

/// Data, and the metadata needed to read it back: fdatasync(2).
pub fn sync_data(target: impl Into<Target>) -> Io<One<Sync>> {
    Io::new(One::new(Sync { target: target.into(), data_only: true }))
}

impl Sealed for Sync {}

impl Op for Sync {
    const NAME: &'static str = "sync";
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let flags = if self.data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
        let mut sqe = Sqe::from(opcode::Fsync::new(types::Fd(-1)).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
