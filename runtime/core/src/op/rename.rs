//! IORING_OP_RENAMEAT. No error severs a chain, and there is no short result. Always carried out by a kernel worker.

use std::io;

use io_uring::opcode;

use super::{At, Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// What becomes of something that has the new name already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced, in one step that nobody sees half of.
    #[default]
    Replace,
    /// It stays, and the rename fails with `AlreadyExists` (RENAME_NOREPLACE).
    Keep,
    /// The two change places (RENAME_EXCHANGE); it must be there.
    Exchange,
}

/// Gives a file or directory another name.
#[derive(Debug)]
pub struct Rename {
    from: At,
    to: At,
    existing: Existing,
}

/// Renames `from` to `to`: renameat2(2).
pub fn rename(from: impl Into<At>, to: impl Into<At>, existing: Existing) -> Io<One<Rename>> {
    Io::new(One::new(Rename { from: from.into(), to: to.into(), existing }))
}

impl Sealed for Rename {}

impl Op for Rename {
    const NAME: &'static str = "rename";
    const SEVERS: bool = false;
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let flags = match self.existing {
            Existing::Replace => 0,
            Existing::Keep => libc::RENAME_NOREPLACE,
            Existing::Exchange => libc::RENAME_EXCHANGE,
        };
        let (from, to) = (&self.from, &self.to);
        let rename = opcode::RenameAt::new(from.dir(), from.path()?, to.dir(), to.path()?);
        let sqe = rename.flags(flags).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
