//! IORING_OP_CLOSE of an ordinary descriptor or of a slot.
//!
//! Once the kernel has begun a close, the descriptor is gone whatever the result says; only a close that never ran
//! (cancelled before its start, or not run in its plan) leaves it to its owner's drop.

use std::{io, os::fd::IntoRawFd};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{
    fd::{SharedFd, Target},
    future::Io,
    lower::Scope,
    plan::One,
    sealed::Sealed,
    sqe::{FIXED_FILE, Sqe},
};

/// A close.
#[derive(Debug)]
pub struct Close {
    target: Option<Target>,
    /// Whether an SQE of CLOSE was made; a descriptor that others still share is left to the last of them.
    closing: bool,
}

/// Closes the descriptor, if nobody else shares it; else this is a NOP and the last owner closes.
pub fn close_fd(fd: SharedFd) -> Io<One<Close>> {
    Io::new(One::new(Close { target: Some(Target::Fd(fd)), closing: false }))
}

/// Closes a slot. What still uses it in other plans then fails with EBADF.
pub fn close_slot(target: impl Into<Target>) -> Io<One<Close>> {
    Io::new(One::new(Close { target: Some(target.into()), closing: false }))
}

impl Sealed for Close {}

impl Op for Close {
    const NAME: &'static str = "close";
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let mut sqe = Sqe::from(opcode::Close::new(types::Fd(-1)).build());
        match self.target.take() {
            Some(Target::Fd(mut fd)) => {
                if fd.is_sole() {
                    sqe.fd = fd.number();
                    self.closing = true;
                    self.target = Some(Target::Fd(fd));
                } else {
                    sqe = opcode::Nop::new().build().into();
                }
            }
            Some(mut target) => {
                scope.target(&mut target, &mut sqe)?;
                if sqe.flags & FIXED_FILE != 0 {
                    // A slot is named by file_index here, not by fd.
                    sqe = Sqe { flags: sqe.flags & !FIXED_FILE, file_index: sqe.fd as u32 + 1, fd: 0, ..sqe };
                }
                self.closing = true;
                self.target = Some(target);
            }
            None => unreachable!("a close is lowered once"),
        }
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        if self.closing && completion.ran() {
            match self.target {
                Some(Target::Fd(fd)) => {
                    if let Ok(fd) = fd.try_into_owned() {
                        let _closed_by_the_kernel = fd.into_raw_fd();
                    }
                }
                Some(Target::Slot(slot)) => slot.closed(),
                Some(Target::Handle(_)) | None => {}
            }
        }
        completion.done()
    }
}
