//! IORING_OP_READV into several owned buffers, one after the other.
//!
//! Short: severs a chain, with a positive result. Zero: end of file. Cancelled: nothing was read, or the result says
//! what was. Source: readv(2), `rw.c`.

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{
    Completion, Exact, Extent, Op, Request, Variable,
    extent::{file_offset, transfer_len},
    message::{Piece, check_pieces},
    plain_op,
};
use crate::{buf::IoBufMut, fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A read into several buffers.
#[derive(Debug)]
pub struct ReadVectored<B, K> {
    target: Target,
    bufs: Vec<B>,
    offset: u64,
    pieces: Vec<Piece>,
    len: usize,
    extent: PhantomData<K>,
}

/// Reads up to the size of all buffers together, from `offset`.
///
/// At most [`PIECES_MAX`](super::PIECES_MAX) buffers; more is `InvalidInput`. One SQE, no copy, one allocation for the
/// buffers' addresses.
pub fn read_vectored_at<B: IoBufMut>(
    target: impl Into<Target>,
    bufs: Vec<B>,
    offset: u64,
) -> Io<One<ReadVectored<B, Variable>>> {
    new(target.into(), bufs, offset)
}

/// Fills all buffers, from `offset`, or fails with `UnexpectedEof`. Limit and cost as for [`read_vectored_at`].
pub fn read_exact_vectored_at<B: IoBufMut>(
    target: impl Into<Target>,
    bufs: Vec<B>,
    offset: u64,
) -> Io<One<ReadVectored<B, Exact>>> {
    new(target.into(), bufs, offset)
}

fn new<B: IoBufMut, K: Extent>(target: Target, bufs: Vec<B>, offset: u64) -> Io<One<ReadVectored<B, K>>> {
    Io::new(One::new(ReadVectored { target, bufs, offset, pieces: Vec::new(), len: 0, extent: PhantomData }))
}

impl<B, K> Sealed for ReadVectored<B, K> {}

impl<B: IoBufMut, K: Extent> Op for ReadVectored<B, K> {
    const NAME: &'static str = if K::EXACT { "read_exact_vectored_at" } else { "read_vectored_at" };
    type Output = (io::Result<K::Count>, Vec<B>);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        check_pieces(self.bufs.len())?;
        self.pieces.extend(self.bufs.iter_mut().map(|buf| {
            let address = buf.stable_mut_ptr() as usize;
            Piece { address, len: buf.bytes_writable() }
        }));
        let asked = self.pieces.iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.len));
        self.len = transfer_len::<K>(asked)? as usize;
        let (pieces, count) = (self.pieces.as_ptr().cast::<libc::iovec>(), self.pieces.len() as u32);
        let offset = file_offset(self.offset)?;
        let mut sqe = Sqe::from(opcode::Readv::new(types::Fd(-1), pieces, count).offset(offset).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: K::success(self.len), lossless: true })
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        let result = completion.result.and_then(|moved| {
            let mut left = moved as usize;
            for (buf, piece) in self.bufs.iter_mut().zip(&self.pieces) {
                let here = left.min(piece.len);
                left -= here;
                // SAFETY: the kernel has filled the pieces in order, this one with `here` ≤ its length bytes from its
                // start; the op owns the buffer and its last CQE is here. Test: runtime/tests/fs_ops.rs.
                unsafe { buf.set_init(here) };
            }
            assert!(left == 0, "the kernel reports {left} bytes more than it was given room for");
            K::count(moved, self.len, io::ErrorKind::UnexpectedEof)
        });
        (result, self.bufs)
    }
}
