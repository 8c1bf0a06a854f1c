//! IORING_OP_SENDMSG of several buffers or loans, one after the other.
//!
//! Not WRITEV: that one fails with EAGAIN on a non-blocking socket instead of waiting, and raises SIGPIPE. Short: severs a
//! chain only with MSG_WAITALL, which the exact form sets (the kernel then goes on until all is sent). Cancelled: nothing
//! was sent, or the result says how much. Source: `net.c`, sendmsg(2).

use std::{io, marker::PhantomData, ptr};

use io_uring::{opcode, types};

use super::{
    Completion, Exact, Extent, Op, Request, Success, Variable,
    extent::transfer_len,
    message::{Message, Piece, check_pieces},
    plain_op,
};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, source::Source, sqe::Sqe};

/// A send of several pieces.
#[derive(Debug)]
pub struct SendVectored<S, K> {
    target: Target,
    sources: Vec<S>,
    pieces: Vec<Piece>,
    message: Message,
    len: usize,
    extent: PhantomData<K>,
}

/// Sends up to all pieces of `sources`, one after the other.
///
/// At most [`PIECES_MAX`](super::PIECES_MAX) pieces; more is `InvalidInput`. One SQE, no copy in user space, one
/// allocation for the pieces' addresses.
pub fn send_vectored<S: Source>(target: impl Into<Target>, sources: Vec<S>) -> Io<One<SendVectored<S, Variable>>> {
    new(target.into(), sources)
}

/// Sends all pieces of `sources`, one after the other, or fails with `WriteZero`. Limit and cost as for
/// [`send_vectored`].
pub fn send_all_vectored<S: Source>(target: impl Into<Target>, sources: Vec<S>) -> Io<One<SendVectored<S, Exact>>> {
    new(target.into(), sources)
}

fn new<S: Source, K: Extent>(target: Target, sources: Vec<S>) -> Io<One<SendVectored<S, K>>> {
    let (pieces, message) = (Vec::new(), Message::default());
    Io::new(One::new(SendVectored { target, sources, pieces, message, len: 0, extent: PhantomData }))
}

impl<S, K> Sealed for SendVectored<S, K> {}

impl<S: Source, K: Extent> Op for SendVectored<S, K> {
    const NAME: &'static str = if K::EXACT { "send_all_vectored" } else { "send_vectored" };
    type Output = (io::Result<K::Count>, Vec<S>);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        check_pieces(self.sources.len())?;
        self.pieces.reserve_exact(self.sources.len());
        for source in &self.sources {
            let bytes = source.locate(scope)?;
            scope.fixed_length(&bytes)?;
            self.pieces.push(Piece { address: bytes.ptr as usize, len: bytes.len });
            self.len = self.len.saturating_add(bytes.len);
        }
        self.len = transfer_len::<K>(self.len)? as usize;
        self.message = Message::of(&self.pieces);
        let message = ptr::from_ref(&self.message).cast::<libc::msghdr>();
        // NOSIGNAL: a peer that is gone is an error (EPIPE) for this op, not a signal for the process.
        let flags = libc::MSG_NOSIGNAL | if K::EXACT { libc::MSG_WAITALL } else { 0 };
        let mut sqe = Sqe::from(opcode::SendMsg::new(types::Fd(-1), message).flags(flags as u32).build());
        scope.target(&mut self.target, &mut sqe)?;
        let success = if K::EXACT { Success::Exact(self.len) } else { Success::NonNegative };
        Ok(Request { sqe, success, lossless: false })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let result = completion.result.and_then(|moved| K::count(moved, self.len, io::ErrorKind::WriteZero));
        (result, self.sources)
    }
}
