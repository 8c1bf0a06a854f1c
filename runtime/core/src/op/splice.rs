//! IORING_OP_SPLICE: moves bytes from one descriptor to another, one of them a pipe, without a copy to user space.
//!
//! Of variable length: a short splice severs a chain, and what is planned behind it may name the result as its own length,
//! which the staged engine writes in. Zero: the end of the file, or of the pipe once its writers are gone. Always carried
//! out by a kernel worker. Cancelled: nothing was moved, or the result says how much. Source: `splice.c`, splice(2).

use std::io;

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success};
use crate::{
    buf::TRANSFER_MAX,
    fd::Target,
    future::Io,
    handle::{Loan, OpId},
    lower::{Scope, invalid},
    plan::One,
    sealed::Sealed,
    sqe::{FIXED_FILE, Sqe},
};

/// `SPLICE_F_FD_IN_FIXED`: the input is a slot.
const INPUT_IN_SLOT: u32 = 1 << 31;

/// One side of a splice.
#[derive(Clone, Debug)]
pub struct SpliceEnd {
    target: Target,
    /// −1: its own position, or none.
    offset: i64,
}

impl SpliceEnd {
    /// A pipe, a socket, or a file at its own position.
    pub fn stream(target: impl Into<Target>) -> SpliceEnd {
        SpliceEnd { target: target.into(), offset: -1 }
    }

    /// A file at `offset`.
    pub fn at(target: impl Into<Target>, offset: u64) -> SpliceEnd {
        // What no file can reach the kernel refuses.
        SpliceEnd { target: target.into(), offset: i64::try_from(offset).unwrap_or(i64::MIN) }
    }
}

/// How many bytes an earlier splice of the same plan has moved.
#[derive(Clone, Copy, Debug)]
pub struct Moved(Loan);

/// How many bytes to move at most: a number, or as many as an earlier splice has moved.
#[derive(Clone, Copy, Debug)]
pub enum SpliceLen {
    /// This many.
    Bytes(usize),
    /// As many as that.
    Moved(Moved),
}

impl From<usize> for SpliceLen {
    fn from(bytes: usize) -> SpliceLen {
        SpliceLen::Bytes(bytes)
    }
}

impl From<Moved> for SpliceLen {
    fn from(moved: Moved) -> SpliceLen {
        SpliceLen::Moved(moved)
    }
}

/// A splice.
#[derive(Debug)]
pub struct Splice {
    from: SpliceEnd,
    to: SpliceEnd,
    len: SpliceLen,
}

/// Moves up to `len` bytes and gives how many; 0 is the end of `from`.
pub fn splice(from: SpliceEnd, to: SpliceEnd, len: impl Into<SpliceLen>) -> Io<One<Splice>> {
    Io::new(One::new(Splice { from, to, len: len.into() }))
}

impl Sealed for Splice {}

impl Op for Splice {
    const NAME: &'static str = "splice";
    type Output = io::Result<usize>;
    type Planned = Self;
    type Handle = Moved;

    fn planned(self) -> Self {
        self
    }

    fn handle(id: &mut Option<OpId>) -> Moved {
        Moved(Loan::new(*id.get_or_insert_with(OpId::unique)))
    }

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let (len, bytes) = match self.len {
            SpliceLen::Bytes(bytes) => (bytes, None),
            SpliceLen::Moved(Moved(loan)) => {
                let bytes = scope.loan(&loan)?;
                (bytes.len, Some(bytes))
            }
        };
        if len > TRANSFER_MAX {
            return Err(invalid(format!("a splice of {len} bytes; the most at once is {TRANSFER_MAX}")));
        }
        let (from, to) = (types::Fd(-1), types::Fd(-1));
        let mut sqe = Sqe::from(opcode::Splice::new(from, self.from.offset, to, self.to.offset, len as u32).build());
        scope.target(&mut self.to.target, &mut sqe)?;
        let mut input = Sqe::default();
        scope.input(&mut self.from.target, &mut input)?;
        sqe.file_index = input.fd as u32;
        if input.flags & FIXED_FILE != 0 {
            sqe.op_flags |= INPUT_IN_SLOT;
        }
        if let Some(bytes) = bytes {
            scope.forward_length(&bytes);
        }
        let success = Success::Variable { asked: len };
        // No bytes to read: only their number is offered, under a type that nothing can be read from.
        scope.provide_bytes(std::ptr::null(), len, success);
        Ok(Request { sqe, success, lossless: false })
    }

    fn finish(self, completion: Completion) -> io::Result<usize> {
        completion.result.map(|moved| moved as usize)
    }
}
