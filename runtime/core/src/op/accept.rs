//! IORING_OP_ACCEPT, one shot: into an ordinary descriptor, or into a slot when something is planned behind it.
//!
//! Any error severs a chain. A connection that nobody takes is closed; so a dropped accept may lose one, and the drop-in
//! `accept` of listeners waits for readiness instead. Cancelled: no connection was taken. The new socket is in
//! non-blocking mode. Source: `net.c`, accept4(2).

use std::{fmt, io, marker::PhantomData, ptr};

use io_uring::{opcode, types};
use socket2::{SockAddr, SockAddrStorage};

use super::{Completion, Op, Request, Resource, Success};
use crate::{
    fd::Target,
    future::Io,
    handle::{OpId, SlotHandle},
    lower::Scope,
    plan::One,
    sealed::Sealed,
    slot::{SlotFd, own_fd},
    sqe::Sqe,
};

/// A type that is made of an accepted connection.
pub trait Accepted: Resource {
    /// The peer's address.
    type Address: 'static;

    /// Reads an address that the kernel has written.
    ///
    /// # Errors
    /// If it is of another family than the listener's.
    fn address(address: &SockAddr) -> io::Result<Self::Address>;
}

/// An accept that gives an object with an ordinary descriptor, and the peer's address.
#[derive(Debug)]
pub struct Accept<T> {
    target: Target,
    peer: Peer,
    makes: PhantomData<fn() -> T>,
}

/// An accept that gives a slot, and the peer's address.
#[derive(Debug)]
pub struct AcceptSlot<T> {
    accept: Accept<T>,
    slot: Option<SlotFd>,
}

/// Takes the next connection of a listening socket.
pub fn accept<T: Accepted>(target: impl Into<Target>) -> Io<One<Accept<T>>> {
    Io::new(One::new(Accept { target: target.into(), peer: Peer::unknown(), makes: PhantomData }))
}

/// Where the kernel writes the peer's address. It lies in the op, which does not move until its last CQE.
struct Peer {
    storage: SockAddrStorage,
    len: libc::socklen_t,
}

impl Peer {
    fn unknown() -> Peer {
        let storage = SockAddrStorage::zeroed();
        Peer { len: storage.size_of(), storage }
    }

    fn known(self) -> SockAddr {
        let len = self.len.min(self.storage.size_of());
        // SAFETY: the kernel has written an address of this length, or the storage is still zero: no bytes of it are
        // uninitialized. The op owns it, and its last CQE is here. Test: runtime/tests/net_tcp_plans.rs.
        unsafe { SockAddr::new(self.storage, len) }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<T> Accept<T> {
    /// The SQE, but for what it opens into.
    fn request(&mut self, scope: &mut Scope<'_>, flags: i32) -> io::Result<Request> {
        let (address, len) = (ptr::from_mut(&mut self.peer.storage).cast(), ptr::from_mut(&mut self.peer.len));
        let flags = flags | libc::SOCK_NONBLOCK;
        let mut sqe = Sqe::from(opcode::Accept::new(types::Fd(-1), address, len).flags(flags).build());
        scope.target(&mut self.target, &mut sqe)?;
        Ok(Request { sqe, success: Success::NonNegative, lossless: false })
    }
}

impl<T> Sealed for Accept<T> {}

impl<T: Accepted> Op for Accept<T> {
    const NAME: &'static str = "accept";
    type Output = io::Result<(T, T::Address)>;
    type Planned = AcceptSlot<T>;
    type Handle = T::Handle;

    fn planned(self) -> AcceptSlot<T> {
        AcceptSlot { accept: self, slot: None }
    }

    fn handle(id: &mut Option<OpId>) -> T::Handle {
        T::from_handle(SlotHandle(*id.get_or_insert_with(OpId::unique)))
    }

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        self.request(scope, libc::SOCK_CLOEXEC)
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let object = completion.result.map(|res| T::from_fd(own_fd(res as i32)))?;
        Ok((object, T::address(&self.peer.known())?))
    }
}

impl<T> Sealed for AcceptSlot<T> {}

impl<T: Accepted> Op for AcceptSlot<T> {
    const NAME: &'static str = "accept";
    type Output = io::Result<(T::Slot, T::Address)>;
    type Planned = Self;
    type Handle = T::Handle;

    fn planned(self) -> Self {
        self
    }

    fn handle(id: &mut Option<OpId>) -> T::Handle {
        <Accept<T> as Op>::handle(id)
    }

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let slot = scope.open_slot();
        // O_CLOEXEC is refused for slots: they never pass an exec.
        let flags = if slot.index().is_some() { 0 } else { libc::SOCK_CLOEXEC };
        let mut request = self.accept.request(scope, flags)?;
        request.sqe.file_index = slot.index().map_or(0, |index| index + 1);
        self.slot = Some(slot);
        Ok(request)
    }

    fn finish(self, completion: Completion) -> Self::Output {
        let res = completion.result?;
        let slot = self.slot.expect("an accept that ran was lowered");
        slot.opened(res as i32);
        Ok((T::from_slot(slot), T::address(&self.accept.peer.known())?))
    }
}
