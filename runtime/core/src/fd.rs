//! Descriptors that stay open until the last CQE of every op that uses them.
//!
//! The kernel looks up an op's descriptor when the op starts, which in a chain is long after submission. So each op
//! holds a share of its descriptor for as long as its activation lives, and the number cannot be reused under it.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
};

use crate::{handle::SlotHandle, slot::SlotFd};

/// An open descriptor with several owners: the user's object and the ops in flight on it.
///
/// Cloning shares the descriptor (one atomic increment); the last owner closes it with `close(2)`.
#[derive(Clone, Debug)]
pub struct SharedFd(Arc<Descriptor>);

#[derive(Debug)]
struct Descriptor {
    fd: OwnedFd,
    /// Names the open file, for duplicates too; 0 until somebody asks.
    open_file: AtomicU64,
    /// What `writes.rs` has found out.
    write_kind: AtomicU8,
}

impl SharedFd {
    /// Takes over an open descriptor.
    pub fn new(fd: OwnedFd) -> SharedFd {
        SharedFd(Arc::new(Descriptor { fd, open_file: AtomicU64::new(0), write_kind: AtomicU8::new(0) }))
    }

    /// A second descriptor of the same open file. Syncs of the two are shared, as are those of one.
    ///
    /// # Errors
    /// EMFILE.
    pub fn try_clone(&self) -> io::Result<SharedFd> {
        let open_file = AtomicU64::new(self.open_file());
        let write_kind = AtomicU8::new(self.0.write_kind.load(Relaxed));
        let fd = self.0.fd.try_clone()?;
        Ok(SharedFd(Arc::new(Descriptor { fd, open_file, write_kind })))
    }

    /// A number that this and its clones have, and no other open file ever had.
    pub(crate) fn open_file(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = self.0.open_file.load(Relaxed);
        if number != 0 {
            return number;
        }
        let new = NEXT.fetch_add(1, Relaxed);
        self.0.open_file.compare_exchange(0, new, Relaxed, Relaxed).map_or_else(|first| first, |_| new)
    }

    pub(crate) fn write_kind(&self) -> &AtomicU8 {
        &self.0.write_kind
    }

    /// The descriptor itself if nobody else, no op in flight either, shares it.
    ///
    /// # Errors
    /// Gives `self` back while it is shared.
    pub fn try_into_owned(self) -> Result<OwnedFd, SharedFd> {
        Arc::try_unwrap(self.0).map(|descriptor| descriptor.fd).map_err(SharedFd)
    }

    /// True if nobody else, no op in flight either, shares it; then nobody will, unless by the caller's clones.
    pub(crate) fn is_sole(&mut self) -> bool {
        Arc::get_mut(&mut self.0).is_some()
    }

    /// Calls `f` with the descriptor as a file of std.
    pub fn with_std<R>(&self, f: impl FnOnce(&std::fs::File) -> R) -> R {
        // SAFETY: the file is not dropped, so `self` stays the only owner; it lives through the call.
        // Test: runtime/tests/files.rs.
        let file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(self.number()) });
        f(&file)
    }

    pub(crate) fn number(&self) -> RawFd {
        self.0.fd.as_raw_fd()
    }
}

impl AsFd for SharedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
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
