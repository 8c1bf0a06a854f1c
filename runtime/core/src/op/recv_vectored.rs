//! IORING_OP_RECVMSG into several owned buffers, one after the other.
//!
//! Not READV: that one fails with EAGAIN on a non-blocking socket instead of waiting. Short: severs no chain. Zero: the
//! peer has shut down its side. Cancelled: nothing was taken from the socket. Source: `net.c`, recvmsg(2).

use std::{io, ptr};

use io_uring::{opcode, types};

use super::{
    Completion, Extent, Op, Request, Variable,
    message::{Message, Piece, check_pieces},
    plain_op,
};
use crate::{buf::IoBufMut, fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A receive into several buffers.
#[derive(Debug)]
pub struct RecvVectored<B> {
    target: Target,
    bufs: Vec<B>,
    pieces: Vec<Piece>,
    message: Message,
}

/// Receives up to the size of all buffers together.
///
/// At most [`PIECES_MAX`](super::PIECES_MAX) buffers; more is `InvalidInput`. One SQE, no copy, one allocation for the
/// buffers' addresses.
pub fn recv_vectored<B: IoBufMut>(target: impl Into<Target>, bufs: Vec<B>) -> Io<One<RecvVectored<B>>> {
    let op = RecvVectored { target: target.into(), bufs, pieces: Vec::new(), message: Message::default() };
    Io::new(One::new(op))
}

impl<B> Sealed for RecvVectored<B> {}

impl<B: IoBufMut> Op for RecvVectored<B> {
    const NAME: &'static str = "recv_vectored";
    type Output = (io::Result<usize>, Vec<B>);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        check_pieces(self.bufs.len())?;
        self.pieces.extend(self.bufs.iter_mut().map(|buf| {
            let address = buf.stable_mut_ptr() as usize;
            Piece { address, len: buf.bytes_writable() }
        }));
        self.message = Message::of(&self.pieces);
        let message = ptr::from_mut(&mut self.message).cast::<libc::msghdr>();
        let mut sqe = Sqe::from(opcode::RecvMsg::new(types::Fd(-1), message).build());
        scope.target(&mut self.target, &mut sqe)?;
        let asked = self.pieces.iter().fold(0, |sum: usize, piece| sum.saturating_add(piece.len));
        Ok(Request { sqe, success: Variable::success(asked), lossless: false })
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        let result = completion.result.map(|moved| {
            let mut left = moved as usize;
            for (buf, piece) in self.bufs.iter_mut().zip(&self.pieces) {
                let here = left.min(piece.len);
                left -= here;
                // SAFETY: the kernel has filled the pieces in order, this one with `here` ≤ its length bytes from its start;
                // the op owns the buffer and its last CQE is here. Test: runtime/tests/net_tcp_plans.rs.
                unsafe { buf.set_init(here) };
            }
            assert!(left == 0, "the kernel reports {left} bytes more than it was given room for");
            moved as usize
        });
        (result, self.bufs)
    }
}
