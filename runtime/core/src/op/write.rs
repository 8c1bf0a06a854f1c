//! IORING_OP_WRITE at an offset, at the file's own position or at its end.
//!
//! Short: severs a chain, with a positive result. Zero: nothing was written (`WriteZero` where all was asked for).
//! Cancelled: nothing was written, or the result says how much. Source: io_uring_enter(2), IORING_OP_WRITE.

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{
    Completion, Exact, Extent, Op, Request, Success, Variable,
    extent::{file_offset, transfer_len},
    plain_op,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, source::Source, sqe::Sqe};

/// A write from an owned buffer or a loan.
#[derive(Debug)]
pub struct Write<S, K> {
    target: Target,
    source: S,
    position: Position,
    /// How many bytes there are to write, once lowered.
    len: usize,
    extent: PhantomData<K>,
}

/// Where a write goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Position {
    At(u64),
    /// The file's own, which the write moves.
    Next,
    /// The end of the file as of the time that the write begins (RWF_APPEND).
    End,
}

impl Position {
    pub(super) fn offset(self) -> io::Result<u64> {
        match self {
            Position::At(offset) => file_offset(offset),
            Position::Next => Ok(u64::MAX),
            Position::End => Ok(0),
        }
    }

    pub(super) fn flags(self) -> i32 {
        match self {
            Position::At(_) | Position::Next => 0,
            Position::End => libc::RWF_APPEND,
        }
    }

    /// The same write can be done once more.
    pub(super) fn is_lossless(self) -> bool {
        matches!(self, Position::At(_))
    }
}

/// Writes up to all of `source` at `offset`.
pub fn write_at<S: Source>(target: impl Into<Target>, source: S, offset: u64) -> Io<One<Write<S, Variable>>> {
    write(target, source, Position::At(offset))
}

/// Writes all of `source` at `offset`, or fails with `WriteZero`.
pub fn write_all_at<S: Source>(target: impl Into<Target>, source: S, offset: u64) -> Io<One<Write<S, Exact>>> {
    write(target, source, Position::At(offset))
}

/// Writes up to all of `source` at the file's own position and moves it.
pub fn write_next<S: Source>(target: impl Into<Target>, source: S) -> Io<One<Write<S, Variable>>> {
    write(target, source, Position::Next)
}

/// Writes up to all of `source` at the end of the file, wherever that is when the write begins.
pub fn append<S: Source>(target: impl Into<Target>, source: S) -> Io<One<Write<S, Variable>>> {
    write(target, source, Position::End)
}

/// Writes all of `source` at the end of the file, wherever that is when the write begins, or fails with `WriteZero`.
pub fn append_all<S: Source>(target: impl Into<Target>, source: S) -> Io<One<Write<S, Exact>>> {
    write(target, source, Position::End)
}

fn write<S: Source, K: Extent>(target: impl Into<Target>, source: S, position: Position) -> Io<One<Write<S, K>>> {
    Io::new(One::new(Write { target: target.into(), source, position, len: 0, extent: PhantomData }))
}

impl<S, K> Sealed for Write<S, K> {}

impl<S: Source, K: Extent> Op for Write<S, K> {
    const NAME: &'static str = if K::EXACT { "write_all_at" } else { "write_at" };
    type Output = (io::Result<K::Count>, S);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let bytes = self.source.locate(scope)?;
        let len = transfer_len::<K>(bytes.len)?;
        let write = opcode::Write::new(types::Fd(-1), bytes.ptr, len);
        let mut sqe = Sqe::from(write.offset(self.position.offset()?).rw_flags(self.position.flags()).build());
        scope.target(&mut self.target, &mut sqe)?;
        if let Some(index) = bytes.registered {
            (sqe.opcode, sqe.buf_index) = (opcode::WriteFixed::CODE, index);
        }
        scope.forward_length(&bytes);
        scope.writes(&self.target, bytes.len);
        self.len = len as usize;
        // A write that takes nothing is no end of file: it is a success of 0 bytes.
        let success = if K::EXACT { Success::Exact(self.len) } else { Success::NonNegative };
        Ok(Request { sqe, success, lossless: self.position.is_lossless() })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let asked = completion.asked.map_or(self.len, |asked| asked as usize);
        let result = completion.result.and_then(|moved| K::count(moved, asked, io::ErrorKind::WriteZero));
        (result, self.source)
    }
}
