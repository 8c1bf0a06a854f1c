//! IORING_OP_SEND_ZC: a send that lets the network card read the buffer itself.
//!
//! Two CQEs: the result, after which what is planned behind it may start, and the notification that the kernel has done
//! with the memory, after which the op has ended and the buffer comes back. Short: severs a chain only with MSG_WAITALL,
//! which the exact form sets. Cancelled: nothing was sent, or the result says how much; the notification is waited for in
//! any case. Source: `net.c`, `notif.c`, io_uring_prep_send_zc(3).

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{Completion, Exact, Extent, Op, Request, Success, Variable, extent::transfer_len, plain_op};
use crate::{fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, source::Source, sqe::Sqe};

/// A send from an owned buffer or a loan without a copy.
#[derive(Debug)]
pub struct SendZc<S, K> {
    target: Target,
    source: S,
    /// How many bytes there are to send, once lowered.
    len: usize,
    extent: PhantomData<K>,
}

/// Sends up to all of `source` without a copy.
pub fn send_zc<S: Source>(target: impl Into<Target>, source: S) -> Io<One<SendZc<S, Variable>>> {
    Io::new(One::new(SendZc { target: target.into(), source, len: 0, extent: PhantomData }))
}

/// Sends all of `source` without a copy, or fails.
pub fn send_all_zc<S: Source>(target: impl Into<Target>, source: S) -> Io<One<SendZc<S, Exact>>> {
    Io::new(One::new(SendZc { target: target.into(), source, len: 0, extent: PhantomData }))
}

impl<S, K> Sealed for SendZc<S, K> {}

impl<S: Source, K: Extent> Op for SendZc<S, K> {
    const NAME: &'static str = if K::EXACT { "send_all_zc" } else { "send_zc" };
    type Output = (io::Result<K::Count>, S);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let bytes = self.source.locate(scope)?;
        let len = transfer_len::<K>(bytes.len)?;
        // As for `send`.
        let flags = libc::MSG_NOSIGNAL | if K::EXACT { libc::MSG_WAITALL } else { 0 };
        let mut sqe = Sqe::from(opcode::SendZc::new(types::Fd(-1), bytes.ptr, len).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        scope.forward_length(&bytes);
        self.len = len as usize;
        let success = if K::EXACT { Success::Exact(self.len) } else { Success::NonNegative };
        Ok(Request { sqe, success, lossless: false })
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let asked = completion.asked.map_or(self.len, |asked| asked as usize);
        let result = completion.result.map_err(explain);
        (result.and_then(|moved| K::count(moved, asked, io::ErrorKind::WriteZero)), self.source)
    }
}

fn explain(error: io::Error) -> io::Error {
    if error.raw_os_error() != Some(libc::EOPNOTSUPP) {
        return error;
    }
    let text = "send_zc: this kind of socket cannot send without a copy (TCP and UDP can); use send or send_all";
    io::Error::new(io::ErrorKind::Unsupported, text)
}
