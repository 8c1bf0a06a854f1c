//! IORING_OP_UNLINKAT. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::io;

use io_uring::opcode;

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// Removes a name.
#[derive(Debug)]
pub struct Unlink {
    at: At,
    directory: bool,
}

/// Removes what is not a directory: unlink(2). A symbolic link is removed itself.
pub fn unlink(at: impl Into<At>) -> Io<One<Unlink>> {
    Io::new(One::new(Unlink { at: at.into(), directory: false }))
}

/// Removes an empty directory: rmdir(2).
pub fn unlink_dir(at: impl Into<At>) -> Io<One<Unlink>> {
    Io::new(One::new(Unlink { at: at.into(), directory: true }))
}

impl Sealed for Unlink {}

impl Op for Unlink {
    const NAME: &'static str = "unlink";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let flags = if self.directory { libc::AT_REMOVEDIR } else { 0 };
        let sqe = opcode::UnlinkAt::new(self.at.dir(), self.at.path()?).flags(flags).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
