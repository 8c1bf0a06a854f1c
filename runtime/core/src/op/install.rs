//! IORING_OP_FIXED_FD_INSTALL, from Linux 6.8 on: an ordinary descriptor for what a slot holds.

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Resource, Success, plain_op};
use crate::{
    fd::Target,
    future::Io,
    lower::Scope,
    plan::One,
    sealed::Sealed,
    shard,
    slot::SlotFd,
    slot::own_fd,
    sqe::{FIXED_FILE, Sqe},
};

/// Turns a slot into an ordinary descriptor.
#[derive(Debug)]
pub struct Install<T> {
    target: Target,
    makes: PhantomData<fn() -> T>,
}

/// Gives what is open in `slot` an ordinary descriptor as well.
pub fn install<T: Resource>(slot: &SlotFd) -> Io<One<Install<T>>> {
    Io::new(One::new(Install { target: slot.into(), makes: PhantomData }))
}

impl<T> Sealed for Install<T> {}

impl<T: Resource> Op for Install<T> {
    const NAME: &'static str = "fixed_fd_install";
    type Output = io::Result<T>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        if shard::with_current(|shard| shard.features().fd_install) != Some(true) {
            let text = "a slot becomes an ordinary descriptor only from Linux 6.8 on (IORING_OP_FIXED_FD_INSTALL)";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        let mut sqe = Sqe::from(opcode::FixedFdInstall::new(types::Fixed(0), 0).build());
        scope.target(&mut self.target, &mut sqe)?;
        if sqe.flags & FIXED_FILE == 0 || self.target_is_ordinary() {
            let text = "the slot holds an ordinary descriptor already: the shard had no free slot; raise `slots`";
            return Err(io::Error::new(io::ErrorKind::Unsupported, text));
        }
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<T> {
        completion.result.map(|res| T::from_connect(own_fd(res as i32)))
    }
}

impl<T> Install<T> {
    fn target_is_ordinary(&self) -> bool {
        matches!(&self.target, Target::Slot(slot) if slot.index().is_none())
    }
}
