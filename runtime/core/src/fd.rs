//! Descriptors that stay open until the last CQE of every op that uses them.
//!
//! The kernel looks up an op's descriptor when the op starts, which in a chain is long after submission. So each op
//! holds a share of its descriptor for as long as its activation lives, and the number cannot be reused under it.

use std::{
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::Arc,
};

use crate::{handle::SlotHandle, slot::SlotFd};

/// An open descriptor with several owners: the user's object and the ops in flight on it.
///
/// Cloning shares the descriptor (one atomic increment); the last owner closes it with `close(2)`.
#[derive(Clone, Debug)]
pub struct SharedFd(Arc<OwnedFd>);

impl SharedFd {
    /// Takes over an open descriptor.
    pub fn new(fd: OwnedFd) -> SharedFd {
        SharedFd(Arc::new(fd))
    }

    /// The descriptor itself if nobody else, no op in flight either, shares it.
    ///
    /// # Errors
    /// Gives `self` back while it is shared.
    pub fn try_into_owned(self) -> Result<OwnedFd, SharedFd> {
        Arc::try_unwrap(self.0).map_err(SharedFd)
    }

    /// Calls `f` with the descriptor as a file of std.
    pub fn with_std<R>(&self, f: impl FnOnce(&std::fs::File) -> R) -> R {
        // SAFETY: the file is not dropped, so `self` stays the only owner; it lives through the call.
        // Test: runtime/tests/files.rs.
        let file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(self.number()) });
        f(&file)
    }

    pub(crate) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for SharedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for SharedFd {
    fn as_raw_fd(&self) -> RawFd {
        self.number()
    }
}

/// What an op works on.
#[derive(Clone, Debug)]
pub enum Target {
    /// An ordinary descriptor.
    Fd(SharedFd),
    /// A direct descriptor slot.
    Slot(SlotFd),
    /// What an earlier op of the same plan opens.
    Handle(SlotHandle),
}

impl From<&SharedFd> for Target {
    fn from(fd: &SharedFd) -> Target {
        Target::Fd(fd.clone())
    }
}

impl From<SharedFd> for Target {
    fn from(fd: SharedFd) -> Target {
        Target::Fd(fd)
    }
}

impl From<&SlotFd> for Target {
    fn from(slot: &SlotFd) -> Target {
        Target::Slot(slot.clone())
    }
}

impl From<SlotHandle> for Target {
    fn from(handle: SlotHandle) -> Target {
        Target::Handle(handle)
    }
}
