//! IORING_OP_WRITEV of several buffers or loans, one after the other: the 1 of N reads : 1 write.
//!
//! Short: severs a chain. Cancelled: as for a write.

use std::io;

use io_uring::{opcode, types};

use super::{
    Completion, Exact, Extent, Op, Request, Success,
    extent::{file_offset, transfer_len},
    message::{Piece, check_pieces},
    plain_op,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, source::Source, sqe::Sqe};

/// A write of several pieces.
#[derive(Debug)]
pub struct WriteVectored<S> {
    target: Target,
    sources: Vec<S>,
    offset: u64,
    iovecs: Vec<Piece>,
    len: usize,
}

/// Writes all pieces of `sources`, one after the other, from `offset`, or fails with `WriteZero`.
///
/// At most [`PIECES_MAX`](super::PIECES_MAX) pieces; more is `InvalidInput`. One SQE, no copy, one allocation for the pieces' addresses.
pub fn write_all_vectored_at<S: Source>(
    target: impl Into<Target>,
    sources: Vec<S>,
    offset: u64,
) -> Io<One<WriteVectored<S>>> {
    Io::new(One::new(WriteVectored { target: target.into(), sources, offset, iovecs: Vec::new(), len: 0 }))
}

impl<S> Sealed for WriteVectored<S> {}

impl<S: Source> Op for WriteVectored<S> {
    const NAME: &'static str = "write_all_vectored_at";
    type Output = (io::Result<()>, Vec<S>);
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
        self.len = transfer_len::<Exact>(self.len)? as usize;
        let offset = file_offset(self.offset)?;
        let (iovecs, count) = (self.iovecs.as_ptr().cast::<libc::iovec>(), self.iovecs.len() as u32);
        let mut sqe = Sqe::from(opcode::Writev::new(types::Fd(-1), iovecs, count).offset(offset).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::Exact(self.len), lossless: true })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let result = completion.result.and_then(|moved| Exact::count(moved, self.len, io::ErrorKind::WriteZero));
        (result, self.sources)
    }
}
