//! IORING_OP_RECV, multishot, into buffers of a pool: one SQE, a CQE for each filled buffer until it ends.
//!
//! Not a part of plans. It ends with 0 bytes (the peer has shut down its side), with an error, with ENOBUFS when bytes
//! arrive and the pool is empty, at a limit, and by itself when the completion queue has no room. Cancelled: what has come by then is
//! given, and what waits in the socket stays there, so a receive after it goes on at the right byte. Source: `net.c`,
//! `kbuf.c`, io_uring_prep_recv_multishot(3).

use std::{io, rc::Rc};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{
    fd::Target,
    lower::Scope,
    multishot::Ended,
    pool::{Lease, Pool},
    sealed::Sealed,
    shots::Shots,
    sqe::Sqe,
};

/// `IORING_RECVSEND_POLL_FIRST`.
const POLL_FIRST: u16 = 1 << 0;
/// `IORING_RECVSEND_BUNDLE`.
const BUNDLE: u16 = 1 << 4;

/// A receive of anything that comes.
#[derive(Debug)]
pub struct RecvMany {
    target: Target,
    pool: Rc<Pool>,
    poll_first: bool,
    limit: u32,
}

impl RecvMany {
    /// `poll_first`: looks for bytes before it looks for a buffer, so that an empty pool does not end it while there is
    /// nothing to receive. It ends once it has received `limit` bytes, if that is not 0; kernels before 6.17 refuse a limit
    /// with EINVAL.
    pub(crate) fn new(target: Target, pool: Rc<Pool>, poll_first: bool, limit: u32) -> RecvMany {
        RecvMany { target, pool, poll_first, limit }
    }
}

impl Sealed for RecvMany {}

impl Op for RecvMany {
    const NAME: &'static str = "recv_many";
    type Output = Ended<Lease>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let mut sqe = Sqe::from(opcode::RecvMulti::new(types::Fd(-1), self.pool.group).build());
        if self.poll_first {
            sqe.ioprio |= POLL_FIRST;
        }
        if self.pool.bundles() {
            sqe.ioprio |= BUNDLE;
        }
        // `optlen`, which shares its place.
        sqe.file_index = self.limit;
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: false })
    }

    fn shots(&self) -> Option<Box<Shots>> {
        Some(Shots::of_bytes(self.pool.clone(), self.pool.share()))
    }

    fn finish(self, completion: Completion) -> Ended<Lease> {
        Ended::new(completion, Shots::next_lease)
    }
}
