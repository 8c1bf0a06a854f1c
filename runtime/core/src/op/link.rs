//! IORING_OP_LINKAT. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::io;

use io_uring::opcode;

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// Gives a file one more name.
#[derive(Debug)]
pub struct Link {
    original: At,
    link: At,
}

/// Makes `link` another name of `original`, which is not followed if it is a symbolic link: linkat(2).
pub fn link(original: impl Into<At>, link: impl Into<At>) -> Io<One<Link>> {
    Io::new(One::new(Link { original: original.into(), link: link.into() }))
}

impl Sealed for Link {}

impl Op for Link {
    const NAME: &'static str = "link";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let (from, to) = (&self.original, &self.link);
        let sqe = opcode::LinkAt::new(from.dir(), from.path()?, to.dir(), to.path()?).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
