//! IORING_OP_READ at an offset or at the file's own position.
//!
//! Short: severs a chain, with a positive result. Zero: end of file. Cancelled: nothing was read, or the result says
//! what was. Source: io_uring_enter(2), IORING_OP_READ; `rw.c` for the severing.

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{
    Completion, Exact, Extent, Op, Request, Variable,
    extent::{file_offset, transfer_len},
    lending_op,
};
use crate::{buf::IoBufMut, fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A read into an owned buffer.
#[derive(Debug)]
pub struct Read<B, K> {
    target: Target,
    buf: B,
    position: Position,
    extent: PhantomData<K>,
}

#[derive(Clone, Copy, Debug)]
enum Position {
    At(u64),
    /// The file's own, which the read moves.
    Next,
}

/// Reads up to the buffer's size at `offset`.
pub fn read_at<B: IoBufMut>(target: impl Into<Target>, buf: B, offset: u64) -> Io<One<Read<B, Variable>>> {
    read(target, buf, Position::At(offset))
}

/// Fills the buffer from `offset`, or fails with `UnexpectedEof`.
pub fn read_exact_at<B: IoBufMut>(target: impl Into<Target>, buf: B, offset: u64) -> Io<One<Read<B, Exact>>> {
    read(target, buf, Position::At(offset))
}

/// Reads up to the buffer's size at the file's own position and moves it.
pub fn read_next<B: IoBufMut>(target: impl Into<Target>, buf: B) -> Io<One<Read<B, Variable>>> {
    read(target, buf, Position::Next)
}

fn read<B: IoBufMut, K: Extent>(target: impl Into<Target>, buf: B, position: Position) -> Io<One<Read<B, K>>> {
    Io::new(One::new(Read { target: target.into(), buf, position, extent: PhantomData }))
}

impl<B, K> Sealed for Read<B, K> {}

impl<B: IoBufMut, K: Extent> Op for Read<B, K> {
    const NAME: &'static str = if K::EXACT { "read_exact_at" } else { "read_at" };
    type Output = (io::Result<K::Count>, B);
    lending_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let len = transfer_len::<K>(self.buf.bytes_writable())?;
        let offset = match self.position {
            Position::At(offset) => file_offset(offset)?,
            Position::Next => u64::MAX,
        };
        let ptr = self.buf.stable_mut_ptr();
        let mut sqe = Sqe::from(opcode::Read::new(types::Fd(-1), ptr, len).offset(offset).build());
        scope.target(&mut self.target, &mut sqe)?;
        let (success, registered) = (K::success(len as usize), self.buf.registered());
        if let Some(index) = registered {
            (sqe.opcode, sqe.buf_index) = (opcode::ReadFixed::CODE, index);
        }
        if matches!(self.position, Position::At(_)) {
            scope.reads(&self.target);
        }
        scope.provide_registered(ptr, len as usize, success, registered);
        Ok(Request { sqe, success, lossless: matches!(self.position, Position::At(_)) })
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        let len = self.buf.bytes_writable();
        let result = completion.result.and_then(|moved| {
            assert!(moved as usize <= len, "the kernel reports {moved} bytes read into {len}");
            // SAFETY: the kernel has written `moved` ≤ `len` bytes from the start of the buffer, which this op owns;
            // its last CQE is here. Test: buf::tests, runtime/tests/files.rs.
            unsafe { self.buf.set_init(moved as usize) };
            K::count(moved, len, io::ErrorKind::UnexpectedEof)
        });
        (result, self.buf)
    }
}
