//! An open file and its two relatives in plans.

mod ops;

use std::{
    fs::Metadata,
    io,
    marker::PhantomData,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    path::Path,
};

use runtime_core::{
    fd::{SharedFd, Target},
    future::Io,
    handle::SlotHandle,
    op::{self, Close, Install, Open, Resource},
    plan::One,
    slot::SlotFd,
};

use crate::OpenOptions;

/// An open file with an ordinary descriptor. `Send` and `Sync`; any number of ops may be in flight on it.
///
/// The descriptor stays open until the file is dropped **and** the last op on it has ended.
#[derive(Debug)]
pub struct File {
    fd: SharedFd,
}

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
pub struct FileHandle(SlotHandle);

impl Resource for File {
    type Slot = SlotFile;
    type Handle = FileHandle;

    fn from_fd(fd: OwnedFd) -> File {
        File { fd: SharedFd::new(fd) }
    }

    fn from_slot(slot: SlotFd) -> SlotFile {
        SlotFile { slot, on_its_shard: PhantomData }
    }

    fn from_handle(handle: SlotHandle) -> FileHandle {
        FileHandle(handle)
    }
}

impl File {
    /// Opens a file for reading.
    ///
    /// Awaited it gives a `File`. With something planned behind it, it opens into a slot and gives a [`SlotFile`]:
    /// open, read and close are then one submission.
    ///
    /// # Errors
    /// Those of openat(2); `InvalidInput` for a path with a NUL byte in it.
    ///
    /// ```no_run
    /// # use runtime_fs::File;
    /// # async fn example() -> std::io::Result<()> {
    /// let file = File::open("data").await?;
    /// let (slot, (read, bytes), closed) =
    ///     File::open("data").then(|f| f.read_at(vec![0; 4096], 0)).finally(|(f, _)| f.close()).await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> Io<One<Open<File>>> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file for writing: creates it if it does not exist, else empties it.
    ///
    /// # Errors
    /// As for [`File::open`].
    pub fn create(path: impl AsRef<Path>) -> Io<One<Open<File>>> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    /// Options for opening a file in another way.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes over a file of std.
    pub fn from_std(file: std::fs::File) -> File {
        File { fd: SharedFd::new(file.into()) }
    }

    /// The file as one of std, if no op is in flight on it.
    ///
    /// # Errors
    /// Gives `self` back while an op is in flight.
    pub fn try_into_std(self) -> Result<std::fs::File, File> {
        self.fd.try_into_owned().map(std::fs::File::from).map_err(|fd| File { fd })
    }

    /// Size, times and permissions, by fstat(2) on the spot: it reads memory and takes a third of a microsecond, where
    /// IORING_OP_STATX always goes through a kernel thread.
    ///
    /// # Errors
    /// Those of fstat(2).
    pub async fn metadata(&self) -> io::Result<Metadata> {
        self.fd.with_std(|file| file.metadata())
    }

    /// Cuts the file to `size` bytes, or extends it with zeroes: by an SQE from Linux 6.9 on, else by ftruncate(2) on
    /// the spot.
    ///
    /// # Errors
    /// Those of ftruncate(2).
    ///
    /// # Cancel safety
    /// The size may or may not have been set when the call is dropped.
    pub async fn set_len(&self, size: u64) -> io::Result<()> {
        if op::can_truncate() {
            op::truncate(&self.fd, size).await
        } else {
            self.fd.with_std(|file| file.set_len(size))
        }
    }

    /// Closes the file and gives the error that closing may bring (EIO of a network file system, say), which a drop
    /// cannot. If ops are in flight on it, the last of them closes it, and this gives `Ok`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_fd(self.fd)
    }

    fn target(&self) -> Target {
        Target::from(&self.fd)
    }
}

impl SlotFile {
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

    fn target(&self) -> Target {
        Target::from(&self.slot)
    }
}

impl FileHandle {
    /// Closes the slot: for `finally`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_slot(self.0)
    }

    fn target(&self) -> Target {
        Target::from(self.0)
    }
}

macro_rules! targets {
    ($($type:ty),+) => { $(
        impl From<&$type> for Target {
            /// For ops that take any descriptor: `splice`, `poll`.
            fn from(file: &$type) -> Target {
                file.target()
            }
        }
    )+ };
}

targets!(File, SlotFile, FileHandle);

impl From<std::fs::File> for File {
    fn from(file: std::fs::File) -> File {
        File::from_std(file)
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> File {
        File { fd: SharedFd::new(fd) }
    }
}

impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for File {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
