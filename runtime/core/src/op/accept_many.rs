//! IORING_OP_ACCEPT, multishot: one SQE, a CQE for each connection until it is cancelled or fails. Into ordinary descriptors,
//! or into slots that the kernel chooses.
//!
//! Not a part of plans. An error ends it; the connection that met EMFILE still waits for the next accept, one that met ENFILE
//! for want of a slot is closed. It also ends by itself, with or without a connection, when the completion queue has no room.
//! Cancelled: what has come by then is given, connections that wait in the kernel stay there. The kernel tells no addresses.
//! New sockets with a descriptor are in non-blocking mode; slots, which ops alone use, are not. Source: `net.c`,
//! io_uring_prep_multishot_accept(3).

use std::{fmt, io, marker::PhantomData, os::fd::OwnedFd};

use io_uring::{opcode, types};

use super::{Completion, Op, Request, Success, plain_op};
use crate::{
    fd::Target,
    lower::{Scope, invalid},
    multishot::Ended,
    sealed::Sealed,
    shard,
    shots::Shots,
    slot::SlotFd,
    sqe::Sqe,
};

/// What an accept of many gives.
pub trait Connection: Sealed + fmt::Debug + Sized + 'static {
    /// Whether the kernel puts it into a slot.
    #[doc(hidden)]
    const IN_SLOT: bool;

    #[doc(hidden)]
    fn shots(limit: usize) -> Box<Shots>;

    #[doc(hidden)]
    fn next(shots: &mut Shots) -> Option<Self>;
}

impl Sealed for OwnedFd {}

impl Connection for OwnedFd {
    const IN_SLOT: bool = false;

    fn shots(limit: usize) -> Box<Shots> {
        Shots::of_descriptors(limit)
    }

    fn next(shots: &mut Shots) -> Option<OwnedFd> {
        shots.next_descriptor()
    }
}

impl Sealed for SlotFd {}

impl Connection for SlotFd {
    const IN_SLOT: bool = true;

    fn shots(limit: usize) -> Box<Shots> {
        let table = shard::with_current(|shard| shard.slots.clone());
        Shots::of_slots(table.expect("an op that is submitted has a shard"), limit)
    }

    fn next(shots: &mut Shots) -> Option<SlotFd> {
        shots.next_slot()
    }
}

/// An accept of any number of connections.
#[derive(Debug)]
pub struct AcceptMany<C> {
    target: Target,
    limit: usize,
    gives: PhantomData<fn() -> C>,
}

impl<C: Connection> AcceptMany<C> {
    /// It stops once `limit` connections lie untaken.
    pub(crate) fn new(target: Target, limit: usize) -> AcceptMany<C> {
        AcceptMany { target, limit, gives: PhantomData }
    }
}

impl<C> Sealed for AcceptMany<C> {}

impl<C: Connection> Op for AcceptMany<C> {
    const NAME: &'static str = "accept_many";
    type Output = Ended<C>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        if C::IN_SLOT && !shard::with_current(|shard| shard.slots.has_chosen()).unwrap_or(false) {
            return Err(invalid("the runtime has no slots for accepted connections: set `Builder::accept_slots`"));
        }
        // A slot passes no exec, and its ops shall wait.
        let flags = if C::IN_SLOT { 0 } else { libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC };
        let accept = opcode::AcceptMulti::new(types::Fd(-1)).allocate_file_index(C::IN_SLOT).flags(flags);
        let mut sqe = Sqe::from(accept.build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: false })
    }

    fn shots(&self) -> Option<Box<Shots>> {
        Some(C::shots(self.limit))
    }

    fn finish(self, completion: Completion) -> Ended<C> {
        Ended::new(completion, C::next)
    }
}
