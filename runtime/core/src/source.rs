//! What an op can read its bytes from: an owned buffer, or a loan of one that an earlier op of the plan fills.

use std::io;

use crate::{
    buf::IoBuf,
    handle::Loan,
    lower::{Bytes, Scope},
    sealed::Sealed,
};

/// The bytes of a write or a send. Every [`IoBuf`] is one, and so is a [`Loan`].
pub trait Source: Sealed + 'static {
    /// Where the bytes lie, once the plan lies in its final place.
    #[doc(hidden)]
    fn locate(&self, scope: &mut Scope<'_>) -> io::Result<Bytes>;
}

impl<B: IoBuf> Sealed for B {}

impl<B: IoBuf> Source for B {
    fn locate(&self, _: &mut Scope<'_>) -> io::Result<Bytes> {
        Ok(Bytes::owned(self.stable_ptr(), self.bytes_init(), self.registered()))
    }
}

impl Sealed for Loan {}

impl Source for Loan {
    fn locate(&self, scope: &mut Scope<'_>) -> io::Result<Bytes> {
        scope.loan(self)
    }
}
