//! IORING_OP_URING_CMD on `/dev/fuse`: FUSE_IO_URING_CMD_REGISTER and FUSE_IO_URING_CMD_COMMIT_AND_FETCH.
//!
//! Both wait for a request: there is no short result, and zero is success. Stands alone: 128-byte SQEs have no place in
//! stage tables. Cancelled: the kernel does not find such an op (ENOENT), so it ends with the next request or with the
//! connection. Source: `fs/fuse/dev_uring.c`; `struct fuse_uring_cmd_req` in `include/uapi/linux/fuse.h`.

use std::io;

use io_uring::opcode;

use super::{Completion, Op, Request, Success, plain_op};
use crate::{
    fuse::Entry,
    future::Io,
    lower::{Scope, invalid},
    plan::One,
    sealed::Sealed,
    sqe::Sqe,
};

// `enum fuse_uring_cmd`.
const REGISTER: u64 = 1;
const COMMIT_AND_FETCH: u64 = 2;

/// A wait for a request to a file system. See [`Entry`].
#[derive(Debug)]
pub struct FuseFetch {
    entry: Entry,
    register: bool,
}

pub(crate) fn fuse_fetch(entry: Entry, register: bool) -> Io<One<FuseFetch>> {
    Io::new(One::new(FuseFetch { entry, register }))
}

impl Sealed for FuseFetch {}

impl Op for FuseFetch {
    const NAME: &'static str = "fuse_fetch";
    type Output = (io::Result<()>, Entry);
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        if !scope.is_alone() {
            return Err(invalid("a FUSE entry's op cannot be part of a plan"));
        }
        let request = match (self.register, self.entry.request()) {
            (true, None) => 0,
            (true, Some(_)) => return Err(invalid("the entry holds a request; reply to it")),
            (false, Some(request)) => request,
            (false, None) => return Err(invalid("the entry holds no request to reply to")),
        };
        let command = if self.register { REGISTER } else { COMMIT_AND_FETCH };
        // The command area: no flags, then the request.
        let mut sqe = Sqe { opcode: opcode::UringCmd80::CODE, off: command, pad: request, ..Sqe::default() };
        if self.register {
            (sqe.addr, sqe.len) = (self.entry.iovecs(), 2);
        }
        scope.target(&mut self.entry.target(), &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: false })
    }

    fn rest(&self) -> Option<[u8; 64]> {
        let mut rest = [0; 64];
        rest[..2].copy_from_slice(&self.entry.queue().to_ne_bytes());
        Some(rest)
    }

    fn finish(mut self, completion: Completion) -> Self::Output {
        // What the kernel never saw has changed nothing.
        if completion.ran() {
            self.entry.fetched(completion.result.is_ok());
        }
        (completion.done(), self.entry)
    }
}
