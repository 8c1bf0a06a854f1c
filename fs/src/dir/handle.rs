//! An open directory, from which paths start.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd},
    path::Path,
};

use runtime_core::{
    fd::SharedFd,
    future::Io,
    op::{self, At, Existing, Link, Mkdir, OpenHow, Rename, StatxOp, Symlink, Sync, Unlink},
    plan::One,
};

use super::MODE;
use crate::File;

const O_DIRECTORY: i32 = 0o200000;

/// An open directory. What is done below it is done there, whatever becomes of the path that it was opened by.
///
/// Paths are looked up from it: absolute ones start at the root all the same, and `..` leads out. Files in it are opened
/// by [`OpenOptions::open_at`](crate::OpenOptions::open_at).
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use runtime::{IntoResult, fs::{Dir, OpenOptions}};
///
/// let dir = Dir::open("queue").await?;
/// let file = OpenOptions::new().write(true).create_new(true).open_at(&dir, "job.new").await?;
/// file.write_all_at("work", 0)
///     .then(|_| file.sync_all())
///     .then(|_| dir.rename("job.new", &dir, "job"))
///     .then(|_| dir.sync_all()) // the name is safe too
///     .await
///     .into_result()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dir {
    fd: SharedFd,
}

impl Dir {
    /// Opens a directory.
    ///
    /// # Errors
    /// Those of openat(2): `NotADirectory`.
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Dir> {
        Dir::of(op::open(path.as_ref(), Ok(OpenHow { flags: O_DIRECTORY, ..OpenHow::default() }))).await
    }

    /// Opens a directory below this one.
    ///
    /// # Errors
    /// As for [`Dir::open`].
    pub async fn open_dir(&self, path: impl AsRef<Path>) -> io::Result<Dir> {
        Dir::of(op::open(self.at(path.as_ref()), Ok(OpenHow { flags: O_DIRECTORY, ..OpenHow::default() }))).await
    }

    async fn of(open: Io<One<op::Open<File>>>) -> io::Result<Dir> {
        open.await.map(|file| Dir { fd: file.shared().clone() })
    }

    /// What statx(2) tells of what `path` leads to; the directory itself for an empty path.
    ///
    /// # Errors
    /// Those of statx(2).
    pub fn statx(&self, path: impl AsRef<Path>) -> Io<One<StatxOp>> {
        op::statx(self.at(path.as_ref()), true)
    }

    /// As [`create_dir`](crate::create_dir).
    ///
    /// # Errors
    /// Those of mkdirat(2).
    pub fn create_dir(&self, path: impl AsRef<Path>) -> Io<One<Mkdir>> {
        op::mkdir(self.at(path.as_ref()), MODE)
    }

    /// As [`remove_file`](crate::remove_file).
    ///
    /// # Errors
    /// Those of unlinkat(2).
    pub fn remove_file(&self, path: impl AsRef<Path>) -> Io<One<Unlink>> {
        op::unlink(self.at(path.as_ref()))
    }

    /// As [`remove_dir`](crate::remove_dir).
    ///
    /// # Errors
    /// Those of unlinkat(2).
    pub fn remove_dir(&self, path: impl AsRef<Path>) -> Io<One<Unlink>> {
        op::unlink_dir(self.at(path.as_ref()))
    }

    /// As [`rename`](crate::rename), to a path below `to_dir`.
    ///
    /// # Errors
    /// Those of renameat2(2).
    pub fn rename(&self, from: impl AsRef<Path>, to_dir: &Dir, to: impl AsRef<Path>) -> Io<One<Rename>> {
        self.rename_with(from, to_dir, to, Existing::Replace)
    }

    /// As [`rename_with`](crate::rename_with), to a path below `to_dir`.
    ///
    /// # Errors
    /// Those of renameat2(2).
    pub fn rename_with(
        &self,
        from: impl AsRef<Path>,
        to_dir: &Dir,
        to: impl AsRef<Path>,
        existing: Existing,
    ) -> Io<One<Rename>> {
        op::rename(self.at(from.as_ref()), to_dir.at(to.as_ref()), existing)
    }

    /// As [`hard_link`](crate::hard_link), with a new name below `link_dir`.
    ///
    /// # Errors
    /// Those of linkat(2).
    pub fn hard_link(&self, original: impl AsRef<Path>, link_dir: &Dir, link: impl AsRef<Path>) -> Io<One<Link>> {
        op::link(self.at(original.as_ref()), link_dir.at(link.as_ref()))
    }

    /// As [`symlink`](crate::symlink); `original` is a text that means what it means where the link is.
    ///
    /// # Errors
    /// Those of symlinkat(2).
    pub fn symlink(&self, original: impl AsRef<Path>, link: impl AsRef<Path>) -> Io<One<Symlink>> {
        op::symlink(original.as_ref(), self.at(link.as_ref()))
    }

    /// Brings the names in the directory to the device: after a crash, what was made, renamed or removed before is so.
    ///
    /// # Errors
    /// Those of fsync(2).
    pub fn sync_all(&self) -> Io<One<Sync>> {
        op::sync_all(&self.fd)
    }

    pub(crate) fn at(&self, path: &Path) -> At {
        At::below(&self.fd, path)
    }
}

impl From<OwnedFd> for Dir {
    fn from(fd: OwnedFd) -> Dir {
        Dir { fd: SharedFd::new(fd) }
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Dir {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
