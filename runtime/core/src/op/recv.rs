//! IORING_OP_RECV.
//!
//! Short: severs a chain only with MSG_WAITALL, which the exact form sets. Zero: the peer has shut down its side.
//! Cancelled: nothing was taken from the socket, or the result says how much. Source: `net.c`, recv(2).

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{Completion, Exact, Extent, Op, Request, Variable, extent::transfer_len, lending_op};
use crate::{buf::IoBufMut, fd::Target, future::Io, lower::Scope, plan::One, sealed::Sealed, sqe::Sqe};

/// A receive into an owned buffer.
#[derive(Debug)]
pub struct Recv<B, K> {
    target: Target,
    buf: B,
    extent: PhantomData<K>,
}

/// Receives up to the buffer's size.
pub fn recv<B: IoBufMut>(target: impl Into<Target>, buf: B) -> Io<One<Recv<B, Variable>>> {
    Io::new(One::new(Recv { target: target.into(), buf, extent: PhantomData }))
}

/// Fills the buffer, or fails with `UnexpectedEof`.
pub fn recv_exact<B: IoBufMut>(target: impl Into<Target>, buf: B) -> Io<One<Recv<B, Exact>>> {
    Io::new(One::new(Recv { target: target.into(), buf, extent: PhantomData }))
}

impl<B, K> Sealed for Recv<B, K> {}

impl<B: IoBufMut, K: Extent> Op for Recv<B, K> {
    const NAME: &'static str = if K::EXACT { "recv_exact" } else { "recv" };
    type Output = (io::Result<K::Count>, B);
    lending_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let len = transfer_len::<K>(self.buf.bytes_writable())?;
        let ptr = self.buf.stable_mut_ptr();
        let flags = if K::EXACT { libc::MSG_WAITALL } else { 0 };
        let mut sqe = Sqe::from(opcode::Recv::new(types::Fd(-1), ptr, len).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        let success = K::success(len as usize);
        scope.provide_bytes(ptr, len as usize, success);
        Ok(Request { sqe, success, lossless: false })
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        let len = self.buf.bytes_writable();
        let result = completion.result.and_then(|moved| {
            assert!(moved as usize <= len, "the kernel reports {moved} bytes received into {len}");
            // SAFETY: the kernel has written `moved` ≤ `len` bytes from the start of the buffer, which this op owns;
            // its last CQE is here. Test: runtime/tests/sockets.rs.
            unsafe { self.buf.set_init(moved as usize) };
            K::count(moved, len, io::ErrorKind::UnexpectedEof)
        });
        (result, self.buf)
    }
}
