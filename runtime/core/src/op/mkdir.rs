//! IORING_OP_MKDIRAT. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::io;

use io_uring::opcode;

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// Makes a directory.
#[derive(Debug)]
pub struct Mkdir {
    at: At,
    mode: u32,
}

/// Makes a directory with the permissions `mode`, before the umask: mkdir(2).
pub fn mkdir(at: impl Into<At>, mode: u32) -> Io<One<Mkdir>> {
    Io::new(One::new(Mkdir { at: at.into(), mode }))
}

impl Sealed for Mkdir {}

impl Op for Mkdir {
    const NAME: &'static str = "mkdir";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let sqe = opcode::MkDirAt::new(self.at.dir(), self.at.path()?).mode(self.mode).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
