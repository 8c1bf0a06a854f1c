//! IORING_OP_CONNECT: of a socket that is there, or of a new one.
//!
//! Any error severs a chain. Cancelled: the socket may be on its way to connected; it is of no more use, and closes with
//! its owner. Source: `net.c`, connect(2).
//!
//! A connect of a new socket is one op to users. Awaited it is one SQE, on a socket that is made when the op is lowered;
//! with something planned behind it two, SOCKET into a slot and CONNECT, and so a plan of its own: [`Dial`].

use std::{io, marker::PhantomData};

use io_uring::{opcode, types};
use socket2::{Domain, SockAddr};

use super::{Completion, Op, Request, Resource, SocketSlot, Success, plain_op, socket::ordinary};
use crate::{
    fd::{SharedFd, Target},
    future::Io,
    handle::{OpId, SlotHandle},
    lower::{Builder, Scope},
    plan::{One, Plan},
    results::{Results, is_not_run},
    sealed::Sealed,
    sqe::Sqe,
};

/// A connect of a socket that is there.
#[derive(Debug)]
pub struct Connect {
    target: Target,
    address: Destination,
}

/// Where a connect goes, or why that is no address. It lies in the op, which does not move until its last CQE.
#[derive(Debug)]
struct Destination(io::Result<SockAddr>);

impl Destination {
    /// # Errors
    /// Once more each time it is asked.
    fn known(&self) -> io::Result<&SockAddr> {
        self.0.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))
    }

    /// The domain of its socket; that of Unix sockets has the names that cannot be addresses.
    fn domain(&self) -> Domain {
        self.0.as_ref().map_or(Domain::UNIX, SockAddr::domain)
    }
}

/// Connects a socket in non-blocking mode, and ends once it is connected or refused.
pub fn connect(target: impl Into<Target>, address: SockAddr) -> Io<One<Connect>> {
    Io::new(One::new(Connect { target: target.into(), address: Destination(Ok(address)) }))
}

impl Sealed for Connect {}

impl Op for Connect {
    const NAME: &'static str = "connect";
    type Output = io::Result<()>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        request(scope, &mut self.target, &self.address)
    }

    fn finish(self, completion: Completion) -> io::Result<()> {
        completion.done()
    }
}

/// The SQE; `address` lies where it stays until the op's last CQE.
fn request(scope: &mut Scope<'_>, target: &mut Target, address: &Destination) -> io::Result<Request> {
    let address = address.known()?;
    let connect = opcode::Connect::new(types::Fd(-1), address.as_ptr().cast(), address.len());
    let mut sqe = Sqe::from(connect.build());
    scope.target(target, &mut sqe)?;
    Ok(Request { sqe, success: Success::NonNegative, lossless: true })
}

/// A connect of a new stream socket that gives an object with an ordinary descriptor.
#[derive(Debug)]
pub struct Dial<T> {
    op: DialFd<T>,
    id: Option<OpId>,
}

/// A connect of a new stream socket that gives a slot: two SQEs.
#[derive(Debug)]
pub struct DialSlot<T> {
    id: OpId,
    socket: SocketSlot<T>,
    connect: Connect,
}

/// The one op of a [`Dial`].
#[derive(Debug)]
struct DialFd<T> {
    address: Destination,
    socket: Option<SharedFd>,
    makes: PhantomData<fn() -> T>,
}

/// Connects a new stream socket to `address`.
///
/// One SQE and a socket(2), or two SQEs into a slot. An address that is an error makes the op fail with it.
///
/// A Unix socket is in blocking mode while it connects: where too many connections wait to be accepted the kernel has no
/// readiness to tell of, and the op waits in a worker thread.
pub fn dial<T: Resource>(address: io::Result<SockAddr>) -> Io<Dial<T>> {
    Io::new(Dial { op: DialFd { address: Destination(address), socket: None, makes: PhantomData }, id: None })
}

impl<T> Sealed for DialFd<T> {}

impl<T: Resource> Op for DialFd<T> {
    const NAME: &'static str = Connect::NAME;
    type Output = io::Result<T>;
    plain_op!();

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let socket = SharedFd::new(ordinary(self.address.known()?.domain())?.into());
        let request = request(scope, &mut Target::from(&socket), &self.address);
        self.socket = Some(socket);
        request
    }

    fn finish(self, completion: Completion) -> io::Result<T> {
        completion.done()?;
        let socket = self.socket.expect("a connect that ran was lowered").try_into_owned();
        Ok(T::from_connect(socket.expect("the op is the socket's only owner")))
    }
}

impl<T> Sealed for Dial<T> {}

impl<T: Resource> Plan for Dial<T> {
    type Output = io::Result<T>;
    type Handle = T::Handle;
    type Planned = DialSlot<T>;
    const SINGLE: bool = true;

    fn planned(mut self) -> DialSlot<T> {
        let id = *self.id.get_or_insert_with(OpId::unique);
        let socket = SocketSlot::new(self.op.address.domain());
        DialSlot { id, socket, connect: Connect { target: SlotHandle(id).into(), address: self.op.address } }
    }

    fn handle(&mut self) -> T::Handle {
        T::from_handle(SlotHandle(*self.id.get_or_insert_with(OpId::unique)))
    }

    fn lower(&mut self, builder: &mut Builder) {
        builder.op(&mut self.op, self.id, None);
    }

    fn lower_single(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        self.op.lower(scope)
    }

    fn finish(self, results: &mut Results<'_>) -> io::Result<T> {
        self.op.finish(results.next())
    }
}

impl<T> Sealed for DialSlot<T> {}

impl<T: Resource> Plan for DialSlot<T> {
    type Output = io::Result<T::Slot>;
    type Handle = T::Handle;
    type Planned = Self;

    fn planned(self) -> Self {
        self
    }

    fn handle(&mut self) -> T::Handle {
        T::from_handle(SlotHandle(self.id))
    }

    fn lower(&mut self, builder: &mut Builder) {
        let mut sequence = builder.begin_sequence();
        builder.next_part(&mut sequence, false);
        builder.op(&mut self.socket, Some(self.id), None);
        builder.next_part(&mut sequence, false);
        builder.more_of_op(&mut self.connect);
        builder.end_sequence(sequence);
    }

    fn finish(self, results: &mut Results<'_>) -> io::Result<T::Slot> {
        let socket = self.socket.finish(results.next());
        let connected = self.connect.finish(results.next());
        match (socket, connected) {
            // An address that is none keeps the socket from being made.
            (Err(socket), Err(connect)) if is_not_run(&socket) => Err(connect),
            // A socket that is not connected closes with its slot, here.
            (socket, connected) => socket.and_then(|slot| connected.map(|()| slot)),
        }
    }
}
