//! IORING_OP_SOCKET into a slot: the first half of a planned connect. Any error severs a chain.
//!
//! An ordinary socket is made by socket(2) on the spot, in a third of the time of an SQE. The new socket is in
//! non-blocking mode, but for Unix sockets: their connect would fail where it has to wait.

use std::{io, marker::PhantomData};

use io_uring::opcode;
use socket2::{Domain, Type};

use super::{Completion, Op, Request, Resource, Success};
use crate::{
    handle::{OpId, SlotHandle},
    lower::Scope,
    sealed::Sealed,
    slot::SlotFd,
    sqe::Sqe,
};

/// A new stream socket in a slot.
#[derive(Debug)]
pub struct SocketSlot<T> {
    domain: Domain,
    slot: Option<SlotFd>,
    makes: PhantomData<fn() -> T>,
}

impl<T> SocketSlot<T> {
    pub(super) fn new(domain: Domain) -> SocketSlot<T> {
        SocketSlot { domain, slot: None, makes: PhantomData }
    }
}

impl<T> Sealed for SocketSlot<T> {}

impl<T: Resource> Op for SocketSlot<T> {
    const NAME: &'static str = "socket";
    type Output = io::Result<T::Slot>;
    type Planned = Self;
    type Handle = T::Handle;

    fn planned(self) -> Self {
        self
    }

    fn handle(id: &mut Option<OpId>) -> T::Handle {
        T::from_handle(SlotHandle(*id.get_or_insert_with(OpId::unique)))
    }

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let slot = scope.open_slot();
        let kind = mode(self.domain);
        // O_CLOEXEC is refused for slots: they never pass an exec.
        let kind = if slot.index().is_some() { kind } else { kind.cloexec() };
        let mut sqe = Sqe::from(opcode::Socket::new(self.domain.into(), kind.into(), 0).build());
        sqe.file_index = slot.index().map_or(0, |index| index + 1);
        self.slot = Some(slot);
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }

    fn finish(self, completion: Completion) -> io::Result<T::Slot> {
        let res = completion.result?;
        let slot = self.slot.expect("a socket that was made was lowered");
        slot.opened(res as i32);
        Ok(T::from_slot(slot))
    }
}

/// The mode in which a new stream socket connects.
fn mode(domain: Domain) -> Type {
    if domain == Domain::UNIX { Type::STREAM } else { Type::STREAM.nonblocking() }
}

/// A new stream socket with an ordinary descriptor: socket(2).
///
/// # Errors
/// Those of socket(2).
pub(super) fn ordinary(domain: Domain) -> io::Result<socket2::Socket> {
    socket2::Socket::new_raw(domain, mode(domain).cloexec(), None)
}
