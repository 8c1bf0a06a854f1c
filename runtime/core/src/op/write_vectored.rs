//! IORING_OP_WRITEV of several buffers or loans, one after the other: the 1 of N reads : 1 write.
//!
//! Short: severs a chain. Cancelled: as for a write.

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{
    Completion, Exact, Extent, Op, Request, Success, Variable,
    extent::transfer_len,
    message::{Piece, check_pieces},
    plain_op,
    write::Position,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, source::Source, sqe::Sqe};

/// A write of several pieces.
#[derive(Debug)]
pub struct WriteVectored<S, K> {
    target: Target,
    sources: Vec<S>,
    position: Position,
    iovecs: Vec<Piece>,
    len: usize,
    extent: PhantomData<K>,
}

/// Writes up to all pieces of `sources`, one after the other, from `offset`.
///
/// At most [`PIECES_MAX`](super::PIECES_MAX) pieces; more is `InvalidInput`. One SQE, no copy, one allocation for the
/// pieces' addresses.
pub fn write_vectored_at<S: Source>(
    target: impl Into<Target>,
    sources: Vec<S>,
    offset: u64,
) -> Io<One<WriteVectored<S, Variable>>> {
    new(target.into(), sources, Position::At(offset))
}

/// Writes all pieces of `sources`, one after the other, from `offset`, or fails with `WriteZero`. Limit and cost as for
/// [`write_vectored_at`].
pub fn write_all_vectored_at<S: Source>(
    target: impl Into<Target>,
    sources: Vec<S>,
    offset: u64,
) -> Io<One<WriteVectored<S, Exact>>> {
    new(target.into(), sources, Position::At(offset))
}

/// As [`write_all_vectored_at`], at the end of the file, wherever that is when the write begins.
pub fn append_all_vectored<S: Source>(target: impl Into<Target>, sources: Vec<S>) -> Io<One<WriteVectored<S, Exact>>> {
    new(target.into(), sources, Position::End)
}

fn new<S: Source, K: Extent>(target: Target, sources: Vec<S>, position: Position) -> Io<One<WriteVectored<S, K>>> {
    Io::new(One::new(WriteVectored { target, sources, position, iovecs: Vec::new(), len: 0, extent: PhantomData }))
}

impl<S, K> Sealed for WriteVectored<S, K> {}

impl<S: Source, K: Extent> Op for WriteVectored<S, K> {
    const NAME: &'static str = if K::EXACT { "write_all_vectored_at" } else { "write_vectored_at" };
    type Output = (io::Result<K::Count>, Vec<S>);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        check_pieces(self.sources.len())?;
        self.iovecs.reserve_exact(self.sources.len());
        for source in &self.sources {
            let bytes = source.locate(scope)?;
            scope.fixed_length(&bytes)?;
            self.iovecs.push(Piece { address: bytes.ptr as usize, len: bytes.len });
            self.len = self.len.saturating_add(bytes.len);
        }
        self.len = transfer_len::<K>(self.len)? as usize;
        let (iovecs, count) = (self.iovecs.as_ptr().cast::<libc::iovec>(), self.iovecs.len() as u32);
        let write = opcode::Writev::new(types::Fd(-1), iovecs, count);
        let mut sqe = Sqe::from(write.offset(self.position.offset()?).rw_flags(self.position.flags()).build());
        scope.target(&mut self.target, &mut sqe)?;
        scope.writes(&self.target, self.len);
        let success = if K::EXACT { Success::Exact(self.len) } else { Success::NonNegative };
        Ok(Request { sqe, success, lossless: self.position.is_lossless() })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let result = completion.result.and_then(|moved| K::count(moved, self.len, io::ErrorKind::WriteZero));
        (result, self.sources)
    }
}
