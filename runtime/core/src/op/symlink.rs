//! IORING_OP_SYMLINKAT. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::{io, path::Path};

use io_uring::opcode;

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// Makes a symbolic link.
#[derive(Debug)]
pub struct Symlink {
    /// Its start means nothing: the text is kept as it is.
    original: At,
    link: At,
}

/// Makes `link` a symbolic link with the text `original`: symlinkat(2).
pub fn symlink(original: &Path, link: impl Into<At>) -> Io<One<Symlink>> {
    Io::new(One::new(Symlink { original: original.into(), link: link.into() }))
}

impl Sealed for Symlink {}

impl Op for Symlink {
    const NAME: &'static str = "symlink";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let text = self.original.path()?;
        let sqe = opcode::SymlinkAt::new(self.link.dir(), text, self.link.path()?).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
