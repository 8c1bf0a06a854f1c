//! IORING_OP_NOP: does nothing, at the price of an op.

use std::io;

use io_uring::opcode;

use super::{Completion, Op, Request, Success, plain_op};
use crate::{future::Io, lower::Scope, plan::One, sealed::Sealed};

/// See [`nop`].
#[derive(Debug)]
pub struct Nop(());

/// An op that does nothing: for measurements and tests. One SQE; never fails on its own.
pub fn nop() -> Io<One<Nop>> {
    Io::new(One::new(Nop(())))
}

impl Sealed for Nop {}

impl Op for Nop {
    const NAME: &'static str = "nop";
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        let sqe = opcode::Nop::new().build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}
