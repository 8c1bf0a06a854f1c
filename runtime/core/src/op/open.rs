//! IORING_OP_OPENAT into an ordinary descriptor, or into a slot when something is planned behind it.
//!
//! Any error severs a chain. A descriptor that nobody takes is closed.

use std::{io, marker::PhantomData, os::fd::OwnedFd};

use io_uring::opcode;

use super::{At, Completion, Op, Request, Success};
use crate::{
    future::Io,
    handle::{OpId, SlotHandle},
    lower::{Scope, invalid},
    plan::One,
    sealed::Sealed,
    slot::{SlotFd, own_fd},
    sqe::Sqe,
};

/// A type that owns an open descriptor, and its two relatives in plans.
pub trait Resource: 'static {
    /// What a plan gives back: bound to a slot of its shard.
    type Slot: 'static;
    /// What the closure of `then` gets.
    type Handle: 'static;

    /// Takes over a descriptor.
    fn from_fd(fd: OwnedFd) -> Self;

    /// Takes over a slot.
    fn from_slot(slot: SlotFd) -> Self::Slot;

    /// Wraps the name of a slot to come.
    fn from_handle(handle: SlotHandle) -> Self::Handle;
}

/// How to open: the flags and mode of open(2). `O_CLOEXEC` is always added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenHow {
    /// `O_*`.
    pub flags: i32,
    /// Permissions of a new file, before the umask.
    pub mode: u32,
}

/// An open that gives an object with an ordinary descriptor.
#[derive(Debug)]
pub struct Open<T> {
    at: At,
    how: Result<OpenHow, &'static str>,
    makes: PhantomData<fn() -> T>,
}

/// An open that gives a slot.
#[derive(Debug)]
pub struct OpenSlot<T> {
    open: Open<T>,
    slot: Option<SlotFd>,
}

/// Opens a path. One with a NUL byte in it fails with `InvalidInput`, and so does an `Err` for `how`, with its text.
pub fn open<T: Resource>(at: impl Into<At>, how: Result<OpenHow, &'static str>) -> Io<One<Open<T>>> {
    Io::new(One::new(Open { at: at.into(), how, makes: PhantomData }))
}

impl<T> Open<T> {
    fn request(&self) -> io::Result<Request> {
        let how = self.how.map_err(invalid)?;
        let flags = how.flags | libc::O_CLOEXEC;
        let open = opcode::OpenAt::new(self.at.dir(), self.at.path()?);
        let sqe = open.flags(flags).mode(how.mode).build().into();
        Ok(Request { sqe, success: Success::NonNegative, lossless: true })
    }
}

impl<T> Sealed for Open<T> {}

impl<T: Resource> Op for Open<T> {
    const NAME: &'static str = "open";
    type Output = io::Result<T>;
    type Planned = OpenSlot<T>;
    type Handle = T::Handle;

    fn planned(self) -> OpenSlot<T> {
        OpenSlot { open: self, slot: None }
    }

    fn handle(id: &mut Option<OpId>) -> T::Handle {
        T::from_handle(SlotHandle(*id.get_or_insert_with(OpId::unique)))
    }

    fn lower(&mut self, _: &mut Scope<'_>) -> io::Result<Request> {
        self.request()
    }

    fn finish(self, completion: Completion) -> io::Result<T> {
        completion.result.map(|res| T::from_fd(own_fd(res as i32)))
    }
}

impl<T> Sealed for OpenSlot<T> {}

impl<T: Resource> Op for OpenSlot<T> {
    const NAME: &'static str = "open";
    type Output = io::Result<T::Slot>;
    type Planned = Self;
    type Handle = T::Handle;

    fn planned(self) -> Self {
        self
    }

    fn handle(id: &mut Option<OpId>) -> T::Handle {
        <Open<T> as Op>::handle(id)
    }

    fn lower(&mut self, scope: &mut Scope<'_>) -> io::Result<Request> {
        let mut request = self.open.request()?;
        let slot = scope.open_slot();
        if let Some(index) = slot.index() {
            // O_CLOEXEC is refused for slots: they never pass an exec.
            let op_flags = request.sqe.op_flags & !(libc::O_CLOEXEC as u32);
            request.sqe = Sqe { file_index: index + 1, op_flags, ..request.sqe };
        }
        self.slot = Some(slot);
        Ok(request)
    }

    fn finish(self, completion: Completion) -> io::Result<T::Slot> {
        completion.result.map(|res| {
            let slot = self.slot.expect("an open that ran was lowered");
            slot.opened(res as i32);
            T::from_slot(slot)
        })
    }
}
