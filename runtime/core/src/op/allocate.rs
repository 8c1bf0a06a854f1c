//! IORING_OP_FALLOCATE. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::{io, ops::Range};

use io_uring::{opcode, types};

use super::{
    Completion, Op, Request, Success,
    extent::{byte_range, file_offset},
    plain_op,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// What becomes of a range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// It gets space on the device; the file grows if the range ends behind it.
    Reserve,
    /// It gets space, the size stays.
    ReserveKeepSize,
    /// It gives its space back and reads as zeroes; the size stays.
    PunchHole,
    /// It reads as zeroes, with space; the file grows if the range ends behind it.
    Zero,
    /// It is cut out, and what is behind it moves up; whole blocks only.
    Collapse,
    /// Zeroes are put in, and what is behind them moves down; whole blocks only.
    Insert,
}

impl Allocation {
    fn mode(self) -> i32 {
        match self {
            Allocation::Reserve => 0,
            Allocation::ReserveKeepSize => libc::FALLOC_FL_KEEP_SIZE,
            Allocation::PunchHole => libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE,
            Allocation::Zero => libc::FALLOC_FL_ZERO_RANGE,
            Allocation::Collapse => libc::FALLOC_FL_COLLAPSE_RANGE,
            Allocation::Insert => libc::FALLOC_FL_INSERT_RANGE,
        }
    }
}

/// A change of a file's space.
#[derive(Debug)]
pub struct Allocate {
    target: Target,
    range: Range<u64>,
    how: Allocation,
}

/// Does `how` to `range`: fallocate(2).
pub fn allocate(target: impl Into<Target>, range: Range<u64>, how: Allocation) -> Io<One<Allocate>> {
    Io::new(One::new(Allocate { target: target.into(), range, how }))
}

impl Sealed for Allocate {}

impl Op for Allocate {
    const NAME: &'static str = "allocate";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        file_offset(self.range.end)?;
        let (offset, len) = (self.range.start, byte_range(&self.range, i64::MAX as u64)?);
        let allocate = opcode::Fallocate::new(types::Fd(-1), len).offset(offset).mode(self.how.mode());
        let mut sqe = Sqe::from(allocate.build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
