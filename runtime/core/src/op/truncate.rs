//! IORING_OP_FTRUNCATE, from Linux 6.9 on. No error severs a chain, and there is no short result.

use std::io;

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, extent::file_offset, plain_op};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, shard, sqe::Sqe};

/// Sets a file's size.
#[derive(Debug)]
pub struct Truncate {
    target: Target,
    size: u64,
}

/// Cuts the file to `size` bytes, or extends it with zeroes. `Unsupported` before Linux 6.9.
pub fn truncate(target: impl Into<Target>, size: u64) -> Io<One<Truncate>> {
    Io::new(One::new(Truncate { target: target.into(), size }))
}

/// True if the current shard's kernel has this op.
pub fn can_truncate() -> bool {
    shard::with_current(|shard| shard.features().ftruncate) == Some(true)
}

impl Sealed for Truncate {}

impl Op for Truncate {
    const NAME: &'static str = "truncate";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        if !can_truncate() {
            let text = "a file is truncated by an op only from Linux 6.9 on (IORING_OP_FTRUNCATE); use File::set_len";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let mut sqe = Sqe::from(opcode::Ftruncate::new(types::Fd(-1), file_offset(self.size)?).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
