//! IORING_OP_OPENAT into an ordinary descriptor, or into a slot when something is planned behind it.
//!
//! Any error severs a chain. A descriptor that nobody takes is closed.

use std::{io, marker::PhantomData, os::fd::OwnedFd};

use io_uring::{opcode, types};

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

    /// Takes over the descriptor of a connect, or of a slot, which may be in blocking mode.
    fn from_connect(fd: OwnedFd) -> Self
    where
        Self: Sized,
    {
        Self::from_fd(fd)
    }

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
    /// `RESOLVE_*` of openat2(2); 0 means openat(2).
    pub resolve: u64,
}

/// An open that gives an object with an ordinary descriptor.
#[derive(Debug)]
pub struct Open<T> {
    at: At,
    how: Result<OpenHow, &'static str>,
    /// What OPENAT2 reads, on the heap: the kernel may do so until the op's CQE, and the op may lie anywhere.
    resolved: Option<Box<types::OpenHow>>,
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
    Io::new(One::new(Open { at: at.into(), how, resolved: None, makes: PhantomData }))
}

impl<T> Open<T> {
    /// `close_on_exec` is for descriptors: a slot never passes an exec, and is refused with it.
    fn request(&mut self, close_on_exec: i32) -> io::Result<Request> {
        let OpenHow { flags, mode, resolve } = self.how.map_err(invalid)?;
        let flags = flags | close_on_exec;
        let (dir, path) = (self.at.dir(), self.at.path()?);
        let sqe = if resolve == 0 {
            opcode::OpenAt::new(dir, path).flags(flags).mode(mode).build()
        } else {
            // openat2 refuses a mode without a creation, which openat passes over.
            let creates = flags & (libc::O_CREAT | libc::O_TMPFILE & !libc::O_DIRECTORY) != 0;
            let mode = if creates { mode.into() } else { 0 };
            let how = types::OpenHow::new().flags(flags as u32 as u64).mode(mode).resolve(resolve);
            opcode::OpenAt2::new(dir, path, &raw const **self.resolved.insert(Box::new(how))).build()
        };
        Ok(Request { sqe: sqe.into(), success: Success::NonNegative, lossless: true })
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
        self.request(libc::O_CLOEXEC)
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
        let mut request = self.open.request(0)?;
        let slot = scope.open_slot();
        if let Some(index) = slot.index() {
            request.sqe = Sqe { file_index: index + 1, ..request.sqe };
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
