//! Connections in slots, and their names in plans.

use std::{marker::PhantomData, net::Shutdown};

use runtime_core::{
    buf::IoBufMut,
    fd::Target,
    future::Io,
    handle::SlotHandle,
    op::{self, Close, Install, Resource},
    plan::One,
    slot::SlotFd,
    source::Source,
};

use crate::{stream::stream_ops, tcp::TcpStream};

/// A connection that a plan has accepted or connected into a direct descriptor slot of its shard: ops only, no raw
/// descriptor. `T` is the ordinary type that [`into_fd`](SlotStream::into_fd) makes of it.
///
/// A slot never leaves its shard, so this is neither `Send` nor `Sync`. The slot is closed with its last owner, by an
/// SQE that goes out with the shard's next submission, unless the plan has closed it already: then ops on it fail.
#[derive(Debug)]
pub struct SlotStream<T = TcpStream> {
    slot: SlotFd,
    makes: PhantomData<fn() -> T>,
    on_its_shard: PhantomData<*const ()>,
}

/// The name, in the closure of `then`, of a connection that an earlier op of the plan accepts or connects.
#[derive(Clone, Copy, Debug)]
pub struct StreamHandle(SlotHandle);

stream_ops!([T: Resource] SlotStream<T>, [] StreamHandle);

impl<T: Resource> SlotStream<T> {
    pub(crate) fn new(slot: SlotFd) -> SlotStream<T> {
        SlotStream { slot, makes: PhantomData, on_its_shard: PhantomData }
    }

    /// Turns the slot into an ordinary descriptor, which it then shares the connection with.
    ///
    /// # Errors
    /// `Unsupported` before Linux 6.8; EMFILE.
    pub fn into_fd(self) -> Io<One<Install<T>>> {
        op::install(&self.slot)
    }

    /// Closes the slot, and gives the error that closing may bring.
    pub fn close(self) -> Io<One<Close>> {
        op::close_slot(&self.slot)
    }

    /// True if the plan that opened the slot has closed it.
    pub fn is_closed(&self) -> bool {
        self.slot.is_closed()
    }

    fn target(&self) -> Target {
        Target::from(&self.slot)
    }
}

impl StreamHandle {
    pub(crate) fn new(handle: SlotHandle) -> StreamHandle {
        StreamHandle(handle)
    }

    /// Closes the slot: for `finally`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_slot(self.0)
    }

    fn target(&self) -> Target {
        Target::from(self.0)
    }
}
