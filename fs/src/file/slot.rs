//! Files in direct descriptor slots: what plans have in the place of a [`File`](super::File).

use std::marker::PhantomData;

use runtime_core::{
    fd::Target,
    future::Io,
    handle::SlotHandle,
    op::{self, Close, Install},
    plan::One,
    slot::SlotFd,
};

use super::File;

/// A file that a plan has opened into a direct descriptor slot of its shard: ops only, no raw descriptor.
///
/// A slot never leaves its shard, so this is neither `Send` nor `Sync`. The slot is closed with its last owner, by an
/// SQE that goes out with the shard's next submission, unless the plan has closed it already: then ops on it fail.
#[derive(Debug)]
pub struct SlotFile {
    slot: SlotFd,
    on_its_shard: PhantomData<*const ()>,
}

/// The name, in the closure of `then`, of a file that an earlier op of the plan opens.
#[derive(Clone, Copy, Debug)]
pub struct FileHandle(pub(super) SlotHandle);

impl SlotFile {
    pub(super) fn new(slot: SlotFd) -> SlotFile {
        SlotFile { slot, on_its_shard: PhantomData }
    }

    /// The slot, which may be held where the future has to be `Send`.
    pub(crate) fn into_slot(self) -> SlotFd {
        self.slot
    }

    /// Turns the slot into an ordinary descriptor, which it then shares the open file with.
    ///
    /// # Errors
    /// `Unsupported` before Linux 6.8; EMFILE.
    pub fn into_fd(self) -> Io<One<Install<File>>> {
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

    pub(super) fn target(&self) -> Target {
        Target::from(&self.slot)
    }
}

impl FileHandle {
    /// Closes the slot: for `finally`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_slot(self.0)
    }

    pub(super) fn target(&self) -> Target {
        Target::from(self.0)
    }
}
