//! An open file: how it is opened, and what becomes of its descriptor.

mod attributes;
mod background;
mod cursor;
mod lock;
mod ops;
mod slot;

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use runtime_core::{
    fd::{SharedFd, Target},
    future::Io,
    handle::SlotHandle,
    op::{self, Before, Close, Open, Resource},
    plan::One,
    slot::SlotFd,
};

pub use attributes::FileTimes;
pub use lock::TryLockError;
pub use slot::{FileHandle, SlotFile};

use crate::OpenOptions;
use cursor::Cursor;

/// An open file with an ordinary descriptor. `Send` and `Sync`.
///
/// It has two faces. **Ops** (`read_at`, `write_all_at`, `sync_data`, ...) own their buffers, name their offset and can be
/// planned; any number of them may be in flight. The **cursor** ([`AsyncRead`], [`AsyncWrite`], [`AsyncSeek`] and the
/// methods of their `Ext` traits) goes by the file's own position, which duplicates of the descriptor share.
///
/// A **read** takes what is in the page cache on the spot, straight into the caller's memory; else an op reads into a
/// buffer of the file. A read that is dropped loses nothing: what it brings later, the next one gives.
///
/// A **write** of up to 64 KiB goes to the page cache on the spot, as [`BufferedWrites`] has it; else it copies its bytes
/// and is done, and a thread of the pool writes them. The next write waits for it, and gives its error if it failed,
/// wherever it was done; so does [`flush`](runtime_core::io::AsyncWriteExt::flush), without which the last error is never
/// seen. What was written is written even if the file is dropped, or the runtime ends. Seeks, and the calls that look at
/// or change size and content, wait for it too; a plan with `sync_all` or `sync_data` in it starts once it is done.
/// **Ops do not wait for it**: flush before you mix the two.
///
/// The descriptor stays open until the file is dropped **and** the last op on it has ended.
///
/// [`BufferedWrites`]: runtime_core::writes::BufferedWrites
/// [`AsyncRead`]: runtime_core::io::AsyncRead
/// [`AsyncWrite`]: runtime_core::io::AsyncWrite
/// [`AsyncSeek`]: runtime_core::io::AsyncSeek
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use runtime::{fs::File, io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt}};
///
/// let mut file = File::options().read(true).write(true).create(true).open("data").await?;
/// file.write_all(b"hello").await?;
/// file.rewind().await?; // waits for the write
/// let mut text = String::new();
/// file.read_to_string(&mut text).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct File {
    fd: SharedFd,
    /// Locked only by what has `&File`, for a moment, and never across a wait.
    cursor: Mutex<Cursor>,
}

impl Resource for File {
    type Slot = SlotFile;
    type Handle = FileHandle;

    fn from_fd(fd: OwnedFd) -> File {
        File::of(SharedFd::new(fd))
    }

    fn from_slot(slot: SlotFd) -> SlotFile {
        SlotFile::new(slot)
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

    /// Creates a file, for reading and writing.
    ///
    /// # Errors
    /// As for [`File::open`]; `AlreadyExists` if anything has the name, a dangling symbolic link too.
    pub fn create_new<P: AsRef<Path>>(path: P) -> Io<One<Open<File>>> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// Options for opening a file in another way.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Takes over a file of std.
    pub fn from_std(file: std::fs::File) -> File {
        File::of(SharedFd::new(file.into()))
    }

    /// The file as one of std, once a write that is under way has ended, whose error is lost.
    ///
    /// # Panics
    /// If an op that nobody has awaited holds the descriptor and none is left for a duplicate (EMFILE).
    pub async fn into_std(self) -> std::fs::File {
        self.settled().await;
        let fd = self.fd.try_into_owned().or_else(|shared| shared.as_fd().try_clone_to_owned());
        fd.expect("a descriptor for a duplicate of a file that an op holds").into()
    }

    /// The file as one of std, if nothing is in flight on it.
    ///
    /// # Errors
    /// Gives `self` back while something is.
    #[allow(clippy::result_large_err, reason = "the file that comes back is what the caller gave")]
    pub fn try_into_std(self) -> Result<std::fs::File, File> {
        let File { fd, cursor } = self;
        fd.try_into_owned().map(std::fs::File::from).map_err(|fd| File { fd, cursor })
    }

    /// Another `File` of the same open file, with the same position, once a write that is under way has ended.
    ///
    /// # Errors
    /// EMFILE.
    pub async fn try_clone(&self) -> io::Result<File> {
        self.settled().await;
        let mut file = File::of(self.fd.try_clone()?);
        file.set_max_buf_size(self.max_buf_size());
        Ok(file)
    }

    /// Closes the file and gives the error that closing may bring (EIO of a network file system, say), which a drop
    /// cannot. If ops are in flight on it, or a write of the cursor, the last of them closes it, and this gives `Ok`.
    pub fn close(self) -> Io<One<Close>> {
        op::close_fd(self.fd)
    }

    fn of(fd: SharedFd) -> File {
        File { fd, cursor: Mutex::default() }
    }

    pub(crate) fn shared(&self) -> &SharedFd {
        &self.fd
    }

    fn target(&self) -> Target {
        Target::from(&self.fd)
    }

    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a sync has to wait for.
    fn before(&self) -> Before {
        self.cursor().write_under_way().map_or_else(Before::default, |write| Before::wait_for(write.cancelled_owned()))
    }

    /// Waits for a write that is under way. Its error is kept for the next write or flush.
    async fn settled(&self) {
        let write = self.cursor().write_under_way();
        if let Some(write) = write {
            write.cancelled().await;
        }
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
        File::of(SharedFd::new(fd))
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
