//! IORING_OP_SEND.
//!
//! Short: severs a chain only with MSG_WAITALL, which the exact form sets (the kernel then goes on until all is sent).
//! Cancelled: nothing was sent, or the result says how much. Source: `net.c`, send(2).

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{Completion, Exact, Extent, Op, Request, Success, Variable, extent::transfer_len, plain_op};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, source::Source, sqe::Sqe};

/// A send from an owned buffer or a loan.
#[derive(Debug)]
pub struct Send<S, K> {
    target: Target,
    source: S,
    /// How many bytes there are to send, once lowered.
    len: usize,
    extent: PhantomData<K>,
}

/// Sends up to all of `source`.
pub fn send<S: Source>(target: impl Into<Target>, source: S) -> Io<One<Send<S, Variable>>> {
    Io::new(One::new(Send { target: target.into(), source, len: 0, extent: PhantomData }))
}

/// Sends all of `source`, or fails.
pub fn send_all<S: Source>(target: impl Into<Target>, source: S) -> Io<One<Send<S, Exact>>> {
    Io::new(One::new(Send { target: target.into(), source, len: 0, extent: PhantomData }))
}

impl<S, K> Sealed for Send<S, K> {}

impl<S: Source, K: Extent> Op for Send<S, K> {
    const NAME: &'static str = if K::EXACT { "send_all" } else { "send" };
    type Output = (io::Result<K::Count>, S);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let bytes = self.source.locate(scope)?;
        let len = transfer_len::<K>(bytes.len)?;
        // NOSIGNAL: a peer that is gone is an error (EPIPE) for this op, not a signal for the process.
        let flags = libc::MSG_NOSIGNAL | if K::EXACT { libc::MSG_WAITALL } else { 0 };
        let mut sqe = Sqe::from(opcode::Send::new(types::Fd(-1), bytes.ptr, len).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        scope.forward_length(&bytes);
        self.len = len as usize;
        let success = if K::EXACT { Success::Exact(self.len) } else { Success::NonNegative };
        Ok(Request { sqe, success, lossless: false })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let asked = completion.asked.map_or(self.len, |asked| asked as usize);
        let result = completion.result.and_then(|moved| K::count(moved, asked, io::ErrorKind::WriteZero));
        (result, self.source)
    }
}
